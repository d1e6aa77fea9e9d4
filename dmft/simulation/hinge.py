"""Training of a finite network with the hinge loss: M units, gradient descent with a small learning rate.

The data set of the problem, which is that of the theory, or fresh examples at each step if it is infinite; with their mirror
images -x, of label -y, unless it is to be one-sided.  Time t = learning rate * steps, all weights moved by M dloss.

The coefficients of x in f are (1/2M) sum_i a_i w_i exactly; the loss on a fresh example is that of test examples.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dmft.models.hinge import HingeParameters, examples

Array = NDArray[np.float64]

# Examples for the loss on fresh ones, and of a step if the data set is infinite.
TEST, BATCH = 4000, 100


@dataclass
class Network:
    """a (M,) and w (M, N); alpha and h."""

    a: Array
    w: Array
    laziness: float
    threshold: float

    def output(self, x: Array) -> Array:
        """f, (P,)."""
        return np.maximum(x @ self.w.T, 0.0) @ self.a / len(self.a)

    def losses(self, x: Array) -> tuple[float, float, float]:
        """Mean hinge loss, fraction unsatisfied, and fraction misclassified, of examples x (P, N)."""
        margins = np.sign(x[:, 0]) * self.output(x)
        below = np.maximum(self.threshold - self.laziness * margins, 0.0)
        return float(below.mean()) / self.laziness**2, float((below > 0).mean()), float((margins < 0).mean())

    def descend(self, x: Array, step: float) -> None:
        """One step of gradient descent on the examples x."""
        y, fields = np.sign(x[:, 0]), x @ self.w.T
        active = fields > 0
        outputs = np.where(active, fields, 0.0)
        unsatisfied = self.laziness * y * (outputs @ self.a) / len(self.a) < self.threshold
        force = step / (self.laziness * len(x)) * np.where(unsatisfied, y, 0.0)
        change = self.a[:, None] * ((active * force[:, None]).T @ x)
        self.a += force @ outputs
        self.w += change


def simulate(
    parameters: HingeParameters,
    dimension: int,
    seed: int,
    times: Array,
    *,
    units: int = 1000,
    learning_rate: float = 0.01,
    mirrored: bool = True,
) -> dict[str, Array]:
    """Observables of one network with N = dimension and M = units at these times, ascending, to the nearest step.

    The seed is that of the initial weights and of the test examples; the data set has its own in the problem.
    """
    if parameters.dimension not in (None, dimension):
        raise ValueError(f"dimension = {dimension}: wanted that of the examples, {parameters.dimension}")
    random = np.random.default_rng(seed)
    a = math.sqrt(parameters.output_variance) * random.standard_normal(units)
    w = math.sqrt(parameters.weight_variance) * random.standard_normal((units, dimension))
    network = Network(a, w, parameters.laziness, parameters.threshold)
    test = random.standard_normal((TEST, dimension))
    both = (1.0, -1.0) if mirrored else (1.0,)

    def data() -> Array:
        fresh = math.isinf(parameters.samples)
        x = (
            random.standard_normal((BATCH, dimension))
            if fresh
            else examples(dimension, int(parameters.samples), parameters.seed)
        )
        return np.vstack([sign * x for sign in both])

    x, rows, done = data(), [], 0
    for steps in np.rint(np.asarray(times) / learning_rate).astype(int):
        for _ in range(done, steps):
            x = data() if math.isinf(parameters.samples) else x
            network.descend(x, learning_rate)
        done = steps
        rows.append(_observed(network, x, test))
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def _observed(network: Network, x: Array, test: Array) -> dict[str, float]:
    """Observables of the theory."""
    train_error, unsatisfied, _ = network.losses(x)
    generalization_error, _, misclassified = network.losses(test)
    slopes = network.a @ network.w / (2 * len(network.a))
    return {
        "generalization_error": generalization_error,
        "train_error": train_error,
        "misclassified": misclassified,
        "unsatisfied": unsatisfied,
        "slope": float(slopes[0]),
        "slope_across": float(np.linalg.norm(slopes[1:])),
    }
