"""Cost of online SGD: CPU seconds of warm runs to t = 1e8 at the default tolerance, K = M students and teachers.

Learning rate 0.2, noise 0.1, first layer only, a random start in 1000 dimensions.

Run: python runs/benchmarks/online_sgd.py ACTIVATION K [K ...]       (a row of the table of docs/online-sgd.md)
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import sys
from time import process_time

from dmft import Problem, solve


def problem(activation: str, units: int) -> Problem:
    """The problem of the module docstring."""
    return Problem(
        model="online-sgd",
        activation=activation,
        learning_rate=0.2,
        noise=0.1,
        student_units=units,
        teacher_units=units,
        dimension=1000,
        t_max=1e8,
    )


def cost(activation: str, units: int) -> str:
    """CPU seconds, steps and final error of a run, compiled code loaded before."""
    solve(problem(activation, units).replace(t_max=1e-3))
    began = process_time()
    solution = solve(problem(activation, units))
    seconds = process_time() - began
    assert solution.complete
    return f"K = M = {units}: {seconds:.2f} s, {len(solution.time)} nodes, error {solution.generalization_error[-1]:.9g}"


def main() -> None:
    activation = sys.argv[1]
    for units in map(int, sys.argv[2:]):
        print(activation, cost(activation, units), flush=True)


if __name__ == "__main__":
    main()
