"""The interface between a model and the solver.

A model is a set of channels c with correlation C_c and response R_c.  Given the newest rows of these it returns the memory
kernel M_c, the noise kernel D_c, the drift b along the signal direction (felt by channel 0) and the rates of its
own one-time functions.  The solver advances, on the nodes of a cell,

    dw/dt = (M - nu) w + b u + zeta,   <zeta zeta> = D,   so that   C = <w w>,  R = dw/dzeta,  v = <w u>,

with nu fixed by sum_c weight_c C_c(t, t) = 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from dmft.history.history import History

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Rows:
    """The rows of s new nodes over all N nodes, themselves included.

    C, R: (channels, s, N); overlap v: (s,); scalars: (p, s), the model's own one-time functions.
    """

    C: Array
    R: Array
    overlap: Array
    scalars: Array


@dataclass(frozen=True)
class Forces:
    """Forces on the new nodes: memory M and noise D (channels, s, N), drift (s,), rates of the scalars (p, s).

    `kernels` holds the new rows (s, N) of the model's own two-time functions, `values` (s,) its own one-time functions.
    """

    M: Array
    D: Array
    drift: Array
    rates: Array
    kernels: Mapping[str, Array]
    values: Mapping[str, Array]


@dataclass(frozen=True)
class Start:
    """State at t = 0: C_c(0, 0) (channels,), v(0), scalars (p,)."""

    C: Array
    overlap: float
    scalars: Array


class Model(Protocol):
    """Equations of one theory; see the module docstring."""

    @property
    def channel_weights(self) -> Array:
        """Weights w_c of the same-unit function X = sum_c w_c X_c, shape (channels,)."""
        ...

    @property
    def channel_sizes(self) -> Array:
        """C_c(t, t) of independent units, shape (channels,)."""
        ...

    @property
    def norm(self) -> str:
        """Name of sum_c weight_c C_c(t, t), which the multiplier keeps at one."""
        ...

    @property
    def scalars(self) -> tuple[str, ...]:
        """Names of the one-time functions with a rate of their own; they are observables too."""
        ...

    @property
    def own_kernels(self) -> Mapping[str, bool]:
        """Names of the model's own two-time kernels; True for a symmetric one."""
        ...

    @property
    def own_values(self) -> tuple[str, ...]:
        """Names of the one-time functions that `forces` returns, to be kept for later cells."""
        ...

    @property
    def observables(self) -> tuple[str, ...]:
        """Names of what `observe` returns, the multiplier included."""
        ...

    @property
    def observable_sizes(self) -> Mapping[str, float]:
        """Sizes that count for the tolerance although the observable itself is still smaller; zero if not named."""
        ...

    def start(self) -> Start:
        """The state at t = 0."""
        ...

    def forces(self, history: History, rows: Rows) -> Forces:
        """M, D, drift and rates on the new nodes."""
        ...

    def observe(self, history: History, rows: Rows, forces: Forces, multiplier: Array) -> dict[str, Array]:
        """Every observable on the new nodes, each (s,)."""
        ...

    def kernels(self, history: History) -> dict[str, Array]:
        """The two-time kernels that a user wants, (n, n) each, responses with their quadrature weights."""
        ...

    @property
    def response_kernels(self) -> tuple[str, ...]:
        """Names of the responses among `kernels`."""
        ...

    def responses(self, history: History) -> dict[str, tuple[Array, Array]]:
        """For each of the `response_kernels`: R(t, 0), from the kick at t = 0, and R(t, t), (n,) each."""
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
