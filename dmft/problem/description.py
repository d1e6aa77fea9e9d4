"""Description of a model for users: names and meanings of its results, summaries, figures, citations.

A model declares this beside its equations.  Run files, the command line, the figures and the tables of the documentation
read it there, so that a new model changes none of them.  Labels are text with LaTeX between dollar signs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from dmft.history.fields import ONE_TIME, TWO_TIME, Field, Sizes, lengths, without_absent

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dmft.problem.problem import Problem

    Array = NDArray[np.float64]

TIME = "time unit"
TIME_AXIS = "time $t$"
RATE = f"1/{TIME}"


@dataclass(frozen=True)
class Quantity:
    """A result: units ("1" for a pure number), meaning, and what stands at its axis.

    `dimensions` names its dimensions beside time, in the singular, each its own: ("student", "other_student").  A parameter
    point has those of them to which `Parameters.axes` gives a length.
    squared: a mean of squares, never negative.
    difference: 1 if it is what is left of larger numbers that nearly cancel, 2 if these are such differences themselves.
    """

    units: str
    meaning: str
    label: str
    dimensions: tuple[str, ...] = ()
    squared: bool = field(default=False, kw_only=True)
    difference: int = field(default=0, kw_only=True)

    def dimensions_with(self, axes: Sizes | None) -> tuple[str, ...]:
        """The dimensions beside time that a parameter point has; all of them if no axes are given."""
        return self.dimensions if axes is None else without_absent(self.dimensions, axes)

    def possible(self, value: Any) -> Any:
        """A value between nodes as it can be: the polynomial of a mean square that decays to zero may pass below."""
        return value.clip(min=0.0) if self.squared else value

    def field(self, name: str, axes: Sizes, times: tuple[str, ...] = ONE_TIME) -> Field:
        """The declaration of its array at a parameter point whose axes have these lengths."""
        dims = self.dimensions_with(axes)
        return Field(
            name, times + dims, lengths(dims, axes), difference=self.difference, units=self.units, meaning=self.meaning
        )


@dataclass(frozen=True)
class Citation:
    """A BibTeX entry, and what it is cited for."""

    purpose: str
    entry: str


@dataclass(frozen=True)
class Curve:
    """An observable against log t, or its distance from a value; `label` in place of its own.

    decades: on a logarithmic axis if it falls far.
    """

    observable: str
    label: str = ""
    distance_from: float | None = None
    decades: bool = False


@dataclass(frozen=True)
class Curves:
    """A panel of curves on one axis, named in a legend."""

    curves: tuple[Curve, ...]
    label: str


@dataclass(frozen=True)
class Pair:
    """A panel of two curves, each on an axis of its own."""

    left: Curve
    right: Curve


@dataclass(frozen=True)
class Ageing:
    """A panel of a correlation C(t_w + tau, t_w) against log tau, a curve for each of some waiting times t_w."""

    kernel: str


@dataclass(frozen=True)
class Entries:
    """A panel of every entry of an order parameter against log t."""

    order_parameter: str


Panel = Curves | Pair | Ageing | Entries


@dataclass(frozen=True)
class Picture:
    """A kernel over (log t, log t'); `decades` on a logarithmic scale."""

    kernel: str
    decades: bool = False


@dataclass(frozen=True)
class System:
    """A kind of finite system that can be simulated: its meaning, and its name for one seed and for several.

    exact: the theory is exact for it, though not for the system that is simulated unless another one is asked for.
    """

    meaning: str
    one: str
    many: str
    exact: bool = False


NETWORK = System("the network itself", "network", "networks")


@dataclass(frozen=True)
class Slider:
    """A number of the problem that `dmft explore` changes with a slider, between two bounds; `key` is `table.key`.

    decades: the slider is even in the logarithm.  whole: whole numbers only.  beyond: further values after the upper bound.
    """

    key: str
    label: str
    low: float
    high: float
    decades: bool = False
    whole: bool = False
    beyond: tuple[float, ...] = ()


@dataclass(frozen=True)
class Choice:
    """A value of the problem that `dmft explore` changes with a list to choose from; `key` is `table.key`."""

    key: str
    label: str
    options: tuple[Any, ...]


Control = Slider | Choice


@dataclass(frozen=True)
class Description:
    """Properties that all parameter points of a model share.

    title: parts of the headline of a figure; `{key}` stands for a value of `[problem]`, a part without its value is left out.
    symbols: the theory's symbols, in LaTeX, of keys that do not stand in the title; they label the axes of sweeps.
    observables, kernels, order_parameters: all that a run file holds, by name and in order.
    distributions: what has a distribution over the samples of a theory that has some, by name.
    summary: observables whose last values stand in the line that ends a run.
    swept: observables whose last values the figure of a sweep shows.
    constants: numbers of a parameter point that need no run, by name, which stand in run files as attributes.
    smallest: observable whose smallest value and its time are reported and marked, if there is one.
    pictures: kernels in the standard figure.
    citations: what the equations rest on.
    systems: kinds of finite systems that are simulated, by name, the first of them unless another one is asked for.
    time: what stands at an axis of time, with the unit that t is counted in.
    written: for keys of `[problem]` that are tables or lists, their value in a headline, in LaTeX.
    two_time_simulated: whether simulations have two-time correlations.
    example: tables of a problem to begin with, as in a problem file.
    controls: what `dmft explore` lets a reader change.
    about: the theory in a few words, for lists of all theories.
    """

    title: tuple[str, ...]
    observables: Mapping[str, Quantity]
    kernels: Mapping[str, Quantity]
    summary: tuple[str, ...]
    swept: tuple[str, ...]
    citations: tuple[Citation, ...]
    distributions: Mapping[str, Quantity] = field(default_factory=dict)
    order_parameters: Mapping[str, Quantity] = field(default_factory=dict)
    constants: Mapping[str, Quantity] = field(default_factory=dict)
    smallest: str | None = None
    pictures: tuple[Picture, ...] = ()
    systems: Mapping[str, System] = field(default_factory=lambda: {"network": NETWORK})
    two_time_simulated: bool = False
    time: str = TIME_AXIS
    symbols: Mapping[str, str] = field(default_factory=dict)
    written: Mapping[str, Callable[[Any], str]] = field(default_factory=dict)
    example: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    controls: tuple[Control, ...] = ()
    about: str = ""

    def observable_fields(self, axes: Sizes) -> dict[str, Field]:
        """Declarations of all observables at a parameter point."""
        return {name: found.field(name, axes) for name, found in self.observables.items()}

    def kernel_fields(self, axes: Sizes) -> dict[str, Field]:
        """Declarations of all two-time kernels at a parameter point."""
        return {name: found.field(name, axes, TWO_TIME) for name, found in self.kernels.items()}

    def order_parameter_fields(self, axes: Sizes) -> dict[str, Field]:
        """Declarations of all order parameters at a parameter point."""
        return {name: found.field(name, axes) for name, found in self.order_parameters.items()}


class Minimum(NamedTuple):
    """Where a function of time is smallest."""

    time: float
    value: float


class Found(Protocol):
    """The part of a solution that a model may read in order to report on it."""

    @property
    def time(self) -> Array:
        """Nodes, (n,)."""
        ...

    @property
    def observables(self) -> Mapping[str, Array]:
        """Name -> values on the nodes, (n,)."""
        ...

    @property
    def order_parameters(self) -> Mapping[str, Array]:
        """Name -> values on the nodes, (n, ...); none where they were not kept."""
        ...

    def minimum(self, observable: str) -> Minimum:
        """Smallest value of an observable."""
        ...


class Solved(Found, Protocol):
    """The part of a solution that identities of a theory may read."""

    @property
    def problem(self) -> Problem:
        """The problem that was solved."""
        ...

    @property
    def kernels(self) -> Mapping[str, Array]:
        """Name -> two-time functions on the nodes, (n, n, ...)."""
        ...


def smallest(found: Found, observable: str, digits: str = ".8g") -> str:
    """The smallest value of an observable in words; at the end of a run it is no minimum."""
    best = found.minimum(observable)
    if best.time == found.time[-1]:
        return f"{best.value:{digits}} at the end, still falling"
    return f"{best.value:{digits}} at t = {best.time:{digits}}"
