"""Description of the theory for users: names, units, labels, figures, citations."""

from __future__ import annotations

from dmft.problem.description import Choice, Citation, Description, Quantity, Slider

DESCRIPTION = Description(
    about="online SGD of a network with frozen random hidden units",
    time="time $t$ (samples/$K$)",
    title=(r"$K/N = {hidden_ratio}$", r"$\eta = {learning_rate}$", "$g$ = {activation}", r"noise ${noise}$"),
    observables={
        "generalization_error": Quantity(
            "1",
            "mean of (f - y)^2/2 on a fresh sample, label noise included",
            r"generalisation error  $\epsilon$",
            squared=True,
        ),
        "mean_error": Quantity(
            "1",
            "the same of the weights averaged over the noise of SGD, label noise included",
            r"error of the mean  $\epsilon_0$",
            squared=True,
        ),
    },
    constants={
        "asymptotic_error": Quantity("1", "generalization_error as t -> infinity", r"asymptotic error  $\epsilon(\infty)$"),
        "learning_rate_bound": Quantity("1", "2/E g^2, beyond which the weights diverge", r"bound of the learning rate"),
    },
    kernels={},
    summary=("generalization_error", "mean_error"),
    swept=("generalization_error",),
    citations=(
        Citation(
            "the dynamics of random features",
            """@misc{worschech2023online,
  author        = {Worschech, Roman and Rosenow, Bernd},
  title         = {Online Learning for the Random Feature Model in the Student-Teacher Framework},
  year          = {2023},
  eprint        = {2303.14083},
  archivePrefix = {arXiv},
}""",
        ),
    ),
    example={
        "problem": {
            "model": "random-features",
            "activation": "erf",
            "teacher_output": [1.0],
            "learning_rate": 1.5,
            "hidden_ratio": 2.0,
        },
        "solver": {"t_max": 1e4},
    },
    controls=(
        Slider("problem.hidden_ratio", "hidden units per input beta", 0.05, 50.0, decades=True),
        Slider("problem.learning_rate", "learning rate eta", 0.02, 5.5, decades=True),
        Slider("problem.noise", "label noise", 0.0, 1.0),
        Choice("problem.activation", "activation", ("erf", "relu", "tanh")),
        Slider("solver.t_max", "last time", 10.0, 1e8, decades=True),
    ),
)
