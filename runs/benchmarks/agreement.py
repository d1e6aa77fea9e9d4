"""Theory against simulated Gaussian fields, for which it is exact: every kind of activation, target, start and width.

30 problems, each in three dimensions.  Prints, as a Markdown table, the largest deviation of any observable at any time in
standard errors, in each dimension and in the limit 1/d -> 0, and the training error's bias times d at the end, whose constancy is
the 1/d.  Simulations are kept in FOLDER, so that the same command goes on where it was stopped: about 20 minutes on one core.

Run: python runs/benchmarks/agreement.py FOLDER
"""

import itertools
import sys
from pathlib import Path

import numpy as np

from dmft import Problem, Simulation, Solution, simulate, solve
from dmft.simulation.compare import Agreement, compare

# Normalised Hermite coefficients; samples per dimension; dimensions with their numbers of seeds.
ACTIVATIONS = {
    "linear": ([0.0, 1.0], 2.0, {50: 64, 100: 32, 200: 16}),
    "quadratic": ([0.1, 0.7**0.5, 0.3**0.5], 1.0, {50: 64, 100: 32, 200: 16}),
    "cubic": ([0.1, 0.5**0.5, 0.3**0.5, 0.2**0.5], 0.3, {25: 64, 50: 32, 100: 12}),
}
TARGETS = {
    "noise": {"target": "none", "noise": 1.0, "alignment": 0.0},
    "target": {"target": [0.2, 0.9, 0.4, 0.3], "noise": 0.3, "alignment": 0.2},
}
STARTS = ("mean-field", "lazy")
WIDTHS = (1, 2, 5)
HEAD = ("activation", "labels", "start", "m", "d", "seeds", "largest z", "limit", "d x bias of the training error")


def problem(activation: str, labels: str, start: str, width: int) -> Problem:
    """One of the 30."""
    coefficients, ratio, _ = ACTIVATIONS[activation]
    return Problem(
        width=width,
        samples_per_dimension=ratio,
        activation=coefficients,
        init=start,
        t_max=5.0,
        tolerance=1e-5,
        **TARGETS[labels],
    )


def simulated(folder: Path, asked: Problem, name: str, dims: dict[int, int]) -> list[Simulation]:
    """Its simulations, those that are not in the folder yet being made."""
    return [
        simulate(asked, dim=dim, seeds=seeds, fields="gaussian", times=12, tolerance=1e-3, output=folder / f"{name}-{dim}.h5")
        for dim, seeds in dims.items()
    ]


def largest(theory: Solution, simulations: list[Simulation]) -> float:
    """Largest |z| of any observable at any time."""
    return max(abs(found.z[found.worst]) for found in compare(theory, simulations).observables.values())


def bias(theory: Solution, simulation: Simulation) -> str:
    """Deviation of the training error at the end times d, with its standard error."""
    found: Agreement = compare(theory, [simulation]).observables["train_error"]
    dim = simulation.setup.dim
    return f"{dim * found.deviation[-1]:.2g} ± {dim * found.error[-1]:.1g}"


def main(folder: str) -> None:
    """Print the table."""
    place = Path(folder)
    place.mkdir(exist_ok=True)
    print(f"| {' | '.join(HEAD)} |\n|{' --- |' * len(HEAD)}")
    limits = []
    for case in itertools.product(ACTIVATIONS, TARGETS, STARTS, WIDTHS):
        if case[2:] == ("lazy", 1):
            continue  # The same as a mean-field start.
        asked, dims = problem(*case), ACTIVATIONS[case[0]][2]
        theory, simulations = solve(asked), simulated(place, asked, "-".join(map(str, case)), dims)
        limits.append(largest(theory, simulations))
        alone = ", ".join(f"{largest(theory, [one]):.1f}" for one in simulations)
        biases = ", ".join(bias(theory, one) for one in simulations)
        numbers = (", ".join(map(str, row)) for row in (dims, dims.values()))
        print(f"| {' | '.join([*map(str, case), *numbers, alone, f'{limits[-1]:.1f}', biases])} |", flush=True)
    print(f"\nLargest of all in the limit: {np.max(limits):.2f} standard errors.")


if __name__ == "__main__":
    main(*sys.argv[1:])
