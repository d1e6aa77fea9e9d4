"""Gradient flow of a two-layer network on a fixed data set.

Network f(x) = (1/m) sum_i a_i sigma(<w_i, x>), |w_i| = 1; data y = phi(<u, x>) + tau * noise; risk (1/2n) sum (f - y)^2.
Time unit: da_i/dt = -m dRisk/da_i, the same for w_i.  Limit n, d -> infinity at alpha = n/d and width m.
Montanari & Urbani, arXiv:2502.21269 (NeurIPS 2025).  With e = 1/m and 1/alpha = e m/alpha:

    C0_F = a a' [e h(C_d) + (1-e) h(C_o)] - a phat(v) - a' phat(v') + var_y           residual on a fresh sample
    S    = (1/alpha) a a' [h'(C_d) R_d + (m-1) h'(C_o) R_o],   R_F = (1 + S)^(-1)     response of the residual
    C_F  = R_F C0_F R_F^T                                                             residual on a training sample
    M_x  = -e a a' h'(C_x) R_F + (1/alpha) a a' h''(C_x) R_x C_F,    x = d, o
    D_x  = (1/alpha) a a' h'(C_x) C_F
    b    = a phat'(v) int R_F
    da/dt = -{ int R_F a' [e h(C_d) + (1-e) h(C_o)] - phat(v) int R_F - (1/alpha) int a' [h' R]_{d + (m-1) o} C_F }

Every product of matrices symmetric under permutation of the neurons splits into X_+ = X_d + (m-1) X_o and
X_- = X_d - X_o.  Channel 0 carries K = C_+/m with D_+/m, channel 1 carries C_- with D_-; then nothing is singular at e = 0:

    C_d = K + (1-e) C_-,   C_o = K - e C_-,   R_d = e R_+ + (1-e) R_-,   R_o = e (R_+ - R_-)

A single neuron, e = 1, has channel 0 alone, no C_o and no R_o.  The last channel, which stands for X_- below, is then X_+, and
the equations above give C_d = K, R_d = R_+; all of the rest has the weight 1 - e = 0.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from dmft.compiled import njit
from dmft.history.fields import TWO_TIME, Field
from dmft.history.history import History
from dmft.mathematics import hermite
from dmft.mathematics.hermite import Covariance
from dmft.mathematics.triangular import inverse, times_causal, times_transposed
from dmft.models.protocol import Channels, Forces, Rows, Start
from dmft.models.two_layer_flow.description import DESCRIPTION, OF_REAL_NETWORKS

Array = NDArray[np.float64]
Kernel = TypeVar("Kernel")

# The residual sector.
RESIDUAL_FIELDS = (
    Field("R_F", TWO_TIME, causal=True),
    Field("C0_F", TWO_TIME, symmetric=True),
    Field("C_F", TWO_TIME, symmetric=True),
)
# What a single neuron does not have.
BETWEEN_NEURONS = ("neuron_overlap", "C_o", "R_o")


@dataclass(frozen=True)
class TwoLayerFlow:
    """The equations in the module docstring at one parameter point; `signal` is the series of phat, `second_layer` is a(0)."""

    inverse_width: float
    inverse_alpha: float
    covariance: Covariance
    signal: Array
    label_variance: float
    second_layer: float
    alignment: float
    train_second_layer: bool

    directions = 1
    constraints = ("C_d(t,t)",)
    scalars = ("second_layer",)
    fields = (*RESIDUAL_FIELDS, Field("a_phat"))
    kinks = frozenset({"complexity"})
    energy = "train_error"

    @property
    def alone(self) -> bool:
        """True for a single neuron, which has no overlap with others."""
        return self.inverse_width == 1.0

    @property
    def observables(self) -> Mapping[str, Field]:
        """All of the theory that networks of this width have."""
        return _observables(self.alone)

    @property
    def response_kernels(self) -> tuple[str, ...]:
        """Responses of neurons and of the residual."""
        return ("R_d", "R_F") if self.alone else ("R_d", "R_o", "R_F")

    @property
    def channels(self) -> tuple[Channels, ...]:
        """K and C_-: C_d = K + (1 - e) C_-, and K = e and C_- = 1 where C_o = 0."""
        return _channels(self.inverse_width)

    @property
    def observable_sizes(self) -> Mapping[str, float]:
        """See `observable_sizes`."""
        return observable_sizes(self.inverse_width)

    def start(self) -> Start:
        """C_d = 1 and C_o = v^2 at t = 0: independent neurons, tilted by v towards u."""
        e, v = self.inverse_width, self.alignment
        C = np.array([e + (1 - e) * v**2, 1 - v**2])[: self.channels[0].count, None, None]
        return Start((C,), np.array([[v]]), np.array([self.second_layer]))

    def forces(self, history: History, rows: Rows, known: Mapping[str, Array] | None = None) -> Forces:
        """M, D, b and da/dt of the module docstring; int R_F and the like are sums, the weights are in R and R_F."""
        n, (C,), (R,) = history.n, rows.C, rows.R
        s, total = C.shape[1:]
        a_new, v_new = rows.scalars[0], rows.overlap[0]
        a = np.concatenate([history["second_layer"], a_new])
        phat, phat_slope = hermite.power_series(self.signal, v_new)
        a_phat = np.concatenate([history["a_phat"], a_new * phat])

        correlations = np.empty_like(C)
        _neuron_correlations(C, self.inverse_width, correlations)
        h, h1, h2 = (np.empty_like(correlations) for _ in range(3))
        self.covariance(correlations, h, h1, h2)

        S, C0_F = (np.empty((s, total)) for _ in range(2))
        _residual_rows(R, h, h1, a, a_phat, self.inverse_width, self.inverse_alpha, self.label_variance, S, C0_F)
        R_F, C_F = residual_kernels(history, S, C0_F, known)

        M, D = (np.empty_like(correlations) for _ in range(2))
        drift, rates = np.empty(s), np.empty(s)
        _force_rows(R, R_F, C_F, h, h1, h2, a, self.inverse_width, self.inverse_alpha, M, D, drift, rates)
        # _force_rows leaves int R_F in drift, and the part of -da/dt without the signal in rates.
        total_response = drift.copy()
        drift *= a_new * phat_slope
        rates = phat * total_response - rates if self.train_second_layer else np.zeros(s)
        return Forces((M,), (D,), drift[None], rates[None], {"R_F": R_F, "C0_F": C0_F, "C_F": C_F}, {"a_phat": a_phat[n:]})

    def observe(self, history: History, rows: Rows, forces: Forces, multiplier: Array) -> dict[str, Array]:
        """Observables of the run file on the new nodes.

        Complexity is |a| sqrt(h'(1)/alpha), which bounds the Gaussian complexity of the networks with these norms.
        """
        n = history.n
        e = self.inverse_width
        a = rows.scalars[0]
        plus, minus = rows.C[0][0], rows.C[0][-1]
        K, C_minus = plus[:, n:].diagonal(), minus[:, n:].diagonal()
        found = {
            # Mean squares: what is below zero is rounding, or an error within the tolerance.
            "train_error": np.maximum(forces.kernels["C_F"][:, n:].diagonal() / 2, 0.0),
            "test_error": np.maximum(forces.kernels["C0_F"][:, n:].diagonal() / 2, 0.0),
            "second_layer": a,
            "alignment": rows.overlap[0],
            "multiplier": multiplier[:, 0],
            "neuron_overlap": K - e * C_minus,
            "memory_of_start": plus[:, 0] + (1 - e) * minus[:, 0],
            "complexity": self.complexity(a),
        }
        return self._without_others(found)

    def complexity(self, a: Array) -> Array:
        """|a| sqrt(h'(1)/alpha)."""
        return np.abs(a) * math.sqrt(self.covariance.slope_at_one * self.inverse_alpha)

    def kernels(self, history: History) -> dict[str, Array]:
        """C_d, C_o, R_d, R_o, C_F, R_F; R_F without its delta."""
        e = self.inverse_width
        (K, C_minus), (R_plus, R_minus) = (history[name][[0, -1]] for name in ("C", "R"))
        found = {
            "C_d": K + (1 - e) * C_minus,
            "C_o": K - e * C_minus,
            "R_d": e * R_plus + (1 - e) * R_minus,
            "R_o": e * (R_plus - R_minus),
            "C_F": history["C_F"],
            "R_F": history["R_F"] - np.eye(history.n),
        }
        return self._without_others(found)

    def responses(self, history: History) -> dict[str, tuple[Array, Array]]:
        """R_d(t, t) = 1, R_o(t, t) = 0; the density of R_F = (1 + S)^(-1) starts at t' with -S(t', t')."""
        e = self.inverse_width
        a, (plus, minus) = history["second_layer"], history["kick"][[0, -1]]
        R_d, R_o = e * plus + (1 - e) * minus, e * (plus - minus)
        K, C_minus = history["C"][[0, -1], :, 0]
        _, h1_d, _ = self.covariance.evaluate(K + (1 - e) * C_minus)
        _, h1_o, _ = self.covariance.evaluate(K - e * C_minus)
        S = self.inverse_alpha * a * a[0] * (h1_d * R_d + h1_o * (1 - e) * (plus - minus))
        equal = self.inverse_alpha * a**2 * self.covariance.slope_at_one
        found = {
            "R_d": (R_d, np.ones_like(a)),
            "R_o": (R_o, np.zeros_like(a)),
            "R_F": (-history["R_F"] @ S, -equal),
        }
        return self._without_others(found)

    def _without_others(self, kernels: dict[str, Kernel]) -> dict[str, Kernel]:
        """Without those of two neurons, if there is one."""
        if not self.alone:
            return kernels
        return {name: kernel for name, kernel in kernels.items() if name not in BETWEEN_NEURONS}


def residual_kernels(history: History, S: Array, C0_F: Array, known: Mapping[str, Array] | None) -> tuple[Array, Array]:
    """New rows of R_F = (1 + S)^(-1) and C_F = R_F C0_F R_F^T, from the new rows of S and C0_F; C_F may be known."""
    n = history.n
    s = S.shape[0]
    R_F, W, C_F = (np.empty_like(S) for _ in range(3))
    own = inverse(np.eye(s) + S[:, n:])
    R_F[:, n:] = own
    R_F[:, :n] = -own @ times_causal(S[:, :n], history["R_F"])
    if known is not None:
        return R_F, known["C_F"]
    # W = R_F C0_F on the new rows.
    W[:, :n] = R_F[:, :n] @ history["C0_F"] + own @ C0_F[:, :n]
    W[:, n:] = R_F @ C0_F.T
    C_F[:, :n] = times_transposed(W[:, :n], history["R_F"])
    C_F[:, n:] = W @ R_F.T
    return R_F, C_F


def observable_sizes(inverse_width: float) -> Mapping[str, float]:
    """C_o acts like (m - 1) C_o beside C_d = 1; far below 1/m it is what rounding leaves of K - e C_-."""
    return {} if inverse_width == 1.0 else {"neuron_overlap": inverse_width}


@cache
def _observables(alone: bool) -> dict[str, Field]:
    found, unknown = DESCRIPTION.observable_fields({}), {*OF_REAL_NETWORKS, *(BETWEEN_NEURONS if alone else ())}
    return {name: field for name, field in found.items() if name not in unknown}


@cache
def _channels(e: float) -> tuple[Channels, ...]:
    number = 1 if e == 1.0 else 2
    return (Channels(weights=np.array([[1.0], [1.0 - e]][:number]), sizes=np.array([[e], [1.0]][:number])),)


@njit(fastmath=True)
def _neuron_correlations(C, e, out):
    """C_d and C_o from K and C_-."""
    channels, s, total = C.shape
    last = channels - 1
    for i in range(s):
        for j in range(total):
            out[last, i, j] = C[0, i, j] - e * C[last, i, j]
            out[0, i, j] = C[0, i, j] + (1.0 - e) * C[last, i, j]


@njit(fastmath=True)
def _residual_rows(R, h, h1, a, a_phat, e, inverse_alpha, label_variance, S, C0_F):
    """S and C0_F on the new rows; (m - 1) R_o = (1 - e)(R_+ - R_-)."""
    s, total = S.shape
    last = len(R) - 1
    n = total - s
    for i in range(s):
        for j in range(total):
            aa = a[n + i] * a[j]
            R_d = e * R[0, i, j] + (1.0 - e) * R[last, i, j]
            others = (1.0 - e) * (R[0, i, j] - R[last, i, j])
            S[i, j] = inverse_alpha * aa * (h1[0, i, j] * R_d + h1[last, i, j] * others)
            C0_F[i, j] = aa * (e * h[0, i, j] + (1.0 - e) * h[last, i, j]) - a_phat[n + i] - a_phat[j] + label_variance


@njit(fastmath=True)
def _force_rows(R, R_F, C_F, h, h1, h2, a, e, inverse_alpha, M, D, total_response, loss_rate):
    """M and D of both channels; sum_j R_F; and sum_j { R_F a' [e h_d + (1-e) h_o] - (1/alpha) a' [h' R] C_F }."""
    s, total = R_F.shape
    last = len(R) - 1
    n = total - s
    for i in range(s):
        response = 0.0
        loss = 0.0
        for j in range(total):
            aa = a[n + i] * a[j]
            R_d = e * R[0, i, j] + (1.0 - e) * R[last, i, j]
            difference = R[0, i, j] - R[last, i, j]
            noise = inverse_alpha * C_F[i, j]
            M_d = aa * (noise * h2[0, i, j] * R_d - e * h1[0, i, j] * R_F[i, j])
            M_o = aa * e * (noise * h2[last, i, j] * difference - h1[last, i, j] * R_F[i, j])
            M_others = aa * (1.0 - e) * (noise * h2[last, i, j] * difference - h1[last, i, j] * R_F[i, j])
            M[last, i, j] = M_d - M_o
            M[0, i, j] = M_d + M_others
            D_d = aa * noise * h1[0, i, j]
            D_o = aa * noise * h1[last, i, j]
            D[last, i, j] = D_d - D_o
            D[0, i, j] = e * D_d + (1.0 - e) * D_o
            response += R_F[i, j]
            loss += a[j] * (
                R_F[i, j] * (e * h[0, i, j] + (1.0 - e) * h[last, i, j])
                - noise * (h1[0, i, j] * R_d + (1.0 - e) * h1[last, i, j] * difference)
            )
        total_response[i] = response
        loss_rate[i] = loss
