"""`[problem]` of this theory: keys, checks, and the equations built from them."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator, model_validator

from dmft.mathematics import hermite
from dmft.models.random_features.description import DESCRIPTION
from dmft.models.random_features.equations import Features, RandomFeatures, Teacher
from dmft.problem.description import Curve, Curves, Found, Panel, Solved
from dmft.problem.parameters import Parameters

if TYPE_CHECKING:
    from dmft.models.experiment import Setup
    from dmft.models.random_features.simulation import RandomFeaturesExperiment
    from dmft.problem.problem import Problem

Array = NDArray[np.float64]
# Degrees of the teacher, 0 and 1 included, that the staircase tells apart.
DEGREES = 6
# Relative error of the moments of activations.
MOMENT_ROUNDING = 1e-13


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
        if not features.noise_reduction(self.learning_rate) > MOMENT_ROUNDING:
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
        """Moments of the activation that enter the theory."""
        mean, slope = map(float, hermite.scaled_series(self.activation, 1.0, DEGREES)[:2])
        return Features(mean, slope, hermite.pair_mean(self.activation, 1.0, 1.0, 1.0))

    @property
    def teacher(self) -> Teacher:
        """Moments of the labels that enter the theory."""
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

    def experiment(self, problem: Problem, setup: Setup) -> RandomFeaturesExperiment:
        """The simulation of this parameter point."""
        from dmft.models.random_features.simulation import RandomFeaturesExperiment

        return RandomFeaturesExperiment(problem, setup)

    def panels(self) -> tuple[Panel, ...]:
        """Error with and without the noise of SGD; how it gets to its asymptotic value."""
        curves = Curve("generalization_error", "with the noise of SGD"), Curve("mean_error", "of the mean weights")
        above = Curve("generalization_error", r"$|\epsilon(t)-\epsilon(\infty)|$", self.build().asymptotic_error, decades=True)
        return Curves(curves, r"error  $\langle(f-y)^2\rangle/2$"), Curves((above,), "distance from the asymptotic error")

    def identities(self, solution: Solved) -> dict[str, float]:
        """Order of the two errors, and the integral equation between them."""
        from dmft.models.random_features.identities import of

        return of(solution, self.build())

    def findings(self, found: Found) -> dict[str, list[tuple[str, str]]]:
        """The error that more hidden units would reach."""
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
