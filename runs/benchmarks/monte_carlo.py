"""The exact theory beside plain Monte Carlo: independent normal numbers, and the response of every sample stored.

Both follow the same problem with the same steps of the weights, sets of equally many samples in turns in one process.  Plain
sets are what public programs for such processes do: columns of normal numbers as they are drawn, and the matrix T = dg/dxi
of each sample kept.  Prints the CPU time of a set, the scatter of the sets at the end, and by how much more CPU time
plain Monte Carlo needs for the same standard error, as errors fall with the root of the number of samples.  Half a minute.

Run: python runs/benchmarks/monte_carlo.py [SAMPLES] [SETS]
"""

import sys
from time import process_time
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from dmft import Problem
from dmft.engines.kinds import equations
from dmft.models.two_layer_flow.exact.process import Process
from dmft.models.two_layer_flow.exact.weights import Force

Array = NDArray[np.float64]

PROBLEM = Problem(
    width=2, samples_per_dimension=3.0, activation="tanh", target=[0.0, 1.0], noise=0.3, init_scale=1.5, alignment=0.1,
    theory="exact", scheme="gradient-descent", learning_rate=0.2, t_max=8.0,
)  # fmt: skip
OBSERVED = ("train_error", "test_error", "alignment", "second_layer")


class PlainNormals:
    """Rows of independent normal numbers."""

    def __init__(self, size: int, seed: int) -> None:
        self.size, self._random, self._rows = size, np.random.default_rng(seed), np.empty((0, size))

    def rows(self, count: int) -> Array:
        """The first rows."""
        if count > len(self._rows):
            more = self._random.standard_normal((count - len(self._rows), self.size))
            self._rows = np.concatenate([self._rows, more])
        return self._rows[:count]


class Plain(Process):
    """A set whose responses are stored; `T` has the shape (steps m, steps m, P)."""

    def __init__(self, network: Any, size: int, seed: int, capacity: int) -> None:
        super().__init__(network, size, np.random.SeedSequence(seed), capacity)
        (m, r), self._normals = network.alignment.shape, PlainNormals(size, seed)
        first = self._normals.rows(r + 1 + m)
        self._z, self._fresh = first[:r].copy(), first[r + 1 :].copy()
        self._y = network.labels(self._z, first[r], np.random.default_rng(seed).random(size))
        self.T = np.zeros((capacity * m, capacity * m, size))
        self._factor, self.observed, self.noise = type(self._factor)(capacity * m), [], []
        self._see()

    def _force(self) -> Force:
        """See Process; T_k = J_k [1 - (1/alpha) sum_l R_kl T_l]."""
        network, weights, k, m = self.network, self.weights, self.steps, self.weights.m
        past, here = slice(0, k * m), slice(k * m, (k + 1) * m)
        inside = np.einsum("ij,jlp->ilp", weights.R[here, past], self.T[past, past], optimize=True)
        q = self._slopes[k]
        J = self._curvature[k] * q[:, None] * q
        J[np.arange(m), np.arange(m)] += self._diagonal[k]
        self.T[here, past] = -network.inverse_alpha * np.einsum("ijp,jlp->ilp", J, inside)
        self.T[here, here] = J
        M = -network.kinds.alike_pairs(self.T[here, : here.stop].mean(axis=-1))
        drift = network.kinds.alike(-self._g[k] @ self._z.T / self._normals.size) - M @ weights.v
        return Force(M, self.noise[-1], drift, self._rates)


def followed(process: Process, steps: int) -> tuple[float, Array]:
    """CPU seconds of the steps, and observables at the end."""
    began = process_time()
    for _ in range(steps):
        process.advance()
    seen, weights = process.observed[-1], process.weights
    values = [seen["train_error"], seen["test_error"], weights.v[-1, 0], weights.a[-1, 0]]
    return process_time() - began, np.array(values)


def main(samples: int = 1024, sets: int = 16) -> None:
    """Print the table."""
    network, steps = equations(PROBLEM).network(0.0), PROBLEM.solver.steps
    found: dict[str, list[tuple[float, Array]]] = {"dmft": [], "plain": []}
    with threadpool_limits(limits=1, user_api="blas"):
        # The first set compiles.
        followed(Process(network, 64, np.random.SeedSequence(0), steps + 1), 2)
        for seed in range(1, sets + 1):
            found["dmft"].append(followed(Process(network, samples, np.random.SeedSequence(seed), steps + 1), steps))
            found["plain"].append(followed(Plain(network, samples, seed, steps + 1), steps))
    seconds = {name: float(np.mean([time for time, _ in of_sets])) for name, of_sets in found.items()}
    scatter = {name: np.std([values for _, values in of_sets], axis=0, ddof=1) for name, of_sets in found.items()}
    means = {name: np.mean([values for _, values in of_sets], axis=0) for name, of_sets in found.items()}
    print(f"{sets} sets of {samples} samples, {steps} steps, m = 2: CPU seconds of a set", end=" ")
    print(f"{seconds['dmft']:.3f} (dmft), {seconds['plain']:.3f} (plain)")
    print("observable        dmft      scatter   plain     scatter   CPU time for the same error, plain/dmft")
    for i, name in enumerate(OBSERVED):
        cost = seconds["plain"] / seconds["dmft"] * (scatter["plain"][i] / scatter["dmft"][i]) ** 2
        row = [f"{value:.5f}" for key in ("dmft", "plain") for value in (means[key][i], scatter[key][i])]
        print(f"{name:16}  {'   '.join(row)}   {cost:.1f}")
    print(f"Each ratio is known to a factor of {np.exp(np.sqrt(2 * 2 / (sets - 1))):.1f}, from the number of sets.")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
