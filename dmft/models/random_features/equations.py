"""Online learning of the output weights of a network with random hidden units.

Student f(x) = K^(-1/2) sum_i c_i g(u_i.x/sqrt N), i = 1..K, with frozen u_i of standard normal components, and c = 0 at t = 0.
Teacher y = sum_m A_m g(B_m.x/sqrt N) + noise, T_mn = B_m.B_n/N; x standard normal in N dimensions.  Every step sees a fresh
sample, c_i -= (eta/sqrt K) (f - y) g_i(x); time t = steps/K, K = beta N, N -> infinity.  Worschech & Rosenow, arXiv:2303.14083.

With k0 = E g(z), k1 = E g'(z), G = E g(z)^2 and k* = G - k0^2 - k1^2 for standard normal z, the covariance of the features has
the eigenvalues lambda = k* + k1^2 s, s from the Marchenko-Pastur law of U^T U/N, and a mode along the mean of the features that
is learned within O(1) steps, at once in t.  With V = var y, noise included, and L the power of the linear part of the teacher,

    e_0(t) = (1/2) [V - int dP(s) (k1^2 L s/lambda) (1 - e^(-2 eta lambda t))]                    error of the mean weights
    d var_k/dt = -2 eta lambda_k var_k + 2 eta^2 lambda_k eps                                     their fluctuations
    eps(t) = [e_0(t) + (1/2K) sum_k lambda_k var_k] / (1 - eta k0^2/2)                            generalisation error

The last denominator is what the noise of the mode of the mean adds.  Only the excess of each mode counts, mean and variance
together: x_k, with eps = (e_0(inf) + sum_k x_k)/(1 - eta k0^2/2), obeys one linear system,

    dx/dt = -2 eta Lambda x + eta^2 mu Lambda^2 eps,     mu_k the fraction of modes,

which x_k = sqrt(mu_k) lambda_k z_k makes symmetric: its matrix is diagonal plus a rank-one matrix.  It is stable for
eta G < 2, whatever beta is, and then eps(inf) = e_0(inf)/(1 - eta G/2).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import inf, sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dmft.mathematics import hermite, marchenko_pastur
from dmft.models.random_features.description import DESCRIPTION

Array = NDArray[np.float64]
# Degrees of the teacher, 0 and 1 included, that the staircase tells apart.
DEGREES = 6
# Relative error of the moments of activations.
MOMENT_ROUNDING = 1e-13


@dataclass(frozen=True)
class Features:
    """Mean k0 = E g, slope k1 = E g' and square G = E g^2 of the activation of a standard normal variable."""

    mean: float
    slope: float
    square: float

    @property
    def nonlinear(self) -> float:
        """k* = G - k0^2 - k1^2; zero where only rounding is left."""
        rest = self.square - self.mean**2 - self.slope**2
        return rest if rest > MOMENT_ROUNDING * self.square else 0.0

    @property
    def learning_rate_bound(self) -> float:
        """2/G."""
        return 2 / self.square

    def noise_reduction(self, learning_rate: float) -> float:
        """1 - eta G/2: the error without the noise of SGD, as a fraction of that with it, as t -> infinity."""
        return 1 - learning_rate * self.square / 2


@dataclass(frozen=True)
class Teacher:
    """Labels: their variance V, noise included, and the power of each degree, sum_mn A_m A_n s_k(T_mm) s_k(T_nn) rho_mn^k.

    s_k(T) are the Hermite coefficients of g(sqrt(T) z), rho the correlations of the units.
    """

    variance: float
    powers: Array

    @classmethod
    def of(cls, activation: str | tuple[float, ...], output: Array, overlaps: Array, noise_variance: float) -> Teacher:
        """The labels of these units."""
        variances = np.diag(overlaps)
        weights = output[:, None] * [hermite.scaled_series(activation, sqrt(v), DEGREES)[:DEGREES] for v in variances]
        scale = np.sqrt(np.outer(variances, variances))
        correlations = np.divide(overlaps, scale, out=np.zeros_like(overlaps), where=scale > 0)
        powers = np.array([w @ correlations**k @ w for k, w in enumerate(weights.T)])
        moments = [
            [hermite.pair_mean(activation, v, w, overlap) for w, overlap in zip(variances, row, strict=True)]
            for v, row in zip(variances, overlaps, strict=True)
        ]
        return cls(float(output @ moments @ output - powers[0] + noise_variance), powers)


@dataclass(frozen=True)
class RandomFeatures:
    """The solution of the equations in the module docstring: sums of exponentials."""

    hidden_ratio: float
    learning_rate: float
    features: Features
    teacher: Teacher

    observables = tuple(DESCRIPTION.observables)
    steps: frozenset[str] = frozenset()
    expected_kinks = 0.0

    @cached_property
    def modes(self) -> Modes:
        """Eigenvalues lambda, fractions mu of all modes, and excess x_k(0), half the power of the labels along the modes."""
        s, weights = marchenko_pastur.quadrature(self.hidden_ratio)
        linear = self.features.slope**2 * s
        rates = self.features.nonlinear + linear
        with np.errstate(invalid="ignore"):
            share = np.nan_to_num(linear / rates)
        # Of K eigenvalues, K - N are k* if K > N.
        return Modes(
            rates=np.append(rates, self.features.nonlinear),
            fractions=np.append(weights / self.hidden_ratio, max(1 - 1 / self.hidden_ratio, 0.0)),
            excess=np.append(self.teacher.powers[1] * weights * share / 2, 0.0),
        )

    @property
    def residual_error(self) -> float:
        """e_0(inf): what no weights can reach."""
        return max(self.teacher.variance / 2 - float(self.modes.excess.sum()), 0.0)

    @property
    def asymptotic_error(self) -> float:
        """eps(inf)."""
        return self.residual_error / self.features.noise_reduction(self.learning_rate)

    @property
    def fastest_rate(self) -> float:
        """2 eta times the largest eigenvalue, 1/time."""
        return 2 * self.learning_rate * float(self.modes.rates.max())

    @cached_property
    def _decays(self) -> tuple[Array, Array]:
        """Rates and amplitudes of eps(t) - eps(inf), a sum of exponentials.

        The matrix that acts on z is -2 eta (Lambda - (eta'/2) q q^T), q_k = sqrt(mu_k) lambda_k, eta' = eta/(1 - eta k0^2/2).
        """
        rates, fractions, excess = self.modes
        amplified = 1 / (1 - self.learning_rate * self.features.mean**2 / 2)
        feedback = self.learning_rate * amplified / 2
        q = np.sqrt(fractions) * rates
        eigenvalues, vectors = np.linalg.eigh(np.diag(rates) - feedback * np.outer(q, q))
        fixed_point = feedback * self.asymptotic_error / amplified * np.sqrt(fractions)
        start = np.divide(excess, q, out=np.zeros_like(q), where=q > 0)
        return 2 * self.learning_rate * eigenvalues, amplified * (q @ vectors) * ((start - fixed_point) @ vectors)

    def next_kink(self, time: float) -> float:
        """None: exponentials are smooth."""
        return inf

    def evaluate(self, t: Array) -> dict[str, Array]:
        """Every observable at the times t, (len(t),) each."""
        rates, amplitudes = self._decays
        fall = np.exp(-2 * self.learning_rate * np.outer(t, self.modes.rates)) @ self.modes.excess
        # Mean squares: what is below zero is rounding.
        return {
            "generalization_error": np.maximum(self.asymptotic_error + np.exp(-np.outer(t, rates)) @ amplitudes, 0.0),
            "mean_error": np.maximum(self.residual_error + fall, 0.0),
        }


class Modes(NamedTuple):
    """Arrays over the modes of the features."""

    rates: Array
    fractions: Array
    excess: Array
