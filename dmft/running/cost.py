"""Memory that a run needs, and the refusal of what cannot fit."""

from __future__ import annotations

from dmft.engines.kinds import empty_history, expected_nodes, step_keys, step_values
from dmft.problem.problem import Problem
from dmft.problem.settings import SolverSettings
from dmft.problem.table import ProblemError
from dmft.system.memory import Limit, memory_limit

BYTES = 8
# Temporary arrays (n, n) while kernels and run file are made.
TEMPORARY_ARRAYS = 5


def two_time_arrays(problem: Problem) -> int:
    """Number of (n, n) arrays in the history of a problem, one for each pair of groups."""
    return empty_history(problem, capacity=1).entries[0]


def one_time_values(problem: Problem) -> int:
    """Number of values at each node in the history of a problem, two-time arrays apart."""
    return empty_history(problem, capacity=1).entries[1]


def latest_values(problem: Problem) -> int:
    """Number of values in the history that belong to the last node alone."""
    return empty_history(problem, capacity=1).entries[2]


def working_memory(problem: Problem, nodes: float) -> float:
    """Bytes of the two-time arrays at the peak: history and kernels, both once more in the file, which is made in memory.

    And those of a step.
    """
    stored = two_time_arrays(problem) + len(problem.parameters.description.kernels)
    return BYTES * (nodes**2 * (2 * stored + TEMPORARY_ARRAYS) + step_values(problem, nodes))


class TooLargeError(ProblemError):
    """A run that needs more memory than there is for this process; where there is more, nothing is wrong with it."""


def refuse_memory(what: str, needed: float, alternative: str, limit: Limit | None = None) -> None:
    """TooLargeError, one line, if bytes are needed that are not available: those that a limit leaves, if it is known."""
    limit = limit or memory_limit()
    if needed > limit.available:
        raise TooLargeError(f"{what} {limit.refusal(needed, alternative)}")


def refuse_too_large(problem: Problem) -> None:
    """TooLargeError if a step, or the expected nodes, need more memory than is available."""
    limit = memory_limit()
    _refuse_step(problem, 1.0, limit)  # before equations of this size are built, which say how many nodes there will be
    nodes = expected_nodes(problem)
    _refuse_step(problem, nodes, limit)
    fewer = FEWER[problem.solver.scheme]
    refuse_memory(f"{_why_so_many(problem.solver, nodes)} need", working_memory(problem, nodes), fewer, limit)


def _refuse_step(problem: Problem, nodes: float, limit: Limit) -> None:
    needed = BYTES * step_values(problem, nodes)
    refuse_memory(f"{', '.join(step_keys(problem))}: a step needs", needed, "smaller ones", limit)


FEWER = {"radau": "a larger tolerance or more stages", "gradient-descent": "a larger learning_rate or a smaller t_max"}


def _why_so_many(settings: SolverSettings, nodes: float) -> str:
    if settings.scheme == "radau":
        return f"tolerance = {settings.tolerance:g} with stages = {settings.stages}: about {nodes:.0f} nodes"
    return f"t_max = {settings.t_max:g} with learning_rate = {settings.learning_rate:g}: {nodes:.0f} nodes"
