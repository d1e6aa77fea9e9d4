"""Results of simulations: observables of every seed at common times, their means and standard errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dmft.engines.outcome import Outcome
from dmft.mathematics.notation import plus_minus
from dmft.models.experiment import Setup, Trajectory, experiment
from dmft.problem.problem import Problem
from dmft.problem.table import ProblemError
from dmft.results.entries import described, entries
from dmft.results.result import Observed, Rows

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = NDArray[np.float64]

# Of [solver], what a simulation depends on; the rest is about the theory.
SOLVER_KEYS = ("t_max", "scheme", "learning_rate", "batch", "batch_time", "momentum", "nesterov")


@dataclass(frozen=True, eq=False, repr=False)
class Simulation(Observed):
    """Finite systems of one problem, one for each seed.

    time: (times,).  seeds, evaluations: (seeds,), whole numbers, ascending; rates of change evaluated in each.
    trajectories: name -> (seeds, times, ...).  two_time: name -> (seeds, times, times, ...), empty unless asked for.
    wall_time: seconds of computing, all seeds together.

    Means over seeds are read like those of a Solution: `simulation.test_error` or `simulation.observables["test_error"]`.
    """

    problem: Problem
    setup: Setup
    time: Array
    seeds: NDArray[np.int64]
    trajectories: dict[str, Array]
    two_time: dict[str, Array]
    evaluations: NDArray[np.int64] = field(compare=False)
    wall_time: float = field(default=0.0, compare=False)
    provenance: dict[str, str] = field(default_factory=dict, compare=False)

    @classmethod
    def of_seed(cls, problem: Problem, setup: Setup, seed: int, found: Trajectory, wall_time: float) -> Simulation:
        """That of one seed."""
        return cls(
            problem=problem,
            setup=setup,
            time=experiment(problem, setup).times(),
            seeds=np.array([seed]),
            trajectories={name: values[None] for name, values in found.observables.items()},
            two_time={name: values[None] for name, values in found.kernels.items()},
            evaluations=np.array([found.evaluations]),
            wall_time=wall_time,
        )

    @property
    def _observable_names(self) -> dict[str, Array]:
        return self.trajectories

    @property
    def headline(self) -> str:
        """Theory, kind of finite system, dimension, number of seeds, last time."""
        model, setup = self.problem.parameters.model, self.setup
        seeds = f"{len(self.seeds)} seed{'s' if len(self.seeds) > 1 else ''}"
        return f"{model}, {setup.fields} in d = {setup.dim}, {seeds}, to t = {self.time[-1]:g}"

    def overview(self) -> dict[str, Rows]:
        """Observables at the end, mean over seeds and its standard error, with units and meanings."""
        declared, errors = self.problem.parameters.description.observables, self.entry_errors
        rows = [
            (name, f"{values[-1]:.6g}", plus_minus(errors[name][-1]), *described(declared, name))
            for name, values in self.entries.items()
        ]
        return {"observables at the end": [("", "mean", "+-", "units", "meaning"), *rows]}

    @property
    def sizes(self) -> Mapping[str, int]:
        """Sizes that follow from the dimension, such as the number of samples."""
        return experiment(self.problem, self.setup).sizes

    @property
    def scheme(self) -> str:
        """Name of the scheme in time."""
        return experiment(self.problem, self.setup).scheme

    @property
    def observables(self) -> dict[str, Array]:
        """Means over seeds, name -> (times, ...)."""
        return {name: values.mean(axis=0) for name, values in self.trajectories.items()}

    @property
    def entries(self) -> dict[str, Array]:
        """Means of every entry of every observable, (times,) each, by a name such as alignment[0][1]."""
        return entries(self.problem, self.observables)

    @property
    def entry_errors(self) -> dict[str, Array]:
        """Standard errors of the same."""
        errors = {name: standard_error(values) for name, values in self.trajectories.items()}
        return entries(self.problem, errors)

    @property
    def kernels(self) -> dict[str, Array]:
        """Means over seeds, name -> (times, times)."""
        return {name: values.mean(axis=0) for name, values in self.two_time.items()}

    @property
    def standard_errors(self) -> dict[str, Array]:
        """Of all means, one-time and two-time; not a number with a single seed."""
        return {name: standard_error(values) for name, values in {**self.trajectories, **self.two_time}.items()}

    @property
    def diverged(self) -> NDArray[np.int64]:
        """Seeds whose weights did not stay finite."""
        finite = [np.isfinite(values).reshape(len(values), -1).all(axis=1) for values in self.trajectories.values()]
        return self.seeds[~np.all(finite, axis=0)]

    @property
    def outcome(self) -> Outcome:
        """True if all seeds are finite to the end."""
        return Outcome.NOT_FINITE if len(self.diverged) else Outcome.DONE

    def refuse_other_problem(self, problem: Problem) -> None:
        """ProblemError, naming the key, unless `problem` is the one simulated; t_max may differ."""
        known, other = identity(problem), identity(self.problem)
        for key in sorted({*known, *other} - {"t_max"}):
            if known.get(key) != other.get(key):
                raise ProblemError(f"simulates another problem: {key} = {other.get(key)!r} here, {known.get(key)!r} wanted")

    def merged(self, other: Simulation) -> Simulation:
        """With the seeds of another simulation of the same problem and setup that this one does not have."""
        new = ~np.isin(other.seeds, self.seeds)
        order = np.argsort(np.concatenate([self.seeds, other.seeds[new]]))

        def both(mine: NDArray[Any], others: NDArray[Any]) -> NDArray[Any]:
            return np.concatenate([mine, others[new]])[order]

        return Simulation(
            problem=self.problem,
            setup=self.setup,
            time=self.time,
            seeds=both(self.seeds, other.seeds),
            trajectories={name: both(values, other.trajectories[name]) for name, values in self.trajectories.items()},
            two_time={name: both(values, other.two_time[name]) for name, values in self.two_time.items()},
            evaluations=both(self.evaluations, other.evaluations),
            wall_time=self.wall_time + (other.wall_time if new.any() else 0.0),
        )

    def save(self, path: str | Path) -> None:
        """Write a simulation file; it appears complete or not at all."""
        from dmft import api

        api.save(self, path)

    @staticmethod
    def load(path: str | Path) -> Simulation:
        """Read a simulation file.  Raises `dmft.storage.hdf5.FileError`, one line, if it is not one."""
        from dmft.api import named, simulation_file

        return named(simulation_file.read, path)

    def plot(self, path: str | Path | None = None, simulations: Sequence[Simulation] = (), **look: Any) -> Figure:
        """Draw the standard figure, with further simulations; save it too if a path (.png, .pdf, .svg) is given.

        look: choices about observables, axes, size and style, as `dmft.plot`.
        """
        from dmft import api

        return api.plot(self, path, simulations, **look)


def refuse_difference(problem: Problem, setup: Setup, wanted_problem: Problem, wanted_setup: Setup) -> None:
    """ProblemError, naming the key, unless both are the same simulation."""
    known = {**identity(problem), **setup.model_dump()}
    wanted = {**identity(wanted_problem), **wanted_setup.model_dump()}
    for key in sorted({*known, *wanted}):
        there, here = known.get(key), wanted.get(key)
        if there != here:
            raise ProblemError(f"holds another simulation: {key} = {there!r} there, {here!r} wanted")


def identity(problem: Problem) -> dict[str, Any]:
    """Values of a problem that a simulation depends on, by key."""
    tables = problem.tables
    # A model may have a learning rate of its own, in [problem].
    own = {key: value for key, value in tables["problem"].items() if key not in problem.parameters.theory_alone}
    return {**{key: tables["solver"].get(key) for key in SOLVER_KEYS}, **own}


def standard_error(values: Array) -> Array:
    """Of the mean over the first axis."""
    number = len(values)
    if number < 2:
        return np.full(values.shape[1:], np.nan)
    return values.std(axis=0, ddof=1) / np.sqrt(number)
