"""Theory against simulated Gaussian fields, for which it is exact: kinds of activation, target, start, width and groups.

30 problems with neurons that start alike, and 12 with groups of neurons and one or two directions, each in three dimensions.
Prints, as Markdown tables, the largest deviation of any observable at any time, in standard errors, in each dimension and in
the limit 1/d -> 0; and for each kind of problem d times the deviation where it is most significant in the smallest dimension,
which is the same in all of them if a finite d adds a bias of order 1/d.  Simulations are kept in FOLDER, so that the same
command goes on where it was stopped: about 25 minutes on one core for each of the two.

Run: python runs/benchmarks/agreement.py FOLDER [alike|groups]
"""

import itertools
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
# Groups of several neurons have more samples.
MORE_SAMPLES = 2.0

# Neurons of both signs, on targets of one direction or two: numbers, a(0) and v(0) of each group.
NEURONS = {
    "2, one direction": [(2, 1.0, [0.3]), (2, -1.0, [0.2])],
    "2, two directions": [(3, 1.0, [0.3, 0.1]), (1, -0.7, [-0.2, 0.3])],
    "3, one direction": [(1, 1.0, [0.3]), (2, -1.0, [0.1]), (1, 0.5, [-0.3])],
    "3, two directions": [(1, 1.0, [0.3, 0.0]), (2, -0.5, [-0.2, 0.3]), (2, 1.5, [0.1, 0.2])],
}
SEVERAL = {"1,0": 0.7, "0,1": 0.4, "0,2": 0.4, "1,1": -0.3, "2,1": 0.3}
# Activation, groups, start, and whether the second layer is trained.
GROUPED = (
    ("linear", "2, one direction", "mean-field", True),
    ("linear", "2, two directions", "lazy", True),
    ("linear", "3, one direction", "lazy", False),
    ("linear", "3, two directions", "mean-field", True),
    ("quadratic", "2, one direction", "lazy", True),
    ("quadratic", "2, two directions", "mean-field", False),
    ("quadratic", "3, one direction", "mean-field", True),
    ("quadratic", "3, two directions", "lazy", True),
    ("cubic", "2, one direction", "mean-field", False),
    ("cubic", "2, two directions", "lazy", True),
    ("cubic", "3, one direction", "lazy", False),
    ("cubic", "3, two directions", "mean-field", True),
)
HEADS = {
    "alike": ("activation", "labels", "start", "m"),
    "groups": ("activation", "groups", "start", "second layer"),
}
DEVIATIONS = ("largest z at the smallest d", "middle d", "largest d", "1/d -> 0")
SCALED = ("observable", "t", "d times deviation: smallest d", "middle d", "largest d")
# Words of a case by which the second table has one row for all.
KINDS = 2


@dataclass(frozen=True)
class Case:
    """A problem, the words that tell it from others, and the dimensions it is simulated in with their numbers of seeds."""

    words: tuple[str, ...]
    problem: Problem
    dims: dict[int, int]

    @property
    def name(self) -> str:
        """Name of its files."""
        return "-".join(self.words).replace(", ", "-").replace(" ", "-")


def problem(activation: str, start: str, **keys: Any) -> Problem:
    """A problem with one of the activations."""
    coefficients, ratio, _ = ACTIVATIONS[activation]
    common = {"samples_per_dimension": ratio, "t_max": 5.0, "tolerance": 1e-5}
    return Problem(activation=coefficients, init=start, **{**common, **keys})


def alike() -> Iterator[Case]:
    """The 30 problems whose neurons start alike."""
    for activation, labels, start, width in itertools.product(ACTIVATIONS, TARGETS, STARTS, WIDTHS):
        if (start, width) == ("lazy", 1):
            continue  # The same as a mean-field start.
        asked = problem(activation, start, width=width, **TARGETS[labels])
        yield Case((activation, labels, start, str(width)), asked, ACTIVATIONS[activation][2])


def groups() -> Iterator[Case]:
    """The 12 problems with groups."""
    for activation, which, start, trained in GROUPED:
        neurons = [{"count": number, "second_layer": a, "alignment": v} for number, a, v in NEURONS[which]]
        asked = problem(
            activation,
            start,
            width=sum(number for number, _, _ in NEURONS[which]),
            samples_per_dimension=MORE_SAMPLES * ACTIVATIONS[activation][1],
            target=SEVERAL if "two" in which else TARGETS["target"]["target"],
            noise=0.3,
            neurons=neurons,
            train_second_layer=trained,
        )
        yield Case((activation, which, start, "trained" if trained else "frozen"), asked, ACTIVATIONS[activation][2])


CASES = {"alike": alike, "groups": groups}


def simulated(folder: Path, case: Case) -> list[Simulation]:
    """Its simulations, those that are not in the folder yet being made."""
    common: dict[str, Any] = {"fields": "gaussian", "times": 12, "tolerance": 1e-3}
    return [
        simulate(case.problem, dim=dim, seeds=seeds, output=folder / f"{case.name}-{dim}.h5", **common)
        for dim, seeds in case.dims.items()
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


def print_head(*cells: str) -> None:
    """The head of a Markdown table."""
    print_row(*cells)
    print_row(*["---"] * len(cells))


def report(folder: Path, which: str) -> None:
    """Print both tables of one set of cases."""
    print_head(*HEADS[which], *DEVIATIONS)
    limits: list[float] = []
    biased: dict[tuple[str, ...], list[tuple]] = defaultdict(list)
    for case in CASES[which]():
        theory, simulations = solve(case.problem), simulated(folder, case)
        limits.append(largest(theory, simulations))
        print_row(*case.words, *(f"{largest(theory, [one]):.1f}" for one in simulations), f"{limits[-1]:.1f}")
        biased[case.words[:KINDS]].append((*most_biased(theory, simulations), *case.words[KINDS:]))
    print(f"\nLargest of all in the limit: {max(limits):.2f} standard errors.\n")
    print_head(*HEADS[which], *SCALED)
    for kind, found in biased.items():
        _, name, time, scaled, *words = max(found)
        print_row(*kind, *words, name.replace("_", " "), f"{time:.3g}", *scaled)


def main(folder: str, *which: str) -> None:
    """Print the tables of all cases, or of one set of them."""
    place = Path(folder)
    place.mkdir(exist_ok=True)
    for one in which or CASES:
        report(place, one)


if __name__ == "__main__":
    main(*sys.argv[1:])
