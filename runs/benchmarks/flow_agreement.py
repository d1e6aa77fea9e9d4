"""The exact theory of gradient flow against trained networks: five activations, n/d = 1, 3, 10, m = 1, 2, 4, and a lazy start.

46 kinds.  Prints, as a Markdown table, the largest deviation of any observable at any time from networks in the limit 1/d -> 0,
in combined standard errors of theory and networks, and the number of deviations that are significant by Holm's procedure at
the level 0.01 shared out over the kinds.  Networks with a kink are trained by gradient descent with a small learning rate.
Runs and simulations are kept in FOLDER: the same command goes on where it was stopped, about 15 minutes on one core.

Run: python runs/benchmarks/flow_agreement.py FOLDER
"""

import itertools
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from exact_agreement import print_row

from dmft import Problem, Simulation, Solution, simulate, solve
from dmft.simulation.agreement import LEVEL, Comparison
from dmft.simulation.compare import compare

ACTIVATIONS = ("erf", "tanh", "softplus", "quadratic", "relu")
RATIOS, WIDTHS = (1.0, 3.0, 10.0), (1, 2, 4)
DATA = {"target": [0.0, 0.8, 0.4], "noise": 0.3, "alignment": 0.2, "t_max": 3.0}
LAZY = {"activation": "tanh", "width": 4, "samples_per_dimension": 3.0, "init": "lazy", "init_scale": 0.5}
SAMPLING = {"theory": "exact", "samples": 512, "replicates": 8}
STEPS = {"scheme": "gradient-descent", "learning_rate": 0.01}
# Dimensions with their numbers of seeds, and times that are compared.
DIMS, TIMES = {50: 64, 100: 48, 200: 32}, 6


def kinds() -> dict[str, dict[str, Any]]:
    """Keys of each kind, by its name."""
    found = {
        f"{activation}-{ratio:g}-{width}": {"activation": activation, "samples_per_dimension": ratio, "width": width}
        for activation, ratio, width in itertools.product(ACTIVATIONS, RATIOS, WIDTHS)
    }
    return {**found, "tanh-lazy": LAZY}


def in_steps(flow: Solution, networks: Simulation) -> Solution:
    """A flow at the times of networks that were trained in steps, as the theory of their problem."""
    time = networks.time
    errors = {
        name: np.interp(time, flow.time, flow.standard_errors[name])
        for name in flow.observables
        if name in flow.standard_errors
    }
    return replace(
        flow,
        problem=networks.problem,
        time=time,
        observables=flow.at(time),
        standard_errors=errors,
        kernels={},
        distributions={},
    )


def compared(place: Path, name: str, keys: dict[str, Any], level: float) -> Comparison:
    """Theory against networks in the limit; what is in the folder already is not made again."""
    problem = Problem(**{**DATA, **keys, **SAMPLING})
    flow = solve(problem, output=place / f"{name}.h5")
    kinked = keys["activation"] == "relu"
    trained = Problem(**{**DATA, **keys, **SAMPLING, **STEPS}) if kinked else problem
    networks = [
        simulate(trained, dim=dim, seeds=seeds, times=TIMES, output=place / f"{name}-{dim}.h5") for dim, seeds in DIMS.items()
    ]
    return compare(in_steps(flow, networks[0]) if kinked else flow, networks, level=level)


def main(folder: str) -> None:
    """Print the table."""
    place = Path(folder)
    place.mkdir(exist_ok=True)
    print_row("activation, n/d, m", "largest z", "of", "at t", "significant")
    print_row(*["---"] * 5)
    tried, worst, wrong, comparisons = kinds(), [], 0, 0
    for name, keys in tried.items():
        found = compared(place, name, keys, LEVEL / len(tried))
        observable = max(found.observables, key=lambda one: abs(found.observables[one].z[found.observables[one].worst]))
        of = found.observables[observable]
        worst.append(abs(float(of.z[of.worst])))
        significant = sum(int(times.sum()) for times in found.significant.values())
        wrong, comparisons = wrong + significant, comparisons + found.comparisons
        time = f"{of.time[of.worst]:.2g}"
        print_row(name, f"{worst[-1]:.1f}", observable.replace("_", " "), time, f"{significant} of {found.comparisons}")
    print(f"\nLargest of {comparisons}: {max(worst):.2f} standard errors; {wrong} deviations are significant.")


if __name__ == "__main__":
    main(*sys.argv[1:])
