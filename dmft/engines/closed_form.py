"""Cells of equations whose solution is known as a function of time.

What is left to choose are the nodes: `Solution.at` reads a run between its nodes by the polynomial of a cell, so a cell is
short enough if this polynomial is within the tolerance of the solution half way between its nodes.  No cell contains a time
at which the solution has a kink, but for its ends.
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
from dmft.models.protocol import ClosedFormModel
from dmft.problem.settings import SolverSettings

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Attempt(stepper.Attempt):
    """A cell whose nodes were tried: what is observed there, (s,) each."""

    observed: dict[str, Array]


class ClosedForm(Stepper[Attempt]):
    """Choice of the nodes for one problem of kind "closed-form"."""

    easy = 0
    power: ClassVar[int] = 1

    def __init__(
        self, model: ClosedFormModel, settings: SolverSettings, history: History | None = None, next_step: float = 0.0
    ) -> None:
        self.model = model
        if history is None:
            history = self.empty_history(model)
            history.append({"time": np.zeros(1), "weights": np.zeros(1), **model.evaluate(np.zeros(1))})
            next_step = 1.0 / model.fastest_rate
        tableau = radau(settings.stages)
        smooth = {name: 0.0 for name in model.observables if name not in model.steps}
        super().__init__(settings, StepControl(tableau, settings.tolerance, smooth), history, next_step)

    @staticmethod
    def empty_history(model: ClosedFormModel, capacity: int = 128) -> History:
        """A history with every array that this model needs, without a node."""
        return History(map(Field, (TIME, "weights", *model.observables)), capacity)

    @staticmethod
    def expected_nodes(model: ClosedFormModel, settings: SolverSettings) -> float:
        """Those of smooth functions, and a cell for each kink."""
        smooth = stepper.expected_nodes(model.fastest_rate, settings)
        return min(smooth + settings.stages * model.expected_kinks, settings.max_nodes)

    @property
    def end(self) -> float:
        """The next kink, or t_max."""
        return min(self.model.next_kink(self.time), self.settings.t_max)

    def _crawls(self) -> bool:
        """Never: short steps lead from kink to kink."""
        return False

    def _attempt(self, step: float) -> Attempt:
        """Evaluate the solution on the nodes of a cell, and half way between them."""
        s, smooth = self.tableau.stages, self.control.sizes
        found = self.model.evaluate(np.append(self._times(step), self.time + step * self.tableau.between))
        observed = {name: values[:s] for name, values in found.items()}
        known = np.array([np.append(self.history[name][-1], observed[name]) for name in smooth])
        missed = np.abs(known @ self.tableau.interpolation - [found[name][s:] for name in smooth]).max(axis=1)
        error = float((missed / self.control.scale(self.history, known[:, 1:])).max()) / self.settings.tolerance
        ending = Ending.CONVERGED if np.isfinite(error) else Ending.NOT_FINITE
        return Attempt(step, ending, 0, 0.0, error if np.isfinite(error) else np.inf, observed)

    def _accept(self, attempt: Attempt) -> AcceptedCell:
        self.residual = 0.0
        times = self._times(attempt.step)
        self.history.append({**attempt.observed, "time": times, "weights": attempt.step * self.tableau.b})
        return AcceptedCell(
            self.cells, self.time, attempt.step, self.history.n, 0, attempt.error, {"error/tolerance": attempt.error}
        )

    def results(self) -> Results:
        """Observables of what was accepted so far."""
        return Results({name: self.history[name].copy() for name in self.model.observables})
