"""Gradient flow whose forces are means over samples: sets of samples, each marched through the same cells on its own.

The random numbers of a cell are new, and what they make of its end is not smooth on the scale of the tolerance: no step can be
chosen by looking at it.  The cells are those of the Gaussian theory of the same problem, which is as fast or as slow; where it
has none, those of `ends.py`.  See `sampled.py` for the sets and their means, `stretches.py` for what is known of a set.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property, partial
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dmft.engines import clock, guess, stepper
from dmft.engines.cell import Cell, empty_history, initial_node
from dmft.engines.ends import continued, first_rate, growing, nodes_of
from dmft.engines.fixed_point import Anderson, FixedPoint
from dmft.engines.lead import Lead, lead
from dmft.engines.march import EASY, Attempt, March, standard
from dmft.engines.outcome import Outcome
from dmft.engines.sampled import Begin, Fault, Sampled
from dmft.engines.sets import cut, of_set
from dmft.engines.stretches import Sets, followed, restored, stretch
from dmft.history.history import History
from dmft.mathematics.tableau import radau
from dmft.models.sampled import FOLLOWED, SampledFlowModel, SampleSet, Stretch
from dmft.problem.settings import SolverSettings

Array = NDArray[np.float64]

# Iterations after which a cell is too long for the samples, and is halved; those of Anderson acceleration, and its depth.
# Forces of samples are far from linear: differences of iterates that are far away mislead.
MOST_ITERATIONS, ACCELERATED, DEPTH = 100, 60, 6
# Cells that have to be halved more often have no solution that shorter ones lead to.
SMALLEST_PART = 1 / 64
# Tolerance that what is left of the equations of a cell is relative to: the factors of fields need it to be small.
LARGEST_TOLERANCE = 1e-3


class OnCells(March):
    """A march of one set through cells that are given by their ends, (cells + 1,)."""

    ends: Array
    lead: Lead | None
    model: Any

    @property
    def end(self) -> float:
        """End of the next cell."""
        return float(self.ends[self.cells + 1])

    def _guess(self, cell: Cell) -> Array:
        return guess.extrapolated(cell) if self.lead is None else self.lead.guess(cell)

    def _is_to_be_finer(self, cell: Cell, found: FixedPoint) -> bool:
        """Only in hard cells: no step is chosen by an error."""
        return len(found.residuals) > EASY

    def _may_hide_a_clock(self, attempt: Attempt) -> bool:
        """No step is chosen by its error."""
        return False

    def advance(self) -> bool:
        """Make the next cell; False if its equations are not solved."""
        attempt = self._attempt(self.end - self.time)
        if not np.isfinite(attempt.error):
            return False
        known = self.history.n
        self._accept(attempt)
        if self.model.follow(self.history):
            return True
        self.history = self.history.before(known)
        return False


class FlowProcess:
    """A set on its way; a `SampledProcess`."""

    def __init__(
        self,
        model: SampledFlowModel,
        one: SampleSet,
        settings: SolverSettings,
        ends: Array,
        lead: Lead | None,
        known: Stretch | None,
    ) -> None:
        history = None if known is None else restored(model, known)
        solver = standard(min(settings.max_iterations, MOST_ITERATIONS), Anderson(DEPTH, max_iterations=ACCELERATED))
        settings = settings.model_copy(update={"tolerance": min(settings.tolerance, LARGEST_TOLERANCE)})
        self._stages = model.stages
        self._march = OnCells(model.of_set(one), settings, history, fixed_point=solver)
        self._march.ends, self._march.lead = ends, lead

    def reach(self, goal: int) -> None:
        """See SampledProcess."""
        while self._march.history.n < goal and self._march.advance():
            pass

    def found(self, first: int) -> Stretch:
        """See SampledProcess."""
        history = self._march.history
        found = stretch(history, first, self._stages)
        errors, own = self._march.model.followed(history)[first:], found.one_time["train_error"]
        return replace(found, one_time={**found.one_time, FOLLOWED: np.where(np.isfinite(errors), errors, own)})


def samples_along(model: SampledFlowModel, history: History) -> Iterator[tuple[float, list[Any]]]:
    """The samples of every set at the end of each cell of a run, with its time: they follow from what a run file holds."""
    sets = Sets(model)
    known = [restored(model, of_set(sets, history, number)) for number in range(len(model.sets))]
    for at_an_end in zip(*(followed(model, *one) for one in zip(model.sets, known, strict=True)), strict=False):
        yield at_an_end[0][0], [equations.samples for _, equations in at_an_end]


class Paced(NamedTuple):
    """Ends of all cells, how the march that they are from ended, and its run."""

    ends: Array
    outcome: Outcome
    lead: Lead | None


class SampledFlow(Sampled):
    """Solver of one problem, see `Sampled`; `model` is a `SampledFlowModel`."""

    adaptive: ClassVar[bool] = True

    def __init__(self, model: Any, settings: SolverSettings, history: History | None = None, next_step: float = 0.0) -> None:
        self._flow, self._tableau = model, radau(settings.stages)
        self._reached = np.zeros(1) if history is None else history["time"][:: settings.stages].copy()
        self._ends: Array | None = None
        super().__init__(Sets(model), settings, history, next_step)

    @staticmethod
    def empty_history(model: Any, capacity: int = 128) -> History:
        """See Sampled."""
        return Sampled.empty_history(Sets(model), capacity)

    @staticmethod
    def carried_over(history: History, known: Any, model: Any) -> History:
        """See Sampled."""
        return Sampled.carried_over(history, Sets(known), Sets(model))

    @staticmethod
    def clock(time: float) -> float:
        """Steps grow with t."""
        return March.clock(time)

    @staticmethod
    def expected_nodes(model: Any, settings: SolverSettings) -> float:
        """See `stepper.expected_nodes`."""
        if model.gaussian is None:
            return 1.0 + settings.stages * (len(growing(first_rate(model), settings)) - 1)
        return stepper.expected_nodes(initial_node(model.gaussian, empty_history(model.gaussian)), settings)

    @property
    def ends(self) -> Array:
        """Ends of all cells, those that were made and those to come."""
        if self._ends is None:
            self._ends = continued(self._reached, self.paced.ends)
        return self._ends

    @cached_property
    def paced(self) -> Paced:
        """Cells of the Gaussian theory, or those that grow."""
        if self._flow.gaussian is None:
            return Paced(growing(first_rate(self._flow), self.settings), Outcome.DONE, None)
        march = March(self._flow.gaussian, self.settings)
        ends = np.array([0.0, *(cell.time for cell in march)])
        return Paced(ends, march.outcome, lead(self._flow.gaussian, march.history, self.unit))

    def refined(self) -> bool:
        """Halve the first cell that a set did not solve, for all sets; False if it is a small part of what it was."""
        cell = (self.nodes - 1) // self.unit
        start, end = self.ends[cell : cell + 2]
        planned = self.paced.ends
        whole = np.diff(planned)[min(int(np.searchsorted(planned, start, side="right")) - 1, len(planned) - 2)]
        # Halves of halves are parts of a whole to rounding.
        if not end - start > max(self.settings.smallest_step * end, 1.5 * SMALLEST_PART * whole):
            return False
        self._ends = np.insert(self.ends, cell + 1, (start + end) / 2)
        self._found = [cut(one, self.nodes) for one in self._found]
        # Sets that are on their way know the cells as they were.
        self._run, self._sent = uuid.uuid4().hex, set()
        return True

    def looked_at(self, times: Array) -> Array:
        """Any times."""
        return times

    def instants(self, times: Array) -> Array:
        """The times themselves."""
        return times

    @property
    def unit(self) -> int:
        """Nodes of a cell."""
        return self._tableau.stages

    @property
    def first(self) -> int:
        """The first cell."""
        return 1 + self.unit

    @property
    def last(self) -> int:
        """Number of nodes at the end."""
        return 1 + self.unit * (len(self.ends) - 1)

    def begin(self, number: int) -> Begin:
        """See Sampled."""
        return partial(FlowProcess, self._flow, self._flow.sets[number], self.settings, self.ends, self.paced.lead)

    def times(self, n: int) -> Array:
        """The first n nodes."""
        if n <= 1:
            return np.zeros(n)
        return nodes_of(self.ends, self._tableau)[:n]

    def weights(self, n: int) -> Array:
        """Quadrature weights of the first n nodes."""
        if n <= 1:
            return np.zeros(n)
        return np.append(0.0, np.diff(self.ends)[:, None] * self._tableau.b)[:n]

    def _astray(self, noisy: NDArray[np.bool_], first: int) -> Fault | None:
        """Where a set has left the flow."""
        cell = (first - 1) // self.unit
        left = [where for one in self._found if (where := self._left(one, cell)) is not None]
        if not left:
            return None
        # Sets that are wrong in later cells do not count: how many there are depends on the lengths of rounds.
        first_wrong = min(left)[0]
        right = min(right for wrong, right in left if wrong == first_wrong)
        return Fault(1 + self.unit * first_wrong, 1 + self.unit * right, Outcome.TOO_NOISY)

    def _left(self, one: Stretch, first: int) -> tuple[int, int] | None:
        """See `clock.left_flow`."""
        energy, C, scalars = self._flow.energy(one.one_time, one.two_time)
        lengths = np.diff(self.ends[: (one.n - 1) // self.unit + 1])
        return clock.left_flow(self._tableau, lengths, C, scalars, energy, first)

    @property
    def outcome_at_end(self) -> Outcome:
        """That of the march that the cells are from."""
        return self.paced.outcome
