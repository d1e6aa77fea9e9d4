"""Cells of equations that are not smooth, by steps of order 2 that the model makes, and again by steps of half the length.

A cell has the nodes of all others.  The model steps from node to node, once in one step and once in two; the latter is kept,
and a third of the difference of an observable is its error.  Half way between the nodes the polynomial of the cell, by which
`Solution.at` reads a run, is held to the tolerance too.  Where the right-hand side jumps, cells become short for a while.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from dmft.engines import stepper
from dmft.engines.base import AcceptedCell, Results
from dmft.engines.fixed_point import Ending
from dmft.engines.step_control import StepControl
from dmft.engines.stepper import Stepper
from dmft.history.fields import TIME, Field
from dmft.history.history import History
from dmft.mathematics.tableau import radau
from dmft.models.protocol import SteppedModel
from dmft.problem.settings import SolverSettings

Array = NDArray[np.float64]

ORDER = 2
# Errors of whole runs over those estimated for cells.
MARGIN = 3.0
# Cells per decade of time at tolerance 1, and the power of the tolerance by which they grow: between that of a smooth function,
# 1/3, and that of one whose derivative jumps, 1/2.
DENSITY, JUMPING = 1.3, 0.4
# The first cell, over the shortest time in which something changes.
FIRST_STEP = 0.03


@dataclass(frozen=True)
class Attempt(stepper.Attempt):
    """A cell that was stepped through: y at its end, and the observables on its nodes, (s,) each."""

    y: Array
    observed: dict[str, Array]


class Doubling(Stepper[Attempt]):
    """Solver of one problem of kind "stepped"; of y, the history holds the last node alone."""

    easy = 0
    power: ClassVar[int] = 1

    def __init__(
        self, model: SteppedModel, settings: SolverSettings, history: History | None = None, next_step: float = 0.0
    ) -> None:
        self.model = model
        if history is None:
            history, y = self.empty_history(model), model.start()
            first = {name: np.array([value]) for name, value in model.observe(y).items()}
            history.append({"time": np.zeros(1), "weights": np.zeros(1), **first, "y": y})
            next_step = FIRST_STEP / model.fastest_rate
        sizes = {name: 0.0 for name in model.observables if name not in model.jumps}
        # Errors fall as those of cells with so many stages.
        super().__init__(settings, StepControl(radau(ORDER), settings.tolerance / MARGIN, sizes), history, next_step)

    @staticmethod
    def empty_history(model: SteppedModel, capacity: int = 128) -> History:
        """A history with every array that this model needs, without a node."""
        shape = model.start().shape
        y = Field("y", tuple(f"axis{k}" for k in range(len(shape))), {f"axis{k}": length for k, length in enumerate(shape)})
        return History([y, *map(Field, (TIME, "weights", *model.observables))], capacity)

    @staticmethod
    def expected_nodes(model: SteppedModel, settings: SolverSettings) -> float:
        """See `stepper.expected_nodes`; good to a factor of two or three, as it depends on how much jumps."""
        return stepper.expected_nodes(model.fastest_rate, settings, DENSITY * settings.tolerance**-JUMPING)

    def _crawls(self) -> bool:
        """Never: where something jumps, steps are short for a while."""
        return False

    def _attempt(self, step: float) -> Attempt:
        """Step through a cell twice."""
        gaps = np.diff(self.tableau.c, prepend=0.0) * step
        coarse, halves = self._states(gaps), self._states(np.repeat(gaps / 2, 2))
        rough, between, known = (self._observed(states) for states in (coarse, halves[::2], halves[1::2]))
        names = list(self.control.sizes)
        last = np.array([self.history[name][-1] for name in names])
        fine = np.array([known[name] for name in names])
        stepped = np.abs([rough[name] for name in names] - fine) / (2**ORDER - 1)
        read = np.abs(np.column_stack([last, fine]) @ self.tableau.interpolation - [between[name] for name in names])
        missed = np.maximum(stepped, read).max(axis=1)
        error = float((missed / self.control.scale(self.history, fine)).max()) / self.control.tolerance
        if not np.isfinite(error):
            return Attempt(step, Ending.NOT_FINITE, 0, 0.0, np.inf, halves[-1], known)
        return Attempt(step, Ending.CONVERGED, 0, 0.0, error, halves[-1], known)

    def _states(self, steps: Array) -> list[Array]:
        """y after each of some steps from the last node on."""
        states = [self.history["y"]]
        for step in steps:
            states.append(self.model.advance(states[-1], step))
        return states[1:]

    def _observed(self, states: list[Array]) -> dict[str, Array]:
        """Every observable of some states, (len(states),) each."""
        rows = [self.model.observe(y) for y in states]
        return {name: np.array([row[name] for row in rows]) for name in self.model.observables}

    def _accept(self, attempt: Attempt) -> AcceptedCell:
        self.residual = 0.0
        one_time = {**attempt.observed, "time": self._times(attempt.step), "weights": attempt.step * self.tableau.b}
        self.history.append({**one_time, "y": attempt.y})
        return AcceptedCell(
            self.cells, self.time, attempt.step, self.history.n, 0, attempt.error, {"error/tolerance": attempt.error}
        )

    def results(self) -> Results:
        """Observables of what was accepted so far."""
        return Results({name: self.history[name].copy() for name in self.model.observables})
