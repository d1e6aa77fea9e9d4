"""Gradient flow of a two-layer network whose neurons start in groups, on a target of several directions.

Neurons that start alike stay alike.  With groups k of m_k = f_k m neurons, a_k and v_k in R^r for each, every matrix over
neurons is X_ij = X^-_k delta_ij + X^o_kl, and products split into a scalar channel X^-_k for each group of several neurons, and
one channel of G x G blocks.  With e_k = 1/m_k and e = 1/m the latter carries, regular for m -> infinity at fixed fractions,

    K_kl = e_k C^-_k delta_kl + C^o_kl  (D alike),      R_kl = R^-_k delta_kl + m_l R^o_kl  (M alike),

so that C_d,k = K_kk + (1 - e_k) C^-_k and R_d,k = e_k R_kk + (1 - e_k) R^-_k.  Below r_kl = m_l R^o_kl = R_kl - R^-_k delta_kl.

    C0_F = sum_kl f_k f_l a_k a_l' [h(C^o_kl) + delta_kl e_k (h(C_d,k) - h(C^o_kk))]
           - sum_k f_k [a_k Phi(v_k) + a_k' Phi(v_k')] + var_y
    S    = (1/alpha) sum_k f_k a_k { a_k' h'(C_d,k) R_d,k + sum_l a_l' h'(C^o_kl) (1 - e_k delta_kl) r_kl }
    M_d,k     = a_k a_k' [(1/alpha) h''(C_d,k) R_d,k C_F - e h'(C_d,k) R_F]
    m_l M^o_kl = a_k a_l' [(1/alpha) h''(C^o_kl) r_kl C_F - f_l h'(C^o_kl) R_F]
    D_x  = (1/alpha) a_k a_l' h'(C_x) C_F,      b_k = a_k grad Phi(v_k) int R_F
    da_k/dt = Phi(v_k) int R_F - int R_F sum_l f_l a_l [h(C^o_kl) + delta_kl e_k (h(C_d,k) - h(C^o_kk))]
              + (1/alpha) int C_F { a_k h'(C_d,k) R_d,k + sum_l a_l h'(C^o_kl) (1 - e_k delta_kl) r_kl }

R_F and C_F are those of `equations.py`, which is the case of one group and one direction.  A group of one neuron has no channel
X^-; all of its terms have the weight 1 - e_k = 0.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from dmft.compiled import njit
from dmft.history.fields import Field
from dmft.history.history import History
from dmft.mathematics.hermite import Covariance
from dmft.models.protocol import Channels, Forces, Rows, Start
from dmft.models.two_layer_flow.blocks import Blocks
from dmft.models.two_layer_flow.description import DESCRIPTION, OF_REAL_NETWORKS
from dmft.models.two_layer_flow.equations import BETWEEN_NEURONS, RESIDUAL_FIELDS, residual_kernels
from dmft.models.two_layer_flow.neurons import Group
from dmft.models.two_layer_flow.target import Overlap

Array = NDArray[np.float64]
Kernel = TypeVar("Kernel")

# An alignment below a thousandth of this is rounding, where it vanishes by symmetry.
SMALLEST_ALIGNMENT = 1e-6


@dataclass(frozen=True)
class GroupedFlow:
    """The equations in the module docstring at one parameter point."""

    groups: tuple[Group, ...]
    inverse_width: float
    inverse_alpha: float
    covariance: Covariance
    signal: Overlap
    label_variance: float
    train_second_layer: bool
    axes: Mapping[str, int]

    scalars = ("second_layer",)
    kinks = frozenset({"complexity"})
    energy = "train_error"
    fields = (*RESIDUAL_FIELDS, Field("a_phat"))

    @cached_property
    def blocks(self) -> Blocks:
        """The channels of matrices over neurons."""
        return Blocks(
            np.array([group.fraction for group in self.groups]), np.array([1.0 / group.number for group in self.groups])
        )

    @cached_property
    def start_alignment(self) -> Array:
        """v_k at t = 0, (G, r)."""
        return np.array([group.alignment for group in self.groups])

    @property
    def directions(self) -> int:
        """Number of directions r."""
        return self.start_alignment.shape[1]

    @property
    def constraints(self) -> tuple[str, ...]:
        """The norm of a neuron of each group."""
        return self.blocks.constraints

    @property
    def channels(self) -> tuple[Channels, ...]:
        """K, and C^- of each group of several neurons."""
        return self.blocks.channels

    @property
    def observables(self) -> Mapping[str, Field]:
        """All of the theory that networks of this width have."""
        return self._observables

    @cached_property
    def _observables(self) -> dict[str, Field]:
        return self._existing(DESCRIPTION.observable_fields(self.axes))

    @property
    def response_kernels(self) -> tuple[str, ...]:
        """Responses of neurons and of the residual."""
        return tuple(self._existing({"R_d": 0, "R_o": 0, "R_F": 0}))

    @property
    def observable_sizes(self) -> Mapping[str, float]:
        """See `observable_sizes`."""
        return observable_sizes(self.inverse_width)

    def _existing(self, found: dict[str, Kernel]) -> dict[str, Kernel]:
        """Without what this theory does not know, and what a network of one neuron does not have."""
        unknown = {*OF_REAL_NETWORKS, *(BETWEEN_NEURONS if self.inverse_width == 1.0 else ())}
        return {name: each for name, each in found.items() if name not in unknown}

    def start(self) -> Start:
        """C_d = 1 and C_o = v_k . v_l at t = 0: independent neurons, tilted towards the directions."""
        v = self.start_alignment
        own = 1.0 - np.sum(v**2, axis=1)
        K = v @ v.T + np.diag(self.blocks.inverse_numbers * own)
        C = (K[None], own[self.blocks.minus >= 0][:, None, None])
        return Start(C[: len(self.channels)], v.T.copy(), np.array([group.second_layer for group in self.groups]))

    def forces(self, history: History, rows: Rows, known: Mapping[str, Array] | None = None) -> Forces:
        """M, D, b and da/dt of the module docstring; int R_F and the like are sums, the weights are in R and R_F."""
        n, G, r = history.n, len(self.groups), self.directions
        s, total = rows.C[0].shape[1] // G, rows.C[0].shape[2] // G
        K, R = (X[0].reshape(s, G, total, G) for X in (rows.C, rows.R))
        C_minus, R_minus = (X[-1] if len(X) > 1 else np.empty((0, s, total)) for X in (rows.C, rows.R))
        a_new, v_new = rows.scalars, rows.overlap.reshape(r, s, G).transpose(1, 2, 0)
        a = np.column_stack([history.series("second_layer").reshape(G, n), a_new])
        phat, gradient = self.signal(v_new)
        signal = np.concatenate([history["a_phat"], (a_new.T * phat) @ self.blocks.fractions])

        correlations = np.empty((G * G + G, s, total))
        neuron_correlations(K, C_minus, self.blocks.minus, self.blocks.inverse_numbers, correlations)
        h, h1, h2 = (np.empty_like(correlations) for _ in range(3))
        self.covariance(correlations, h, h1, h2)

        S, C0_F = (np.empty((s, total)) for _ in range(2))
        sizes = (self.blocks.minus, self.blocks.inverse_numbers, self.blocks.fractions)
        residual_rows(R, R_minus, *sizes, h, h1, a, signal, self.inverse_alpha, self.label_variance, S, C0_F)
        R_F, C_F = residual_kernels(history, S, C0_F, known)

        M, D, M_minus, D_minus = np.empty_like(R), np.empty_like(R), np.empty_like(R_minus), np.empty_like(R_minus)
        loss = np.empty((G, s))
        force_rows(
            R, R_minus, *sizes, R_F, C_F, h, h1, h2, a, self.inverse_width, self.inverse_alpha, M, D, M_minus, D_minus, loss
        )
        response = R_F.sum(axis=1)
        drift = (a_new.T[:, :, None] * gradient * response[:, None, None]).transpose(2, 0, 1).reshape(r, s * G)
        rates = phat.T * response - loss if self.train_second_layer else np.zeros((G, s))
        number = len(self.channels)
        together = (1, s * G, total * G)
        M_all, D_all = (M.reshape(together), M_minus)[:number], (D.reshape(together), D_minus)[:number]
        return Forces(M_all, D_all, drift, rates, {"R_F": R_F, "C0_F": C0_F, "C_F": C_F}, {"a_phat": signal[n:]})

    def observe(self, history: History, rows: Rows, forces: Forces, multiplier: Array) -> dict[str, Array]:
        """Observables of the run file on the new nodes; complexity is the mean |a| times sqrt(h'(1)/alpha)."""
        n, G, r = history.n, len(self.groups), self.directions
        s = rows.C[0].shape[1] // G
        K = rows.C[0].reshape(s, G, -1, G)
        own, first = K[np.arange(s), :, n + np.arange(s)].copy(), np.einsum("sgg->sg", K[:, :, 0]).copy()
        for k, place in enumerate(self.blocks.minus):
            if place >= 0:
                C_minus = rows.C[1][place]
                own[:, k, k] -= self.blocks.inverse_numbers[k] * np.diagonal(C_minus[:, n:])
                first[:, k] += (1.0 - self.blocks.inverse_numbers[k]) * C_minus[:, 0]
        return self._existing(
            {
                "train_error": np.maximum(np.diagonal(forces.kernels["C_F"][:, n:]) / 2, 0.0),
                "test_error": np.maximum(np.diagonal(forces.kernels["C0_F"][:, n:]) / 2, 0.0),
                "second_layer": rows.scalars.T,
                "alignment": rows.overlap.reshape(r, s, G).transpose(1, 2, 0),
                "multiplier": multiplier,
                "neuron_overlap": own,
                "memory_of_start": first,
                "complexity": self.complexity(rows.scalars.T),
            }
        )

    def test_error(self, same: Array, other: Array, v: Array, a: Array) -> Array:
        """E[(f - y)^2]/2 on fresh samples, (n,), from C_d (n, G), C^o (n, G, G), v (n, G, r) and a (n, G) at equal times."""
        f, e = self.blocks.fractions, self.blocks.inverse_numbers
        h_same, h_other = (self.covariance.evaluate(np.ascontiguousarray(C))[0] for C in (same, other))
        diagonal = np.arange(len(f))
        h_other[:, diagonal, diagonal] += e * (h_same - h_other[:, diagonal, diagonal])
        phat, _ = self.signal(v)
        return (np.einsum("ng,ngh,nh->n", a * f, h_other, a * f) - 2 * (a * phat) @ f + self.label_variance) / 2

    def complexity(self, a: Array) -> Array:
        """Mean |a| times sqrt(h'(1)/alpha), from a (..., G)."""
        return np.abs(a) @ self.blocks.fractions * math.sqrt(self.covariance.slope_at_one * self.inverse_alpha)

    def kernels(self, history: History) -> dict[str, Array]:
        """C_d, R_d of each group, C_o, R_o of each pair of groups; C_F, R_F, the latter without its delta."""
        C_d, C_o = self.blocks.neurons(*self.blocks.arrays(history, "C"))
        R_d, r = self.blocks.responses(*self.blocks.arrays(history, "R"))
        R_F = history["R_F"] - np.eye(history.n)
        found = {"C_d": C_d, "C_o": C_o, "R_d": R_d, "R_o": r * self.blocks.inverse_numbers, "C_F": history["C_F"], "R_F": R_F}
        return self._existing(found)

    def responses(self, history: History) -> dict[str, tuple[Array, Array]]:
        """R_d(t, t) = 1, R_o(t, t) = 0; the density of R_F = (1 + S)^(-1) starts at t' with -S(t', t')."""
        C, C_minus = self.blocks.arrays(history, "C")
        C_d, C_o = self.blocks.neurons(C[:, 0], C_minus[:, :, 0])
        R_d, r = self.blocks.responses(*self.blocks.arrays(history, "kick"))
        h1_d, h1_o = self.covariance.evaluate(C_d)[1], self.covariance.evaluate(C_o)[1]
        pairs = 1.0 - np.diag(self.blocks.inverse_numbers)
        a, f = history.series("second_layer").T, self.blocks.fractions
        S = self.inverse_alpha * (f * a * (a[0] * h1_d * R_d + (a[0] * h1_o * pairs * r).sum(axis=2))).sum(axis=1)
        equal = self.inverse_alpha * self.covariance.slope_at_one * (a**2 @ f)
        found = {
            "R_d": (R_d, np.ones_like(R_d)),
            "R_o": (r * self.blocks.inverse_numbers, np.zeros_like(r)),
            "R_F": (-history["R_F"] @ S, -equal),
        }
        return self._existing(found)


def observable_sizes(inverse_width: float) -> Mapping[str, float]:
    """C_o acts like (m - 1) C_o beside C_d = 1, and may vanish by symmetry, as may an alignment."""
    return {"neuron_overlap": max(inverse_width, SMALLEST_ALIGNMENT), "alignment": SMALLEST_ALIGNMENT}


@njit(fastmath=True)
def neuron_correlations(K, C_minus, minus, e, out):
    """C^o_kl at k G + l, then C_d,k, from K (s, G, N, G) and C^- of the groups of several neurons (channels, s, N)."""
    s, G, total, _ = K.shape
    for k in range(G):
        for i in range(s):
            for other in range(G):
                for j in range(total):
                    out[k * G + other, i, j] = K[i, k, j, other]
            for j in range(total):
                apart = C_minus[minus[k], i, j] if minus[k] >= 0 else 0.0
                out[G * G + k, i, j] = K[i, k, j, k] + (1.0 - e[k]) * apart
                out[k * G + k, i, j] -= e[k] * apart


@njit(fastmath=True)
def residual_rows(R, R_minus, minus, e, f, h, h1, a, signal, inverse_alpha, label_variance, S, C0_F):
    """S and C0_F on the new rows; `signal` is sum_k f_k a_k Phi(v_k)."""
    s, G, total, _ = R.shape
    n = total - s
    for i in range(s):
        for j in range(total):
            response = 0.0
            output = 0.0
            for k in range(G):
                own = G * G + k
                diagonal = R[i, k, j, k]
                apart = R_minus[minus[k], i, j] if minus[k] >= 0 else diagonal
                along = h1[own, i, j] * (e[k] * diagonal + (1.0 - e[k]) * apart) * a[k, j]
                overlap = f[k] * a[k, j] * e[k] * (h[own, i, j] - h[k * G + k, i, j])
                for other in range(G):
                    r = (1.0 - e[k]) * (diagonal - apart) if other == k else R[i, k, j, other]
                    along += a[other, j] * h1[k * G + other, i, j] * r
                    overlap += f[other] * a[other, j] * h[k * G + other, i, j]
                response += f[k] * a[k, n + i] * along
                output += f[k] * a[k, n + i] * overlap
            S[i, j] = inverse_alpha * response
            C0_F[i, j] = output - signal[n + i] - signal[j] + label_variance


@njit(fastmath=True)
def force_rows(
    R, R_minus, minus, e, f, R_F, C_F, h, h1, h2, a, inverse_width, inverse_alpha, M, D, M_minus, D_minus, loss_rate
):
    """M and D of all channels, and the part of -da/dt without the signal, (G, s)."""
    s, G, total, _ = R.shape
    n = total - s
    for i in range(s):
        for k in range(G):
            own, same = G * G + k, k * G + k
            loss = 0.0
            for j in range(total):
                noise, aa = inverse_alpha * C_F[i, j], a[k, n + i] * a[k, j]
                diagonal = R[i, k, j, k]
                apart = R_minus[minus[k], i, j] if minus[k] >= 0 else diagonal
                R_d = e[k] * diagonal + (1.0 - e[k]) * apart
                M_d = aa * (noise * h2[own, i, j] * R_d - inverse_width * h1[own, i, j] * R_F[i, j])
                D_d = aa * noise * h1[own, i, j]
                output = f[k] * a[k, j] * e[k] * (h[own, i, j] - h[same, i, j])
                along = a[k, j] * h1[own, i, j] * R_d
                for other in range(G):
                    pair, a_other = k * G + other, a[other, j]
                    r = R[i, k, j, other] - (apart if other == k else 0.0)
                    M_o = a[k, n + i] * a_other * (noise * h2[pair, i, j] * r - f[other] * h1[pair, i, j] * R_F[i, j])
                    D_o = a[k, n + i] * a_other * noise * h1[pair, i, j]
                    M[i, k, j, other] = M_o
                    D[i, k, j, other] = D_o
                    output += f[other] * a_other * h[pair, i, j]
                    along += a_other * h1[pair, i, j] * r * (1.0 - e[k] if other == k else 1.0)
                loss += R_F[i, j] * output - noise * along
                if minus[k] >= 0:
                    M_minus[minus[k], i, j] = M_d - e[k] * M[i, k, j, k]
                    D_minus[minus[k], i, j] = D_d - D[i, k, j, k]
                M[i, k, j, k] = M_d + (1.0 - e[k]) * M[i, k, j, k]
                D[i, k, j, k] = e[k] * D_d + (1.0 - e[k]) * D[i, k, j, k]
            loss_rate[k, i] = loss
