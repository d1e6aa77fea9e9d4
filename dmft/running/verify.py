"""Estimated errors of a run in time: the same problem solved once more, to a smaller tolerance or on shorter cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from dmft.engines.halving import Halved
from dmft.engines.kinds import equations
from dmft.engines.outcome import Outcome
from dmft.problem.problem import Problem
from dmft.problem.settings import SolverSettings
from dmft.problem.table import ProblemError
from dmft.results.solution import Solution
from dmft.running.solve import Observer, StopRun, solve

Array = NDArray[np.float64]

# Tolerance of the second run over that of the first.
FINER = 0.1


def verify(solution: Solution, observers: Sequence[Observer] = ()) -> Solution:
    """The same solution with `estimated_errors`, unchanged if it did not reach its end, or if the second run does not.

    The second run has a tenth of the tolerance.  Of the exact theory it is one of a few sets of samples, on cells of half the
    length with the same random numbers: its errors are those of time, beside the standard errors.  Steps of gradient descent
    are exact; their errors are zero.

    observers: of the second run, as in `solve`.

    Raises ProblemError for gradient descent in the exact theory, whose errors are all statistical.
    """
    refuse_sampled(solution.problem)
    if not solution.complete:
        return solution
    if solution.problem.solver.scheme == "gradient-descent":
        errors = {name: np.zeros_like(values) for name, values in solution.observables.items()}
    elif solution.problem.solver.theory == "exact":
        errors = _of_half_cells(solution, observers)
    else:
        errors = _of_smaller_tolerance(solution, observers)
    return solution if errors is None else replace(solution, estimated_errors=errors)


def verify_amplified(solution: Solution, observers: Sequence[Observer] = ()) -> Solution:
    """The same solution, verified if early errors may have grown beyond its tolerance; unchanged where that is out of reach."""
    if not needs_verification(solution):
        return solution
    try:
        return verify(solution, observers)
    except (ProblemError, MemoryError):
        # The second run has more nodes, and may not fit into memory.
        return solution


def needs_verification(solution: Solution) -> bool:
    """True of a complete run whose errors may be beyond its tolerance, are not known, and can be."""
    can_be = FINER * solution.problem.solver.tolerance >= smallest_tolerance()
    return solution.complete and not solution.estimated_errors and can_be and solution.amplification.large


def _of_smaller_tolerance(solution: Solution, observers: Sequence[Observer]) -> dict[str, Array] | None:
    tolerance = max(FINER * solution.problem.solver.tolerance, smallest_tolerance())
    finer = solve(solution.problem.replace(tolerance=tolerance), observers=observers, verify=False)
    if not finer.complete:
        return None
    expected = finer.at(solution.time)
    return {name: np.abs(values - expected[name]) for name, values in solution.observables.items()}


def _of_half_cells(solution: Solution, observers: Sequence[Observer]) -> dict[str, Array] | None:
    finer = Halved(equations(solution.problem), solution.problem.solver, solution.state.history)
    try:
        with threadpool_limits(limits=1, user_api="blas"), np.errstate(all="ignore"):
            for cell in finer:
                for observe in observers:
                    observe(finer, cell)
    except StopRun:
        return None
    return finer.errors() if finer.outcome is Outcome.DONE else None


def refuse_sampled(problem: Problem) -> None:
    """ProblemError for a theory whose errors are all statistical: shorter steps would tell nothing about them."""
    if problem.solver.theory == "exact" and problem.solver.scheme == "gradient-descent":
        given = 'scheme = "gradient-descent" with theory = "exact" has exact steps, and its errors are its standard errors'
        raise ProblemError(f'verify: wanted theory = "gaussian" or scheme = "radau"; {given}')


def smallest_tolerance() -> float:
    """The smallest tolerance that a problem may ask for."""
    return float(next(bound.ge for bound in SolverSettings.model_fields["tolerance"].metadata if hasattr(bound, "ge")))
