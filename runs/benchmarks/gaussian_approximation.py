"""What the Gaussian approximation leaves out: trained networks against the theory, over activation, width and samples.

Prints, as Markdown tables, by how much networks deviate from the theory where they do so most, in per cent of the largest value
of each observable.  Simulations are kept in FOLDER: about ten minutes on one core.

Run: python runs/benchmarks/gaussian_approximation.py FOLDER
"""

import sys
from pathlib import Path

import numpy as np

from dmft import Problem, simulate, solve
from dmft.simulation.compare import Agreement, compare

# The last one has a mean.
ACTIVATIONS = {"erf": "erf", "tanh": "tanh", "quadratic": [0.0, 0.7**0.5, 0.3**0.5], "softplus": "softplus"}
WIDTHS = (1, 4, 16)
# Samples per dimension.
RATIOS = (0.5, 1.0, 2.0, 8.0, 32.0)
DIM, SEEDS = 150, 8
OBSERVABLES = ("train_error", "test_error", "alignment")


def deviations(folder: Path, name: str, width: int, alpha: float) -> dict[str, str]:
    """Largest deviation over time of network from theory, with its standard error, over the largest value."""
    problem = Problem(
        width=width,
        samples_per_dimension=alpha,
        activation=ACTIVATIONS[name],
        target=[0.0, 1.0],
        noise=0.5,
        alignment=0.1,
        t_max=20.0,
    )
    output = folder / f"{name}-{width}-{alpha:g}.h5"
    simulation = simulate(problem, dim=DIM, seeds=SEEDS, times=10, tolerance=1e-3, output=output)
    found = compare(solve(problem), [simulation]).observables
    return {observable: in_per_cent(found[observable]) for observable in OBSERVABLES}


def in_per_cent(found: Agreement) -> str:
    """Of the largest value: deviation where it is largest, and its standard error there."""
    worst = np.argmax(np.abs(found.deviation))
    size = np.abs(found.theory).max()
    return f"{100 * found.deviation[worst] / size:+.1f} ± {100 * found.error[worst] / size:.1f}"


def main(folder: str) -> None:
    """Print the tables."""
    place = Path(folder)
    place.mkdir(exist_ok=True)
    found = {
        (name, width, alpha): deviations(place, name, width, alpha)
        for name in ACTIVATIONS
        for width in WIDTHS
        for alpha in RATIOS
    }
    for observable in OBSERVABLES:
        print(f"\n### {observable.replace('_', ' ').capitalize()}: network less theory, per cent\n")
        print("| activation | m |", " | ".join(f"n/d = {alpha:g}" for alpha in RATIOS), "|")
        print("| --- " * (2 + len(RATIOS)) + "|")
        for name in ACTIVATIONS:
            for width in WIDTHS:
                print(f"| {name} | {width} |", " | ".join(found[name, width, alpha][observable] for alpha in RATIOS), "|")


if __name__ == "__main__":
    main(*sys.argv[1:])
