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
from math import inf, isfinite, sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator, model_validator

from dmft.mathematics import hermite, marchenko_pastur
from dmft.problem.description import Citation, Curve, Curves, Description, Found, Panel, Quantity
from dmft.problem.parameters import Parameters, register

Array = NDArray[np.float64]

# Degrees of the teacher, 0 and 1 included, that the staircase tells apart.
DEGREES = 6
# Relative error of the moments of activations.
ROUNDING = 1e-13

DESCRIPTION = Description(
    title=(r"$K/N = {hidden_ratio}$", r"$\eta = {learning_rate}$", "$g$ = {activation}", r"noise ${noise}$"),
    observables={
        "generalization_error": Quantity(
            "1", "mean of (f - y)^2/2 on a fresh sample, label noise included", r"generalisation error  $\epsilon$"
        ),
        "mean_error": Quantity(
            "1",
            "the same of the weights averaged over the noise of SGD, label noise included",
            r"error of the mean  $\epsilon_0$",
        ),
    },
    constants={
        "asymptotic_error": Quantity("1", "generalization_error as t -> infinity", r"asymptotic error  $\epsilon(\infty)$"),
        "learning_rate_bound": Quantity("1", "2/E g^2, beyond which the weights diverge", r"bound of the learning rate"),
    },
    kernels={},
    summary=("generalization_error", "mean_error"),
    swept=("generalization_error",),
    citations=(
        Citation(
            "the dynamics of random features",
            """@misc{worschech2023online,
  author        = {Worschech, Roman and Rosenow, Bernd},
  title         = {Online Learning for the Random Feature Model in the Student-Teacher Framework},
  year          = {2023},
  eprint        = {2303.14083},
  archivePrefix = {arXiv},
}""",
        ),
    ),
)


@register("random-features")
class RandomFeaturesParameters(Parameters):
    """The `[problem]` table of `model = "random-features"`."""

    description = DESCRIPTION

    hidden_ratio: float = Field(gt=0, le=1e100, allow_inf_nan=False, description="beta = K/N, hidden units per input")
    activation: str | tuple[float, ...] = Field(description="g: a name, or normalised Hermite coefficients")
    teacher_output: tuple[float, ...] = Field(description="A_m, output weights of the teacher, one a unit")
    teacher_overlap: tuple[tuple[float, ...], ...] | None = Field(
        default=None, description="T_mn, overlaps of the units of the teacher; without it they are orthogonal, of norm sqrt N"
    )
    learning_rate: float = Field(gt=0, allow_inf_nan=False, description="eta, below 2/E g^2")
    noise: float = Field(default=0.0, ge=0, le=1e100, allow_inf_nan=False, description="standard deviation of the label noise")

    @field_validator("activation")
    @classmethod
    def _function(cls, given: str | tuple[float, ...]) -> str | tuple[float, ...]:
        return hermite.checked(given)

    @field_validator("teacher_output")
    @classmethod
    def _finite(cls, given: tuple[float, ...]) -> tuple[float, ...]:
        if not given or not all(map(isfinite, given)):
            raise ValueError("wanted at least one number, all finite")
        return given

    @field_validator("teacher_overlap")
    @classmethod
    def _covariance(cls, given: tuple[tuple[float, ...], ...] | None) -> tuple[tuple[float, ...], ...] | None:
        if given is not None:
            refuse_no_covariance(given)
        return given

    @model_validator(mode="after")
    def _consistent(self) -> RandomFeaturesParameters:
        if len(self.overlaps) != len(self.teacher_output):
            size = len(self.teacher_output)
            raise ValueError(f"teacher_overlap: wanted {size} rows, one a unit of teacher_output, not {len(self.overlaps)}")
        features = self.features
        if features.slope == 0 and features.nonlinear == 0:
            raise ValueError("activation: wanted a non-zero coefficient beyond s_0, a constant learns nothing")
        if not features.noise_reduction(self.learning_rate) > ROUNDING:
            bound = features.learning_rate_bound
            raise ValueError(
                f"learning_rate = {self.learning_rate:g}: wanted a number < 2/E g^2 = {bound:.6g}, weights diverge beyond it"
            )
        if features.mean == 0 and self.teacher.powers[0] > 0:
            raise ValueError(
                "teacher_overlap: wanted units of norm 1, as these have outputs of non-zero mean, which these features have not"
            )
        return self

    @property
    def overlaps(self) -> Array:
        """T, (units, units)."""
        return np.eye(len(self.teacher_output)) if self.teacher_overlap is None else np.array(self.teacher_overlap)

    @property
    def features(self) -> Features:
        """What the theory knows of the activation."""
        mean, slope = map(float, hermite.scaled_series(self.activation, 1.0, DEGREES)[:2])
        return Features(mean, slope, hermite.pair_mean(self.activation, 1.0, 1.0, 1.0))

    @property
    def teacher(self) -> Teacher:
        """What the theory knows of the labels."""
        return Teacher.of(self.activation, np.array(self.teacher_output), self.overlaps, self.noise**2)

    @property
    def kind(self) -> str:
        """Solved by `dmft.engines.closed_form`."""
        return "closed-form"

    def build(self) -> RandomFeatures:
        """The equations of this parameter point, solved."""
        return RandomFeatures(self.hidden_ratio, self.learning_rate, self.features, self.teacher)

    def constants(self) -> dict[str, float]:
        """Asymptotic error, and the learning rate up to which there is one."""
        return {
            "asymptotic_error": self.build().asymptotic_error,
            "learning_rate_bound": self.features.learning_rate_bound,
        }

    def staircase(self) -> Array:
        """Asymptotic error for N^l << K << N^(l+1), l = 0, 1, ...: the features span all polynomials of degree l, (DEGREES,).

        What the activation lacks stays.  l = 0 is the limit beta -> 0, l = 1 the limit beta -> infinity.
        """
        known = hermite.scaled_series(self.activation, 1.0, DEGREES)[:DEGREES] != 0
        removed = np.cumsum(np.where(known, self.teacher.powers, 0.0)) - self.teacher.powers[0]
        return np.maximum(self.teacher.variance - removed, 0.0) / 2 / self.features.noise_reduction(self.learning_rate)

    def panels(self) -> tuple[Panel, ...]:
        """Error with and without the noise of SGD; how it gets to its asymptotic value."""
        curves = Curve("generalization_error", "with the noise of SGD"), Curve("mean_error", "of the mean weights")
        above = Curve("generalization_error", r"$|\epsilon(t)-\epsilon(\infty)|$", self.build().asymptotic_error, decades=True)
        return Curves(curves, r"error  $\langle(f-y)^2\rangle/2$"), Curves((above,), "distance from the asymptotic error")

    def findings(self, found: Found) -> dict[str, list[tuple[str, str]]]:
        """What more hidden units would reach."""
        limits = [(f"N^{level} << K << N^{level + 1}", f"{error:.8g}") for level, error in enumerate(self.staircase())]
        left = found.observables["generalization_error"][-1] - self.build().asymptotic_error
        return {
            "asymptotic error": [("left above it at the end", f"{left:.3g}"), *limits],
        }


def refuse_no_covariance(given: tuple[tuple[float, ...], ...]) -> None:
    """ValueError, which names its smallest eigenvalue, unless a matrix is symmetric and positive semidefinite."""
    if any(len(row) != len(given) for row in given) or not np.isfinite(np.array(given)).all():
        raise ValueError("wanted a square matrix of finite numbers, as a list of rows")
    matrix = np.array(given)
    if not np.allclose(matrix, matrix.T, rtol=1e-12, atol=0.0):
        raise ValueError("wanted a symmetric matrix")
    smallest, *_, largest = (*np.linalg.eigvalsh(matrix), np.abs(matrix).max())
    if smallest < -1e-12 * largest:
        raise ValueError(f"wanted a positive semidefinite matrix, its smallest eigenvalue is {smallest:.6g}")


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
        return rest if rest > ROUNDING * self.square else 0.0

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
        return {
            "generalization_error": self.asymptotic_error + np.exp(-np.outer(t, rates)) @ amplitudes,
            "mean_error": self.residual_error
            + np.exp(-2 * self.learning_rate * np.outer(t, self.modes.rates)) @ self.modes.excess,
        }


class Modes(NamedTuple):
    """Arrays over the modes of the features."""

    rates: Array
    fractions: Array
    excess: Array
