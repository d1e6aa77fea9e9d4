"""Cells of two-time equations: the kernels on the nodes of a cell solve a fixed-point problem, see `cell.py`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from dmft.engines import guess, stepper
from dmft.engines.base import AcceptedCell, Results
from dmft.engines.cell import Cell, empty_history, initial_node, observable_sizes
from dmft.engines.densities import densities
from dmft.engines.fixed_point import Controller
from dmft.engines.nodes import append
from dmft.engines.step_control import StepControl
from dmft.engines.stepper import Stepper
from dmft.history.history import History
from dmft.mathematics.tableau import radau
from dmft.models.protocol import Model
from dmft.problem.settings import SolverSettings

Array = NDArray[np.float64]

# Residual of a cell's fixed point relative to the tolerance: C_F amplifies errors of C where the training error is small.
RESIDUAL = 1e-3
SMALLEST_RESIDUAL = 1e-13
# A cell that takes more iterations, those of Anderson acceleration alone, is a hard one.
EASY = Controller.easy.max_iterations


@dataclass(frozen=True)
class Attempt(stepper.Attempt):
    """A cell after its fixed-point iteration."""

    cell: Cell
    x: Array
    observed: dict[str, Array]


class March(Stepper[Attempt]):
    """Solver of one problem; iterate over it to advance.  `residual` is that of the last cell tried, accepted or not.

    `history` may be read between cells and `outcome` at the end; give a stored `history` and `next_step` to go on from there.
    """

    easy = EASY
    # Cells x iterations x nodes^2.
    power: ClassVar[int] = 3
    empty_history = staticmethod(empty_history)

    def __init__(self, model: Model, settings: SolverSettings, history: History | None = None, next_step: float = 0.0) -> None:
        self.model = model
        easy = min(EASY, settings.max_iterations)
        self.solver = Controller(
            easy=replace(Controller.easy, max_iterations=easy),
            hard=replace(Controller.hard, max_iterations=settings.max_iterations - easy),
        )
        if history is None:
            history = empty_history(model)
            rate = initial_node(model, history)
            next_step = 1.0 / rate if rate > 0.0 else settings.t_max
        smooth = {name: size for name, size in observable_sizes(model).items() if name not in model.kinks}
        control = StepControl(radau(settings.stages), settings.tolerance, smooth)
        super().__init__(settings, control, history, next_step)

    @staticmethod
    def expected_nodes(model: Model, settings: SolverSettings) -> float:
        """See `stepper.expected_nodes`."""
        return stepper.expected_nodes(initial_node(model, empty_history(model)), settings)

    def _attempt(self, step: float) -> Attempt:
        """Solve one cell and estimate its error."""
        cell = Cell(self.model, self.history, self.tableau, step)
        tolerance = max(RESIDUAL * self.settings.tolerance, SMALLEST_RESIDUAL)
        first = guess.extrapolated(cell)
        found = self.solver.solve(cell, first, cell.size(first), tolerance, cell.responses)
        self.residual = found.residual
        observed = cell.observe(found.x) if found.converged else {}
        error = self.control.error(self.history, step, observed) if found.converged else np.inf
        return Attempt(step, found.ending, len(found.residuals), found.residual, error, cell, found.x, observed)

    def _accept(self, attempt: Attempt) -> AcceptedCell:
        cell = attempt.cell
        assert cell.forces is not None
        rows = cell.rows(attempt.x)
        one_time = {
            **attempt.observed,
            **cell.forces.values,
            "time": self._times(attempt.step),
            "weights": cell.dt * self.tableau.b,
            **cell.kick(),
        }
        if self.model.constraints:
            field = self.history.fields["stage_multiplier"]
            one_time["stage_multiplier"] = cell.multiplier.T.reshape(field.shape(self.tableau.stages))
        violations = cell.constraint_error(rows)
        append(self.model, self.history, one_time, rows, cell.forces.kernels)
        checks = {"residual": attempt.residual}
        checks |= {f"|{name}-1|": float(value) for name, value in zip(self.model.constraints, violations, strict=True)}
        return AcceptedCell(self.cells, self.time, cell.dt, self.history.n, attempt.iterations, attempt.error, checks)

    def results(self) -> Results:
        """Observables and kernels of what was accepted so far."""
        history, kernels = self.history, self.model.kernels(self.history)
        for name, (kick, equal_time) in self.model.responses(history).items():
            kernels[name] = densities(
                kernels[name], kick, equal_time, history["time"], history["weights"], self.settings.stages
            )
        return Results({name: history[name].copy() for name in self.model.observables}, kernels)
