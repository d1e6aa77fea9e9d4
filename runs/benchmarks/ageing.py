"""Errors that ageing adds up: every observable to late times, in units of the tolerance, against refined runs.

Run: python runs/benchmarks/ageing.py        (about five minutes on one core)
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from pathlib import Path
from time import process_time

import numpy as np

from dmft import Problem, Solution, solve
from dmft.engines.step_control import FLOOR

RUNS = Path(__file__).parents[1]
# Problem, tolerance, horizon, and how much smaller the tolerance of the refined run is.
CASES = (
    ("long_times/interpolating", 1e-4, 1e6, 10),
    ("long_times/threshold", 1e-4, 1e6, 10),
    ("long_times/glassy", 1e-4, 1e5, 10),
    ("long_times/pure_noise", 1e-4, 1e6, 10),
    ("pspin/p3", 1e-5, 1e5, 100),
    ("pspin/mixed", 1e-5, 1e5, 100),
)
DECADES = (1e3, 1e4, 1e5, 1e6)


def errors(run: Solution, refined: Solution) -> dict[str, list[float]]:
    """Largest error of each observable at any node up to each of DECADES, in units of the tolerance."""
    times = run.time
    exact = {name: np.array([refined.at(t)[name] for t in times]) for name in run.observables}
    found = {}
    for name, values in run.observables.items():
        scale = np.maximum(np.abs(exact[name]), FLOOR * np.abs(exact[name]).max())
        error = np.abs(values - exact[name]) / np.where(scale > 0, scale, 1.0) / run.problem.solver.tolerance
        found[name] = [float(error[times <= t].max()) for t in DECADES if t <= times[-1]]
    return found


def main() -> None:
    print("| problem | nodes, CPU s | observable | " + " | ".join(f"to t = {t:.0e}" for t in DECADES) + " |")
    print("| --- " * (3 + len(DECADES)) + "|")
    for name, tolerance, t_max, finer in CASES:
        problem = Problem.load(RUNS / f"{name}.toml").replace(tolerance=tolerance, t_max=t_max)
        began = process_time()
        run = solve(problem)
        cost = f"{len(run.time)}, {process_time() - began:.1f}"
        refined = solve(problem.replace(tolerance=tolerance / finer, stages=8))
        assert run.complete, name
        assert refined.complete, name
        for observable, found in errors(run, refined).items():
            cells = [f"{error:.2g}" for error in found] + [""] * (len(DECADES) - len(found))
            print(f"| {name} | {cost} | `{observable}` | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
