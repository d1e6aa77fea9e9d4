"""Theory against simulation: deviations, their standard errors and degrees of freedom, at the times that both have.

At each time an observable has the theory's value T and, in S seeds of dimension d, a mean with standard error s.  Its deviation
counts as far as it exceeds what theory and integration of the simulation may err by, each its tolerance times
max(|T|, F max |T|) with F = FLOOR for the theory and AT_REST for the simulation.

A finite system deviates from the theory of d -> infinity by O(1/d) on average.  With simulations in several dimensions, the
deviation is fitted as c_0 + c_1/d, by least squares with weights S d, and c_0, linear in the means, is what is judged:

    c_0 = sum_i l_i (mean_i - T),     s^2 = sum_i l_i^2 s_i^2 + s_T^2,
    s^4 / [sum_i (l_i s_i)^4/(S_i - 1) + s_T^4/(S_T - 1)]   degrees of freedom

(Welch & Satterthwaite).  In one dimension, the same with l = 1.  s_T is the standard error of a theory that is sampled, from
S_T independent sets of samples; zero of any other.  `dmft.simulation.agreement` says what follows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dmft.engines.step_control import FLOOR
from dmft.problem.table import ProblemError
from dmft.results.simulation import Simulation, standard_error
from dmft.results.solution import Solution
from dmft.simulation.agreement import LEVEL, WITHIN, Agreement, Comparison

Array = NDArray[np.float64]

# A time may exceed the last one of the theory by this rounding error, relative to it.
TIME_ROUNDING = 1e-12
# What has decayed to less than this fraction of its largest value is simulated to that fraction times the tolerance: a system
# close to its rest is integrated in steps so long that they leave it there only to the error of a step.
AT_REST = 3e-2


@dataclass(frozen=True)
class _Expected:
    """One observable or kernel of the theory: values and standard errors at the times compared, degrees of freedom of these."""

    values: Array
    errors: Array
    degrees: Array

    def of(self, component: tuple[Any, ...]) -> _Expected:
        """One component of an observable that has several."""
        return _Expected(self.values[component], self.errors[component], self.degrees)


def compare(
    theory: Solution,
    simulations: Sequence[Simulation],
    standard_errors: Mapping[str, Array] | None = None,
    *,
    level: float = LEVEL,
    within: float = WITHIN,
) -> Comparison:
    """Theory at the times of simulations of the same problem, as far as it goes.

    standard_errors: of the theory on its nodes, name -> array of the shape of the observable or kernel; those that the solution
    carries unless given.
    level: family-wise probability that chance alone makes a deviation significant.
    within: relative deviation that is excluded where an observable is said to agree.

    Where times are rounded to steps that depend on the dimension, deviations are interpolated at those of the first simulation.

    Raises ProblemError, naming the key, if a problem is another one, and if there is nothing to compare.
    """
    for simulation in simulations:
        _refuse_other(theory, simulation)
        refuse_unlike(simulations[0], simulation)
    dims = tuple(simulation.setup.dim for simulation in simulations)
    tolerances = theory.problem.solver.accuracy, simulations[0].setup.tolerance
    sampled = _Errors.of(theory, standard_errors)
    time = _common_times(theory, simulations[0], sampled.nodes(theory))
    parameters, found = theory.problem.parameters, {}
    declared = parameters.description.observable_fields(parameters.axes)
    kernels = parameters.description.kernel_fields(parameters.axes)
    for name in theory.observables:
        of_seeds = [_deviations(theory, one, name, time) for one in simulations if name in one.trajectories]
        if of_seeds:
            expected = _expected(theory, name, time, sampled)
            # Two groups have one overlap, which is judged once.
            for index in declared[name].different():
                at = (..., *index)
                one = expected.of(at)
                found[declared[name].label(index)] = _agreement(
                    time, one, [values[at] for values in of_seeds], dims, tolerances
                )
    later, earlier = np.tril_indices(len(time))
    for name in theory.kernels:
        of_seeds = [one.two_time[name][:, later, earlier] for one in simulations if name in one.two_time]
        if of_seeds:
            expected = _expected_kernel(theory, name, time, sampled)
            for index in kernels[name].indices():
                at = (..., *index)
                one = expected.of(at)
                deviations = [values[at] - one.values for values in of_seeds]
                found[kernels[name].label(index)] = _agreement(time[later], one, deviations, dims, tolerances)
    seeds = tuple(len(simulation.seeds) for simulation in simulations)
    return Comparison(found, dims, seeds, level=level, within=within)


@dataclass(frozen=True)
class _Errors:
    """Standard errors of a theory on its nodes, by name, and their degrees of freedom on the nodes, infinite for exact ones."""

    values: Mapping[str, Array]
    degrees: Array

    @classmethod
    def of(cls, theory: Solution, given: Mapping[str, Array] | None) -> _Errors:
        """Those that are given, or else the theory's own."""
        if given is None:
            refuse_without_errors(theory)
        return cls(theory.standard_errors if given is None else given, theory.error_degrees)

    def nodes(self, theory: Solution) -> int:
        """Number of nodes whose errors are known."""
        return len(theory.time) if np.isinf(self.degrees).all() else int(np.count_nonzero(self.degrees > 0))

    def degrees_at(self, theory: Solution, time: Array) -> Array:
        """Degrees of freedom at these times: between two nodes, of the later one."""
        later = np.searchsorted(theory.time, time * (1 - TIME_ROUNDING))
        return self.degrees[np.minimum(later, len(self.degrees) - 1)]


def _expected(theory: Solution, name: str, time: Array, sampled: _Errors) -> _Expected:
    """One observable at these times, (times, ...)."""
    values, known = np.asarray(theory.at(time)[name]), sampled.values.get(name)
    errors = np.zeros_like(values) if known is None else _between(theory.time, time, known)
    return _Expected(values, errors, sampled.degrees_at(theory, time))


def _expected_kernel(theory: Solution, name: str, time: Array, sampled: _Errors) -> _Expected:
    """One correlation at all pairs of times t' <= t, in the order of the lower triangle."""
    lower = np.tril_indices(len(time))
    values = theory.correlation(name, *(time[index] for index in lower))
    degrees, known = sampled.degrees_at(theory, time[lower[0]]), sampled.values.get(name)
    if known is None:
        return _Expected(values, np.zeros_like(values), degrees)
    symmetric = np.tril(known) + np.tril(known, -1).T
    rows = _between(theory.time, time, symmetric)
    return _Expected(values, _between(theory.time, time, rows.T).T[lower], degrees)


def _between(nodes: Array, time: Array, values: Array) -> Array:
    """Values on nodes, linear between them, at these times: (nodes, ...) -> (times, ...)."""
    flat = values.reshape(len(nodes), -1)
    found = np.array([np.interp(time, nodes, column) for column in flat.T]).T
    return found.reshape(len(time), *values.shape[1:])


def _common_times(theory: Solution, simulation: Simulation, nodes: int | None = None) -> Array:
    """Times of a simulation up to the end of the theory, or up to the last of its first `nodes` nodes."""
    end = theory.time[:nodes][-1]
    # Whole steps may be off by rounding.
    return np.minimum(simulation.time[simulation.time <= end * (1 + TIME_ROUNDING)], end)


def _deviations(theory: Solution, simulation: Simulation, name: str, time: Array) -> Array:
    """Deviations of one observable from the theory at these times in each seed, (seeds, times, ...)."""
    own = _common_times(theory, simulation)
    found = simulation.trajectories[name][:, : len(own)] - theory.at(own)[name]
    if np.array_equal(own[: len(time)], time):
        return found[:, : len(time)]
    return np.array([_between(own, time, row) for row in found])


def _refuse_other(theory: Solution, simulation: Simulation) -> None:
    """ProblemError for another problem than the theory's, or too few seeds."""
    simulation.refuse_other_problem(theory.problem)
    if len(simulation.seeds) < 2:
        raise ProblemError(f"seeds = {len(simulation.seeds)}: wanted at least 2 for a standard error")


def refuse_without_errors(theory: Solution) -> None:
    """ProblemError for a theory of a single set of samples."""
    if not np.max(theory.error_degrees) > 0:
        samples, replicates = theory.problem.solver.samples, theory.problem.solver.replicates
        raise ProblemError(
            f"samples = {samples}, replicates = {replicates}: a single set of samples has no standard error, wanted several"
        )


def refuse_unlike(first: Simulation, simulation: Simulation) -> None:
    """ProblemError for simulations that differ in more than dimension and seeds."""
    known, other = first.setup.model_dump(), simulation.setup.model_dump()
    for key in known.keys() - {"dim"}:
        if known[key] != other[key]:
            raise ProblemError(f"another simulation than the first: {key} = {other[key]!r}, not {known[key]!r}")
    ends = first.problem.solver.t_max, simulation.problem.solver.t_max
    if ends[0] != ends[1]:
        raise ProblemError(f"another simulation than the first: t_max = {ends[1]!r}, not {ends[0]!r}")


def _agreement(
    time: Array, expected: _Expected, of_seeds: Sequence[Array], dims: Sequence[int], tolerances: tuple[float, float]
) -> Agreement:
    """One observable; deviations (seeds, times) of each simulation, tolerances of theory and simulation."""
    weights = limit_weights(np.array(dims), np.array([len(values) for values in of_seeds]))[:, None]
    means = np.array([values.mean(axis=0) for values in of_seeds])
    errors = [*(weights * np.array([standard_error(values) for values in of_seeds])), expected.errors]
    freedom = [*(len(values) - 1.0 for values in of_seeds), expected.degrees]
    error = np.sqrt(np.sum(np.square(errors), axis=0))
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = np.array([(of_one / error) ** 4 / degrees for of_one, degrees in zip(errors, freedom, strict=True)])
        degrees = 1 / parts.sum(axis=0)
    value = np.abs(expected.values)
    largest = max(value.max(), np.abs(expected.values + means).max())
    allowed = tolerances[0] * np.maximum(value, FLOOR * largest) + tolerances[1] * np.maximum(value, AT_REST * largest)
    return Agreement(time, expected.values, (weights * means).sum(axis=0), error, degrees, allowed)


def limit_weights(dims: NDArray[np.int64], seeds: NDArray[np.int64]) -> Array:
    """Weights l_i of the means in the constant of the fit c_0 + c_1/d; those of the weighted mean in a single dimension."""
    design = np.stack([np.ones(len(dims)), 1.0 / dims])[: 2 if len(set(dims)) > 1 else 1]
    weighted = design * (seeds * dims)
    return np.linalg.solve(weighted @ design.T, weighted)[0]
