"""What the machinery of sweeps costs: 10,000 points that are solved in a cell or two, and their table.

Run: python runs/benchmarks/sweep_overhead.py [NUMBER]        (about two minutes on one core for 10,000 points)
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import sys
import tempfile
from pathlib import Path
from time import perf_counter, process_time

import numpy as np

import dmft
from dmft.sweeps.collect import collect
from dmft.sweeps.folder import open_folder
from dmft.sweeps.run import by_cost, missing, run_here
from dmft.sweeps.status import status

PROBLEM = dmft.Problem(
    width=10, samples_per_parameter=1.0, activation="erf", target=[0, 1], noise=0.3, t_max=1e-3, tolerance=1e-3
)


def clocked(call):
    """Result of a call, and its seconds: on the clock, and of computing."""
    began = np.array([perf_counter(), process_time()])
    result = call()
    return result, np.array([perf_counter(), process_time()]) - began


def say(what: str, seconds, points: int = 0) -> None:
    wall, cpu = seconds * (1e3 / points if points else 1.0)
    print(f"{what:>26} {wall:9.3f} {cpu:9.3f}   {'ms a point' if points else 's'}")


def main(number: int) -> None:
    axes = {
        "problem.samples_per_parameter": {"geomspace": [0.1, 10.0, number // 100]},
        "problem.alignment": {"linspace": [0.0, 0.9, 100]},
    }
    print(f"{'':>26} {'wall':>9} {'cpu':>9}")
    sweep, read = clocked(lambda: dmft.Sweep(PROBLEM, axes))
    points = len(sweep)
    _, validated = clocked(sweep.validate)
    say("read and validate", read + validated, points)
    _, ordered = clocked(lambda: by_cost(sweep, list(range(points))))
    say("order by expected cost", ordered, points)

    sample = np.linspace(0, points - 1, 500).astype(int)
    dmft.solve(PROBLEM)
    _, solving = clocked(lambda: [dmft.solve(sweep.problem(int(index))) for index in sample])
    solving = solving * (points / len(sample))
    say("solve alone", solving, points)

    with tempfile.TemporaryDirectory() as path:
        with open_folder(Path(path) / "sweep", sweep) as (folder, locks, _):
            todo, listed = clocked(lambda: missing(folder))
            _, swept = clocked(lambda: run_here(folder, locks, todo, 1, lambda: False, lambda ended: None, 30.0))
        say("sweep", swept, points)
        say("machinery: all but solve", read + validated + listed + swept - solving, points)
        say("look for what is missing", clocked(lambda: missing(folder))[1])
        say("status", clocked(lambda: status(folder.path))[1])
        say("collect", clocked(lambda: collect(folder.path))[1])
        print(f"{points} points, table of {folder.table.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
