"""The engine of a problem, chosen by the kind of its equations and the scheme, here and nowhere else."""

from __future__ import annotations

from dmft.engines.base import Engine
from dmft.engines.closed_form import ClosedForm
from dmft.engines.descent import Descent
from dmft.engines.doubling import Doubling
from dmft.engines.march import March
from dmft.engines.trajectory import Trajectory
from dmft.history.history import History
from dmft.problem.problem import Problem

ENGINES: dict[str, type[Engine]] = {
    "radau": March,
    "gradient-descent": Descent,
    "ordinary": Trajectory,
    "closed-form": ClosedForm,
    "stepped": Doubling,
}


def engine_name(problem: Problem) -> str:
    """The scheme, of those that two-time equations have, or else the kind of equations."""
    kind = problem.parameters.kind
    return problem.solver.scheme if kind == "two-time" else kind


def engine_type(problem: Problem) -> type[Engine]:
    """The engine of a problem."""
    return ENGINES[engine_name(problem)]


def engine(problem: Problem, history: History | None = None, next_step: float = 0.0) -> Engine:
    """The engine at t = 0, or where a stored history ends, which it takes over."""
    return engine_type(problem)(problem.parameters.build(), problem.solver, history, next_step)


def empty_history(problem: Problem, capacity: int = 128) -> History:
    """A history with every array that this problem needs, without a node."""
    return engine_type(problem).empty_history(problem.parameters.build(), capacity)


def expected_nodes(problem: Problem) -> float:
    """Nodes that a run will take, roughly."""
    return engine_type(problem).expected_nodes(problem.parameters.build(), problem.solver)
