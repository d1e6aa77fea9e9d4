"""Gradient flow of a two-layer network that learns to classify, with the hinge loss, in the limit of infinitely many units.

Network f(x) = (1/M) sum_i a_i relu(w_i.x), x standard normal in N dimensions, labels y = sign(x_1); loss
(1/alpha^2) E max(0, h - alpha y f), E over the data set; time unit: da_i/dt = -M dloss/da_i, the same for w_i.  At t = 0 the
components of all (a_i, w_i) are independent, symmetric about zero, of variances s_a and s_w.  M -> infinity; Pellegrini &
Biroli, arXiv:2006.11209 (NeurIPS 2020).

Only the examples with alpha y f < h act on a node, and the population of nodes decides which these are.  A data set that
holds -x with -y for each x with y stays odd, and so does f: then relu acts as half of its argument, all nodes obey

    da/dt = V.w/2,   dw/dt = V a/2,   V = (1/alpha) E[y x; alpha y f < h],

and all (a, w) are turned by one hyperbolic rotation.  It takes (1, 0) to (gamma, p), one node that stands for all of them:

    f(x) = (s_a + s_w) gamma p.x/2.

Infinite data set: p = sinh(g) along x_1, f = s x_1 with the slope s = (1/4)(s_a + s_w) sinh 2g, and with c = h/(alpha s)

    dg/dt = (1/alpha) (2 pi)^(-1/2) (1 - e^(-c^2/2)),

which separates: t is an integral over v = 1/c.  At late times g = (1/4) log(128 h^2 t/(sqrt(2 pi) alpha^3 (s_a + s_w)^2)).

Finite data set: P examples and their mirror images; `node.py` follows (gamma, p).  With f = D.x, of which a part is
along x_1 and a part across, the loss on a fresh example follows from y D.x/|D|, which has a skew normal law.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf

from dmft.models.hinge.description import DESCRIPTION
from dmft.models.hinge.geometry import Data
from dmft.models.hinge.loss import fresh_loss, parts
from dmft.models.hinge.node import NodeInData

Array = NDArray[np.float64]
# Panels of the integral for t double in length, up to slopes that no run reaches.
NODES, WEIGHTS = np.polynomial.legendre.leggauss(16)
LARGEST = 1e150
# Changes of the unsatisfied set per example, in runs until all are satisfied.
KINKS = 1.6


@dataclass(frozen=True)
class InfiniteData:
    """Infinite data set: g(t) by inverting t(v), v = alpha s/h; `variance` is s_a + s_w."""

    laziness: float
    threshold: float
    variance: float

    observables = tuple(DESCRIPTION.observables)
    steps: frozenset[str] = frozenset()
    expected_kinks = 0.0

    @property
    def rich(self) -> float:
        """v at which sinh 2g = 1."""
        return self.laziness * self.variance / (4 * self.threshold)

    @property
    def fastest_rate(self) -> float:
        """Of g, or of v if that is faster, at t = 0."""
        return max(1.0, 2 * self.rich) / (self.laziness * math.sqrt(2 * math.pi))

    def next_kink(self, time: float) -> float:
        """None."""
        return math.inf

    def _slowness(self, v: Array) -> Array:
        """dt/dv."""
        turning = self.laziness / (2 * self.rich * np.hypot(1.0, v / self.rich))
        with np.errstate(divide="ignore"):
            return -math.sqrt(2 * math.pi) * turning / np.expm1(-0.5 / v**2)

    def _elapsed(self, first: Array, last: Array) -> Array:
        """Time from v = `first` to `last`, which is at most twice as far, (n,)."""
        half = (last - first) / 2
        return half * (self._slowness(first[:, None] + half[:, None] * (NODES + 1)) @ WEIGHTS)

    @cached_property
    def _panels(self) -> tuple[Array, Array]:
        """Ends of the panels in v, and the times there; the first panel is as long as nothing has happened yet."""
        first = min(1.0, self.rich) / 8
        ends = np.append(0.0, first * 2.0 ** np.arange(math.ceil(math.log2(LARGEST / first))))
        return ends, np.append(0.0, np.cumsum(self._elapsed(ends[:-1], ends[1:])))

    def _scaled_slope(self, t: Array) -> Array:
        """v(t), by Newton's method in its panel."""
        ends, times = self._panels
        panel = np.searchsorted(times, t, side="right") - 1
        first, last = ends[panel], ends[panel + 1]
        v = first + (last - first) * (t - times[panel]) / (times[panel + 1] - times[panel])
        for _ in range(8):
            v = np.clip(v + (t - times[panel] - self._elapsed(first, v)) / self._slowness(v), first, last)
        return v

    def evaluate(self, t: Array) -> dict[str, Array]:
        """Every observable at the times t, (len(t),) each."""
        v = self._scaled_slope(t)
        with np.errstate(divide="ignore"):
            unsatisfied = erf(1 / (math.sqrt(2) * v))
            loss = unsatisfied + v * math.sqrt(2 / math.pi) * np.expm1(-0.5 / v**2)
        loss *= self.threshold / self.laziness**2
        nothing = np.zeros_like(v)
        return {
            "generalization_error": loss,
            "train_error": loss,
            "misclassified": nothing,
            "unsatisfied": unsatisfied,
            "rotation": np.arcsinh(v / self.rich) / 2,
            "slope": v * self.threshold / self.laziness,
            "slope_across": nothing,
        }


@dataclass(frozen=True)
class FiniteData:
    """Finite data set z = y x, (P, N): observables of the node that stands for all."""

    laziness: float
    threshold: float
    variance: float
    z: Array

    observables = tuple(DESCRIPTION.observables)
    steps = frozenset({"unsatisfied"})

    @cached_property
    def node(self) -> NodeInData:
        """The node, which is computed as far as it is asked for."""
        limit = 2 * self.threshold / (self.laziness * self.variance)
        return NodeInData(Data(self.z, limit, self.laziness * len(self.z)))

    @property
    def fastest_rate(self) -> float:
        """Of the rotation, or of the margins if that is faster, at t = 0."""
        return self.node.speed / 2 * max(1.0, 1 / self.node.data.limit)

    @property
    def expected_kinks(self) -> float:
        """Every example leaves the unsatisfied set, and some come back."""
        return KINKS * len(self.z)

    @property
    def next_kink(self) -> Callable[[float], float]:
        """Next change of the unsatisfied set."""
        return self.node.next_kink

    def evaluate(self, t: Array) -> dict[str, Array]:
        """Every observable at the times t, (len(t),) each."""
        p, unsatisfied, shortfall = self.node.at(t)
        size = np.linalg.norm(p, axis=1)
        D = (self.variance / 2 * np.hypot(1.0, size))[:, None] * p
        along, across = parts(D)
        # At t = 0 f vanishes, but not the direction in which it starts.
        wrong = np.arctan2(*parts(np.where(size[:, None] > 0, p, self.node.direction))[::-1]) / math.pi
        return {
            "generalization_error": fresh_loss(self.laziness, self.threshold, along, across),
            "train_error": self.threshold / self.laziness**2 * shortfall,
            "misclassified": wrong,
            "unsatisfied": unsatisfied,
            "rotation": np.arcsinh(size),
            "slope": along,
            "slope_across": across,
        }
