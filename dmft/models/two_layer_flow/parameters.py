"""`[problem]` of this theory: keys, checks, and the equations built from them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_serializer, field_validator, model_validator

from dmft.mathematics import functions, hermite
from dmft.mathematics.hermite import Covariance
from dmft.models.two_layer_flow import target as targets
from dmft.models.two_layer_flow.description import DESCRIPTION
from dmft.models.two_layer_flow.equations import TwoLayerFlow
from dmft.models.two_layer_flow.groups import GroupedFlow
from dmft.models.two_layer_flow.neurons import Group, NeuronGroup, checked_alignment, read_groups, sizes
from dmft.problem.description import Curve, Curves, Found, Pair, Panel, Solved, smallest
from dmft.problem.parameters import Parameters
from dmft.problem.table import shown

if TYPE_CHECKING:
    from dmft.models.experiment import Setup
    from dmft.models.two_layer_flow.simulation import TwoLayerExperiment
    from dmft.problem.problem import Problem

Array = NDArray[np.float64]


class TwoLayerFlowParameters(Parameters):
    """The `[problem]` table of `model = "two-layer-flow"`."""

    alternatives = ("samples_per_parameter", "samples_per_dimension")
    description = DESCRIPTION

    width: float = Field(description="number of neurons m: a whole number, or inf")
    samples_per_parameter: float | None = Field(default=None, gt=0, allow_inf_nan=False, description="n/(m d)")
    samples_per_dimension: float | None = Field(default=None, gt=0, allow_inf_nan=False, description="alpha = n/d")
    activation: str | tuple[float, ...] = Field(description="a name, or normalised Hermite coefficients")
    activation_degree: int | None = Field(
        default=None, ge=1, le=hermite.MAX_DEGREE, description="cut the series of a named activation here"
    )
    target: str | tuple[float, ...] | dict[str, Any] = Field(
        default="none", description="phi: a name, normalised Hermite coefficients, a table of several directions, or none"
    )
    noise: float = Field(
        default=0.0, ge=0, le=1e100, allow_inf_nan=False, description="tau, standard deviation of the label noise"
    )
    init: Literal["mean-field", "lazy"] = Field(
        default="mean-field", description="a(0) = init_scale, or init_scale sqrt(width)"
    )
    init_scale: float = Field(default=1.0, gt=0, allow_inf_nan=False, description="gamma")
    alignment: float | tuple[float, ...] = Field(
        default=0.0, description="v(0), overlap of every neuron with u; a number for each direction of the target"
    )
    neurons: tuple[NeuronGroup, ...] | None = Field(
        default=None, description="groups of neurons that start alike; without it, all neurons do"
    )
    train_second_layer: bool = Field(default=True, description="whether a(t) moves")

    @field_validator("width")
    @classmethod
    def _whole(cls, width: float) -> float:
        if width == math.inf or (width >= 1 and width == int(width)):
            return width
        raise ValueError("wanted a whole number >= 1, or inf")

    @field_serializer("width")
    def _written_whole(self, width: float) -> float | int:
        return width if math.isinf(width) else int(width)

    @field_validator("activation", "target", mode="after")
    @classmethod
    def _coefficients(cls, value: str | tuple[float, ...] | dict[str, Any]) -> str | tuple[float, ...] | dict[str, Any]:
        return value if value == "none" or isinstance(value, dict) else hermite.checked(value)

    @field_validator("target", mode="before")
    @classmethod
    def _several_directions(cls, value: Any) -> Any:
        return targets.read_target(value) if isinstance(value, Mapping) else value

    @field_validator("alignment", mode="before")
    @classmethod
    def _numbers(cls, value: Any) -> Any:
        if isinstance(value, bool | str):
            raise ValueError("wanted a number, or one for each direction of the target")
        return value

    @field_validator("alignment")
    @classmethod
    def _inside(cls, value: float | tuple[float, ...]) -> float | tuple[float, ...]:
        return checked_alignment(value)

    @field_validator("neurons", mode="before")
    @classmethod
    def _groups(cls, given: Any) -> Any:
        return None if given is None else read_groups(given)

    @model_validator(mode="before")
    @classmethod
    def _one_sample_ratio(cls, values: Any) -> Any:
        """Exactly one of the two ratios; kept as samples per parameter whenever the width is finite."""
        given = [key for key in cls.alternatives if values.get(key) is not None]
        if len(given) != 1:
            got = "both" if given else "neither"
            raise ValueError(f"samples_per_parameter, samples_per_dimension: {got} given, wanted exactly one of the two")
        width, alpha = values.get("width"), values.get("samples_per_dimension")
        if isinstance(alpha, int | float) and isinstance(width, int | float) and 0 < alpha < math.inf and 1 <= width < math.inf:
            values = {**values, "samples_per_parameter": alpha / width}
            del values["samples_per_dimension"]
        return values

    @field_validator("samples_per_parameter")
    @classmethod
    def _without_rounding(cls, ratio: float | None) -> float | None:
        """To 15 digits, so that n/d = 0.3 at width 3 is n/(m d) = 0.1 and both ways are the same problem."""
        return None if ratio is None else float(f"{ratio:.15g}")

    @model_validator(mode="after")
    def _consistent(self) -> TwoLayerFlowParameters:
        if self.activation == "none":
            raise ValueError('activation = "none": wanted one of ' + ", ".join(sorted(functions.NAMED)) + ", or coefficients")
        if self.activation_degree is not None and not isinstance(self.activation, str):
            raise ValueError(f"activation_degree = {self.activation_degree}: wanted only with an activation given by name")
        if math.isinf(self.width) and self.init == "lazy":
            raise ValueError('width = inf: wanted a finite width with init = "lazy", where a(0) = init_scale sqrt(width)')
        try:
            coefficients = self.activation_series()
        except ValueError as error:
            raise ValueError(f'activation = "{self.activation}": {error}') from None
        if not np.any(coefficients[1:]):
            raise ValueError("activation: wanted a non-zero coefficient beyond s_0, a constant learns nothing")
        self.groups()
        return self

    @property
    def directions(self) -> int:
        """Number r of directions of the target."""
        return targets.directions(self.target) if isinstance(self.target, dict) else 1

    def groups(self) -> tuple[Group, ...]:
        """The groups of neurons, one of them if all start alike.  ValueError if they do not fit the width or the target."""
        start = self.init_scale * (math.sqrt(self.width) if self.init == "lazy" else 1.0)
        if self.neurons is None:
            return (Group(1.0, self.width, start, self._vector("alignment", self.alignment)),)
        found = []
        for place, (group, (fraction, number)) in enumerate(zip(self.neurons, sizes(self.neurons, self.width), strict=True)):
            alignment = self.alignment if group.alignment is None else group.alignment
            vector = self._vector(f"neurons[{place}].alignment", alignment)
            found.append(Group(fraction, number, group.second_layer * start, vector))
        return tuple(found)

    def _vector(self, key: str, alignment: float | tuple[float, ...]) -> Array:
        """An alignment as a vector of the directions; zero in all of them may be written as one zero."""
        parts = np.atleast_1d(np.array(alignment, dtype=float))
        if parts.size == 1 and not parts.any():
            return np.zeros(self.directions)
        if parts.size != self.directions:
            raise ValueError(
                f"{key} = {shown(alignment)}: wanted {self.directions} numbers, one for each direction of the target"
            )
        return parts

    def activation_series(self) -> Array:
        """Normalised Hermite coefficients s_k of the activation."""
        if isinstance(self.activation, str):
            return hermite.series(self.activation, self.activation_degree)
        return np.array(self.activation)

    def target_series(self, degree: int) -> tuple[Array, float]:
        """Coefficients p_k of the target up to `degree`, and E[phi^2] of the whole of it."""
        if self.target == "none":
            return np.zeros(1), 0.0
        assert not isinstance(self.target, dict)
        if isinstance(self.target, str):
            return hermite.series(self.target, degree), hermite.variance(self.target)
        return np.array(self.target), float(np.sum(np.square(self.target)))

    def target_by_index(self, degree: int) -> targets.Series:
        """Coefficients of the target up to a total degree, of one direction or several."""
        if isinstance(self.target, dict):
            return targets.series(self.target, degree)
        coefficients, variance = self.target_series(degree)
        return targets.Series(np.arange(len(coefficients))[:, None], coefficients, variance)

    @property
    def axes(self) -> dict[str, int]:
        """Groups of neurons and directions of the target, unless there is one of each."""
        groups = 1 if self.neurons is None else len(self.neurons)
        return {} if groups == self.directions == 1 else {"group": groups, "direction": self.directions}

    @property
    def inverse_alpha(self) -> float:
        """d/n."""
        if self.samples_per_dimension is not None:
            return 1.0 / self.samples_per_dimension
        assert self.samples_per_parameter is not None
        return 1.0 / self.width / self.samples_per_parameter

    def covariance(self) -> Covariance:
        """h of the activation."""
        closed_form = self.activation == "erf" and self.activation_degree is None
        return Covariance(self.activation_series() ** 2, closed_form=closed_form)

    def build(self) -> TwoLayerFlow | GroupedFlow:
        """The equations of this parameter point."""
        return self._grouped() if self.axes else self._alike()

    def _grouped(self) -> GroupedFlow:
        activation = self.activation_series()
        target = self.target_by_index(len(activation) - 1)
        return GroupedFlow(
            groups=self.groups(),
            inverse_width=1.0 / self.width,
            inverse_alpha=self.inverse_alpha,
            covariance=self.covariance(),
            signal=targets.overlap(activation, target),
            label_variance=target.variance + self.noise**2,
            train_second_layer=self.train_second_layer,
            axes=self.axes,
        )

    def _alike(self) -> TwoLayerFlow:
        activation, (first,) = self.activation_series(), self.groups()
        target, variance = self.target_series(len(activation) - 1)
        return TwoLayerFlow(
            inverse_width=1.0 / self.width,
            inverse_alpha=self.inverse_alpha,
            covariance=self.covariance(),
            signal=hermite.signal_series(activation, target),
            label_variance=variance + self.noise**2,
            second_layer=first.second_layer,
            alignment=float(first.alignment[0]),
            train_second_layer=self.train_second_layer,
        )

    def experiment(self, problem: Problem, setup: Setup) -> TwoLayerExperiment:
        """The simulation of this parameter point."""
        from dmft.models.two_layer_flow.simulation import TwoLayerExperiment

        return TwoLayerExperiment(problem, setup)

    def kinked(self, observables: Mapping[str, Array]) -> dict[str, Array]:
        """The complexity, which has a kink where a(t) changes sign."""
        return {"complexity": self.build().complexity(observables["second_layer"])}

    def panels(self) -> tuple[Panel, ...]:
        """Errors; alignment and size of the second layer."""
        errors = Curves((Curve("test_error"), Curve("train_error", decades=True)), r"error  $\langle(f-y)^2\rangle/2$")
        if self.axes:
            names = ("alignment", "second_layer")
            return (errors, *(Curves((Curve(name),), self.description.observables[name].label) for name in names))
        return (
            errors,
            Pair(Curve("alignment"), Curve("second_layer", r"second layer  $|a|$", distance_from=0.0)),
        )

    def identities(self, solution: Solved) -> dict[str, float]:
        """Energy, sphere and covariances."""
        from dmft.models.two_layer_flow.identities import of

        return of(solution, np.array([group.fraction for group in self.groups()]))

    def findings(self, found: Found) -> dict[str, list[tuple[str, str]]]:
        """Early stopping and the gap."""
        gap = found.observables["test_error"] - found.observables["train_error"]
        return {
            "generalisation": [
                ("smallest test error", smallest(found, "test_error")),
                ("gap, test - train", f"{gap[-1]:.8g} at the end, {gap.max():.8g} at most"),
            ]
        }
