"""One training sample of the real network as a process, on P samples that follow the steps of gradient descent together.

A training sample sees its m preactivations.  With z its coordinates along the target directions and s_k = 1 while it is in the
batch, a part b of the samples, they obey

    h_k = xi_k - (1/alpha) sum_{j<k} R_kj g_j,     g_k = (s_k/b) l'(f_k, y) a_k sigma'(h_k),     f = (1/m) sum_i a_i sigma(h_i)

with xi Gaussian, <xi xi> = C, <xi z> = v, y the label.  Averages over samples make the force on the weights:

    D_kj = (1/alpha) E[g_k g_j],             M_kj = -E[dg_k/dxi_j],
    b_k = -E[g_k z] - sum_j M_kj v_j,        da_k/dt = -E[(s_k/b) l' sigma(h_k)]

and of neurons that start alike, the same for all of them.  A fresh sample sees fields of covariance C_kk without the reaction.
Everything is exact for n, d -> infinity at alpha = n/d; what is left is the statistical error of P samples.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dmft.models.two_layer_flow.exact.activation import Activation
from dmft.models.two_layer_flow.exact.factor import Factor
from dmft.models.two_layer_flow.exact.kinds import Kinds
from dmft.models.two_layer_flow.exact.labels import Labels
from dmft.models.two_layer_flow.exact.loss import Loss
from dmft.models.two_layer_flow.exact.normals import Normals, uniforms
from dmft.models.two_layer_flow.exact.responses import mean_responses
from dmft.models.two_layer_flow.exact.weights import Force, Rule, Weights

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Batches:
    """A part of the samples in each step, drawn anew, or kept from the step before with probability `kept`."""

    part: float = 1.0
    kept: float = 0.0


@dataclass(frozen=True)
class Network:
    """The training problem: network, samples and steps.

    overlaps (m, m), alignment (m, r), second_layer (m,): at t = 0.  activation, kinked: with its kinks smoothed, and as it is,
    which is enough for fresh samples.
    """

    overlaps: Array
    alignment: Array
    second_layer: Array
    kinds: Kinds
    inverse_alpha: float
    activation: Activation
    kinked: Activation
    loss: Loss
    labels: Labels
    batches: Batches
    rule: Rule
    train_second_layer: bool = True


class Process:
    """P samples and the weights that they move; see the module docstring."""

    def __init__(self, network: Network, size: int, seed: np.random.SeedSequence, capacity: int) -> None:
        self.network = network
        m, r = network.alignment.shape
        normals, rest = seed.spawn(2)
        self._normals, self._random = Normals(size, r + 1 + m, normals), np.random.default_rng(rest)
        first = self._normals.rows(r + 1 + m)
        self._z, self._fresh, self._before = first[:r].copy(), first[r + 1 :].copy(), r + 1
        self._y = network.labels(self._z, first[r], uniforms(self._random, size))
        self._factor, self._in_batch = Factor(capacity * m), np.zeros(size)
        self.weights = Weights(network.overlaps, network.alignment, network.second_layer, network.kinds, capacity)
        self._g, self._slopes, self._diagonal = np.empty((3, capacity, m, size))
        self._curvature = np.empty((capacity, size))
        # Errors as they are observed, and D with all steps before, on the steps so far.
        self.observed: list[dict[str, Array]] = []
        self.noise: list[Array] = []
        self._see()

    @property
    def steps(self) -> int:
        """Steps made so far."""
        return self.weights.n - 1

    def advance(self) -> None:
        """Make one step."""
        self.weights.advance(self._force(), self.network.rule)
        self._see()

    def replay(self, weights: Weights) -> Iterator[int]:
        """Take steps over that were made before: the samples follow them, without responses.  Yields each step, from 0."""
        known, self.weights = weights.n, weights
        for n in range(1, known + 1):
            weights.n = n
            if n > 1:
                self._see()
            yield n - 1

    def seen(self) -> dict[str, Array]:
        """The samples at the last step: residuals or margins (P,), preactivations and forces (m, P)."""
        h, f = self._state
        return {**self.network.labels.seen(f, self._y), "preactivation": h, "force": self._g[self.steps].copy()}

    def _see(self) -> None:
        """State of the samples at the last step."""
        network, k = self.network, self.steps
        h, a = self._preactivations(), self.weights.a[k]
        value, slope, curvature = network.activation(h)
        f = a @ value / len(a)
        self._state = h, f
        loss_slope = network.loss.slope(f, self._y) * self._drawn()
        q = a[:, None] * slope
        self._g[k], self._slopes[k] = loss_slope * q, q
        self._diagonal[k] = loss_slope * a[:, None] * curvature
        self._curvature[k] = network.loss.curvature(f, self._y) * self._weight / len(a)
        on_a = -value @ loss_slope / len(f) if network.train_second_layer else np.zeros(len(a))
        self._rates = network.kinds.alike(on_a)
        past = self._g[: k + 1].reshape((k + 1) * len(a), -1)
        self.noise.append(network.kinds.alike_pairs(network.inverse_alpha * (self._g[k] @ past.T) / past.shape[1]))
        self.observed.append(self._errors(h, f, a))

    def _drawn(self) -> Array:
        """s/b at this step."""
        batches, size = self.network.batches, self._normals.size
        if batches.part < 1:
            new = (uniforms(self._random, size) < batches.part).astype(float)
            if self.steps and batches.kept > 0:
                new = np.where(uniforms(self._random, size) < batches.kept, self._in_batch, new)
            self._in_batch = new
        else:
            self._in_batch = np.ones(size)
        self._weight = self._in_batch / batches.part
        return self._weight

    def _preactivations(self) -> Array:
        weights, now = self.weights, self.weights.last()
        size = self._normals.size
        C = weights.C[now]
        X = self._factor.add(C - weights.v[now] @ weights.v.T, np.diagonal(C[:, now]).max())
        rows = self._normals.rows(self._before + X.shape[1])[self._before :]
        h = weights.v[now] @ self._z + X @ rows
        if self.steps:
            past = self.steps * weights.m
            h -= self.network.inverse_alpha * (weights.R[now, :past] @ self._g[: self.steps].reshape(past, size))
        return h

    def _force(self) -> Force:
        """M, D, b and da/dt at the last step."""
        network, weights, k = self.network, self.weights, self.steps
        T = mean_responses(
            weights.R, self._curvature[: k + 1], self._slopes[: k + 1], self._diagonal[: k + 1], network.inverse_alpha
        )
        M = -network.kinds.alike_pairs(T)
        drift = network.kinds.alike(-self._g[k] @ self._z.T / self._normals.size) - M @ weights.v
        return Force(M, self.noise[-1], drift, self._rates)

    def _errors(self, h: Array, f: Array, a: Array) -> dict[str, Array]:
        """Mean losses on training samples and on fresh ones, and the part of these with the wrong sign."""
        network, now = self.network, self.weights.last()
        v, y = self.weights.v[now], self._y
        C = self.weights.C[now, now]
        own = Factor(len(a)).add(C - v @ v.T, np.diagonal(C).max())
        value, _, _ = network.kinked(v @ self._z + own @ self._fresh)
        fresh = a @ value / len(a)
        found = {
            "train_error": np.mean(network.loss.value(f, y)),
            "test_error": np.mean(network.loss.value(fresh, y)),
            "multiplier": network.kinds.alike(-np.mean(self._g[self.steps] * h, axis=1)),
        }
        if network.labels.signs:
            found["misclassification"] = np.mean(y * fresh <= 0)
        return found
