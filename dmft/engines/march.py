"""Cells of two-time equations: the kernels on the nodes of a cell solve a fixed-point problem, see `cell.py`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from dmft.engines import clock, guess, stepper
from dmft.engines.base import AcceptedCell, Results
from dmft.engines.cell import Cell, empty_history, initial_node, observable_sizes
from dmft.engines.densities import densities
from dmft.engines.fixed_point import Anderson, Controller, FixedPoint, NewtonKrylov
from dmft.engines.nodes import append
from dmft.engines.step_control import FLOOR, StepControl, scales
from dmft.engines.stepper import Stepper
from dmft.history.history import History
from dmft.mathematics.tableau import radau
from dmft.models.protocol import Model, Rows
from dmft.problem.settings import SolverSettings

Array = NDArray[np.float64]

# Residual of a cell's fixed point relative to the tolerance: C_F amplifies errors of C where the training error is small.
RESIDUAL = 1e-3
SMALLEST_RESIDUAL = 1e-13
# The residual is made smaller where the clock's error may be beyond this part of what is allowed, or where an observable is off
# by that part of the tolerance: along soft directions x is much farther from the solution than the residual is from zero.
NEAR, HIDDEN, FINER = 0.3, 0.1, 1e-2
# More iterations than these tell of softer directions: the stiffness of the softest one falls as the square of their number.
SOFT = 60
# Error of the energy at the nodes of a cell over its estimate, at most.
UNSEEN = 10.0
# A cell that takes more iterations is a hard one.
EASY = 30


@dataclass(frozen=True)
class Attempt(stepper.Attempt):
    """A cell after its fixed-point iteration; `clock_error` is that of its clock for a residual, relative to the tolerance."""

    cell: Cell
    x: Array
    clock_error: Callable[[float], float]


def standard(max_iterations: int, easy: Anderson = Controller.easy) -> Controller:
    """Anderson acceleration, then Newton-Krylov, with at most this many iterations together."""
    first = min(easy.max_iterations, max_iterations)
    return Controller(
        easy=replace(easy, max_iterations=first), hard=replace(Controller.hard, max_iterations=max_iterations - first)
    )


def _finer(tolerance: float, iterations: int) -> float:
    """A smaller residual than `tolerance`, to which the iteration goes on; the smaller, the more iterations it has taken."""
    softer = max(iterations / SOFT, 1.0) ** 2
    return max(FINER / softer * tolerance, SMALLEST_RESIDUAL)


def _turned(cell: Cell, rows: Rows) -> float:
    """Largest change over a cell of what is left of the start in the weights and of their overlaps, see `clock.changed`."""
    G, overlap = cell.stacks[0].width, cell.overlap
    floor = FLOOR * np.abs(overlap).max(axis=1, keepdims=True)
    turned = clock.changed(overlap[:, -G:], rows.overlap[:, -G:], floor) if len(overlap) else 0.0
    return max(turned, *map(clock.forgotten, cell.stacks, cell.C, rows.C))


def _no_clock(residual: float) -> float:
    """Error of the clock where there is none."""
    return 0.0


class March(Stepper[Attempt]):
    """Solver of one problem; iterate over it to advance.  `residual` is that of the last cell tried, accepted or not.

    `history` may be read between cells and `outcome` at the end; give a stored `history` and `next_step` to go on from there.
    """

    easy = EASY
    # Cells x iterations x nodes^2.
    power: ClassVar[int] = 3
    empty_history = staticmethod(empty_history)

    def __init__(
        self,
        model: Model,
        settings: SolverSettings,
        history: History | None = None,
        next_step: float = 0.0,
        fixed_point: Controller | Anderson | NewtonKrylov | None = None,
    ) -> None:
        self.model = model
        # The cell tried last, if it has to be tried again with a shorter step.
        self._longer: Attempt | None = None
        self.solver = standard(settings.max_iterations) if fixed_point is None else fixed_point
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
        found, iterations = self._solved(cell), 0
        finer = found.go_on is not None and self._is_to_be_finer(cell, found)
        if finer:
            found, iterations = self._finer(cell, found)
        attempt = self._estimated(cell, found, iterations)
        if found.go_on and not finer and self._may_hide_a_clock(attempt):
            attempt = self._estimated(cell, *self._finer(cell, found))
        self.residual = attempt.residual
        self._longer = attempt if found.converged and attempt.error > 1.0 else None
        return attempt

    @property
    def _small_residual(self) -> float:
        """Residual to which a cell is solved."""
        return max(RESIDUAL * self.settings.tolerance, SMALLEST_RESIDUAL)

    def _solved(self, cell: Cell) -> FixedPoint:
        """The fixed point of a cell."""
        first = self._guess(cell)
        size = cell.size(first)
        if isinstance(self.solver, Controller):
            return self.solver.solve(cell, first, size, self._small_residual, cell.responses)
        return self.solver.solve(cell, first, size, self._small_residual)

    def _finer(self, cell: Cell, found: FixedPoint) -> tuple[FixedPoint, int]:
        """The fixed point to a smaller residual, if there it converges, and the number of iterations before."""
        assert found.go_on is not None
        finer = found.go_on(_finer(self._small_residual, len(found.residuals)))
        if finer.converged:
            return finer, len(found.residuals)
        # The cell holds what it found at the last x that it was called with.
        cell(found.x)
        return found, 0

    def _guess(self, cell: Cell) -> Array:
        """Where the iteration of a cell begins."""
        if self._longer is not None and self._longer.cell.n == cell.n:
            return guess.shortened(self._longer.cell, self._longer.x, cell)
        return guess.extrapolated(cell)

    def _is_to_be_finer(self, cell: Cell, found: FixedPoint) -> bool:
        """True if what the iteration leaves may count in observables."""
        if found.ahead is None:
            return True
        off = np.abs(cell.watched(found.ahead)).max(axis=1)
        return bool((off > HIDDEN * self.settings.tolerance * scales(self.history, observable_sizes(self.model))).any())

    def _may_hide_a_clock(self, attempt: Attempt) -> bool:
        """True if the residual may count in the clock, which it moves either way."""
        return attempt.clock_error(-attempt.residual) > NEAR

    def _estimated(self, cell: Cell, found: FixedPoint, iterations: int) -> Attempt:
        """A cell after some iterations before, with its estimated error: that of its polynomials or that of the clock."""
        iterations += len(found.residuals)
        error, clock_error = np.inf, _no_clock
        if found.converged:
            clock_error = self._clock_error(cell)
            error = max(self.control.error(self.history, cell.dt, cell.last.observed), clock_error(found.residual))
        return Attempt(cell.dt, found.ending, iterations, found.residual, error, cell, found.x, clock_error)

    def _clock_error(self, cell: Cell) -> Callable[[float], float]:
        """Error of a cell's clock as a function of the residual, see `clock.py`; none in the first cell, without log t."""
        history, last, model = self.history, self.history.n - 1, self.model
        if last == 0 or not model.energy:
            return _no_clock
        rows, _, observed = cell.last
        stacks = zip(model.channels, cell.C, rows.C, strict=True)
        C = sum((clock.weighted(stack, past, block, last) for stack, past, block in stacks), np.zeros(()))
        energy = np.concatenate([history[model.energy][-1:], observed[model.energy]])
        scalars = np.concatenate([cell.scalars[:, -1:], rows.scalars], axis=1)
        scalars *= clock.roots(model.channels[0], len(scalars))
        floor = FLOOR * float(np.abs(history[model.energy]).max())
        # An energy below its floor is held to the tolerance of the floor only, and may be known better.
        unresolved = 0.0
        if np.abs(energy).min() < floor:
            missed = self.control.missed(history, cell.dt, observed, model.energy)
            unresolved = min(self.settings.tolerance * floor, UNSEEN * missed)
        span, moved, turned = np.log1p(cell.dt / self.time), self.control.moved(history, observed), _turned(cell, rows)
        crossing = self.control.crossing(history, cell.dt, observed)

        def error(residual: float) -> float:
            excess = clock.excess(self.tableau, cell.dt, C, scalars, energy, unresolved, residual)
            of_all = clock.error(excess.of_all, moved, span, crossing)
            return max(of_all, clock.error(excess.of_weights, turned, span)) / self.settings.tolerance

        return error

    def _accept(self, attempt: Attempt) -> AcceptedCell:
        cell = attempt.cell
        rows, forces, observed = cell.last
        one_time = {
            **observed,
            **forces.values,
            "time": self._times(attempt.step),
            "weights": cell.dt * self.tableau.b,
            **cell.kick(),
        }
        if self.model.constraints:
            field = self.history.fields["stage_multiplier"]
            one_time["stage_multiplier"] = cell.multiplier.T.reshape(field.shape(self.tableau.stages))
        violations = cell.constraint_error(rows)
        append(self.model, self.history, one_time, rows, forces.kernels)
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
