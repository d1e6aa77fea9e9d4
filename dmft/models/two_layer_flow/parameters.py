"""`[problem]` of this theory: keys, checks, and the equations built from them."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_serializer, field_validator, model_validator

from dmft.mathematics import functions, hermite
from dmft.mathematics.hermite import Covariance
from dmft.models.sampled import SampleSet, parts
from dmft.models.two_layer_flow import equations
from dmft.models.two_layer_flow import groups as grouped
from dmft.models.two_layer_flow import target as targets
from dmft.models.two_layer_flow.description import DESCRIPTION
from dmft.models.two_layer_flow.equations import TwoLayerFlow
from dmft.models.two_layer_flow.exact.kinds import Kinds
from dmft.models.two_layer_flow.exact.labels import Labels
from dmft.models.two_layer_flow.exact.loss import OF_SIGNS, WIDTHS
from dmft.models.two_layer_flow.exact.weights import Rule
from dmft.models.two_layer_flow.groups import GroupedFlow
from dmft.models.two_layer_flow.neurons import Group, NeuronGroup, checked_alignment, read_groups, sizes
from dmft.problem.description import Curve, Curves, Pair, Panel, Solved, smallest
from dmft.problem.parameters import Parameters
from dmft.problem.settings import SolverSettings
from dmft.problem.table import ProblemError, shown

if TYPE_CHECKING:
    from dmft.models.experiment import Setup
    from dmft.models.two_layer_flow.exact.flow import ExactFlow
    from dmft.models.two_layer_flow.exact.model import ExactTwoLayer
    from dmft.models.two_layer_flow.exact.process import Batches
    from dmft.models.two_layer_flow.exact.training import Training
    from dmft.models.two_layer_flow.simulation import TwoLayerExperiment
    from dmft.problem.problem import Problem

Array = NDArray[np.float64]

# Widths at which a kink is smoothed, over `kink_width`: what is of first or second order in the width cancels.
KINK_WIDTHS = (2.0, 1.0, 0.5)
# Largest width of the exact theory.
MOST_NEURONS = 16


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
    init_scale: float = Field(default=1.0, gt=0, le=1e300, allow_inf_nan=False, description="gamma")
    alignment: float | tuple[float, ...] = Field(
        default=0.0, description="v(0), overlap of every neuron with u; a number for each direction of the target"
    )
    neurons: tuple[NeuronGroup, ...] | None = Field(
        default=None, description="groups of neurons that start alike; without it, all neurons do"
    )
    train_second_layer: bool = Field(default=True, description="whether a(t) moves")
    labels: Literal["real", "sign"] = Field(default="real", description="y = phi + tau eps, or the sign of it")
    flips: float = Field(default=0.0, ge=0, lt=0.5, description="part of the labels that are signs with the wrong one")
    loss: Literal["square", "logistic", "hinge", "huber"] = Field(default="square", description="what is made small")
    loss_width: float | None = Field(
        default=None, gt=0, allow_inf_nan=False, description="where huber turns linear, 1; over which hinge is smoothed, 0.1"
    )
    constraint: Literal["sphere", "none"] = Field(default="sphere", description="|w_i| = 1, or weights of free length")
    weight_scale: float = Field(default=1.0, gt=0, allow_inf_nan=False, description="|w_i| at t = 0 of free weights")
    weight_decay: float = Field(default=0.0, ge=0, allow_inf_nan=False, description="lambda, a force -lambda w_i")

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
        smooth = not isinstance(self.activation, str) or hermite.NAMED[self.activation].smooth or self.activation_degree
        if smooth and not np.any(self.activation_series()[1:]):
            raise ValueError("activation: wanted a non-zero coefficient beyond s_0, a constant learns nothing")
        self.groups()
        self._refuse_losses_and_weights()
        return self

    def _refuse_losses_and_weights(self) -> None:
        """ValueError for keys of labels, losses and free weights that do not fit each other."""
        if self.flips and self.labels != "sign":
            raise ValueError(f'flips = {self.flips:g}: wanted only with labels = "sign"')
        if self.loss in OF_SIGNS and self.labels != "sign":
            raise ValueError(f'loss = "{self.loss}": wanted labels = "sign"')
        if self.loss_width is not None and self.loss not in WIDTHS:
            raise ValueError(f'loss_width = {self.loss_width:g}: wanted only with loss = "huber" or "hinge"')
        if self.constraint == "sphere":
            for key, plain in (("weight_scale", 1.0), ("weight_decay", 0.0)):
                if getattr(self, key) != plain:
                    raise ValueError(f'{key} = {getattr(self, key):g}: wanted only with constraint = "none"')
        longest = max(float(np.linalg.norm(group.alignment)) for group in self.groups())
        if not longest < self.weight_scale:
            raise ValueError(f"alignment = {longest:g}: wanted less than weight_scale = {self.weight_scale:g}")

    def refuse(self, settings: SolverSettings) -> None:
        """ValueError for what the theory that is asked for does not have."""
        if settings.theory == "exact":
            self._refuse_exact(settings)
        else:
            self._refuse_gaussian(settings)

    def _refuse_gaussian(self, settings: SolverSettings) -> None:
        try:
            self.activation_series()
        except ValueError as error:
            raise ValueError(f'activation = "{self.activation}": {error}') from None
        others = {"labels": "real", "loss": "square", "constraint": "sphere"}
        found = {key: getattr(self, key) for key in others} | {"batch": settings.batch, "momentum": settings.momentum}
        for key, plain in {**others, "batch": 1.0, "momentum": 0.0}.items():
            if found[key] != plain:
                raise ValueError(f'{key} = {shown(found[key])}: wanted theory = "exact" in [solver], or {shown(plain)}')

    def _refuse_exact(self, settings: SolverSettings) -> None:
        if not self.width <= MOST_NEURONS:
            raise ValueError(f'width = {self.width:g}: wanted at most {MOST_NEURONS} with theory = "exact"')
        if (
            isinstance(self.activation, str)
            and self.activation_degree is None
            and self.activation not in functions.DIFFERENTIABLE
        ):
            raise ValueError(
                f'activation = "{self.activation}": wanted one of {", ".join(sorted(functions.DIFFERENTIABLE))}, '
                'or coefficients, with theory = "exact"'
            )

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

    @property
    def real(self) -> TwoLayerFlowParameters:
        """The same with the activation itself in place of a series that is cut: to the degree that there is for kinks.

        ValueError for an activation with a jump.
        """
        if not isinstance(self.activation, str) or self.activation_degree is None:
            return self
        if self.activation not in functions.DIFFERENTIABLE:
            raise ValueError(f'activation = "{self.activation}": a jump has no gradient, wanted a continuous one')
        degree = hermite.MAX_DEGREE if self.activation in functions.KINKED else None
        return self.model_copy(update={"activation_degree": degree})

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

    def headline(self, settings: SolverSettings, without: Collection[str] = ()) -> dict[str, Any]:
        """Of the exact theory, which holds at a fixed width, n/d in place of n/(m d)."""
        given = super().headline(settings, without)
        if settings.theory != "exact" or not {"samples_per_parameter", "width"} <= given.keys():
            return given
        del given["samples_per_parameter"]
        return {**given, "samples_per_dimension": 1.0 / self.inverse_alpha}

    def covariance(self) -> Covariance:
        """h of the activation."""
        closed_form = self.activation == "erf" and self.activation_degree is None
        return Covariance(self.activation_series() ** 2, closed_form=closed_form)

    def sizes(self) -> Mapping[str, float]:
        """Those of the Gaussian theory, also where its equations do not exist: for activations with a kink."""
        return (grouped if self.axes else equations).observable_sizes(1.0 / self.width)

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

    def label_law(self) -> Labels:
        """Labels as a function of the coordinates along the target directions."""
        return Labels(self.target, self.noise, self.labels == "sign", self.flips)

    def rule(self, settings: SolverSettings) -> Rule:
        """Steps of gradient descent: learning rate, momentum, decay."""
        assert settings.learning_rate is not None
        sphere = self.constraint == "sphere"
        return Rule(settings.learning_rate, settings.momentum, settings.nesterov, sphere, self.weight_decay)

    def batches(self, settings: SolverSettings) -> Batches:
        """Law by which samples are drawn for each step."""
        from dmft.models.two_layer_flow.exact.process import Batches

        assert settings.learning_rate is not None
        kept = math.exp(-settings.learning_rate / settings.batch_time) if settings.batch_time else 0.0
        return Batches(settings.batch, kept)

    def neuron_starts(self) -> tuple[Array, Array, NDArray[np.int64]]:
        """a(0) (m,), v(0) (m, r) and the group (m,) of each neuron."""
        groups = self.groups()
        of = np.repeat(np.arange(len(groups)), [int(group.number) for group in groups])
        return np.array([group.second_layer for group in groups])[of], np.array([group.alignment for group in groups])[of], of

    def build_exact(self, settings: SolverSettings) -> ExactTwoLayer | ExactFlow:
        """The equations of the exact theory."""
        return self._exact_flow(settings) if settings.scheme == "radau" else self._exact_descent(settings)

    def _exact_flow(self, settings: SolverSettings) -> ExactFlow:
        # Imported here, as in `_exact_descent`: it loads SciPy's statistics, which nothing else needs.
        from dmft.models.two_layer_flow.exact.flow import ExactFlow

        groups, given, sets = self.groups(), *self._sampled(settings)
        try:
            self._refuse_gaussian(settings)
            gaussian, closed = self.build(), self._grouped()
        except ValueError:
            gaussian = closed = None
        return ExactFlow(
            numbers_of_groups=tuple(int(group.number) for group in groups),
            alignment=np.array([group.alignment for group in groups]),
            second_layer=np.array([group.second_layer for group in groups]),
            norm=self.weight_scale,
            sphere=self.constraint == "sphere",
            weight_decay=self.weight_decay,
            inverse_alpha=self.inverse_alpha,
            activation=given,
            loss=self.loss,
            loss_width=self.loss_width,
            labels=self.label_law(),
            train_second_layer=self.train_second_layer,
            gaussian=gaussian,
            closed=closed,
            stages=settings.stages,
            sets=sets,
        )

    def _sampled(self, settings: SolverSettings) -> tuple[str | tuple[float, ...], tuple[SampleSet, ...]]:
        """The activation by name or coefficients, and the sets of samples."""
        plain = self.activation_degree is None
        given = self.activation if plain else tuple(map(float, self.activation_series()))
        assert settings.samples is not None
        assert settings.replicates is not None
        assert settings.kink_width is not None
        widths = [settings.kink_width * factor for factor in KINK_WIDTHS] if plain and given in functions.KINKED else [0.0]
        return given, tuple(
            SampleSet(size, (settings.seed or 0, replicate, part), width)
            for replicate in range(settings.replicates)
            for part, size in enumerate(parts(settings.samples))
            for width in widths
        )

    def _exact_descent(self, settings: SolverSettings) -> ExactTwoLayer:
        from dmft.models.two_layer_flow.exact.model import ExactTwoLayer

        a, v, kinds = self.neuron_starts()
        overlaps = v @ v.T
        np.fill_diagonal(overlaps, self.weight_scale**2)
        given, sets = self._sampled(settings)
        return ExactTwoLayer(
            overlaps=overlaps,
            alignment=v,
            second_layer=a,
            kinds=Kinds(kinds),
            inverse_alpha=self.inverse_alpha,
            activation=given,
            loss=self.loss,
            loss_width=self.loss_width,
            labels=self.label_law(),
            batches=self.batches(settings),
            rule=self.rule(settings),
            train_second_layer=self.train_second_layer,
            sets=sets,
        )

    def experiment(self, problem: Problem, setup: Setup) -> TwoLayerExperiment | Training:
        """The simulation of this parameter point, by the algorithm that the settings say."""
        if problem.solver.theory == "exact" and problem.solver.scheme == "gradient-descent":
            from dmft.models.two_layer_flow.exact.training import Training

            return Training(problem, setup, self._exact_descent(problem.solver))
        if problem.solver.theory == "exact":
            self._refuse_flow_of_networks(problem.solver, setup)
        from dmft.models.two_layer_flow.simulation import TwoLayerExperiment

        return TwoLayerExperiment(problem, setup)

    def _refuse_flow_of_networks(self, settings: SolverSettings, setup: Setup) -> None:
        if setup.fields != "network":
            raise ProblemError(f'fields = {setup.fields}: wanted network with theory = "exact"')
        try:
            self._refuse_gaussian(settings)
        except ValueError:
            wanted = 'wanted scheme = "gradient-descent", with a small learning_rate'
            raise ProblemError(
                f'scheme = "radau": networks with a kink, or another loss, are trained in steps, {wanted}'
            ) from None

    def kinked(self, observables: Mapping[str, Array]) -> dict[str, Array]:
        """The complexity, which has a kink where a(t) changes sign."""
        plain = self.activation_degree is not None or self.activation not in functions.KINKED
        if "complexity" not in observables or not plain:
            return {}
        a = observables.get("second_layer")
        if a is None:  # by its entries
            a = np.stack([observables[f"second_layer[{k}]"] for k in range(len(self.groups()))], axis=-1)
        return {"complexity": self.build().complexity(a)}

    def panels(self) -> tuple[Panel, ...]:
        """Errors; alignment and size of the second layer."""
        label = r"error  $\langle(f-y)^2\rangle/2$" if self.loss == "square" else f"mean {self.loss} loss"
        errors = Curves((Curve("test_error"), Curve("train_error", decades=True)), label)
        if self.axes:
            names = ("alignment", "second_layer")
            return (errors, *(Curves((Curve(name),), self.description.observables[name].label) for name in names))
        return (
            errors,
            Pair(Curve("alignment"), Curve("second_layer", r"second layer  $|a|$", distance_from=0.0)),
        )

    def identities(self, solution: Solved) -> dict[str, float]:
        """Energy, sphere and covariances; none of the exact theory, which averages over samples."""
        if solution.problem.solver.theory == "exact":
            return {}
        from dmft.models.two_layer_flow.identities import of

        return of(solution, np.array([group.fraction for group in self.groups()]))

    def findings(self, found: Solved) -> dict[str, list[tuple[str, str]]]:
        """Early stopping and the gap; for how long samples have exact second moments, where that is not all of the run."""
        gap = found.observables["test_error"] - found.observables["train_error"]
        tables = {
            "generalisation": [
                ("smallest test error", smallest(found, "test_error")),
                ("gap, test - train", f"{gap[-1]:.8g} at the end, {gap.max():.8g} at most"),
            ]
        }
        settings = found.problem.solver
        if settings.theory == "exact" and settings.learning_rate is not None:
            model = self._exact_descent(settings)
            if (exact := model.exact_steps) < len(found.time) - 1:
                time, fewest = exact * settings.learning_rate, min(one.size for one in model.sets)
                words = f"exact until t = {time:.6g}, then of new numbers up to errors of {fewest} samples"
                tables["sampling"] = [("second moments", words)]
        return tables
