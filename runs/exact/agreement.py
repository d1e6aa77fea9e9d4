"""Errors and alignment of trained networks, extrapolated to infinite dimension, against the exact and the Gaussian theory.

Networks are trained in two dimensions d, with deviations that are linear in 1/d taken out: limit = 2 (large) - (small).
Networks with a kink are trained by gradient descent with a small learning rate.  About ten minutes on one core.

Run: python runs/exact/agreement.py FOLDER      (solves and simulates what is not there, and prints the table)
"""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from dmft import Problem, ProblemError, Simulation, Solution, simulate, solve

BASE = {
    "width": 2, "samples_per_dimension": 3.0, "activation": "tanh", "target": [0.0, 1.0], "noise": 0.3, "alignment": 0.1,
    "init_scale": 1.5, "t_max": 10.0,
}  # fmt: skip
CASES = {
    "tanh": {"t_max": 30.0},
    "tanh-hard": {"samples_per_dimension": 1.0},
    "tanh-wide": {"width": 4},
    "tanh-lazy": {"width": 4, "init": "lazy"},
    "tanh-cubic": {"samples_per_dimension": 2.0, "target": [0.0, 0.7, 0.0, 0.6], "alignment": 0.2},
    "tanh-one": {"width": 1},
    "tanh-slow": {"init_scale": 1.0, "alignment": 0.2},
    "tanh-even": {"target": [0.0, 0.0, 1.0], "alignment": 0.3, "init_scale": 1.0},
    "erf": {"activation": "erf"},
    "softplus": {"activation": "softplus", "width": 1},
    "relu": {"activation": "relu", "init_scale": 1.0, "alignment": 0.2},
}
SAMPLING = {"theory": "exact", "samples": 4096, "replicates": 2, "distributions": [0.0, 0.5, 2.0, 10.0]}
DIMENSIONS, SEEDS, LEARNING_RATE = (100, 200), 32, 0.02
COMPARED = ("train_error", "test_error", "alignment", "second_layer")


def gaussian(case: str) -> Solution | None:
    """The Gaussian theory, of what it has."""
    try:
        return solve(Problem(**{**BASE, **CASES[case]}))
    except ProblemError:
        return None


def exact(case: str, folder: Path) -> Solution:
    """The exact theory, from its file if there is one."""
    return solve(Problem(**{**BASE, **CASES[case], **SAMPLING}), output=folder / f"{case}.h5")


def networks(case: str, folder: Path) -> list[Simulation]:
    """Networks in each dimension, from their files if there are any."""
    keys = {**BASE, **CASES[case]}
    if case == "relu":
        keys |= {"theory": "exact", "scheme": "gradient-descent", "learning_rate": LEARNING_RATE}
    return [simulate(Problem(**keys), dim=dim, seeds=SEEDS, times=25, output=folder / f"{case}_{dim}") for dim in DIMENSIONS]


def limit(trained: Sequence[Simulation], name: str) -> tuple[np.ndarray, np.ndarray]:
    """Observable at infinite dimension, and its standard error, at all times."""
    small, large = trained
    error = np.hypot(2 * large.standard_errors[name], small.standard_errors[name])
    return 2 * large.observables[name] - small.observables[name], error


def rows(case: str, folder: Path) -> Iterator[str]:
    """Lines of the table: values at the end, deviations in combined standard errors, variances of as many samples."""
    known, found, trained = gaussian(case), exact(case, folder), networks(case, folder)
    for name in COMPARED:
        values, errors = limit(trained, name)
        value, error = found.observables[name][-1], found.standard_errors[name][-1]
        deviation = (value - values[-1]) / np.hypot(error, errors[-1])
        # Of as many samples: networks in the larger dimension, and the sets of the exact theory.
        samples = SEEDS * float((BASE | CASES[case])["samples_per_dimension"]) * DIMENSIONS[-1]
        variance = samples * trained[-1].standard_errors[name][-1] ** 2
        gain = variance / (SAMPLING["samples"] * SAMPLING["replicates"] * error**2)
        approximate = f"{known.observables[name][-1]:9.5f}" if known else "        -"
        yield (
            f"{case:11} {name:13} networks {values[-1]:9.5f} +- {errors[-1]:.5f}   exact {value:9.5f} +- {error:.5f}"
            f"   {deviation:+5.1f} errors   Gaussian {approximate}   variance 1/{gain:.1f}"
        )


def main(folder: Path, cases: list[str]) -> None:
    """Print the table."""
    folder.mkdir(exist_ok=True)
    for case in cases or CASES:
        for row in rows(case, folder):
            print(row, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
