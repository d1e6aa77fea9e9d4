"""The exact theory against trained networks: losses, activations, widths, batches, momentum and constraints.

24 kinds of training: every loss with every activation, twice.  Prints, as Markdown tables, the largest deviation of any
observable at any time from networks in the limit 1/d -> 0, in combined standard errors of theory and networks, and the number
of deviations that are significant by Holm's procedure at the level 0.01 shared out over the kinds.  Then problems in which
networks deviate from the Gaussian theory by more than five standard errors, beside the exact one.  Runs and simulations are
kept in FOLDER, so that the same command goes on where it was stopped: about 15 minutes on one core.

Run: python runs/benchmarks/exact_agreement.py FOLDER
"""

import itertools
import sys
from pathlib import Path
from typing import Any

from dmft import Problem, simulate, solve
from dmft.simulation.agreement import LEVEL, Comparison
from dmft.simulation.compare import compare

LOSSES = ("square", "huber", "logistic", "hinge")
ACTIVATIONS = ("tanh", "relu", "quadratic")
WIDTHS = (1, 2, 4)
BATCHES: dict[str, dict[str, Any]] = {"all": {}, "half, anew": {"batch": 0.5}, "half, kept": {"batch": 0.5, "batch_time": 1.0}}
MOMENTA: dict[str, dict[str, Any]] = {
    "none": {},
    "heavy ball": {"momentum": 0.5},
    "Nesterov": {"momentum": 0.5, "nesterov": True},
}
WEIGHTS: dict[str, dict[str, Any]] = {"sphere": {}, "free": {"constraint": "none", "weight_decay": 0.1}}
OF_SIGNS = {"labels": "sign", "flips": 0.05}
DATA = {"samples_per_dimension": 2.0, "target": [0.0, 0.8, 0.4], "noise": 0.3, "alignment": 0.2}
STEPS = {"scheme": "gradient-descent", "learning_rate": 0.1, "t_max": 3.0}
# Dimensions with their numbers of seeds.
DIMS = {50: 128, 100: 96, 200: 64}
TIMES = 6

# Problems in which the Gaussian theory is off.
CUBIC = {"width": 2, "activation": "tanh", "target": [0.0, 0.7, 0.0, 0.7], "samples_per_dimension": 2.0, "init_scale": 1.5}
OFF: dict[str, dict[str, Any]] = {
    "tanh, m = 2, cubic target": {**CUBIC, "noise": 0.2, "alignment": 0.2, "learning_rate": 0.2, "t_max": 16.0},
    "softplus, m = 1": {
        "width": 1, "activation": "softplus", "target": [0.0, 1.0], "samples_per_dimension": 3.0, "noise": 0.3,
        "alignment": 0.1, "learning_rate": 0.2, "t_max": 16.0,
    },
    "quadratic, m = 1, its own target": {
        "width": 1, "activation": "quadratic", "target": [0.0, 0.0, 1.0], "samples_per_dimension": 4.0, "alignment": 0.3,
        "learning_rate": 0.05, "t_max": 4.0,
    },
}  # fmt: skip
OBSERVED = ("train_error", "test_error", "alignment")
FAR = {100: 96, 200: 64, 400: 32}


def kinds() -> dict[tuple[str, ...], dict[str, Any]]:
    """Keys of each of the 24 kinds, by its name in words."""
    found = {}
    for (i, loss), (j, activation), k in itertools.product(enumerate(LOSSES), enumerate(ACTIVATIONS), range(2)):
        width = WIDTHS[(i + j + k) % 3]
        batch = list(BATCHES)[(i + 2 * j + 2 * k) % 3]
        momentum = list(MOMENTA)[(2 * i + j + k + i // 3) % 3]
        weights = list(WEIGHTS)[(i + j + k) % 2]
        keys = {"loss": loss, "activation": activation, "width": width, **BATCHES[batch], **MOMENTA[momentum]}
        keys |= WEIGHTS[weights] | (OF_SIGNS if loss in ("logistic", "hinge") else {})
        found[loss, activation, str(width), batch, momentum, weights] = keys
    return found


def exact(keys: dict[str, Any], samples: int = 4096) -> Problem:
    """A problem for the exact theory."""
    return Problem(**{**STEPS, **keys, "theory": "exact", "samples": samples, "replicates": 4})


def compared(place: Path, problem: Problem, name: str, dims: dict[int, int], level: float = LEVEL) -> Comparison:
    """Theory against networks in the limit; what is in the folder already is not made again."""
    theory = solve(problem, output=place / f"{name}.h5")
    networks = [
        simulate(problem, dim=dim, seeds=seeds, times=TIMES, output=place / f"{name}-{dim}.h5") for dim, seeds in dims.items()
    ]
    return compare(theory, networks, level=level)


def print_row(*cells: object) -> None:
    """A row of a Markdown table."""
    print("|", " | ".join(map(str, cells)), "|", flush=True)


def print_agreement(place: Path) -> None:
    """The table of all kinds."""
    print_row("loss", "activation", "m", "batch", "momentum", "weights", "largest z", "of", "at t", "significant")
    print_row(*["---"] * 10)
    tried, worst, wrong = kinds(), [], 0
    for number, (words, keys) in enumerate(tried.items()):
        found = compared(place, exact({**DATA, **keys}), f"kind-{number}", DIMS, LEVEL / len(tried))
        name = max(found.observables, key=lambda one: abs(found.observables[one].z[found.observables[one].worst]))
        at = found.observables[name].worst
        worst.append(float(abs(found.observables[name].z[at])))
        significant = sum(int(times.sum()) for times in found.significant.values())
        wrong += significant
        time = f"{found.observables[name].time[at]:.2g}"
        print_row(*words, f"{worst[-1]:.1f}", name.replace("_", " "), time, f"{significant} of {found.comparisons}")
    print(f"\nLargest of all: {max(worst):.2f} standard errors; {wrong} deviations are significant.\n")


def print_gaussian(place: Path) -> None:
    """The table of problems in which the Gaussian theory is off."""
    print_row("problem", "theory", *(f"z of the {name.replace('_', ' ')}" for name in OBSERVED))
    print_row(*["---"] * (2 + len(OBSERVED)))
    for number, (words, keys) in enumerate(OFF.items()):
        for theory, problem in (("Gaussian", Problem(**{**STEPS, **keys})), ("exact", exact(keys))):
            found = compared(place, problem, f"off-{number}-{theory}", FAR).observables
            print_row(words, theory, *(f"{found[name].z[found[name].worst]:+.1f}" for name in OBSERVED))


def main(folder: str) -> None:
    """Print the tables."""
    place = Path(folder)
    place.mkdir(exist_ok=True)
    print_agreement(place)
    print_gaussian(place)


if __name__ == "__main__":
    main(*sys.argv[1:])
