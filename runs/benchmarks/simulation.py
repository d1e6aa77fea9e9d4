"""Speed of simulations on one core: gradients a second, and their rate beside that of dgemm.

A gradient of a network is two products of an m x d with a d x n matrix, 4 n m d flops, and n m values of the activation and its
slope.  One of Gaussian fields of degree k has the same products with the number of monomials of that degree in place of d.

Run: python runs/benchmarks/simulation.py
"""

from math import comb
from time import perf_counter

import numpy as np
from threadpoolctl import threadpool_limits

from dmft import Problem, simulate
from dmft.models.experiment import Setup, experiment

BASE = {
    "samples_per_dimension": 10.0,
    "activation": "erf",
    "target": [0.0, 1.0],
    "noise": 0.3,
    "alignment": 0.05,
    "t_max": 100.0,
}
QUADRATIC = {"activation": [0.0, 0.7**0.5, 0.3**0.5], "samples_per_dimension": 2.0}
# Name: keys of the problem, dimension, fields, monomials a neuron.
CASES = {
    "m = 1, n/d = 10, d = 400, erf": ({"width": 1}, 400, "network", 400),
    "m = 10, n/d = 10, d = 400, erf": ({"width": 10}, 400, "network", 400),
    "m = 10, n/d = 10, d = 400, tanh": ({"width": 10, "activation": "tanh"}, 400, "network", 400),
    "m = 100, n/d = 10, d = 400, erf": ({"width": 100}, 400, "network", 400),
    "m = 5, n/d = 2, d = 100, Gaussian, degree 2": ({"width": 5, **QUADRATIC}, 100, "gaussian", 100 + comb(101, 2)),
    "m = 5, n/d = 2, d = 200, Gaussian, degree 2": ({"width": 5, **QUADRATIC}, 200, "gaussian", 200 + comb(201, 2)),
}


def seconds(call, repeat: int = 15) -> float:
    """Median time of a call, after a first one."""
    call()
    times = []
    for _ in range(repeat):
        began = perf_counter()
        call()
        times.append(perf_counter() - began)
    return float(np.median(times))


@threadpool_limits.wrap(limits=1, user_api="blas")
def main() -> None:
    """Print the table, and the time of a whole seed."""
    matrix = np.random.default_rng(0).standard_normal((1500, 1500))
    dgemm = 2 * 1500**3 / seconds(lambda: matrix @ matrix, 5)
    print(f"dgemm: {dgemm / 1e9:.0f} Gflop/s\n\n| | gradients a second | Gflop/s | of dgemm |\n| --- | --- | --- | --- |")
    for name, (keys, dim, fields, monomials) in CASES.items():
        made = experiment(Problem(**{**BASE, **keys}), Setup.of(dim=dim, fields=fields))
        network, y = made.draw(0)  # pyright: ignore[reportAttributeAccessIssue]
        each = seconds(lambda network=network, y=y: network.rate(y))
        rate = 4 * made.sizes["samples"] * keys["width"] * monomials / each
        print(f"| {name} | {1 / each:,.0f} | {rate / 1e9:.1f} | {rate / dgemm:.0%} |")
    found = simulate(Problem(**BASE, width=10), dim=400, seeds=1)
    print(f"\nOne seed to t = 100, m = 10, n/d = 10, d = 400: {found.wall_time:.1f} s, {found.evaluations[0]} gradients.")


if __name__ == "__main__":
    main()
