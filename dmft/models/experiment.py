"""Experiments: a finite system of a given size, drawn at random and followed in time, seed by seed.

Seed k in d dimensions has the random numbers of `np.random.SeedSequence((k, d))`, whatever the number of seeds or processes;
those of two seeds, or in two dimensions, are independent.  A theory makes the experiment of a problem in
`Parameters.experiment`; all that the rest of the program knows of it is the protocol `Experiment`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from dmft.problem.description import Citation
from dmft.problem.problem import Problem
from dmft.problem.table import ProblemError, Table, validated

Array = NDArray[np.float64]
State = Mapping[str, Array]

BYTES = 8

CHEBYSHEV = Citation(
    "the scheme in time of simulated gradient flow",
    """@article{sommeijer1998rkc,
  author  = {Sommeijer, B. P. and Shampine, L. F. and Verwer, J. G.},
  title   = {{RKC}: An Explicit Solver for Parabolic {PDEs}},
  journal = {Journal of Computational and Applied Mathematics},
  volume  = {88},
  number  = {2},
  pages   = {315--326},
  year    = {1998},
  doi     = {10.1016/S0377-0427(97)00219-7},
}""",
)
# Schemes of simulations with literature of their own.
SCHEMES: dict[str, tuple[Citation, ...]] = {"runge-kutta-chebyshev": (CHEBYSHEV,)}


class Setup(Table):
    """Settings of a simulation beside the problem, the same for all seeds."""

    dim: int = Field(ge=2, description="input dimension d")
    fields: str = Field(default="network", description="kind of finite system, of those that the theory has")
    times: int = Field(default=40, ge=2, description="number of times at which observables are taken, 0 and t_max included")
    tolerance: float = Field(
        default=3e-4, ge=1e-6, le=1e-2, description="relative error of observables from the integration in time"
    )
    two_time: bool = Field(default=False, description="whether two-time correlations are kept")

    @classmethod
    def of(cls, **keys: Any) -> Setup:
        """From its keys.  Raises ProblemError with one line."""
        return validated(cls, keys, "the simulation")


class Trajectory(NamedTuple):
    """Results of one seed: observables (times,) and kernels (times, times), not a number after the system diverged.

    evaluations: of its rate of change.
    """

    observables: dict[str, Array]
    kernels: dict[str, Array]
    evaluations: int


class Watch(Protocol):
    """Told of a seed on its way.

    begun: state to go on from, None at the beginning.
    """

    begun: State | None

    def __call__(self, time: float, state: Callable[[], State]) -> None:
        """Called after every step; may keep the state, or raise to end the seed."""
        ...


class Experiment(Protocol):
    """The simulation of one problem in one dimension."""

    @property
    def sizes(self) -> Mapping[str, int]:
        """Numbers that the dimension amounts to, such as that of samples."""
        ...

    @property
    def scheme(self) -> str:
        """Scheme in time: a name."""
        ...

    @property
    def memory(self) -> float:
        """Bytes that a seed needs."""
        ...

    @property
    def lighter(self) -> str:
        """Advice that would need less, in words."""
        ...

    def times(self) -> Array:
        """Times at which observables are taken, from 0 to t_max."""
        ...

    def run(self, seed: int, watch: Watch) -> Trajectory:
        """One seed, from its beginning or from `watch.begun`: the same result to the last bit."""
        ...


def experiment(problem: Problem, setup: Setup) -> Experiment:
    """The simulation of a problem.  Raises ProblemError if the theory has none, or none of this kind."""
    description = problem.parameters.description
    if setup.fields not in description.systems:
        raise ProblemError(f'fields = "{setup.fields}": wanted {" or ".join(description.systems)}')
    if setup.two_time and not description.two_time_simulated:
        raise ProblemError(f'two_time = true: wanted false, simulations of model = "{problem.parameters.model}" have none')
    return problem.parameters.experiment(problem, setup)


def scheme_citations(scheme: str) -> tuple[Citation, ...]:
    """The literature behind the steps in time of a simulation."""
    return SCHEMES.get(scheme, ())


def log_times(first: float, last: float, number: int, step: float | None = None) -> Array:
    """Zero, and `number - 1` times with equal ratios from `first` to `last`; in whole steps if there are steps."""
    times = np.append(0.0, np.geomspace(min(first, last), last, number - 1))
    times[-1] = last
    return np.unique(times) if step is None else np.unique(np.rint(times / step)) * step
