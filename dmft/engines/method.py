"""Engines as objects: other parts than an engine's own, chosen for one call of `solve`.

solve(problem, engine=Radau(fixed_point=Anderson(depth=5)))          shorter memory
solve(problem, engine=Radau(fixed_point=Anderson(depth=0, damping=0.5, max_iterations=500)))        damped Picard iteration
solve(problem, engine=Radau(fixed_point=NewtonKrylov()))             Newton's method in every cell
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

from dmft.engines.base import Engine
from dmft.engines.fixed_point import Anderson, Controller, NewtonKrylov
from dmft.engines.march import March
from dmft.history.history import History
from dmft.problem.settings import SolverSettings

__all__ = ["Anderson", "Controller", "Method", "NewtonKrylov", "Radau"]


class Method(Protocol):
    """An engine with its options: `name` is that of the engine in `kinds.py`, `replaces` are keys of [solver] it overrules."""

    @property
    def name(self) -> str:
        """The engine that it is for."""
        ...

    @property
    def replaces(self) -> tuple[str, ...]:
        """Keys of [solver] that have no effect beside it."""
        ...

    def begin(self, model: Any, settings: SolverSettings, history: History | None, next_step: float) -> Engine:
        """The engine at t = 0, or where a stored history ends."""
        ...


@dataclass(frozen=True)
class Radau:
    """Radau IIA cells of two-time equations, whose fixed point is solved by the given method."""

    fixed_point: Controller | Anderson | NewtonKrylov = field(default_factory=Controller)
    name: ClassVar[str] = "radau"
    replaces: ClassVar[tuple[str, ...]] = ("max_iterations",)

    def begin(self, model: Any, settings: SolverSettings, history: History | None, next_step: float) -> March:
        """See `Method`."""
        return March(model, settings, history, next_step, self.fixed_point)
