"""The population of nodes in a data set without mirror images: each of them in the set of examples that all leave unsatisfied.

For M -> infinity, the nodes at t = 0 are all of (a, w) with independent normal components of variances s_a and s_w.  A finite
number stands for them, such that what the limit has exactly is exact: each is there with (a, w), (-a, w), (a, -w), (-a, -w), so
that f = 0 at t = 0 and f is odd in a data set that is, and second moments are those of the law, so that in such a data set the
population does what the one node of `node.py` does.

Rotation: a common one, by g, changes a by the mean square (gamma - 1)^2 s_a + (gamma^2 - 1) s_w, gamma = cosh(g), which
defines g here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from dmft.models.hinge.loss import even_part, fresh_loss, parts
from dmft.models.hinge.step import DataSet, Fields, Nodes

Array = NDArray[np.float64]

# Nodes of each a and w: all signs.
SIGNS = 4
# Time, relative to that of the fastest motion, at which f has the direction in which it starts.
SOON = 1e-6


def drawn(population: int, dimension: int, variances: tuple[float, float], random: np.random.Generator) -> Nodes:
    """The nodes at t = 0, for s_a and s_w; at least SIGNS `dimension` of them, a multiple of SIGNS."""
    number, (a_scale, w_scale) = population // SIGNS, np.sqrt(variances)
    a, w = random.standard_normal(number), random.standard_normal((number, dimension))
    a *= a_scale / np.sqrt(np.mean(a**2))
    w = w_scale * np.linalg.solve(np.linalg.cholesky(w.T @ w / number), w.T).T
    return Nodes(np.concatenate([a, -a, a, -a]), np.concatenate([w, w, -w, -w]))


@dataclass(frozen=True)
class Population:
    """Nodes in a data set, as steps of a state y: a, w and the weights of the examples in one array.

    variance: s_a + s_w.  fresh: (n, N), examples that with their mirror images stand for all.
    """

    data: DataSet
    first: Nodes
    variance: float
    fresh: Array

    observables = ("generalization_error", "train_error", "misclassified", "unsatisfied", "rotation", "slope", "slope_across")
    jumps = frozenset({"misclassified", "unsatisfied"})

    def start(self) -> Array:
        """y at t = 0: all examples are unsatisfied."""
        return self._packed(self.first, np.ones(len(self.data.x)))

    def advance(self, y: Array, step: float) -> Array:
        """y after a time."""
        return self._packed(*self.data.step(*self._unpacked(y), step))

    @cached_property
    def fastest_rate(self) -> float:
        """Of the nodes, or of the margins if that is faster, at t = 0."""
        fields = Fields.of(self.first, self.data.x)
        F = self.data.forces(fields, np.ones(len(self.data.x)))
        speeds = self.data.speeds(self.first, fields, F)
        return max(float(np.linalg.norm(F, axis=1).max()), float(np.abs(speeds).max()) / self.data.threshold)

    def observe(self, y: Array) -> dict[str, float]:
        """Every observable."""
        nodes, weights = self._unpacked(y)
        found = self._of_fresh(nodes)
        if np.array_equal(nodes.a, self.first.a):
            # f = 0, but it has a direction in which it starts.
            started, _ = self._unpacked(self.advance(y, SOON / self.fastest_rate))
            found["misclassified"] = self._of_fresh(started)["misclassified"]
        margins = self.data.margins(nodes, Fields.of(nodes, self.data.x))
        # Those that are held are at the limit but for the error of a step.
        shortfall = np.where(weights == 1, np.maximum(-margins, 0.0), 0.0)
        return found | {
            "train_error": float(shortfall.mean()) / self.data.laziness**2,
            "unsatisfied": float(weights.mean()),
            "rotation": self._rotation(nodes),
        }

    def _rotation(self, nodes: Nodes) -> float:
        """g of the module docstring, without loss of digits where it is small."""
        moved = float(np.mean((nodes.a - self.first.a) ** 2))
        s_w = self.variance - float(np.mean(self.first.a**2))
        grown = moved / (s_w + math.sqrt(s_w**2 + self.variance * moved))
        return 2 * math.asinh(math.sqrt(grown / 2))

    def _of_fresh(self, nodes: Nodes) -> dict[str, float]:
        """Measurements on fresh examples, and the linear part of f."""
        alpha, h = self.data.laziness, self.data.threshold
        along, across = parts((nodes.a @ nodes.w)[None] / (2 * len(nodes.a)))
        even = even_part(alpha, h, nodes.a, nodes.w, self.fresh)
        return {
            "generalization_error": float(fresh_loss(alpha, h, along, across)[0]) + even.loss,
            "misclassified": math.atan2(across[0], along[0]) / math.pi + even.misclassified,
            "slope": float(along[0]),
            "slope_across": float(across[0]),
        }

    def _packed(self, nodes: Nodes, weights: Array) -> Array:
        return np.concatenate([nodes.a, nodes.w.ravel(), weights])

    def _unpacked(self, y: Array) -> tuple[Nodes, Array]:
        M, N = self.first.w.shape
        return Nodes(y[:M], y[M : M * (N + 1)].reshape(M, N)), y[M * (N + 1) :]
