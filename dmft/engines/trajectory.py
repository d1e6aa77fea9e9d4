"""Cells of ordinary differential equations dy/dt = f(t, y), by Radau IIA collocation.

The same scheme, nodes and meaning of the tolerance as for two-time equations; the scheme is L-stable, so that steps grow
without bound where y comes to rest.  The error of a cell is estimated for every observable and every entry of y, these
relative to their value, or to 1e-3 of their largest one or of the largest entry of y(0).

An L-stable scheme also holds still at a saddle that the equations leave: where the Jacobian has an eigenvalue with real part
g > 0, a step is at most z/g, with z such that the scheme multiplies by exp(z) to within the tolerance.  Its relative error is

    C z^(2s),   C = s! (s-1)!/((2s-1)! (2s)!).

Hairer & Wanner, *Solving Ordinary Differential Equations II*, IV.3 (the Pade approximation), IV.8.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import factorial
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from dmft.engines import stepper
from dmft.engines.base import AcceptedCell, Results
from dmft.engines.collocation import Newton, Stages
from dmft.engines.fixed_point import Ending, FixedPoint
from dmft.engines.step_control import StepControl
from dmft.engines.stepper import Stepper
from dmft.history.fields import TIME, Field
from dmft.history.history import History
from dmft.mathematics.tableau import lagrange, radau
from dmft.models.protocol import OrdinaryModel
from dmft.problem.settings import SolverSettings

Array = NDArray[np.float64]

# Errors of whole runs over those estimated for cells: what is left at a node is not damped where the equations are not stiff.
MARGIN = 4.0
# The same for the relative error of what grows, which adds up over all of its steps.
GROWING = 100.0
# Smaller errors of a cell than this are rounding.
FINEST = 3e-11
# Error of Newton's method relative to the tolerance and to the largest entries, of which observables may be small differences:
# what is aimed at, what is accepted where it gets no further, and what is where rounding leaves no more.
NEWTON_AIM, NEWTON_ENOUGH, NEWTON_MOST = 1e-5, 1e-4, 0.1
NEWTON_ROUNDING = 1e-14
# What multiplies by more than the exponential of this in a step is followed to rounding.
GROWN = 0.1
# Of larger entries not even products are finite.
LARGEST = 1e150
# Iterations that a cell may take.
ITERATIONS = 12
# Iterations of a cell with a new Jacobian, about.
QUICK = 3
# A growth rate that shortens steps is looked up again once t has grown by this factor.
OUTDATED = 1.2
# The first step changes y by this fraction of its size.
FIRST_CHANGE = 0.1


@dataclass(frozen=True)
class Attempt(stepper.Attempt):
    """A cell after Newton's method: y (p, s) on its nodes and what was found there."""

    y: Array
    observed: dict[str, Array]


class Trajectory(Stepper[Attempt]):
    """Solver of one problem of kind "ordinary".

    `history` holds y (p, n), the observables, and at each node the index of that whose Jacobian the next cell begins with: a
    Jacobian may cost as much as many iterations, and is kept while cells take few.
    """

    easy = ITERATIONS
    power: ClassVar[int] = 1

    def __init__(
        self, model: OrdinaryModel, settings: SolverSettings, history: History | None = None, next_step: float = 0.0
    ) -> None:
        self.model = model
        if history is None:
            history, y = self.empty_history(model), model.start()[:, None]
            history.append({"y": y, **model.observe(y), "jacobian": np.zeros(1), "time": np.zeros(1), "weights": np.zeros(1)})
            rate = _fastest(model)
            next_step = FIRST_CHANGE / rate if rate > 0.0 else settings.t_max
        self.size = _size(history["y"][:, 0])
        tableau = radau(settings.stages)
        self.newton = Newton(tableau, min(ITERATIONS, settings.max_iterations))
        sizes = {name: model.observable_sizes.get(name, 0.0) for name in model.observables} | {"y": self.size}
        super().__init__(settings, StepControl(tableau, max(settings.tolerance / MARGIN, FINEST), sizes), history, next_step)
        s = tableau.stages
        constant = factorial(s) * factorial(s - 1) / (factorial(2 * s - 1) * factorial(2 * s))
        self.most_growth = (settings.tolerance / GROWING / constant) ** (1 / (2 * s))
        self._differentiate(int(history["jacobian"][-1]))

    @staticmethod
    def empty_history(model: OrdinaryModel, capacity: int = 128) -> History:
        """A history with every array that this model needs, without a node."""
        y = Field("y", ("entry", TIME), {"entry": model.start().size})
        return History([y, *map(Field, (TIME, "weights", "jacobian", *model.observables))], capacity)

    @staticmethod
    def expected_nodes(model: OrdinaryModel, settings: SolverSettings) -> float:
        """See `stepper.expected_nodes`."""
        return stepper.expected_nodes(_fastest(model), settings)

    def _differentiate(self, node: int) -> None:
        """Take the Jacobian at a node, and the rate at which the fastest growing direction does so."""
        self.node = node
        self.J = self.model.jacobian(float(self.history["time"][node]), self.history["y"][:, node])
        finite = bool(np.isfinite(self.J).all())
        self.growth = max(float(np.linalg.eigvals(self.J).real.max()), 0.0) if finite else 0.0

    def _fit(self, step: float) -> float:
        """As for all equations, and short enough to follow what grows, which is looked up again where it may be past."""
        if step * self.growth > self.most_growth and self.time > OUTDATED * self.history["time"][self.node]:
            self._differentiate(self.history.n - 1)
        return super()._fit(min(step, self.most_growth / self.growth) if self.growth > 0.0 else step)

    def _attempt(self, step: float) -> Attempt:
        """Solve one cell and estimate its error."""
        found, iterations = self._solve(step)
        self.residual = found.residual
        y, ending, error = found.x.T, found.ending, np.inf
        observed: dict[str, Array] = {}
        if found.converged:
            observed = self.model.observe(y)
            if np.abs(y).max() < LARGEST:
                error = self.control.error(self.history, step, {**observed, "y": y})
            ending = ending if np.isfinite(error) else Ending.NOT_FINITE
        return Attempt(step, ending, iterations, found.residual, error, y, observed)

    def _solve(self, step: float) -> tuple[FixedPoint, int]:
        """Stages (s, p) of the next cell, and the iterations they took.

        With the Jacobian that there is, with a new one, or, if they are cheap, with one for each stage: on a slow manifold that
        bends, the first two are too far off for long steps.  At last from where the cell begins: a guess may make no sense.
        """
        times, last = self._times(step), self.history["y"][:, -1]
        guess, size = self._guess(times), self._sizes(last)
        equations = Stages(self.model.rate, times, last, step)
        # What grows may still be small against all that the tolerance sees.
        settled = 0.0 if self.growth * step > GROWN else NEWTON_AIM * self.settings.tolerance
        iterations = 0

        def solved(J: Array, guess: Array = guess) -> FixedPoint:
            nonlocal iterations
            found = self.newton.solve(equations, guess, J, size, max(settled, NEWTON_ROUNDING), self._enough(step))
            iterations += len(found.residuals)
            return found

        found = solved(self.J)
        if not found.converged and self.node != self.history.n - 1:
            self._differentiate(self.history.n - 1)
            found = solved(self.J)
        if not found.converged and self.model.jacobian_cost < ITERATIONS:
            found = solved(np.array([self.model.jacobian(time, y) for time, y in zip(times, guess, strict=True)]))
        if not found.converged:
            found = solved(self.J, np.repeat(last[None], len(times), axis=0))
        return found, iterations

    def _enough(self, step: float) -> float:
        """Error of Newton's method that is accepted: rounding errors of y make one of f, which a long step multiplies."""
        y = self.history["y"][:, -1]
        rounding = NEWTON_ROUNDING * max(step * float((np.abs(self.J) @ np.abs(y) / self._sizes(y)).max()), 1.0)
        return min(max(NEWTON_ENOUGH * self.settings.tolerance, rounding), NEWTON_MOST * self.settings.tolerance)

    def _guess(self, times: Array) -> Array:
        """Stages (s, p): the polynomial of the last cell, in log t, goes on; the state stays as it is at first and at rest."""
        time, y, s = self.history["time"], self.history["y"], self.tableau.stages
        last, before = y[:, -1], y[:, -1 - s :]
        at_rest = np.ptp(before, axis=1) < NEWTON_ENOUGH * self.settings.tolerance * self._sizes(last)
        if self.history.n <= s + 1 or at_rest.all():
            return np.repeat(last[None], s, axis=0)
        old, new = (np.log(at / time[-1]) for at in (time[-1 - s :], times))
        return lagrange(old / old[0], new / old[0]).T @ before.T

    def _sizes(self, y: Array) -> Array:
        """Scale of the errors of Newton's method, (p,)."""
        return np.maximum(np.abs(y), self.size)

    def _accept(self, attempt: Attempt) -> AcceptedCell:
        s, n = self.tableau.stages, self.history.n
        one_time = {
            "y": attempt.y,
            **attempt.observed,
            "time": self._times(attempt.step),
            "weights": attempt.step * self.tableau.b,
            "jacobian": np.full(s, float(self.node)),
        }
        self.history.append(one_time)
        if (attempt.iterations - QUICK) * s > self.model.jacobian_cost:
            self._differentiate(self.history.n - 1)
            self.history["jacobian"][-1] = self.node
        checks = {"residual": attempt.residual}
        return AcceptedCell(self.cells, self.time, attempt.step, n + s, attempt.iterations, attempt.error, checks)

    def results(self) -> Results:
        """Observables and order parameters of what was accepted so far."""
        observables = {name: self.history[name].copy() for name in self.model.observables}
        return Results(observables, order_parameters=self.model.order_parameters(self.history["y"]))


def _size(y: Array) -> float:
    """The largest entry, which the others are small against or not; one if all vanish."""
    return float(np.abs(y).max()) or 1.0


def _fastest(model: OrdinaryModel) -> float:
    """Rate at which y changes at t = 0, relative to its size."""
    y = model.start()
    return float(np.abs(model.rate(0.0, y)).max()) / _size(y)
