"""The engine of a problem, chosen by the kind of its equations and the scheme, here and nowhere else."""

from __future__ import annotations

from typing import Any

from dmft.engines.base import Engine
from dmft.engines.closed_form import ClosedForm
from dmft.engines.descent import Descent
from dmft.engines.doubling import Doubling
from dmft.engines.march import March
from dmft.engines.sampled import Sampled
from dmft.engines.trajectory import Trajectory
from dmft.history.history import History
from dmft.problem.problem import Problem

ENGINES: dict[str, type[Engine]] = {
    "radau": March,
    "gradient-descent": Descent,
    "ordinary": Trajectory,
    "closed-form": ClosedForm,
    "stepped": Doubling,
    "sampled": Sampled,
}


def engine_name(problem: Problem) -> str:
    """The scheme, of those that two-time equations have, or else the kind of equations."""
    if problem.solver.theory == "exact":
        return "sampled"
    kind = problem.parameters.kind
    return problem.solver.scheme if kind == "two-time" else kind


def engine_type(problem: Problem) -> type[Engine]:
    """The engine of a problem."""
    return ENGINES[engine_name(problem)]


def equations(problem: Problem) -> Any:
    """The equations of the theory that a problem asks for."""
    parameters = problem.parameters
    return parameters.build_exact(problem.solver) if problem.solver.theory == "exact" else parameters.build()


def engine(problem: Problem, history: History | None = None, next_step: float = 0.0) -> Engine:
    """The engine at t = 0, or where a stored history ends, which it takes over."""
    return engine_type(problem)(equations(problem), problem.solver, history, next_step)


def carried_over(history: History, known: Problem, problem: Problem) -> History:
    """The history of a run for its continuation, to which further samples may belong."""
    if problem.solver.theory == "exact":
        return Sampled.carried_over(history, equations(known), equations(problem))
    return history


def empty_history(problem: Problem, capacity: int = 128) -> History:
    """A history with every array that this problem needs, without a node."""
    return engine_type(problem).empty_history(equations(problem), capacity)


def expected_nodes(problem: Problem) -> float:
    """Nodes that a run will take, roughly."""
    return engine_type(problem).expected_nodes(equations(problem), problem.solver)


def step_values(problem: Problem, nodes: float) -> float:
    """How many numbers a run of so many nodes needs beside its history."""
    if problem.solver.theory == "exact":
        return equations(problem).numbers(nodes)
    return problem.parameters.step_values


def step_keys(problem: Problem) -> tuple[str, ...]:
    """Keys that make `step_values` large."""
    return ("samples", "replicates") if problem.solver.theory == "exact" else problem.parameters.step_keys
