"""Result of a run: observables and kernels on the nodes, and the outcome."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dmft.engines.escape import Amplification, amplified
from dmft.engines.outcome import Outcome
from dmft.engines.response import Smooth, response
from dmft.engines.sampled import NOISE, NOISY
from dmft.engines.sets import degrees_of_freedom
from dmft.engines.step_control import FLOOR
from dmft.history.fields import DISTRIBUTION_TIME
from dmft.history.history import History
from dmft.models.sampled import FIRST
from dmft.problem.description import Minimum
from dmft.problem.problem import Problem
from dmft.problem.settings import GROWING, LIMITS
from dmft.problem.table import ProblemError
from dmft.results.cells import Cells
from dmft.results.entries import described, entries
from dmft.results.result import Observed, Rows

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from dmft.results.simulation import Simulation

Array = NDArray[np.float64]


@dataclass(frozen=True)
class State:
    """State from which an engine goes on: its history and the step to try next."""

    history: History
    next_step: float


@dataclass(frozen=True, eq=False, repr=False)
class Solution(Observed):
    """Observables, kernels and order parameters of one problem on its nodes.

    time, weights: (n,), nodes and the quadrature weights of int ds, in the time unit of the model.
    observables: name -> (n,), or (n, groups, ...); also read as attributes, `solution.test_error`.
    kernels: name -> (n, n), [t, t'], lower triangle authoritative; responses are densities, zero for t' > t.
    order_parameters: name -> (n, ...), what a model without kernels is made of.
    distributions: name -> (times, ...), histograms and moments over the samples of a theory that has some, and their times.
    standard_errors: of the observables, kernels and distributions of a theory that is sampled, by name.
    outcome: how the run ended; a failed run keeps all that was reached.
    estimated_errors: name -> (n,), of the observables in time, from a finer run; empty without one.
    residual: of the fixed point of the last cell tried, relative to the size of each entry; what a failed run failed at.
    """

    problem: Problem
    time: Array
    weights: Array
    observables: dict[str, Array]
    kernels: dict[str, Array]
    outcome: Outcome
    state: State = field(compare=False)
    order_parameters: dict[str, Array] = field(default_factory=dict)
    distributions: dict[str, Array] = field(default_factory=dict)
    standard_errors: dict[str, Array] = field(default_factory=dict)
    iterations: int = field(default=0, compare=False)
    residual: float = field(default=np.nan, compare=False)
    wall_time: float = field(default=0.0, compare=False)
    provenance: dict[str, str] = field(default_factory=dict, compare=False)
    estimated_errors: dict[str, Array] = field(default_factory=dict)

    @property
    def _observable_names(self) -> dict[str, Array]:
        return self.observables

    @property
    def headline(self) -> str:
        """Theory, outcome, last time, number of nodes, and errors if they are known or may be large."""
        model, said = self.problem.parameters.model, self.said_of_errors
        return f"{model}, {self.outcome.value} at t = {self.time[-1]:g}, {len(self.time)} nodes{said and f', {said}'}"

    def overview(self) -> dict[str, Rows]:
        """Observables with their last, smallest and largest value; kernels and order parameters; units and meanings."""
        description = self.problem.parameters.description
        declared = description.observables
        observables = [
            (name, *(f"{value:.6g}" for value in (values[-1], values.min(), values.max())), *described(declared, name))
            for name, values in self.entries.items()
        ]
        arrays = {**self.kernels, **self.order_parameters}
        meanings = {**description.kernels, **description.order_parameters}
        return {
            "observables": [("", "last", "smallest", "largest", "units", "meaning"), *observables],
            "arrays": [
                ("", "shape", "units", "meaning"),
                *((name, " x ".join(map(str, array.shape)), *described(meanings, name)) for name, array in arrays.items()),
            ],
        }

    @property
    def times_of_distributions(self) -> Array:
        """Times at which distributions over samples are known, (times,)."""
        return self.distributions.get(DISTRIBUTION_TIME, np.empty(0))

    @property
    def names_of_distributions(self) -> list[str]:
        """Quantities whose distributions are known."""
        declared = self.problem.parameters.description.distributions
        return [name for name in declared if f"{name}_density" in self.distributions]

    @property
    def complete(self) -> bool:
        """True if t_max was reached."""
        return self.outcome is Outcome.DONE

    @property
    def advice(self) -> str:
        """Advice on the outcome; where a theory is too noisy, the number of samples that would do."""
        if self.outcome is Outcome.NOT_CONVERGED and self.problem.solver.theory == "exact":
            return "the equations of a cell were not solved, however short it was made; try more samples"
        if self.outcome is not Outcome.TOO_NOISY:
            return self.outcome.advice
        if self.noise > NOISE:
            return f"{self.outcome.advice}; try more samples: samples = {self.samples_needed}"
        samples = self.problem.solver.samples
        assert samples is not None
        earlier = f"t_max = {self.time[-1]:.3g}, or " if self.time[-1] > 0 else ""
        # More samples than the first set has would be sets of their own, and leave it as it is.
        other = f"samples = {min(4 * samples, FIRST)}" if samples < FIRST else "another seed"
        return f"{self.outcome.advice}; a set of samples then went astray: try {earlier}{other}"

    @property
    def entry_errors(self) -> dict[str, Array]:
        """Standard errors of the entries of observables; none of a theory that is not sampled."""
        errors = {name: self.standard_errors[name] for name in self.observables if name in self.standard_errors}
        return entries(self.problem, errors)

    def last_error(self, entry: str) -> float:
        """Standard error of an entry of an observable at the last node; not a number of a theory that has none."""
        errors = self.entry_errors.get(entry)
        return np.nan if errors is None else float(errors[-1])

    @property
    def _cells(self) -> Cells:
        """The nodes, and the polynomials of the cells through them."""
        return Cells(self.time, self.problem.solver.cell_nodes)

    @property
    def _equations(self) -> Any:
        from dmft.engines.kinds import equations

        return equations(self.problem)

    @property
    def error_degrees(self) -> Array:
        """Degrees of freedom of the standard errors at each node, (n,), infinite for a theory without any."""
        if self.problem.solver.theory != "exact":
            return np.full(len(self.time), np.inf)
        return degrees_of_freedom(self._equations, self.state.history, len(self.time))

    @property
    def samples_needed(self) -> int:
        """Samples of a sampled theory with which its errors, as they are at the last node, are known well enough to go on."""
        samples = self.problem.solver.samples
        assert samples is not None
        # Twice as many as would have been enough here: the noise grows on.
        return 2 ** int(np.ceil(np.log2(2 * samples * (self.noise / NOISE) ** 2)))

    @property
    def noise(self) -> float:
        """Largest standard error of an error at the last node, relative to the largest value of the latter; zero of one set."""
        errors = self.standard_errors
        return max((errors[name][-1] / np.abs(self.observables[name]).max() for name in NOISY if name in errors), default=0.0)

    def answers(self, problem: Problem) -> bool:
        """True if it is all that a problem asks for, as far as `refuse_other_problem` lets it pass."""
        asked, known = problem.solver, self.problem.solver
        enough = all(getattr(known, key) == getattr(asked, key) for key in GROWING)
        output = problem.output == self.problem.output
        return self.complete and bool(self.time[-1] == asked.t_max) and enough and output

    @property
    def generalization_gap(self) -> Array:
        """Error of a fresh sample minus that of the data, (n,); AttributeError if the model has none, as for any observable."""
        return getattr(self, self._smallest) - self.train_error

    @property
    def early_stopping(self) -> Minimum:
        """Time and value of the smallest error of a fresh sample, between the nodes; AttributeError if the model has none."""
        return self.minimum(self._smallest)

    @property
    def _smallest(self) -> str:
        """The observable whose smallest value the model reports."""
        name = self.problem.parameters.description.smallest
        if name is None:
            raise AttributeError(f'model = "{self.problem.parameters.model}" reports no smallest value')
        return name

    def identities(self) -> dict[str, float]:
        """Defects of what must hold on every right solution of the theory, in units of the tolerance."""
        return self.problem.parameters.identities(self)

    def at(self, time: ArrayLike) -> dict[str, Any]:
        """Every observable at one time or an array of times, interpolated by the polynomials of the cells.

        Axes of the times come first: a number at one time is a number, at times (p,) an array (p,).
        Raises ValueError outside of what was reached.
        """
        found = self._cells.at(self.observables, time)
        found |= self.problem.parameters.kinked(found)
        return {name: self._possible(name, value) for name, value in found.items()}

    def _possible(self, name: str, value: Any) -> Any:
        """A value between nodes as it can be, a plain number if it is one."""
        quantity = self.problem.parameters.description.observables.get(name)
        value = value if quantity is None else quantity.possible(value)
        return float(value) if np.ndim(value) == 0 else value

    @property
    def entries(self) -> dict[str, Array]:
        """Every entry of every observable on the nodes, (n,) each, by a name such as alignment[0][1]."""
        return entries(self.problem, self.observables)

    def entries_at(self, time: float) -> dict[str, float]:
        """Every entry of every observable at one time, as `at`."""
        values = {name: np.asarray(value)[None] for name, value in self.at(time).items()}
        return {name: float(value[0]) for name, value in entries(self.problem, values).items()}

    def order_parameters_at(self, time: ArrayLike) -> dict[str, Array]:
        """Every order parameter at one time or an array of times, as `at`."""
        return self._cells.at(self.order_parameters, time)

    def correlation(self, name: str, t: ArrayLike, s: ArrayLike) -> Array:
        """A correlation at any times t, s, which broadcast, by the polynomials of their cells; axes of groups come last.

        Raises ValueError for a name that is no correlation, and outside of what was reached.
        """
        responses = self._equations.response_kernels
        kernel = self._kernel(name, [kernel for kernel in self.kernels if kernel not in responses])
        t, s = self._cells.pairs(t, s)
        if kernel.ndim == 2:
            kernel = np.tril(kernel) + np.tril(kernel, -1).T
        rows, columns = (self._cells.weights(times) for times in (t, s))
        found = np.einsum("pi...,pi->p...", np.tensordot(rows, kernel, 1), columns)
        return found.reshape((*t.shape, *kernel.shape[2:]))

    def response(self, name: str, t: ArrayLike, s: ArrayLike) -> Array:
        """A response to a unit force at time s, at any times t, which broadcast; zero for t < s; axes of groups come last.

        Solves an equation for each s, see `dmft.engines.response`.  In gradient descent a force acts for a whole step, and what
        it does is linear in between.  Raises ValueError for a name that is no response, and outside of what was reached.
        """
        model, solver = self._equations, self.problem.solver
        kernel = self._kernel(name, [kernel for kernel in self.kernels if kernel in model.response_kernels])
        t, s = self._cells.pairs(t, s)
        if solver.scheme == "gradient-descent":
            steps = np.minimum(np.searchsorted(self.time, s.ravel(), side="right") - 1, len(self.time) - 1)
            found = np.einsum("pi,ip...->p...", self._cells.weights(t), kernel[:, steps])
            return found.reshape((*t.shape, *kernel.shape[2:]))
        if solver.theory == "exact":
            raise ValueError('responses at any times: wanted theory = "gaussian", or the nodes of kernels')
        smooth = Smooth(model, self.state.history, solver.stages)
        found = response(smooth, name, kernel.shape[2:], t.ravel(), s.ravel(), solver.tolerance)
        return found.reshape((*t.shape, *kernel.shape[2:]))

    def _kernel(self, name: str, known: Sequence[str]) -> Array:
        if name not in known:
            raise ValueError(f"{name!r}: wanted {' or '.join(known) or 'a solution with kernels'}")
        return self.kernels[name]

    def minimum(self, observable: str) -> Minimum:
        """Smallest value of an observable, between the nodes; of minima that differ by less than their accuracy, the first."""
        # Not `self.observables`: what a model does not have is an AttributeError, of `early_stopping` too.
        values: Array = getattr(self, observable)
        return self._cells.minimum(values, self.problem.solver.accuracy, lambda value: self._possible(observable, value))

    def errors(self, reference: Solution) -> dict[str, float]:
        """Largest error of each observable at any node against a more accurate solution to at least the same time.

        Relative to what `tolerance` is relative to: the value, or 1e-3 of its largest one where it is smaller; an observable
        that the model gives a size counts as at least that large once.
        """
        expected = reference.at(self.time)
        sizes = self.problem.parameters.sizes()
        found = {}
        for name, values in self.observables.items():
            exact = expected[name]
            scale = np.maximum(np.abs(exact), FLOOR * np.maximum(np.abs(exact).max(axis=0), sizes.get(name, 0.0)))
            difference = np.abs(values - exact)
            found[name] = float((difference / np.where(scale > 0, scale, 1.0)).max())
        return found

    def largest_estimated_error(self) -> tuple[str, float] | None:
        """Observable with the largest of the `estimated_errors`, and that in units of the tolerance; None without them."""
        found = {}
        sizes = self.problem.parameters.sizes()
        for name, errors in self.estimated_errors.items():
            values = np.abs(self.observables[name])
            scale = np.maximum(values, FLOOR * np.maximum(values.max(axis=0), sizes.get(name, 0.0)))
            found[name] = float((errors / np.where(scale > 0, scale, 1.0)).max()) / self.problem.solver.tolerance
        return max(found.items(), key=lambda item: item[1]) if found else None

    def errors_in_standard_errors(self) -> tuple[str, float] | None:
        """Observable with the largest ratio of its largest estimated to its largest standard error, and this ratio."""
        known = self.estimated_errors.keys() & self.standard_errors.keys()
        largest = {name: np.nanmax(self.standard_errors[name]) for name in sorted(known)}
        found = {name: float(self.estimated_errors[name].max() / error) for name, error in largest.items() if error > 0}
        return max(found.items(), key=lambda item: item[1]) if found else None

    @property
    def amplification(self) -> Amplification:
        """Where the run speeds up most, as on its way out of a saddle, and by how much early errors grow until there."""
        from dmft.engines.kinds import adds_up

        if not adds_up(self.problem):
            return Amplification(0.0, 0.0)
        settings = self.problem.solver
        found = amplified(self.time, np.array(list(self.entries.values())), settings.cell_nodes, settings.tolerance)
        node = int(found.argmax())
        return Amplification(float(self.time[node]), float(found[node]))

    @property
    def said_of_errors(self) -> str:
        """The largest estimated error in tolerances, and in standard errors where there are such.

        Of a run that was not verified, where its errors may be large; empty if there is no such time.
        """
        if (worst := self.largest_estimated_error()) is None:
            grown = self.amplification
            return f"not verified, {grown}" if grown.large else ""
        said = f"errors up to {worst[1]:.2g} tolerances ({worst[0].replace('_', ' ')})"
        if statistical := self.errors_in_standard_errors():
            said = f"{said}, {statistical[1]:.2g} standard errors ({statistical[0].replace('_', ' ')})"
        return said

    def save(self, path: str | Path) -> None:
        """Write a run file; it appears complete or not at all."""
        from dmft import api

        api.save(self, path)

    @staticmethod
    def load(path: str | Path) -> Solution:
        """Read a run file.  Raises `dmft.storage.hdf5.FileError`, one line, if it is not one."""
        from dmft.api import named, run_file

        return named(run_file.read, path)

    def plot(self, path: str | Path | None = None, simulations: Sequence[Simulation] = (), **look: Any) -> Figure:
        """Draw the standard figure, with simulations as points; save it too if a path (.png, .pdf, .svg) is given.

        look: choices about observables, axes, size and style, as `dmft.plot`.
        """
        from dmft import api

        return api.plot(self, path, simulations, **look)


def refuse_other_problem(found: Solution, problem: Problem) -> None:
    """ProblemError, naming the key, unless `problem` differs from that of `found` in limits and a larger t_max only."""
    for table in ("problem", "solver"):
        wanted, known = problem.tables[table], found.problem.tables[table]
        for key in sorted({*wanted, *known} - {*LIMITS, *GROWING}):
            if wanted.get(key) != known.get(key):
                raise ProblemError(f"holds another problem: {key} = {known.get(key)!r} there, {wanted.get(key)!r} wanted")
    for key in GROWING:
        there, here = getattr(found.problem.solver, key), getattr(problem.solver, key)
        if there is not None and here < there:
            raise ProblemError(f"has {key} = {there} already: wanted {key} >= {there}, not {here}")
    reached = float(found.time[-1])
    if problem.solver.t_max < reached:
        raise ProblemError(f"has reached t = {reached:g} already: wanted t_max >= {reached:g}, not {problem.solver.t_max:g}")
