"""Theories whose averages are sampled: independent sets of samples, each solved on its own, give means and standard errors.

Every set follows the same steps of gradient descent.  What the sets found is averaged with their numbers of samples P_i as
weights, and their scatter gives the standard error of the mean of S sets,

    mean = sum_i P_i x_i / sum_i P_i,        error^2 = sum_i P_i (x_i - mean)^2 / [(S - 1) sum_i P_i]

as the variance of a set is in proportion to 1/P_i.  A theory that is known at widths w, w/2 of something smoothed is
extrapolated to zero width in each set, which has the same random numbers at both: x = 2 x(w/2) - x(w).

The history holds the correlations and responses of every set, and from these and its seed a set finds the state of its samples
again to the last bit.  Sets are advanced in rounds, by whatever processes there are, and the numbers do not depend on either.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from time import monotonic
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from dmft.engines.base import AcceptedCell, Results
from dmft.engines.outcome import Outcome
from dmft.history.history import History, Shape
from dmft.models.sampled import SampledModel, SampledProcess, Stretch
from dmft.problem.settings import SolverSettings

Array = NDArray[np.float64]

# How arrays of all sets are called in the history, and the numbers of nodes that they have reached.
OF_SETS = "sets_"
REACHED = OF_SETS + "reached"
# Seconds of a round: what a stop waits for, at most twice as long.
ROUND = 1.0
# A standard error above this fraction of the largest value so far ends a run: what follows would be noise.
NOISE = 0.2
# Errors that are held to it.
NOISY = ("train_error", "test_error")
# An error that has grown by this factor does not come back.
GROWTH = 1e6


Call = tuple[Callable[..., Any], tuple[Any, ...]]


class Crew(Protocol):
    """Processes that share calls; a call with the same place in the list goes to the same process."""

    def run(self, calls: Sequence[Call]) -> list[Any]:
        """Results in the order of the calls."""
        ...


class Alone:
    """This process."""

    def run(self, calls: Sequence[Call]) -> list[Any]:
        """One after the other."""
        return [function(*arguments) for function, arguments in calls]


# Sets on their way in this process, by run and number.
_at_work: dict[tuple[str, int], SampledProcess] = {}


def advance(run: str, model: SampledModel, number: int, known: Stretch | None, goal: int, nodes: int) -> Stretch:
    """Bring a set to so many nodes; `known` is what the caller has, which counts where this process does not have the set."""
    process = _at_work.get((run, number))
    first = 0 if known is None else known.n
    if process is None:
        process = model.process(model.sets[number], nodes, known)
        _at_work[run, number] = process
    for _ in range(goal - max(first, 1)):
        process.advance()
    return process.found(first)


def forget(run: str) -> None:
    """Drop the sets of a run."""
    for key in [key for key in _at_work if key[0] == run]:
        del _at_work[key]


class Sampled:
    """Solver of one problem; iterate over it to advance by rounds.  `residual` is the largest relative standard error."""

    power: ClassVar[int] = 3
    adaptive: ClassVar[bool] = False

    def __init__(
        self, model: SampledModel, settings: SolverSettings, history: History | None = None, next_step: float = 0.0
    ) -> None:
        assert settings.learning_rate is not None
        self.model, self.settings, self.eta = model, settings, settings.learning_rate
        self.crew: Crew = Alone()
        self.outcome, self.residual, self.next_step = Outcome.RUNNING, np.nan, self.eta
        self.history = self.empty_history(model) if history is None else history
        self._sets, self._run, self._sent = model.sets, uuid.uuid4().hex, set[int]()
        if self._behind < 1:
            self._advance(1)

    @staticmethod
    def empty_history(model: SampledModel, capacity: int = 128) -> History:
        """A history with every array that this model needs, without a node."""
        number = len(model.sets)

        def of_sets(shapes: Mapping[str, Shape]) -> dict[str, Shape]:
            return {OF_SETS + name: (number, *shape) for name, shape in shapes.items()}

        one_time = {"time": (), "weights": ()} | of_sets({**model.one_time, **model.all_time})
        return History(one_time, of_sets(model.two_time), capacity, of_sets({"reached": (), **model.latest}))

    @staticmethod
    def carried_over(history: History, known: SampledModel, model: SampledModel) -> History:
        """The history with the sets of another model of the same equations: those that both have as they are."""
        if known.sets == model.sets:
            return history
        new, n = Sampled.empty_history(model, history.n), history.n
        there = {one: number for number, one in enumerate(known.sets)}
        pairs = [(number, there[one]) for number, one in enumerate(model.sets) if one in there]
        for number, old in pairs:
            for name in {**model.one_time, **model.all_time}:
                new.one_time[OF_SETS + name][number, ..., :n] = history.one_time[OF_SETS + name][old, ..., :n]
            for name in model.two_time:
                new.two_time[OF_SETS + name][number, ..., :n, :n] = history.two_time[OF_SETS + name][old, ..., :n, :n]
            for name in new.latest:
                new.latest[name][number] = history.latest[name][old]
        for name in ("time", "weights"):
            new.one_time[name][:n] = history.one_time[name][:n]
        new.n = n
        return new

    @staticmethod
    def clock(time: float) -> float:
        """Steps are equal."""
        return time

    @staticmethod
    def expected_nodes(model: SampledModel, settings: SolverSettings) -> float:
        """Nodes of a run, exactly."""
        return settings.steps + 1

    @property
    def time(self) -> float:
        """Time of the last node that all sets have reached."""
        return float(self.history["time"][max(self._behind - 1, 0)])

    @property
    def _reached(self) -> NDArray[np.int64]:
        return self.history.latest[REACHED].astype(int)

    @property
    def _behind(self) -> int:
        return int(self._reached.min())

    def __iter__(self) -> Iterator[AcceptedCell]:
        """Accept rounds until t_max or until there is nothing to be learned from going on; `outcome` says which."""
        length, nodes = 1, self.settings.steps + 1
        try:
            while self._behind < nodes:
                before, began = self._behind, monotonic()
                self._advance(min(before + length, nodes))
                spent, made = monotonic() - began, self._behind - before
                length = max(1, min(2 * length, int(length * ROUND / max(spent, 1e-3)) or 1))
                failure = self._failure(before)
                if failure is not None:
                    self.outcome = failure
                    return
                yield AcceptedCell(self._behind - 1, self.time, made * self.eta, self._behind, 1, 0.0, {"noise": self.residual})
            self.outcome = Outcome.DONE
        finally:
            self.crew.run([(forget, (self._run,))] * len(self._sets))

    def _advance(self, goal: int) -> None:
        """Bring all sets that are behind to so many nodes."""
        nodes = self.settings.steps + 1
        behind = [number for number, reached in enumerate(self._reached) if reached < goal]
        calls: list[Call] = [(len, ((),))] * len(self._sets)
        for number in behind:
            known = self._known(number) if number not in self._sent else self._place(number)
            calls[number] = (advance, (self._run, self.model, number, known, goal, nodes))
        results = self.crew.run(calls)
        for number in behind:
            self._sent.add(number)
            self._keep(number, results[number])
        self._number_nodes()

    def _place(self, number: int) -> Stretch | None:
        """Where a set is, for a process that has it."""
        reached = int(self._reached[number])
        return Stretch(0, reached) if reached else None

    def _known(self, number: int, end: int | None = None) -> Stretch | None:
        """What the history holds of a set."""
        n, history = int(self._reached[number]) if end is None else end, self.history
        if n == 0:
            return None
        one, two, model = history.one_time, history.two_time, self.model
        return Stretch(
            0,
            n,
            {name: one[OF_SETS + name][number, ..., :n] for name in model.one_time},
            {name: two[OF_SETS + name][number, ..., :n, :n] for name in model.two_time},
            {name: one[OF_SETS + name][number, ..., :n] for name in model.all_time},
            {name: history.latest[OF_SETS + name][number] for name in model.latest},
        )

    def _keep(self, number: int, found: Stretch) -> None:
        """Put what a set found into the history."""
        history, first, n = self.history, found.first, found.n
        if n > history.capacity:
            history.reserve(min(max(n, 2 * history.capacity), self.settings.steps + 1))
        for name, values in found.one_time.items():
            history.one_time[OF_SETS + name][number, ..., first:n] = values
        for name, values in found.all_time.items():
            history.one_time[OF_SETS + name][number, ..., :n] = values
        for name, rows in found.two_time.items():
            history.two_time[OF_SETS + name][number, ..., first:n, :n] = rows
        for name, values in found.latest.items():
            history.latest[OF_SETS + name][number] = values
        history.latest[REACHED][number] = n
        history.n = max(history.n, n)

    def _number_nodes(self) -> None:
        """Times, and weights of the sum over steps: a force at the last node has acted on none."""
        n, steps = self.history.n, np.arange(self.history.n)
        self.history["time"][:] = np.where(steps == self.settings.steps, self.settings.t_max, steps * self.eta)
        self.history["weights"][:] = self.eta
        self.history["weights"][n - 1] = 0.0

    def _failure(self, first: int) -> Outcome | None:
        """What is wrong at a node from `first` on, the last one that is kept then; None if nothing is."""
        n = self._behind
        found = self._of_sets(self.model.observables, n)
        growth, noise = np.zeros(n), np.zeros(n)
        for name in NOISY:
            mean, error = self._averaged(found, name)
            growth = np.maximum(growth, np.where(np.isfinite(mean), np.abs(mean) / max(mean[0], 1e-3), np.inf))
            noise = np.fmax(noise, error / np.maximum.accumulate(np.abs(mean)))
        wrong = np.flatnonzero((growth > GROWTH) | (noise > NOISE))
        self.residual = float(noise[-1])
        if not len(wrong := wrong[wrong >= first]):
            return None
        diverged = growth[wrong[0]] > GROWTH
        self._cut(int(wrong[0]) if diverged else int(wrong[0]) + 1)
        self.residual = float(noise[self._behind - 1])
        return Outcome.DIVERGED if diverged else Outcome.TOO_NOISY

    def _cut(self, n: int) -> None:
        """Keep the first nodes."""
        history = self.history
        history.n = n
        history.latest[REACHED][:] = n
        if self.model.latest:
            # The momentum is that of a later node: whoever goes on has to begin anew.
            history.latest = {name: np.zeros_like(values) for name, values in history.latest.items()}
        self._number_nodes()

    def _of_sets(self, function: Callable[..., dict[str, Array]], end: int, *others: Any) -> list[dict[str, Array]]:
        """What a function makes of each set, one width after the other extrapolated, as far as `end`."""
        found: list[dict[str, Array]] = []
        for number in range(0, len(self._sets), self._widths):
            known = [self._known(number + k, end) for k in range(self._widths)]
            of_widths = [function(one, *others) for one in known]
            if self._widths == 2:
                of_widths = [{name: 2 * of_widths[1][name] - of_widths[0][name] for name in of_widths[0]}]
            found.append(of_widths[0])
        return found

    @property
    def _widths(self) -> int:
        return 2 if len({one.width for one in self._sets}) == 2 else 1

    def _averaged(self, found: Sequence[Mapping[str, Array]], name: str, *, times: int = 1) -> tuple[Array, Array]:
        """Mean and standard error of what the sets found, of those that have reached its node; no error of a single set."""
        values = np.array([one[name] for one in found])
        sizes = np.array([one.size for one in self._sets[:: self._widths]], dtype=float)
        reached = self._reached.reshape(-1, self._widths).min(axis=1)
        there = np.arange(values.shape[1]) < reached[:, None]
        weights = (sizes[:, None] * there).reshape(*there.shape, *(1,) * (values.ndim - 2))
        if times == 2:
            weights = weights * there[:, None, :]
        total = np.maximum(weights.sum(axis=0), 1e-300)
        mean = (weights * values).sum(axis=0) / total
        scatter = (weights * (values - mean) ** 2).sum(axis=0)
        others = (weights > 0).sum(axis=0) - 1.0
        return mean, np.where(others > 0, np.sqrt(scatter / (np.maximum(others, 1.0) * total)), np.nan)

    def results(self) -> Results:
        """Means over sets, and their standard errors if there are several; on nodes that few have reached, of those."""
        n = self.history.n
        observed, kernels = self._of_sets(self.model.observables, n), self._of_sets(self.model.kernels, n, self.eta)
        averaged = {name: self._averaged(observed, name) for name in observed[0]}
        two_time = {name: self._averaged(kernels, name, times=2) for name in kernels[0]}
        every = {**averaged, **two_time} if len(self._sets) > self._widths else {}
        return Results(
            {name: mean for name, (mean, _) in averaged.items()},
            {name: mean for name, (mean, _) in two_time.items()},
            standard_errors={name: error for name, (_, error) in every.items()},
        )
