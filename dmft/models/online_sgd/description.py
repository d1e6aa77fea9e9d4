"""Description of the theory for users: names, units, labels, figures, citations."""

from __future__ import annotations

from dmft.problem.description import Choice, Citation, Description, Quantity, Slider

DESCRIPTION = Description(
    about="online SGD of a student network with a teacher, one fresh sample a step",
    time="time $t$ (samples/$N$)",
    title=(
        "$K = {student_units}$",
        "$M = {teacher_units}$",
        "$g$ = {activation}",
        r"$\eta = {learning_rate}$",
        r"$\sigma = {noise}$",
    ),
    observables={
        "generalization_error": Quantity(
            "1",
            "mean of (student - teacher)^2/2 on a fresh sample, without label noise",
            r"generalisation error  $\epsilon_g$",
            squared=True,
        ),
        "student_norm": Quantity("1", "tr Q/K, mean of |w_i|^2/N", r"length  $\mathrm{tr}\,Q/K$"),
        "norm_along_teachers": Quantity(
            "1",
            "tr R T^+ R^T/K, the part of it within the span of the teachers",
            r"along teachers  $\mathrm{tr}\,RT^+R^\top/K$",
        ),
    },
    kernels={},
    order_parameters={
        "Q": Quantity("1", "w_i.w_k/N, overlaps of the students", "$Q_{ik}$", ("student", "other_student")),
        "R": Quantity("1", "w_i.B_n/N, overlaps of students with teachers", "$R_{in}$", ("student", "teacher")),
        "v": Quantity("1", "second-layer weights of the student", "$v_i$", ("student",)),
    },
    summary=("generalization_error",),
    swept=("generalization_error", "student_norm"),
    citations=(
        Citation(
            "the equations of online learning in soft committee machines",
            """@article{saad1995online,
  author  = {Saad, David and Solla, Sara A.},
  title   = {On-Line Learning in Soft Committee Machines},
  journal = {Physical Review E},
  volume  = {52},
  number  = {4},
  pages   = {4225--4243},
  year    = {1995},
  doi     = {10.1103/PhysRevE.52.4225},
}""",
        ),
        Citation(
            "both layers, more students than teachers, and the final error",
            """@inproceedings{goldt2019dynamics,
  author    = {Goldt, Sebastian and Advani, Madhu S. and Saxe, Andrew M. and Krzakala, Florent and Zdeborov{\\'a}, Lenka},
  title     = {Dynamics of Stochastic Gradient Descent for Two-Layer Neural Networks in the Teacher-Student Setup},
  booktitle = {Advances in Neural Information Processing Systems},
  volume    = {32},
  year      = {2019},
  eprint    = {1906.08632},
  archivePrefix = {arXiv},
}""",
        ),
    ),
    example={
        "problem": {
            "model": "online-sgd",
            "activation": "erf",
            "learning_rate": 0.5,
            "student_units": 2,
            "teacher_units": 2,
            "dimension": 1000,
            "seed": 1,
        },
        "solver": {"t_max": 1e4},
    },
    controls=(
        Slider("problem.student_units", "student units K", 1, 4, whole=True),
        Slider("problem.teacher_units", "teacher units M", 1, 4, whole=True),
        Slider("problem.learning_rate", "learning rate eta", 0.01, 4.0, decades=True),
        Slider("problem.noise", "label noise sigma", 0.0, 0.5),
        Slider("problem.weight_decay", "weight decay", 0.0, 0.1),
        Choice("problem.activation", "activation", ("erf", "relu", "linear", "tanh", "softplus")),
        Choice("problem.train_second_layer", "train the second layer", (False, True)),
        Slider("problem.seed", "seed of the start", 0, 20, whole=True),
        Slider("solver.t_max", "last time", 10.0, 1e7, decades=True),
    ),
)
