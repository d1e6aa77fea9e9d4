"""The interface between a model and the solver.

A model of two-time equations is a set of channels c with correlation C_c and response R_c.  Given the newest rows of these it
returns the memory kernel M_c, the noise kernel D_c, the drift b along the signal directions (felt by the first channel) and the
rates of its own one-time functions.  The solver advances, on the nodes of a cell,

    dw/dt = (M - nu) w + sum_k b_k u_k + zeta,   <zeta zeta> = D,   so that   C = <w w>,  R = dw/dzeta,  v_k = <w u_k>,

with multipliers nu fixed by constraints sum_c weight_c C_c(t, t) = 1.

A channel has a width G: it is a block of G x G functions, and every array of it is one over the composite index (node, group),
groups of a node side by side.  A scalar channel has the width 1.  Channels of one width that are alike are stacked.

Where quadrature weights are: an integral over earlier times is a sum over nodes.  R holds the weights of its second time, so
that int R f ds is R @ f, and so does what a model makes of R by multiplication with functions, such as f''(C) R.  M acts on
functions by M @ f as well, so it is made of responses only.  D and C hold no weights: D R^T is a sum with those of R.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from dmft.history.fields import Field
from dmft.history.history import History

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Channels:
    """A stack of channels of one width.

    weights: of C_c(t, t) of each group in its constraint, (channels, width).
    sizes: C_c(t, t) of independent units, (channels, width); what is much smaller counts relative to it.
    constraints: index of the constraint in which each group is, (channels, width); the first one for all if not given.
    name: ending of the names of its arrays, C, R and kick; different for each stack.
    shares: part of the energy's speed that each group has, see `Model.energy`, (channels, width); one if not given.
    """

    weights: Array
    sizes: Array
    constraints: NDArray[np.int64] | None = None
    name: str = ""
    shares: Array | None = None

    @property
    def count(self) -> int:
        """Number of channels."""
        return len(self.weights)

    @property
    def width(self) -> int:
        """G."""
        return self.weights.shape[1]

    @cached_property
    def constraint(self) -> NDArray[np.int64]:
        """Index of the constraint of each group, (channels, width)."""
        return np.zeros(self.weights.shape, dtype=np.int64) if self.constraints is None else self.constraints

    @cached_property
    def speeds(self) -> Array:
        """Weights of C_c(t, t) of each group in the speed at which the energy falls, (channels, width)."""
        return self.weights if self.shares is None else self.weights * self.shares

    @cached_property
    def weights_in(self) -> dict[int, Array]:
        """Weights by constraint, (channels, width) each, zero for groups in another one."""
        return {int(k): np.where(self.constraint == k, self.weights, 0.0) for k in np.unique(self.constraint)}


@dataclass(frozen=True)
class Rows:
    """The rows of s new nodes over all N nodes, themselves included.

    C, R: for each stack of channels (channels, s G, N G); overlap: (directions, s G) of the first channel; scalars: (p, s), the
    model's own one-time functions, all their entries one below the other.
    """

    C: tuple[Array, ...]
    R: tuple[Array, ...]
    overlap: Array
    scalars: Array


@dataclass(frozen=True)
class Forces:
    """Forces on the new nodes: memory M and noise D, drift and rates of the scalars, in the shapes of `Rows`.

    `kernels` holds the new rows (s, N) of the model's own two-time functions, `values` (s,) its own one-time functions.
    """

    M: tuple[Array, ...]
    D: tuple[Array, ...]
    drift: Array
    rates: Array
    kernels: Mapping[str, Array]
    values: Mapping[str, Array]


@dataclass(frozen=True)
class Start:
    """State at t = 0: C_c(0, 0), for each stack (channels, G, G); overlaps (directions, G); scalars (p,)."""

    C: tuple[Array, ...]
    overlap: Array
    scalars: Array


class Model(Protocol):
    """Equations of one theory; see the module docstring."""

    @property
    def channels(self) -> tuple[Channels, ...]:
        """Stacks of channels; the first channel of the first one feels the drift."""
        ...

    @property
    def directions(self) -> int:
        """Number of signal directions u_k; zero without a signal."""
        ...

    @property
    def constraints(self) -> tuple[str, ...]:
        """Quantity that each multiplier keeps at one, in words; empty if the units are not constrained."""
        ...

    @property
    def scalars(self) -> tuple[str, ...]:
        """Names of the one-time functions with a rate of their own; they are observables too."""
        ...

    @property
    def fields(self) -> tuple[Field, ...]:
        """The model's own arrays, which `forces` returns, to be kept for later cells."""
        ...

    @property
    def observables(self) -> Mapping[str, Field]:
        """Fields that `observe` returns, by name, the multipliers included."""
        ...

    @property
    def observable_sizes(self) -> Mapping[str, float]:
        """Sizes that count for the tolerance although the observable itself is still smaller; zero if not named."""
        ...

    @property
    def kinks(self) -> frozenset[str]:
        """Observables with kinks, functions of the others: they choose no step."""
        ...

    @property
    def energy(self) -> str:
        """Name of the observable E that the flow descends, empty if there is none,

        dE/dt = -(sum_c weight_c d_t d_t' C_c(t, t') at t' = t, plus the squared rates of the scalars),

        each group with its share; the scalars of a theory with groups have one entry for each.
        """
        ...

    def start(self) -> Start:
        """The state at t = 0."""
        ...

    def forces(self, history: History, rows: Rows, known: Mapping[str, Array] | None = None) -> Forces:
        """M, D, drift and rates on the new nodes.

        known: rows (s, N) of the model's own symmetric kernels where the history does not reach back to t = 0 to make them.
        """
        ...

    def observe(self, history: History, rows: Rows, forces: Forces, multiplier: Array) -> dict[str, Array]:
        """Every observable on the new nodes, in any order, each with its field's shape; multiplier (s, constraints)."""
        ...

    def kernels(self, history: History) -> dict[str, Array]:
        """The two-time kernels that a user wants, (n, n, ...) each, responses with their quadrature weights."""
        ...

    @property
    def response_kernels(self) -> tuple[str, ...]:
        """Names of the responses among `kernels`."""
        ...

    def responses(self, history: History) -> dict[str, tuple[Array, Array]]:
        """For each of the `response_kernels`: R(t, 0), from the kick at t = 0, and R(t, t), (n, ...) each.

        The history holds the response to a kick of each group, kick (channels, n G, G).
        """
        ...


class OrdinaryModel(Protocol):
    """Ordinary differential equations dy/dt = f(t, y) for p numbers, which `dmft.engines.trajectory.Trajectory` solves.

    A parameter class of kind "ordinary" builds one.
    """

    @property
    def observables(self) -> tuple[str, ...]:
        """Names of what `observe` returns."""
        ...

    @property
    def observable_sizes(self) -> Mapping[str, float]:
        """Sizes that count for the tolerance although the observable itself is still smaller; zero if not named."""
        ...

    @property
    def jacobian_cost(self) -> float:
        """Cost of a Jacobian in evaluations of `rate`: p if it is made of differences."""
        ...

    def start(self) -> Array:
        """The state at t = 0, (p,)."""
        ...

    def rate(self, time: float, y: Array) -> Array:
        """f(t, y), (p,); not finite where y is outside of what the equations are defined for."""
        ...

    def jacobian(self, time: float, y: Array) -> Array:
        """df/dy, (p, p), for example by `dmft.mathematics.differences.jacobian`; a few digits are enough."""
        ...

    def observe(self, y: Array) -> dict[str, Array]:
        """Every observable, (n,) each, for states (p, n)."""
        ...

    def order_parameters(self, y: Array) -> dict[str, Array]:
        """The arrays that a user wants, (n, ...) each, for states (p, n)."""
        ...


class SteppedModel(Protocol):
    """Equations that are not smooth, which bring their own steps, and which `dmft.engines.doubling.Doubling` solves.

    A parameter class of kind "stepped" builds one.
    """

    @property
    def observables(self) -> tuple[str, ...]:
        """Names of what `observe` returns."""
        ...

    @property
    def jumps(self) -> frozenset[str]:
        """Observables that jump: they are not held to the tolerance."""
        ...

    @property
    def fastest_rate(self) -> float:
        """Inverse of the shortest time in which something changes at t = 0, > 0."""
        ...

    def start(self) -> Array:
        """The state at t = 0, (p,)."""
        ...

    def advance(self, y: Array, step: float) -> Array:
        """The state after a time, to order 2; what jumps in its course is resolved to that order."""
        ...

    def observe(self, y: Array) -> dict[str, float]:
        """Every observable of a state."""
        ...


class ClosedFormModel(Protocol):
    """A solution known as a function of time, which `dmft.engines.closed_form.ClosedForm` puts on nodes.

    A parameter class of kind "closed-form" builds one.
    """

    @property
    def observables(self) -> tuple[str, ...]:
        """Names of what `evaluate` returns."""
        ...

    @property
    def steps(self) -> frozenset[str]:
        """Observables that jump at kinks: between nodes they are not held to the tolerance."""
        ...

    @property
    def fastest_rate(self) -> float:
        """Inverse of the shortest time in which something changes, > 0."""
        ...

    @property
    def expected_kinks(self) -> float:
        """About how many kinks there are."""
        ...

    def next_kink(self, time: float) -> float:
        """First time after `time` at which an observable has a kink or jumps; infinity if there is none."""
        ...

    def evaluate(self, t: Array) -> dict[str, Array]:
        """Every observable at the times t, (len(t),) each; at a jump, its value before it."""
        ...
