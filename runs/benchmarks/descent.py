"""Gradient descent: CPU seconds, flops and memory against the number of steps, beside this machine's matrix products.

Run: python runs/benchmarks/descent.py [STEPS ...]        (1000 2000 4000 by default, about a minute; 8000 takes some minutes)
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import resource
import sys
from pathlib import Path
from time import process_time

import numpy as np

from dmft import Problem, solve
from dmft.engines.base import AcceptedCell, Engine
from dmft.running.cost import working_memory

# Of a row and sweep, in products with n earlier nodes.
FLOPS = 12
LEARNING_RATE = 0.05


def matrix_products(n: int = 1500) -> float:
    """Flops per second of a product of matrices."""
    A = np.random.default_rng(0).standard_normal((n, n))
    np.matmul(A, A)
    began = process_time()
    np.matmul(A, A)
    return 2 * n**3 / (process_time() - began)


def main(*numbers: str) -> None:
    quickstart = Problem.load(Path(__file__).parents[1] / "quickstart.toml")
    descent = quickstart.replace(scheme="gradient-descent", learning_rate=LEARNING_RATE, t_max=100 * LEARNING_RATE)
    solve(descent)
    dgemm = matrix_products()
    print("| steps | CPU s | rows a block | sweeps | Gflop/s | of dgemm | memory, estimated | peak so far |")
    print("| --- " * 8 + "|")
    for steps in map(int, numbers or ("1000", "2000", "4000")):
        flops, blocks = 0.0, []

        def count(engine: Engine, cell: AcceptedCell, blocks: list[tuple[int, int]] = blocks) -> None:
            nonlocal flops
            rows = round(cell.step / LEARNING_RATE)
            blocks.append((rows, cell.iterations))
            flops += FLOPS * rows * (cell.iterations + 1) * (cell.nodes - rows) ** 2

        problem = descent.replace(t_max=steps * LEARNING_RATE, max_nodes=10**6)
        began = process_time()
        solve(problem, observers=[count])
        seconds = process_time() - began
        rows, sweeps = (float(np.mean(column)) for column in zip(*blocks, strict=True))
        memory, peak = working_memory(problem, steps + 1), 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        print(
            f"| {steps} | {seconds:.1f} | {rows:.0f} | {sweeps:.1f} | {flops / seconds / 1e9:.1f} "
            f"| {flops / seconds / dgemm:.0%} | {memory / 1e9:.2f} GB | {peak / 1e9:.2f} GB |",
            flush=True,
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
