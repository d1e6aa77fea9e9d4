"""Cell after cell from t = 0 to t_max: a generator of accepted cells.

The march owns time.  It proposes a step, solves the cell, accepts it if the fixed point converged and the estimated error
is within the tolerance, and chooses the next step.  Between two cells its whole state is the history and one number, the
next step; a run that is stored there and continued equals an uninterrupted one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import isfinite, log10
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from dmft.kernels import History
from dmft.models.base import Model
from dmft.problem import SolverSettings
from dmft.solver import guess
from dmft.solver.base import AcceptedCell, Results
from dmft.solver.cell import Cell, append, empty_history, initial_node, observable_sizes
from dmft.solver.densities import densities
from dmft.solver.fixed_point import Controller, Ending
from dmft.solver.outcome import Outcome
from dmft.solver.step_control import StepControl
from dmft.tableau import radau

Array = NDArray[np.float64]

# Residual of a cell's fixed point relative to the tolerance: C_F amplifies errors of C where the training error is small.
RESIDUAL = 1e-3
SMALLEST_RESIDUAL = 1e-13
# A cell that takes more iterations, those of Anderson acceleration alone, is a hard one.
EASY = Controller.easy.max_iterations
# Cells over which the progress of a run is judged.
CRAWL = 50
# Cells per decade of time at tolerance 1; measured over stages 3 ... 7 and tolerances 1e-3 ... 1e-8.
DENSITY = 0.7
# The first step is a small fraction of the fastest time scale: this many decades below it.
STARTING_DECADES = 1.5


@dataclass(frozen=True)
class Attempt:
    """A cell after its fixed-point iteration; `error` is relative to the tolerance, infinite without convergence."""

    cell: Cell
    x: Array
    observed: dict[str, Array]
    ending: Ending
    iterations: int
    residual: float
    error: float


class March:
    """Solver of one problem; iterate over it to advance.  `residual` is that of the last cell tried, accepted or not.

    `history` may be read between cells and `outcome` at the end; give a stored `history` and `next_step` to go on from there.
    """

    # Cells x iterations x nodes^2.
    power: ClassVar[int] = 3
    empty_history = staticmethod(empty_history)

    def __init__(self, model: Model, settings: SolverSettings, history: History | None = None, next_step: float = 0.0) -> None:
        self.model, self.settings = model, settings
        self.tableau = radau(settings.stages)
        self.control = StepControl(self.tableau, settings.tolerance, observable_sizes(model))
        easy = min(EASY, settings.max_iterations)
        self.solver = Controller(
            easy=replace(Controller.easy, max_iterations=easy),
            hard=replace(Controller.hard, max_iterations=settings.max_iterations - easy),
        )
        self.outcome = Outcome.RUNNING
        self.residual = np.nan
        if history is None:
            history = empty_history(model)
            rate = initial_node(model, history)
            next_step = 1.0 / rate if rate > 0.0 else settings.t_max
        self.history, self.next_step = history, next_step

    @staticmethod
    def expected_nodes(model: Model, settings: SolverSettings) -> float:
        """Nodes that a run without phases of slow convergence takes, good to about a third.

        A cell of s nodes errs by O(dt^(s+1)), and dt grows as t: a decade of time takes about
        DENSITY tolerance^(-1/(s+1)) cells.
        """
        rate = initial_node(model, empty_history(model))
        decades = max(log10(settings.t_max * rate) if rate > 0 and isfinite(rate) else 0.0, 0.0) + STARTING_DECADES
        per_decade = DENSITY * settings.tolerance ** (-1 / (settings.stages + 1))
        return min(settings.stages * per_decade * decades, settings.max_nodes)

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
        """Whether the mean of the last CRAWL steps is below the smallest worth while, relative to the time reached."""
        nodes = CRAWL * self.tableau.stages
        if self.history.n <= nodes:
            return False
        return self.time - self.history["time"][-1 - nodes] < CRAWL * self.settings.smallest_step * self.time

    def _next_cell(self) -> Attempt | None:
        """The next cell, its step shortened until it can be accepted; None, with the outcome set, if none can be."""
        wanted, retries = self.next_step, 0
        while True:
            step = self._fit(wanted)
            attempt = self._attempt(step)
            if attempt.error <= 1.0:
                self.next_step = self._following_step(wanted, attempt, retries)
                return attempt
            if not np.isfinite(attempt.error):
                wanted = 0.5 * step
            else:
                wanted = step * min(self.control.factor(attempt.error), 0.8)
            retries += 1
            # At t = 0 the step is relative to the first one tried.
            if not wanted > 1e-3 * self.settings.smallest_step * (self.time or self.next_step):
                self.outcome = FAILURES.get(attempt.ending, Outcome.NOT_CONVERGED)
                return None

    def _fit(self, step: float) -> float:
        """Shorten the step so that the last node falls on t_max and no sliver is left before it."""
        left = self.settings.t_max - self.time
        return left if step >= left else min(step, 0.5 * left) if step > 0.5 * left else step

    def _attempt(self, step: float) -> Attempt:
        """Solve one cell and estimate its error."""
        cell = Cell(self.model, self.history, self.tableau, step)
        tolerance = max(RESIDUAL * self.settings.tolerance, SMALLEST_RESIDUAL)
        first = guess.extrapolated(cell)
        found = self.solver.solve(cell, first, cell.size(first), tolerance, cell.responses)
        self.residual = found.residual
        observed = cell.observe(found.x) if found.converged else {}
        error = self.control.error(self.history, step, observed) if found.converged else np.inf
        return Attempt(cell, found.x, observed, found.ending, len(found.residuals), found.residual, error)

    def _following_step(self, wanted: float, attempt: Attempt, retries: int) -> float:
        """The step after an accepted one: as the error allows, but in proportion to t after a rejection or a hard cell."""
        step = attempt.cell.dt
        in_proportion = (self.time + step) / self.time if self.time > 0 else 2.0
        growth = self.control.factor(attempt.error, in_proportion if self.time > 0 else 1.0)
        if retries or attempt.iterations > EASY:
            growth = min(growth, in_proportion * (1.0 if retries else 1.15))
        # A step cut short to end on t_max says nothing against the one that was wanted.
        return max(step * growth, wanted if step < wanted else 0.0)

    def _accept(self, attempt: Attempt) -> AcceptedCell:
        cell = attempt.cell
        assert cell.forces is not None
        times = cell.times()
        if cell.dt == self.settings.t_max - self.time:
            times[-1] = self.settings.t_max
        rows = cell.rows(attempt.x)
        one_time = {
            **attempt.observed,
            **cell.forces.values,
            "time": times,
            "weights": cell.dt * self.tableau.b,
            "overlap": rows.overlap,
            "stage_multiplier": cell.multiplier,
            "kick": cell.kick(),
        }
        append(self.model, self.history, one_time, rows, cell.forces)
        diagonal = np.diagonal(rows.C[:, :, cell.n :], axis1=1, axis2=2)
        constraint = float(np.abs(self.model.channel_weights @ diagonal - 1.0).max())
        checks = {"residual": attempt.residual, f"|{self.model.norm}-1|": constraint}
        return AcceptedCell(self.cells, self.time, cell.dt, self.history.n, attempt.iterations, attempt.error, checks)

    def results(self) -> Results:
        """Observables and kernels of what was accepted so far."""
        history, kernels = self.history, self.model.kernels(self.history)
        for name, (kick, equal_time) in self.model.responses(history).items():
            kernels[name] = densities(
                kernels[name], kick, equal_time, history["time"], history["weights"], self.settings.stages
            )
        return Results({name: history[name].copy() for name in self.model.observables}, kernels)


FAILURES = {Ending.CONVERGED: Outcome.STUCK, Ending.NOT_FINITE: Outcome.NOT_FINITE}
