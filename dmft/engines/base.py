"""The interface of an engine, which drives a problem from t = 0 to t_max; there is one for each kind of equations.

An engine is iterated over; each step that it accepts adds the nodes of a cell to its history.  Between two steps its whole
state is the history and one number, the step to try next: what is stored there and continued equals an uninterrupted run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from dmft.engines.outcome import Outcome
from dmft.history.history import History
from dmft.problem.settings import SolverSettings

Array = NDArray[np.float64]


@dataclass(frozen=True)
class AcceptedCell:
    """Report of one step, for progress lines and logs; `checks` are small numbers that measure how well it was solved."""

    cell: int
    time: float
    step: float
    nodes: int
    iterations: int
    error: float
    checks: Mapping[str, float]


@dataclass(frozen=True)
class Results:
    """Results of a run on its n nodes.

    observables: name -> (n,).  kernels: name -> (n, n), [t, t'], responses as densities.  order_parameters: name -> (n, ...).
    standard_errors: of the observables and kernels of a theory that is sampled.
    """

    observables: dict[str, Array]
    kernels: dict[str, Array] = field(default_factory=dict)
    order_parameters: dict[str, Array] = field(default_factory=dict)
    standard_errors: dict[str, Array] = field(default_factory=dict)


class Engine(Protocol):
    """Solver of one problem; iterate over it to advance, read `outcome` at the end.

    power: the seconds of a run grow as this power of its nodes.
    adaptive: whether its steps follow from the tolerance.
    residual: of the last step tried, accepted or not; what a failed run failed at.
    """

    power: ClassVar[int]
    adaptive: ClassVar[bool]
    next_step: float
    outcome: Outcome
    residual: float

    def __init__(self, model: Any, settings: SolverSettings, history: History | None = None, next_step: float = 0.0) -> None:
        """Start at t = 0, or go on from a stored history and its next step."""
        ...

    @staticmethod
    def empty_history(model: Any, capacity: int = 128) -> History:
        """A history with every array that this model needs, without a node."""
        ...

    @staticmethod
    def clock(time: float) -> float:
        """The function of time in which nodes are even: the logarithm where steps grow with t."""
        ...

    @staticmethod
    def expected_nodes(model: Any, settings: SolverSettings) -> float:
        """Nodes that a run will take, roughly."""
        ...

    @property
    def history(self) -> History:
        """Everything that is known so far."""
        ...

    @property
    def time(self) -> float:
        """Time of the last node."""
        ...

    def __iter__(self) -> Iterator[AcceptedCell]:
        """Accept steps until t_max or failure; `outcome` says which."""
        ...

    def results(self) -> Results:
        """Results so far."""
        ...
