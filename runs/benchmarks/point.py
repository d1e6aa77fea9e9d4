"""Cost of single parameter points: CPU time and error in process, time from the shell, memory against the plan.

Run: python runs/benchmarks/point.py        (about half a minute on one core)
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter, process_time

import numpy as np

from dmft import Problem, Solution, solve
from dmft.running.plan import plan

RUNS = Path(__file__).parents[1]
FILES = sorted(RUNS.glob("*.toml"))
TOLERANCES = (1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8)


def cpu_seconds(problem: Problem, repeats: int = 5) -> tuple[float, Solution]:
    """Median CPU time of a solve in this process, after one that compiles or loads what there is to load."""
    solution = solve(problem)
    seconds = []
    for _ in range(repeats):
        began = process_time()
        solve(problem)
        seconds.append(process_time() - began)
    return float(np.median(seconds)), solution


def in_process() -> None:
    print(f"{'problem':>16} {'tolerance':>9} {'cpu s':>7} {'nodes':>6} {'iterations':>10} {'error':>8} {'error/tolerance':>15}")
    for file in FILES:
        problem = Problem.load(file)
        exact = solve(problem.replace(tolerance=1e-10, stages=8))
        for tolerance in TOLERANCES:
            seconds, solution = cpu_seconds(problem.replace(tolerance=tolerance))
            error = max(solution.errors(exact).values())
            print(
                f"{file.stem:>16} {tolerance:9.0e} {seconds:7.3f} {len(solution.time):6d} {solution.iterations:10d} "
                f"{error:8.1e} {error / tolerance:15.2f}"
            )


def from_the_shell() -> None:
    print(f"\n{'problem':>16} {'wall s':>7} {'peak MB':>8} {'planned MB':>10} {'ratio':>6}    (dmft solve, caches warm)")
    program = [sys.executable, "-c", "from dmft.cli.main import main; main()"]
    for file in FILES:
        planned = plan(Problem.load(file)).memory
        with tempfile.TemporaryDirectory() as folder:
            command = [*program, "solve", str(file), "-o", f"{folder}/run.h5", "--quiet"]
            began = perf_counter()
            process = subprocess.Popen(command)
            _, status, usage = os.wait4(process.pid, 0)
            wall = perf_counter() - began
        assert status == 0
        peak = usage.ru_maxrss * 1024
        print(f"{file.stem:>16} {wall:7.2f} {peak / 1e6:8.0f} {planned / 1e6:10.0f} {peak / planned:6.2f}")


if __name__ == "__main__":
    in_process()
    from_the_shell()
