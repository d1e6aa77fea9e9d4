"""Description of the theory for users: names, units, labels, figures, citations."""

from __future__ import annotations

from dmft.problem.description import Citation, Description, Quantity, Slider

DESCRIPTION = Description(
    about="classification by a wide network with the hinge loss",
    time="time $t$ (unit of the flow)",
    title=(r"$\alpha = {laziness}$", "$h = {threshold}$", "$P = {samples}$", "$N = {dimension}$"),
    observables={
        "generalization_error": Quantity(
            "1", "(1/alpha^2) E max(0, h - alpha y f) on a fresh example", r"hinge loss of a fresh example"
        ),
        "train_error": Quantity("1", "the same on the data set", "hinge loss of the data set"),
        "misclassified": Quantity("1", "probability that sign f is wrong on a fresh example", "fraction misclassified"),
        "unsatisfied": Quantity("1", "fraction of the data set with alpha y f < h", "fraction unsatisfied"),
        "rotation": Quantity(
            "1", "g, hyperbolic angle by which all nodes are turned, or one that moves their a as far", "rotation  $g$"
        ),
        "slope": Quantity("1", "s, coefficient of x_1 in the linear part of f", "slope  $s$"),
        "slope_across": Quantity("1", "norm of the coefficients of all other components of x", "slope across"),
    },
    kernels={},
    summary=("generalization_error", "train_error", "rotation"),
    swept=("generalization_error", "misclassified", "rotation"),
    smallest="generalization_error",
    citations=(
        Citation(
            "the dynamics with the hinge loss",
            """@inproceedings{pellegrini2020analytic,
  author        = {Pellegrini, Franco and Biroli, Giulio},
  title         = {An Analytic Theory of Shallow Networks Dynamics for Hinge Loss Classification},
  booktitle     = {Advances in Neural Information Processing Systems},
  year          = {2020},
  eprint        = {2006.11209},
  archivePrefix = {arXiv},
}""",
        ),
    ),
    example={"problem": {"model": "hinge", "laziness": 1.0}, "solver": {"t_max": 1e6}},
    controls=(
        Slider("problem.laziness", "laziness alpha", 0.01, 100.0, decades=True),
        Slider("problem.threshold", "threshold h", 0.1, 10.0, decades=True),
        Slider("problem.output_variance", "variance of the output weights", 0.05, 5.0, decades=True),
        Slider("problem.weight_variance", "variance of the input weights", 0.05, 5.0, decades=True),
        Slider("solver.t_max", "last time", 10.0, 1e8, decades=True),
    ),
)
