"""Accuracy of the time left that the progress line shows: predicted over actual seconds, at parts of the run.

    python runs/benchmarks/eta.py

Prints, for runs of a second or more, the ratio at 10, 25, 50 and 75 % of the CPU time from the first cell on, and the part
of the run between 10 and 90 % in which the ratio is within a factor of 2.  Takes about a minute on one core.
"""

from bisect import bisect_right
from time import process_time
from typing import Any

import numpy as np

from dmft import Problem, solve
from dmft.cli.progress import Mark, seconds_left
from dmft.compiled import compilation
from dmft.engines.base import AcceptedCell
from dmft.engines.kinds import engine_type

QUICKSTART = Problem.load("runs/quickstart.toml")
EXACT = {"width": 2, "theory": "exact", "scheme": "gradient-descent", "learning_rate": 0.2, "samples": 4096, "replicates": 4}
PROBLEMS = {
    "two-layer, to 1e-9": QUICKSTART.replace(tolerance=1e-9),
    "spherical p-spin, to 1e-7": Problem.load("runs/pspin/p3.toml").replace(tolerance=1e-7),
    "gradient descent": QUICKSTART.replace(scheme="gradient-descent", learning_rate=0.1, t_max=80.0),
    "exact theory": QUICKSTART.replace(**EXACT, t_max=16.0),
    "online SGD, 10 units": Problem(
        model="online-sgd", activation="erf", learning_rate=0.5, student_units=10, teacher_units=5, dimension=1000, t_max=100.0
    ),
    "long times, noise": Problem.load("runs/long_times/pure_noise.toml").replace(tolerance=1e-6, t_max=3e5),
}
PARTS = (0.1, 0.25, 0.5, 0.75)
FACTOR = 2.0


def ratios(problem: Problem, parts: np.ndarray) -> tuple[np.ndarray, float]:
    """Predicted over actual seconds left at parts of a run, and its seconds."""
    marks: list[Mark] = []

    def mark(_: Any, cell: AcceptedCell) -> None:
        marks.append(Mark(process_time() - compilation.cpu_seconds, cell.time, cell.nodes))

    solve(problem, observers=[mark])
    clocks, power = [mark.clock for mark in marks], engine_type(problem).power
    total = clocks[-1] - clocks[0]
    found = []
    for part in parts:
        cells = bisect_right(clocks, clocks[0] + part * total)
        found.append(seconds_left(marks[:cells], problem.solver.t_max, power) / (clocks[-1] - clocks[cells - 1]))
    return np.array(found), total


def main() -> None:
    between = np.linspace(0.1, 0.9, 33)
    print(f"{'':28s}{'seconds':>8s}" + "".join(f"{part:8.0%}" for part in PARTS) + "  within a factor of 2")
    for name, problem in PROBLEMS.items():
        found, seconds = ratios(problem, np.array([*PARTS, *between]))
        right = np.mean(np.abs(np.log(found[len(PARTS) :])) <= np.log(FACTOR))
        print(
            f"{name:28s}{seconds:8.2f}" + "".join(f"{ratio:8.2f}" for ratio in found[: len(PARTS)]) + f"{right:10.0%}",
            flush=True,
        )


if __name__ == "__main__":
    main()
