"""Theory against simulation, in standard errors.

At each time an observable has the theory's value T and, in S seeds of dimension d, a mean with standard error s.  Its deviation
counts as far as it exceeds what theory and integration of the simulation may err by, each its tolerance times
max(|T|, F max |T|) with F = FLOOR for the theory and AT_REST for the simulation.  Divided by s it has Student's law with S - 1
degrees of freedom, whose tails are long for few seeds.  It is given as the deviation z of a normal law that is as improbable,
so that z = 4 is one chance in 16,000 for any number of seeds.

A finite system deviates from the theory of d -> infinity by O(1/d) on average.  With simulations in several dimensions, the
deviation is fitted as c_0 + c_1/d, by least squares with weights S d, and c_0, linear in the means, is what is judged:

    c_0 = sum_i l_i (mean_i - T),     s^2 = sum_i l_i^2 s_i^2,     s^4 / sum_i (l_i s_i)^4/(S_i - 1)   degrees of freedom

(Welch & Satterthwaite).  In one dimension, the same with l = 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from dmft.engines.step_control import FLOOR
from dmft.problem.table import ProblemError
from dmft.results.simulation import Simulation, standard_error
from dmft.results.solution import Solution

Array = NDArray[np.float64]

THRESHOLD = 4.0
ROUNDING = 1e-12
# What has decayed to less than this fraction of its largest value is simulated to that fraction times the tolerance: a system
# close to its rest is integrated in steps so long that they leave it there only to the error of a step.
AT_REST = 3e-2


@dataclass(frozen=True)
class Agreement:
    """One observable of the theory beside that of simulations.

    time, theory, deviation, error: (times,): common times; T; c_0; s.
    z: (times,), deviation in standard errors of a normal law, signed.
    """

    time: Array
    theory: Array
    deviation: Array
    error: Array
    z: Array

    @property
    def worst(self) -> int:
        """Index of the time with the largest |z|."""
        return int(np.argmax(np.abs(self.z)))

    @property
    def rms(self) -> float:
        """Root mean square of z over the times at which there is anything to compare."""
        compared = self.error > 0
        return float(np.sqrt(np.mean(self.z[compared] ** 2))) if compared.any() else 0.0

    @property
    def relative(self) -> float:
        """Largest deviation over the largest value of the theory; not a number if that is zero."""
        size = np.abs(self.theory).max()
        return float(np.abs(self.deviation).max() / size) if size > 0 else np.nan


@dataclass(frozen=True)
class Comparison:
    """Every observable that both have, by name, in simulations of these dimensions and numbers of seeds."""

    observables: dict[str, Agreement]
    dims: tuple[int, ...]
    seeds: tuple[int, ...]

    @property
    def extrapolated(self) -> bool:
        """Whether what is judged is the limit 1/d -> 0."""
        return len(set(self.dims)) > 1

    def agrees(self, threshold: float = THRESHOLD) -> bool:
        """Whether no observable deviates by more at any time."""
        return all(abs(found.z[found.worst]) <= threshold for found in self.observables.values())

    def blind_spot(self, threshold: float = THRESHOLD) -> float:
        """By how many standard errors, as measured in a few seeds, a mean may deviate before |z| is above the threshold.

        In the simulation with the fewest seeds.
        """
        return float(stats.t.isf(stats.norm.sf(threshold), min(self.seeds) - 1))


def compare(theory: Solution, simulations: Sequence[Simulation]) -> Comparison:
    """Theory at the times of simulations of the same problem, as far as it goes.

    Where times are rounded to steps that depend on the dimension, deviations are interpolated at those of the first simulation.

    Raises ProblemError, naming the key, if a problem is another one, and if there is nothing to compare.
    """
    for simulation in simulations:
        _refuse_other(theory, simulation)
        refuse_unlike(simulations[0], simulation)
    dims = tuple(simulation.setup.dim for simulation in simulations)
    tolerances = theory.problem.solver.accuracy, simulations[0].setup.tolerance
    time = _common_times(theory, simulations[0])
    found = {}
    for name in theory.observables:
        of_seeds = [_deviations(theory, one, name, time) for one in simulations if name in one.trajectories]
        if of_seeds:
            expected = np.array([theory.at(t)[name] for t in time])
            found[name] = _agreement(time, expected, of_seeds, dims, tolerances)
    later, earlier = np.tril_indices(len(time))
    for name in theory.kernels:
        of_seeds = [one.two_time[name][:, later, earlier] for one in simulations if name in one.two_time]
        if of_seeds:
            expected = theory.kernel_at(name, time)[later, earlier]
            found[name] = _agreement(time[later], expected, [values - expected for values in of_seeds], dims, tolerances)
    return Comparison(found, dims, tuple(len(simulation.seeds) for simulation in simulations))


def _common_times(theory: Solution, simulation: Simulation) -> Array:
    """Times of a simulation that the theory has reached."""
    end = theory.time[-1]
    # Whole steps may be off by rounding.
    return np.minimum(simulation.time[simulation.time <= end * (1 + ROUNDING)], end)


def _deviations(theory: Solution, simulation: Simulation, name: str, time: Array) -> Array:
    """Of one observable in each seed from the theory, at these times, (seeds, times)."""
    own = _common_times(theory, simulation)
    expected = np.array([theory.at(t)[name] for t in own])
    found = simulation.trajectories[name][:, : len(own)] - expected
    return found if np.array_equal(own, time) else np.array([np.interp(time, own, row) for row in found])


def _refuse_other(theory: Solution, simulation: Simulation) -> None:
    """ProblemError for another problem than the theory's, or too few seeds."""
    simulation.refuse_other_problem(theory.problem)
    if len(simulation.seeds) < 2:
        raise ProblemError(f"seeds = {len(simulation.seeds)}: wanted at least 2 for a standard error")


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
    time: Array, expected: Array, of_seeds: Sequence[Array], dims: Sequence[int], tolerances: tuple[float, float]
) -> Agreement:
    """One observable; expected (times,), deviations (seeds, times) of each simulation, tolerances of theory and simulation."""
    weights = limit_weights(np.array(dims), np.array([len(values) for values in of_seeds]))[:, None]
    means = np.array([values.mean(axis=0) for values in of_seeds])
    errors = weights * np.array([standard_error(values) for values in of_seeds])
    freedom = np.array([len(values) - 1 for values in of_seeds])[:, None]
    deviation = (weights * means).sum(axis=0)
    error = np.sqrt((errors**2).sum(axis=0))
    with np.errstate(divide="ignore", invalid="ignore"):
        degrees = error**4 / (errors**4 / freedom).sum(axis=0)
    value, largest = np.abs(expected), max(np.abs(expected).max(), np.abs(expected + means).max())
    allowed = tolerances[0] * np.maximum(value, FLOOR * largest) + tolerances[1] * np.maximum(value, AT_REST * largest)
    excess = np.sign(deviation) * np.maximum(np.abs(deviation) - allowed, 0.0)
    return Agreement(time, expected, deviation, error, normal_deviation(excess, error, degrees))


def limit_weights(dims: NDArray[np.int64], seeds: NDArray[np.int64]) -> Array:
    """l_i of the module docstring: what the constant of c_0 + c_1/d is made of; the weighted mean in a single dimension."""
    design = np.stack([np.ones(len(dims)), 1.0 / dims])[: 2 if len(set(dims)) > 1 else 1]
    weighted = design * (seeds * dims)
    return np.linalg.solve(weighted @ design.T, weighted)[0]


def normal_deviation(deviation: Array, error: Array, degrees: Array) -> Array:
    """Deviation of a normal law as improbable as deviation/error is in Student's law; infinite if only the error is zero."""
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.abs(deviation) / error
    tail = stats.t.sf(t, degrees)
    # Beyond what a floating-point number can tell from certainty, the two laws are not told apart.
    z = np.where(tail > 0, stats.norm.isf(tail), t)
    z = np.where(error > 0, z, np.where(deviation == 0, 0.0, np.inf))
    return np.sign(deviation) * np.maximum(z, 0.0)
