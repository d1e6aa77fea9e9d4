"""`[problem]` of this theory: keys, checks, and the equations built from them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_serializer, field_validator, model_validator

from dmft.models.hinge.description import DESCRIPTION
from dmft.models.hinge.equations import FiniteData, InfiniteData
from dmft.models.hinge.population import SIGNS, Population, drawn
from dmft.models.hinge.step import DataSet
from dmft.problem.description import Curve, Curves, Found, Pair, Panel, Solved, smallest
from dmft.problem.parameters import Parameters

if TYPE_CHECKING:
    from dmft.models.experiment import Setup
    from dmft.models.hinge.simulation import HingeExperiment
    from dmft.problem.problem import Problem

Array = NDArray[np.float64]
# Pairs of fresh examples of a population.
PAIRS = 2000
# Numbers of a data set: more than any memory holds.
MOST = 1e15
# Arrays that are there at once: of all examples and nodes; of all pairs of examples; of all nodes.
FIELDS, KERNELS, STATES = 7, 4, 25
# Arrays of all examples in the closed form.
CLOSED = 40


class HingeParameters(Parameters):
    """The `[problem]` table of `model = "hinge"`."""

    description = DESCRIPTION
    theory_alone = ("population",)
    step_keys = ("samples", "population")

    laziness: float = Field(ge=1e-50, le=1e50, allow_inf_nan=False, description="alpha, which multiplies f in the loss")
    threshold: float = Field(default=1.0, gt=0, le=1e50, allow_inf_nan=False, description="h, the margin that satisfies")
    output_variance: float = Field(default=1.0, ge=0, le=1e50, allow_inf_nan=False, description="s_a, variance of a_i(0)")
    weight_variance: float = Field(
        default=1.0, ge=0, le=1e50, allow_inf_nan=False, description="s_w, variance of each component of w_i(0)"
    )
    samples: float = Field(default=math.inf, description="P, number of examples: a whole number, or inf")
    dimension: int | None = Field(default=None, ge=1, description="N, of the examples, with a finite number of them")
    mirrored: bool = Field(default=True, description="whether the mirror image -x, of label -y, of each example is there too")
    population: int | None = Field(
        default=None, ge=1, description="nodes that stand for infinitely many, with mirrored = false: a multiple of 4, >= 4 N"
    )
    seed: int = Field(default=0, ge=0, description="of the examples, and of a population")
    units: int = Field(default=1000, ge=1, description="M, of networks that are simulated; the theory has infinitely many")

    @field_validator("samples")
    @classmethod
    def _whole(cls, samples: float) -> float:
        if samples == math.inf or (samples >= 1 and samples == int(samples)):
            return samples
        raise ValueError("wanted a whole number >= 1, or inf")

    @field_serializer("samples")
    def _written_whole(self, samples: float) -> float | int:
        return samples if math.isinf(samples) else int(samples)

    @model_validator(mode="after")
    def _consistent(self) -> HingeParameters:
        if self.variance == 0:
            raise ValueError("output_variance, weight_variance: both 0, wanted a positive one, as f = 0 does not move")
        if math.isinf(self.samples) != (self.dimension is None):
            wanted = "wanted only with a finite number of samples" if self.dimension else "is missing: wanted with samples"
            raise ValueError(f"dimension {wanted}")
        if self.dimension is not None and self.samples * self.dimension > MOST:
            raise ValueError(f"samples = {self.samples:g}: wanted at most {MOST:g} numbers in dimension = {self.dimension}")
        self._refuse_population()
        return self

    def _refuse_population(self) -> None:
        """ValueError if there is one that is not wanted, too small, or missing."""
        if self.mirrored:
            if self.population is not None:
                raise ValueError(f"population = {self.population}: wanted only with mirrored = false")
            return
        if self.dimension is None:
            raise ValueError("mirrored = false: wanted only with a finite number of samples")
        if self.weight_variance == 0:
            raise ValueError("weight_variance = 0: wanted > 0 with mirrored = false, as relu has its kink there")
        if self.population is None:
            raise ValueError("population is missing: wanted with mirrored = false")
        if self.population % SIGNS or self.population < SIGNS * self.dimension:
            least = SIGNS * self.dimension
            raise ValueError(f"population = {self.population}: wanted a multiple of {SIGNS}, >= {least} = {SIGNS} dimension")

    @property
    def variance(self) -> float:
        """s_a + s_w: all that matters of the start."""
        return self.output_variance + self.weight_variance

    def late_rotation(self, t: float) -> float:
        """Limit of g at late times with an infinite data set."""
        rate = 128 * self.threshold**2 / (math.sqrt(2 * math.pi) * self.laziness**3 * self.variance**2)
        return math.log(rate * t) / 4

    @property
    def kind(self) -> str:
        """Solved in closed form, but for a population."""
        return "closed-form" if self.mirrored else "stepped"

    @property
    def step_values(self) -> float:
        """Data set; of a population, fields and what is made of them, kernels, and the states of a cell."""
        if self.dimension is None:
            return 0.0
        if self.population is None:
            return self.samples * (self.dimension + CLOSED)
        states = STATES * self.population * (self.dimension + 1)
        return FIELDS * self.samples * self.population + KERNELS * self.samples**2 + states

    def build(self) -> InfiniteData | FiniteData | Population:
        """The equations of this parameter point, but for a population solved."""
        if self.dimension is None:
            return InfiniteData(self.laziness, self.threshold, self.variance)
        x = examples(self.dimension, int(self.samples), self.seed)
        if self.population is None:
            return FiniteData(self.laziness, self.threshold, self.variance, np.sign(x[:, :1]) * x)
        nodes, fresh = (np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=(key,))) for key in (0, 1))
        return Population(
            DataSet(x, self.laziness, self.threshold),
            drawn(self.population, self.dimension, (self.output_variance, self.weight_variance), nodes),
            self.variance,
            fresh.standard_normal((PAIRS, self.dimension)),
        )

    def experiment(self, problem: Problem, setup: Setup) -> HingeExperiment:
        """The simulation of this parameter point."""
        from dmft.models.hinge.simulation import HingeExperiment

        return HingeExperiment(problem, setup)

    def panels(self) -> tuple[Panel, ...]:
        """Loss; what does not vanish beside the rotation."""
        losses = Curve("generalization_error", "of a fresh example", decades=True), Curve("train_error", "of the data set")
        beside = "unsatisfied" if self.dimension is None else "misclassified"
        shown = losses[:1] if self.dimension is None else losses
        return Curves(shown, "hinge loss"), Pair(Curve("rotation"), Curve(beside, decades=True))

    def identities(self, solution: Solved) -> dict[str, float]:
        """Loss and squared speed; the rotation."""
        from dmft.models.hinge.identities import of

        return of(solution, self.variance, self.mirrored, self.dimension is None)

    def findings(self, found: Found) -> dict[str, list[tuple[str, str]]]:
        """Distance from the late law; or overfitting."""
        if self.dimension is None:
            return {"late times": [("log(t)/4 + constant", f"{self.late_rotation(float(found.time[-1])):.8g} at the end")]}
        best, last = found.minimum("generalization_error"), found.observables["generalization_error"][-1]
        return {
            "overfitting": [
                ("smallest generalization error", smallest(found, "generalization_error")),
                ("at the end", f"{last:.8g}, {last / best.value:.4g} times as large"),
            ]
        }


def examples(dimension: int, samples: int, seed: int) -> Array:
    """The examples x of a finite data set, (samples, dimension), without their mirror images."""
    return np.random.default_rng(seed).standard_normal((samples, dimension))
