"""Theories whose averages are sampled: independent sets of samples, each solved on its own, give means and standard errors.

Every set follows the same steps.  What the sets found is averaged with their numbers of samples P_i as
weights, and their scatter gives the standard error of the mean of S sets,

    mean = sum_i P_i x_i / sum_i P_i,        error^2 = sum_i P_i (x_i - mean)^2 / [(S - 1) sum_i P_i]

as the variance of a set is in proportion to 1/P_i.  A theory that is known at several widths of something smoothed is
extrapolated to zero width by the polynomial through these points, in each set, which has the same random numbers at all widths.

The history holds the correlations and responses of every set, and from these and its seed a set finds the state of its samples
again to the last bit.  Sets are advanced in rounds, by whatever processes there are, and the numbers do not depend on either.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property, partial
from time import monotonic
from typing import Any, ClassVar, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from dmft.engines.astray import astray
from dmft.engines.base import AcceptedCell, Results
from dmft.engines.distributions import distributions
from dmft.engines.outcome import Outcome
from dmft.engines.sets import NOTHING, cut, fields, history_of, joined, padded, reached_together, sets_of, widths
from dmft.history.fields import DISTRIBUTION_TIME
from dmft.history.history import History
from dmft.models.sampled import SampledModel, SampledProcess, Stretch
from dmft.problem.settings import SolverSettings

Array = NDArray[np.float64]
Found = Sequence[Mapping[str, Array]]

# Seconds of a round: what a stop waits for, at most about twice as long.
ROUND = 1.0
# A standard error above this fraction of the largest value so far ends a run: what follows would be noise.
NOISE = 0.2
# Errors that are held to it.
NOISY = ("train_error", "test_error")
# An error that has grown by this factor does not come back; one that is zero at first counts as so large.
GROWTH, SMALL = 1e6, 1e-3

Call = tuple[Callable[..., Any], tuple[Any, ...]]
# A set at its first node, or where it was left.
Begin = Callable[[Stretch | None], SampledProcess]


class Fault(NamedTuple):
    """A fault at a node, which ends a run: the number of nodes that are right, and the outcome."""

    node: int
    right: int
    outcome: Outcome


class Crew(Protocol):
    """Processes that share calls; with the same list of work, a call with the same place goes to the same process."""

    def run(self, calls: Sequence[Call | None], work: Sequence[float]) -> list[Any]:
        """Results in the order of the calls, None where there is none; work: of all calls at each place, in any unit."""
        ...


class Alone:
    """This process."""

    def run(self, calls: Sequence[Call | None], work: Sequence[float]) -> list[Any]:
        """One after the other."""
        return [None if call is None else call[0](*call[1]) for call in calls]


# Sets on their way in this process, by run and number.
_at_work: dict[tuple[str, int], SampledProcess] = {}


def advance(run: str, number: int, begin: Begin, known: Stretch, goal: int) -> Stretch:
    """Bring a set to a number of nodes, or as far as it goes; `known` is needed whole where this process does not have it."""
    process = _at_work.get((run, number))
    if process is None:
        process = begin(known if known.n else None)
        _at_work[run, number] = process
    with np.errstate(all="ignore"):
        process.reach(goal)
        return process.found(known.n)


def forget(run: str) -> None:
    """Drop the sets of a run."""
    for key in [key for key in _at_work if key[0] == run]:
        del _at_work[key]


class Sampled:
    """Solver of one problem; iterate over it to advance by rounds.  `residual` is the largest relative standard error.

    Steps are those of gradient descent; an engine with others says what `begin`, `times`, `weights` and `unit` are.
    """

    power: ClassVar[int] = 3
    adaptive: ClassVar[bool] = False

    def __init__(
        self, model: SampledModel, settings: SolverSettings, history: History | None = None, next_step: float = 0.0
    ) -> None:
        self.model, self.settings = model, settings
        self.crew: Crew = Alone()
        self.outcome, self.residual, self.next_step = Outcome.RUNNING, np.nan, settings.learning_rate or 0.0
        self._found = [NOTHING] * len(model.sets) if history is None else sets_of(model, history)
        self._run, self._sent = uuid.uuid4().hex, set[int]()

    @staticmethod
    def empty_history(model: SampledModel, capacity: int = 128) -> History:
        """A history with every array that this model needs, without a node."""
        return History(fields(model), capacity)

    @staticmethod
    def carried_over(history: History, known: SampledModel, model: SampledModel) -> History:
        """The history with the sets of another model of the same equations: those that both have as they are."""
        if known.sets == model.sets:
            return history
        there = dict(zip(known.sets, sets_of(known, history), strict=True))
        found = [there.get(one, NOTHING) for one in model.sets]
        return history_of(model, found, history["time"], history["weights"])

    @staticmethod
    def clock(time: float) -> float:
        """Steps are equal."""
        return time

    @staticmethod
    def expected_nodes(model: SampledModel, settings: SolverSettings) -> float:
        """Nodes of a run, exactly."""
        return settings.steps + 1

    @property
    def nodes(self) -> int:
        """Number of nodes that all sets have reached."""
        return min(one.n for one in self._found)

    @property
    def time(self) -> float:
        """Time of the last node that all sets have reached."""
        return float(self.times(self.nodes)[-1]) if self.nodes else 0.0

    @property
    def history(self) -> History:
        """Everything that the sets have found."""
        n = max(one.n for one in self._found)
        return history_of(self.model, self._found, self.times(n), self.weights(n))

    @property
    def unit(self) -> int:
        """Nodes of a step."""
        return 1

    @property
    def first(self) -> int:
        """Number of nodes after the first round."""
        return 1

    @property
    def last(self) -> int:
        """Number of nodes at the end."""
        return self.settings.steps + 1

    @property
    def outcome_at_end(self) -> Outcome:
        """Outcome of a run that reached its last node."""
        return Outcome.DONE

    def refined(self) -> bool:
        """Make shorter steps where a set did not reach its goal; False if there are none."""
        return False

    def begin(self, number: int) -> Begin:
        """A set that this process does not have yet."""
        return partial(self.model.process, self.model.sets[number], self.last)

    def times(self, n: int) -> Array:
        """The first n nodes."""
        assert self.settings.learning_rate is not None
        steps = np.arange(n)
        return np.where(steps == self.settings.steps, self.settings.t_max, steps * self.settings.learning_rate)

    def weights(self, n: int) -> Array:
        """Quadrature weights of the first n nodes; a force at the last one has acted on none."""
        assert self.settings.learning_rate is not None
        return np.append(np.full(n - 1, self.settings.learning_rate), 0.0)

    def __iter__(self) -> Iterator[AcceptedCell]:
        """Accept rounds until t_max or until there is nothing to be learned from going on; `outcome` says which."""
        length = self.unit
        try:
            while self.nodes < self.last:
                before, began = self.nodes, monotonic()
                goal = min(before + length, self.last) if before else self.first
                self._advance(goal)
                if (failure := self._failure(before)) is not None:
                    self.outcome = failure
                    return
                if self.nodes < goal and not self.refined():
                    self.outcome = Outcome.NOT_CONVERGED
                    return
                steps, spent = length // self.unit, monotonic() - began
                length = self.unit * max(1, min(2 * steps, int(steps * ROUND / max(spent, 1e-3))))
                step = self.time - float(self.times(max(before, 1))[-1])
                cells = (self.nodes - 1) // self.unit
                yield AcceptedCell(cells, self.time, step, self.nodes, 1, 0.0, {"noise": self.residual})
            self.outcome = self.outcome_at_end
        finally:
            self.crew.run([(forget, (self._run,))] * len(self._found), self._work)

    @cached_property
    def _work(self) -> list[float]:
        """Work that is left for each set, in any unit."""
        left = [self.last**self.power - one.n**self.power for one in self._found]
        return [one.size * steps for one, steps in zip(self.model.sets, left, strict=True)]

    def _advance(self, goal: int) -> None:
        """Bring all sets that are behind to a number of nodes."""
        calls: list[Call | None] = [None] * len(self._found)
        for number, one in enumerate(self._found):
            if one.n < goal:
                # A process that has the set needs to know only where it is.
                known = Stretch(0, one.n) if number in self._sent else one
                calls[number] = (advance, (self._run, number, self.begin(number), known, goal))
        for number, new in enumerate(self.crew.run(calls, self._work)):
            if new is not None:
                self._sent.add(number)
                self._found[number] = joined(self._found[number], new)

    def _failure(self, first: int) -> Outcome | None:
        """The first fault at a node from `first` on, which ends the run at the last right one; None if there is none."""
        growth, noise = self._growth_and_noise()
        self.residual, first = float(noise[-1]), max(first, 1)
        faults = self._astray(noise > NOISE, first), self._beyond(growth, noise, first)
        # A set that is astray explains what else there is at its node.
        fault = min((one for one in faults if one), key=lambda one: one.node, default=None)
        if fault is None:
            return None
        # What is kept does not depend on the lengths of rounds.
        self._found = [cut(one, fault.right) for one in self._found]
        self.residual = float(noise[self.nodes - 1])
        return fault.outcome

    def _astray(self, noisy: NDArray[np.bool_], first: int) -> Fault | None:
        """A set that goes astray, see `astray.py`. Where it jumps, steps are too long to resolve it."""
        errors = np.array([self.model.observables(one)["train_error"][: self.nodes] for one in self._found])
        found = astray(errors, noisy, first)
        return found and Fault(found.node, found.right, Outcome.DIVERGED if found.jumped else Outcome.TOO_NOISY)

    def _beyond(self, growth: Array, noise: Array, first: int) -> Fault | None:
        """An error that has grown too large, or its standard error."""
        wrong = np.flatnonzero((growth > GROWTH) | (noise > NOISE))
        if not len(wrong := wrong[wrong >= first]):
            return None
        node = int(wrong[0])
        steps = (node - 1) // self.unit
        if growth[node] > GROWTH:
            return Fault(node, 1 + self.unit * steps, Outcome.DIVERGED)
        return Fault(node, 1 + self.unit * (steps + 1), Outcome.TOO_NOISY)

    def _growth_and_noise(self) -> tuple[Array, Array]:
        """Errors over those at first, and standard errors over the largest error so far, the larger ones of NOISY, (n,)."""
        n = self.nodes
        found = self._of_sets(self.model.observables)
        growth, noise = np.zeros(n), np.zeros(n)
        for name in NOISY:
            mean, error = (values[:n] for values in self._averaged(found, name))
            growth = np.maximum(growth, np.where(np.isfinite(mean), np.abs(mean) / max(mean[0], SMALL), np.inf))
            noise = np.fmax(noise, error / np.maximum.accumulate(np.abs(mean)))
        return growth, noise

    def _of_sets(self, function: Callable[..., dict[str, Array]], *others: Any) -> list[dict[str, Array]]:
        """A function of each set, extrapolated to zero width, on all nodes; zero where a set has not been."""
        n, weights = max(one.n for one in self._found), to_zero([one.width for one in self.model.sets[: widths(self.model)]])
        found: list[dict[str, Array]] = []
        for first in range(0, len(self._found), len(weights)):
            of_widths = self._found[first : first + len(weights)]
            made = [function(padded(one, n), *others) if one.n else {} for one in of_widths]
            # What is not smoothed stays as it is, to the last bit.
            found.append(made[0] if len(weights) == 1 else {name: _sum(weights, made, name) for name in made[0]})
        return found

    def observables_of_sets(self) -> list[dict[str, Array]]:
        """Every observable of each independent set."""
        return self._of_sets(self.model.observables)

    def _averaged(self, found: Found, name: str, times: int = 1) -> tuple[Array, Array]:
        """Mean and standard error of what the sets found, of those that have reached a node; no error of a single one."""
        number = widths(self.model)
        sets = [one.size for one in self.model.sets[::number]]
        reached = reached_together(np.array([one.n for one in self._found]), number)
        n = max(one.n for one in self._found)
        there = (np.arange(n) < reached[:, None]) * np.array(sets, dtype=float)[:, None]
        shape = next(one[name].shape for one in found if name in one)
        weights = there if times == 1 else there[:, :, None] * (there[:, None, :] > 0)
        weights = weights.reshape(*weights.shape, *(1,) * (len(shape) - times))
        values = np.array([one.get(name, np.zeros(shape)) for one in found])
        total = np.maximum(weights.sum(axis=0), 1e-300)
        mean = (weights * values).sum(axis=0) / total
        scatter = (weights * (values - mean) ** 2).sum(axis=0)
        others = (weights > 0).sum(axis=0) - 1.0
        return mean, np.where(others > 0, np.sqrt(scatter / (np.maximum(others, 1.0) * total)), np.nan)

    def distributions(self, wanted: Callable[[float], Sequence[float]]) -> tuple[dict[str, Array], dict[str, Array]]:
        """Distributions over the samples of all sets, and their standard errors, at times that a run so far is to be looked at.

        Where something is smoothed, those of the smallest width.
        """
        number = widths(self.model)
        sets = range(number - 1, len(self._found), number)
        n = min(self._found[k].n for k in sets)
        if n == 0:
            return {}, {}
        times = self.looked_at(np.array(wanted(float(self.times(n)[-1]))))
        calls: list[Call | None] = [None] * len(self._found)
        for k in sets:
            calls[k] = (self.model.looks, (self.model.sets[k], self._found[k], self.instants(times)))
        # A set is followed again from its first node on.
        work = [0 if call is None else one.size for call, one in zip(calls, self.model.sets, strict=True)]
        looks = self.crew.run(calls, work)
        found, errors = distributions([looks[k] for k in sets], self.model.groups)
        return {DISTRIBUTION_TIME: times, **found}, errors

    def looked_at(self, times: Array) -> Array:
        """The steps next to some times, each once."""
        steps = self.times(self.nodes)
        return steps[np.unique(np.abs(steps[:, None] - times).argmin(axis=0))] if len(times) else times

    def instants(self, times: Array) -> NDArray[Any]:
        """These times as `SampledModel.looks` wants them: numbers of steps."""
        return np.searchsorted(self.times(self.nodes), times)

    def kernels(self, known: Stretch) -> dict[str, Array]:
        """Two-time kernels of a set."""
        return self.model.kernels(known)

    def results(self) -> Results:
        """Means over sets, and their standard errors if there are several; on nodes that few have reached, of those."""
        observed, kernels = self._of_sets(self.model.observables), self._of_sets(self.kernels)
        averaged = {name: self._averaged(observed, name) for name in names_of(observed)}
        two_time = {name: self._averaged(kernels, name, 2) for name in names_of(kernels)}
        several = sum(one.n > 0 for one in self._found) > widths(self.model)
        errors = {**averaged, **two_time} if several else {}
        return Results(
            {name: mean for name, (mean, _) in averaged.items()},
            {name: mean for name, (mean, _) in two_time.items()},
            standard_errors={name: error for name, (_, error) in errors.items()},
        )


def to_zero(widths: Sequence[float]) -> list[float]:
    """Weights of values at these widths in the value at zero of the polynomial through them."""
    return [
        float(np.prod([other / (other - width) for j, other in enumerate(widths) if j != i])) for i, width in enumerate(widths)
    ]


def _sum(weights: Sequence[float], made: Found, name: str) -> Array:
    """Weighted sum over the widths at which there is anything."""
    return np.sum([weight * one[name] for weight, one in zip(weights, made, strict=True) if one], axis=0)


def names_of(found: Found) -> list[str]:
    """Names of what any set has found."""
    return list(next((one for one in found if one), {}))
