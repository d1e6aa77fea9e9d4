"""Cell after cell from t = 0 to t_max: a generator of accepted cells.

A stepper owns time.  It proposes a step, has the cell solved, accepts it if that converged and the estimated error is within
the tolerance, and chooses the next step.  Between two cells its whole state is the history and one number, the next step; a
run that is stored there and continued equals an uninterrupted one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite, log, log10
from typing import ClassVar, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from dmft.engines.base import AcceptedCell
from dmft.engines.fixed_point import Ending
from dmft.engines.outcome import Outcome
from dmft.engines.step_control import StepControl
from dmft.history.history import History
from dmft.mathematics.tableau import radau
from dmft.problem.settings import SolverSettings

Array = NDArray[np.float64]

# Part of a step without a solution that is tried next.
CUT = 0.6
# Cells over which the progress of a run is judged.
CRAWL = 50
# Cells per decade of time at tolerance 1; measured over stages 3 ... 7 and tolerances 1e-3 ... 1e-8.
DENSITY = 0.7
# The first step is a small fraction of the fastest time scale: this many decades below it.
STARTING_DECADES = 1.5
FAILURES = {Ending.CONVERGED: Outcome.STUCK, Ending.NOT_FINITE: Outcome.NOT_FINITE}


@dataclass(frozen=True)
class Attempt:
    """A cell that was tried; `error` is relative to the tolerance, infinite without convergence."""

    step: float
    ending: Ending
    iterations: int
    residual: float
    error: float


Tried = TypeVar("Tried", bound=Attempt)


class Stepper(ABC, Generic[Tried]):
    """The part of an engine that is the same for all equations.

    easy: a cell that takes more iterations than this is a hard one.
    """

    easy: int
    adaptive: ClassVar[bool] = True

    def __init__(self, settings: SolverSettings, control: StepControl, history: History, next_step: float) -> None:
        self.settings, self.control, self.tableau = settings, control, radau(settings.stages)
        self.history, self.next_step = history, next_step
        self.outcome, self.residual = Outcome.RUNNING, np.nan

    @staticmethod
    def clock(time: float) -> float:
        """Steps grow with t."""
        return log(time)

    @abstractmethod
    def _attempt(self, step: float) -> Tried:
        """Solve one cell and estimate its error."""

    @abstractmethod
    def _accept(self, attempt: Tried) -> AcceptedCell:
        """Append a cell to the history."""

    @property
    def time(self) -> float:
        """Time of the last node."""
        return float(self.history["time"][-1])

    @property
    def cells(self) -> int:
        """Number of accepted cells."""
        return (self.history.n - 1) // self.tableau.stages

    def __iter__(self) -> Iterator[AcceptedCell]:
        """Accept cells until t_max or failure; `outcome` says which."""
        while self.time < self.settings.t_max:
            if self.history.n + self.tableau.stages > self.settings.max_nodes or self._crawls():
                self.outcome = Outcome.STUCK
                return
            attempt = self._next_cell()
            if attempt is None:
                return
            yield self._accept(attempt)
        self.outcome = Outcome.DONE

    def _crawls(self) -> bool:
        """True if the mean of the last CRAWL steps, relative to the time reached, is too small to go on."""
        nodes = CRAWL * self.tableau.stages
        if self.history.n <= nodes:
            return False
        return self.time - self.history["time"][-1 - nodes] < CRAWL * self.settings.smallest_step * self.time

    def _next_cell(self) -> Tried | None:
        """The next cell, its step shortened until it can be accepted; None, with the outcome set, if none can be."""
        wanted, retries = self.next_step, 0
        while True:
            step = self._fit(wanted)
            attempt = self._attempt(step)
            if attempt.error <= 1.0:
                self.next_step = self._following_step(wanted, attempt, retries)
                return attempt
            if not np.isfinite(attempt.error):
                wanted = CUT * step
            else:
                wanted = step * min(self.control.factor(attempt.error), 0.8)
            retries += 1
            # At t = 0 the step is relative to the first one tried.
            if not wanted > 1e-3 * self.settings.smallest_step * (self.time or self.next_step):
                self.outcome = FAILURES.get(attempt.ending, Outcome.NOT_CONVERGED)
                return None

    @property
    def end(self) -> float:
        """Time on which the last node of a cell has to fall."""
        return self.settings.t_max

    def _fit(self, step: float) -> float:
        """Shorten the step so that the last node falls on the end and no sliver is left before it."""
        left = self.end - self.time
        return left if step >= left else min(step, 0.5 * left) if step > 0.5 * left else step

    def _following_step(self, wanted: float, attempt: Attempt, retries: int) -> float:
        """The step after an accepted one: as the error allows, but in proportion to t after a rejection or a hard cell."""
        step = attempt.step
        in_proportion = (self.time + step) / self.time if self.time > 0 else 2.0
        growth = self.control.factor(attempt.error, in_proportion if self.time > 0 else 1.0)
        if retries or attempt.iterations > self.easy:
            growth = min(growth, in_proportion * (1.0 if retries else 1.15))
        # A step cut short by the end says nothing against the one that was wanted.
        return max(step * growth, wanted if step < wanted else 0.0)

    def _times(self, step: float) -> Array:
        """Nodes of a new cell; the last one is the end itself if the step leads there."""
        times = self.time + step * self.tableau.c
        if step == self.end - self.time:
            times[-1] = self.end
        return times


def expected_nodes(rate: float, settings: SolverSettings, per_decade: float | None = None) -> float:
    """Nodes that a run with this rate at t = 0 and without phases of slow convergence takes, good to about a third.

    A cell of s nodes errs by O(dt^(s+1)), and dt grows as t: a decade of time takes about DENSITY tolerance^(-1/(s+1)) cells,
    or as many as are given.
    """
    decades = max(log10(settings.t_max) + log10(rate) if rate > 0 and isfinite(rate) else 0.0, 0.0) + STARTING_DECADES
    smooth = DENSITY * settings.tolerance ** (-1 / (settings.stages + 1))
    cells = decades * (smooth if per_decade is None else per_decade)
    return min(settings.stages * cells, settings.max_nodes)
