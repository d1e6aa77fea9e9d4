"""Theory against simulated Gaussian fields, for which it is exact: every kind of activation, target, start and width.

30 problems, each in three dimensions.  Prints, as Markdown tables, the largest deviation of any observable at any time, in
standard errors, in each dimension and in the limit 1/d -> 0; and for each kind of problem d times the deviation where it is
most significant in the smallest dimension, which is the same in all of them if a finite d adds a bias of order 1/d.
Simulations are kept in FOLDER, so that the same command goes on where it was stopped: about 25 minutes on one core.

Run: python runs/benchmarks/agreement.py FOLDER
"""

import itertools
import sys
from collections import defaultdict
from pathlib import Path

from dmft import Problem, Simulation, Solution, simulate, solve
from dmft.simulation.compare import compare

# Normalised Hermite coefficients; samples per dimension; dimensions with their numbers of seeds.
ACTIVATIONS = {
    "linear": ([0.0, 1.0], 2.0, {50: 256, 100: 128, 200: 64}),
    "quadratic": ([0.1, 0.7**0.5, 0.3**0.5], 1.0, {50: 128, 100: 48, 200: 16}),
    "cubic": ([0.1, 0.5**0.5, 0.3**0.5, 0.2**0.5], 0.3, {25: 128, 50: 48, 100: 12}),
}
TARGETS = {
    "noise": {"target": "none", "noise": 1.0, "alignment": 0.0},
    "target": {"target": [0.2, 0.9, 0.4, 0.3], "noise": 0.3, "alignment": 0.2},
}
STARTS = ("mean-field", "lazy")
WIDTHS = (1, 2, 5)
HEAD = ("activation", "labels", "start", "m", "largest z at the smallest d", "middle d", "largest d", "1/d -> 0")


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


def most_biased(theory: Solution, simulations: list[Simulation]) -> tuple[float, str, float, list[str]]:
    """In the smallest dimension: largest |z|, its observable and time; and there, d times the deviation in each dimension."""
    alone = [compare(theory, [one]).observables for one in simulations]
    name = max(alone[0], key=lambda one: abs(alone[0][one].z[alone[0][one].worst]))
    worst = alone[0][name].worst
    scaled = [
        f"{one.setup.dim * found[name].deviation[worst]:+.3f} ± {one.setup.dim * found[name].error[worst]:.3f}"
        for one, found in zip(simulations, alone, strict=True)
    ]
    return abs(alone[0][name].z[worst]), name, float(alone[0][name].time[worst]), scaled


def print_row(*cells: object) -> None:
    """A row of a Markdown table."""
    print("|", " | ".join(map(str, cells)), "|", flush=True)


def main(folder: str) -> None:
    """Print the tables."""
    place = Path(folder)
    place.mkdir(exist_ok=True)
    print_row(*HEAD)
    print_row(*["---"] * len(HEAD))
    limits: list[float] = []
    biased: dict[tuple[str, str], list[tuple]] = defaultdict(list)
    for case in itertools.product(ACTIVATIONS, TARGETS, STARTS, WIDTHS):
        if case[2:] == ("lazy", 1):
            continue  # The same as a mean-field start.
        asked, dims = problem(*case), ACTIVATIONS[case[0]][2]
        theory, simulations = solve(asked), simulated(place, asked, "-".join(map(str, case)), dims)
        limits.append(largest(theory, simulations))
        print_row(*case, *(f"{largest(theory, [one]):.1f}" for one in simulations), f"{limits[-1]:.1f}")
        biased[case[:2]].append((*most_biased(theory, simulations), *case[2:]))
    print(f"\nLargest of all in the limit: {max(limits):.2f} standard errors.\n")
    print_row("activation", "labels", "start", "m", "observable", "t", "d times deviation: smallest d", "middle d", "largest d")
    print_row(*["---"] * 9)
    for (activation, labels), found in biased.items():
        _, name, time, scaled, start, width = max(found)
        print_row(activation, labels, start, width, name.replace("_", " "), f"{time:.3g}", *scaled)


if __name__ == "__main__":
    main(*sys.argv[1:])
