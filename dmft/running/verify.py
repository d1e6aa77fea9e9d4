"""Estimated errors of a run: the same problem solved once more, to a smaller tolerance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from dmft.problem.problem import Problem
from dmft.problem.settings import SolverSettings
from dmft.problem.table import ProblemError
from dmft.results.solution import Solution
from dmft.running.solve import Observer, solve

# Tolerance of the second run over that of the first.
FINER = 0.1


def verify(solution: Solution, observers: Sequence[Observer] = ()) -> Solution:
    """The same solution with `estimated_errors`, unchanged if it did not reach its end, or if the second run does not.

    observers: of the second run, as in `solve`.  Steps of gradient descent are exact; their errors are zero.

    Raises ProblemError for a theory that is sampled.
    """
    refuse_sampled(solution.problem)
    if not solution.complete:
        return solution
    solver = solution.problem.solver
    if solver.scheme == "gradient-descent":
        return replace(
            solution, estimated_errors={name: np.zeros_like(values) for name, values in solution.observables.items()}
        )
    finer = solve(solution.problem.replace(tolerance=max(FINER * solver.tolerance, smallest_tolerance())), observers=observers)
    if not finer.complete:
        return solution
    expected = finer.at(solution.time)
    errors = {name: np.abs(values - expected[name]) for name, values in solution.observables.items()}
    return replace(solution, estimated_errors=errors)


def refuse_sampled(problem: Problem) -> None:
    """ProblemError for a theory whose errors are statistical: a smaller tolerance would tell nothing about them."""
    if problem.solver.theory == "exact":
        raise ProblemError('verify: wanted theory = "gaussian"; the errors of theory = "exact" are its standard errors')


def smallest_tolerance() -> float:
    """The smallest tolerance that a problem may ask for."""
    return float(next(bound.ge for bound in SolverSettings.model_fields["tolerance"].metadata if hasattr(bound, "ge")))
