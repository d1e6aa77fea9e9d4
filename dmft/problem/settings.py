"""`[solver]`: horizon, accuracy and scheme, the same keys for every theory."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from dmft.mathematics.tableau import MAX_STAGES
from dmft.problem.table import Table

# How far t_max may be from a whole number of steps, relative to it.
WHOLE = 1e-9
ROUNDING = 1e-12
# Shortest time: the square of a step is a number still.
SHORTEST = 1e-100
# Fewest samples of the exact theory, and what it uses unless told otherwise.
FEWEST = 64
SAMPLED_TOLERANCE = 1e-3
SAMPLING = {"samples": 4096, "replicates": 4, "seed": 0, "kink_width": 0.2}
# What may change between a run and its continuation: how far and how hard to try, not what is solved or how exactly.
LIMITS = ("t_max", "max_nodes", "max_iterations", "smallest_step")
# What may only grow: more samples are added to those that are there.
GROWING = ("samples", "replicates")


class SolverSettings(Table):
    """Horizon, accuracy and scheme; times in the unit of the model."""

    t_max: float = Field(gt=0, allow_inf_nan=False, description="last node")
    tolerance: float = Field(
        default=1e-5,
        ge=1e-10,
        le=1e-1,
        allow_inf_nan=False,
        description="error of every observable at every time, relative to its value or to 1e-3 of its largest value",
    )
    scheme: Literal["radau", "gradient-descent"] = Field(
        default="radau", description="Radau IIA collocation of the flow, or gradient descent with a learning rate"
    )
    learning_rate: float | None = Field(
        default=None, gt=0, allow_inf_nan=False, description="eta of gradient descent, which takes t_max/eta steps"
    )
    stages: int = Field(
        default=6, ge=1, le=MAX_STAGES, description="nodes of a cell; order 2 stages - 1; the tolerance is held with 2 or more"
    )
    max_nodes: int = Field(default=20_000, ge=2, description="give up beyond this many nodes")
    max_iterations: int = Field(default=400, ge=1, description="fixed-point iterations of a cell before its step is halved")
    smallest_step: float = Field(
        default=1e-3, gt=0, lt=1, description="give up when the mean of the last 50 steps is below this fraction of t"
    )

    theory: Literal["gaussian", "exact"] = Field(
        default="gaussian", description="the Gaussian approximation of the activation, or the network itself, sampled"
    )
    batch: float = Field(default=1.0, gt=0, le=1, description="part of the samples in a step of gradient descent")
    batch_time: float = Field(
        default=0.0, ge=0, allow_inf_nan=False, description="correlation time of batches; 0: drawn anew in each step"
    )
    momentum: float = Field(default=0.0, ge=0, lt=1, description="part of the last step that is made again")
    nesterov: bool = Field(default=False, description="Nesterov's momentum in place of the heavy ball")
    samples: int | None = Field(default=None, ge=FEWEST, description="samples of the exact theory in a replicate, 4096")
    replicates: int | None = Field(default=None, ge=1, description="independent sets of these, 4")
    seed: int | None = Field(default=None, ge=0, description="seed of their random numbers, 0")
    kink_width: float | None = Field(
        default=None,
        gt=0,
        le=1,
        description="the exact theory smooths a kink over this width, twice and half of it, and extrapolates to zero, 0.2",
    )

    @field_validator("t_max", "learning_rate")
    @classmethod
    def _long_enough(cls, time: float | None) -> float | None:
        if time is not None and time < SHORTEST:
            raise ValueError(f"wanted a number >= {SHORTEST:g}")
        return time

    @model_validator(mode="before")
    @classmethod
    def _sampled(cls, values: Any) -> Any:
        """The exact theory is sampled, and has defaults of its own."""
        if not isinstance(values, Mapping):
            return values
        if values.get("theory") == "exact":
            if values.get("tolerance") is None and values.get("scheme", "radau") == "radau":
                values = {**values, "tolerance": SAMPLED_TOLERANCE}
            return {**values, **{key: default for key, default in SAMPLING.items() if values.get(key) is None}}
        for key in SAMPLING:
            if values.get(key) is not None:
                raise ValueError(f'{key} = {values[key]}: wanted only with theory = "exact"')
        return values

    @model_validator(mode="after")
    def _steps_of_gradient_descent(self) -> SolverSettings:
        if self.scheme != "gradient-descent":
            for key in ("batch", "batch_time", "momentum", "nesterov"):
                if getattr(self, key) != type(self).model_fields[key].default:
                    raise ValueError(f'{key} = {getattr(self, key)}: wanted only with scheme = "gradient-descent"')
        if self.batch_time and self.batch == 1:
            raise ValueError(f"batch_time = {self.batch_time:g}: wanted only with batch < 1")
        if self.nesterov and not self.momentum:
            raise ValueError("nesterov = true: wanted only with momentum > 0")
        return self

    @model_validator(mode="after")
    def _learning_rate_of_gradient_descent(self) -> SolverSettings:
        if self.scheme != "gradient-descent":
            if self.learning_rate is not None:
                raise ValueError(f'learning_rate = {self.learning_rate:g}: wanted only with scheme = "gradient-descent"')
            return self
        if self.learning_rate is None:
            raise ValueError('learning_rate is missing in [solver]: wanted a number with scheme = "gradient-descent"')
        steps = self.t_max / self.learning_rate
        if not steps < self.max_nodes:
            raise ValueError(
                f"t_max = {self.t_max:g}: {steps:.6g} steps of learning_rate = {self.learning_rate:g}, "
                f"wanted less than max_nodes = {self.max_nodes}"
            )
        if not abs(steps - round(steps)) <= WHOLE * steps or steps < 0.5:
            lower, upper = (whole * self.learning_rate for whole in (math.floor(steps), math.ceil(steps)))
            nearest = f"{lower:.10g} or {upper:.10g}" if lower else f"{upper:.10g}"
            raise ValueError(
                f"t_max = {self.t_max:g}: wanted a whole number of steps of learning_rate = {self.learning_rate:g}, "
                f"such as {nearest}"
            )
        return self

    @property
    def steps(self) -> int:
        """Number of steps of gradient descent."""
        assert self.learning_rate is not None
        return round(self.t_max / self.learning_rate)

    @property
    def accuracy(self) -> float:
        """Relative accuracy of the observables: steps of gradient descent are exact to rounding."""
        return self.tolerance if self.scheme == "radau" else ROUNDING

    @property
    def cell_nodes(self) -> int:
        """Nodes of a cell; results between nodes are polynomials over cells, lines between two steps of gradient descent."""
        return self.stages if self.scheme == "radau" else 1
