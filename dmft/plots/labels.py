"""Words and numbers on figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from string import Formatter
from typing import TYPE_CHECKING, Any

from dmft.mathematics.notation import COEFFICIENTS, number
from dmft.problem.problem import Problem
from dmft.problem.toml import toml_value
from dmft.results.solution import Solution

if TYPE_CHECKING:
    from dmft.results.simulation import Simulation


def words(name: str) -> str:
    """An observable as one says it: test error."""
    return name.replace("_", " ")


def function_name(given: str | Sequence[float]) -> str:
    """A function by its name, or by its first Hermite coefficients."""
    if isinstance(given, str):
        return given
    shown = [f"{coefficient:.3g}" for coefficient in given[:COEFFICIENTS]]
    return f"[{', '.join(shown)}{', ...' if len(given) > COEFFICIENTS else ''}]"


def value(given: Any) -> str:
    """The value of a key of a problem file."""
    if isinstance(given, Mapping):
        return toml_value(given)
    return number(given) if isinstance(given, int | float) else function_name(given)


def title(problem: Problem) -> str:
    """The parameter point in one line: the model, and the parts of its title whose key has a value."""
    given, description = problem.tables["problem"], problem.parameters.description
    parts = [part for part in description.title if _keys(part) <= given.keys()]
    filled = (part.format(**{key: description.written.get(key, value)(given[key]) for key in _keys(part)}) for part in parts)
    return ",  ".join([problem.parameters.model, *filled])


def _keys(part: str) -> set[str]:
    """The keys that stand in a part of a title."""
    return {key for _, key, _, _ in Formatter().parse(part) if key is not None}


def ending_of_simulation(simulation: Simulation) -> str:
    """Description of the simulated networks, and of those that diverged."""
    seeds, setup = len(simulation.seeds), simulation.setup
    system = simulation.problem.parameters.description.systems[setup.fields]
    kind = system.one if seeds == 1 else system.many
    line = f"mean and standard error of {seeds} {kind} in $d = {setup.dim}$"
    return f"{line}, {len(simulation.diverged)} DIVERGED: {simulation.outcome.advice}" if simulation.outcome.failed else line


def ending(solution: Solution) -> str:
    """Where the run arrived and how it ended."""
    reached = f"$t = {number(float(solution.time[-1]), 4)}$ with {len(solution.time)} nodes"
    if solution.complete:
        settings = solution.problem.solver
        if settings.learning_rate is not None:
            return f"gradient descent to {reached} at learning rate ${number(settings.learning_rate)}$"
        return f"solved to {reached} at tolerance ${number(settings.tolerance)}${_verified(solution)}"
    of = f" of ${number(solution.problem.solver.t_max, 4)}$"
    return f"{solution.outcome.value.upper()} at {reached.replace(' with', of + ' with')}: {solution.advice}"


def _verified(solution: Solution) -> str:
    """The largest estimated error, of a run that was verified."""
    worst = solution.largest_estimated_error()
    return "" if worst is None else f", errors up to {worst[1]:.2g} tolerances ({words(worst[0])})"
