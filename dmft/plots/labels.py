"""Words and numbers on figures."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from string import Formatter
from typing import TYPE_CHECKING, Any

from dmft.mathematics.notation import number, series
from dmft.problem.description import Curve, Description, Quantity
from dmft.problem.problem import Problem
from dmft.problem.settings import GROWING, LIMITS
from dmft.problem.toml import toml_value
from dmft.results.solution import Solution

if TYPE_CHECKING:
    from dmft.results.simulation import Simulation

# Symbols of keys of [solver], which belong to no theory.
SOLVER = {"learning_rate": r"\eta", "t_max": r"t_\mathrm{max}", "momentum": r"\beta", "batch": "b"}
# Keys of [solver] that say how networks are trained; the others are about the accuracy of the solution.
ALGORITHM = {"theory", "scheme", "learning_rate", "momentum", "nesterov", "batch", "batch_time"}
# A part of a title that says one key: the symbol before the sign of equality.
SYMBOL = re.compile(r"(\$[^={]*[^={ ])\s*=")
# A key of one table of a list, as the columns of a table of points name it: neurons_1_second_layer.
NESTED = re.compile(r"(.+?)_(\d+)_(\D.*)")
# The colour of what failed.
ALARM = "#B2182B"


def words(name: str) -> str:
    """An observable or a key as one says it: test error; second layer of neurons[1]."""
    if found := NESTED.fullmatch(name):
        return f"{words(found[3])} of {words(found[1])}[{found[2]}]"
    return name.replace("_", " ")


def function_name(given: str | Sequence[float]) -> str:
    """A function by its name, or by its first Hermite coefficients."""
    return given if isinstance(given, str) else series(given)


def value(given: Any) -> str:
    """The value of a key of a problem file."""
    if isinstance(given, Mapping):
        return toml_value(given)
    return number(given) if isinstance(given, int | float) else function_name(given)


def title(problem: Problem, without: Collection[str] = ()) -> str:
    """The parameter point in one line: the model, and the parts of its title whose key has a value.

    without: keys whose parts are left out, such as those that a figure varies.
    """
    parameters, settings = problem.parameters, problem.solver
    given = parameters.headline(settings, without)
    written = parameters.description.written
    parts = [part for part in parameters.description.title if _keys(part) <= given.keys()]
    filled = (part.format(**{key: written.get(key, value)(given[key]) for key in _keys(part)}) for part in parts)
    theory = [f"{settings.theory} theory"] if settings.theory == "exact" and "theory" not in without else []
    return ",  ".join([parameters.model, *theory, *filled])


def symbol(description: Description, key: str) -> str:
    """A key of a problem file as the theory writes it, in LaTeX between dollar signs; in words if it has no symbol."""
    if (part := _part(description, key)) and (found := SYMBOL.match(part)):
        return f"${found[1].strip('$ ')}$"
    known = {**SOLVER, **description.symbols}
    return f"${known[key]}$" if key in known else words(key)


def setting(description: Description, key: str, given: Any) -> str:
    """A key and its value: $m = 10$."""
    shown = description.written.get(key, value)(given)
    if part := _part(description, key):
        return part.format(**{key: shown})
    sign = symbol(description, key)
    numeric = isinstance(given, int | float) and not isinstance(given, bool)
    if not numeric:
        return f"{sign} = {shown}"
    return f"${sign.strip('$')} = {shown}$" if sign.startswith("$") else f"{sign} = ${shown}$"


def _part(description: Description, key: str) -> str | None:
    """The part of the title that says this key alone."""
    return next((part for part in description.title if _keys(part) == {key}), None)


def differing(problems: Sequence[Problem]) -> list[str]:
    """Keys whose values differ between problems, without their tables."""
    tables = [problem.tables for problem in problems]
    keys = dict.fromkeys((name, key) for found in tables for name, table in found.items() for key in table)
    return [key for name, key in keys if len({repr(found.get(name, {}).get(key)) for found in tables}) > 1]


def differences(problems: Sequence[Problem]) -> list[str]:
    """The keys that tell problems apart, in words and numbers, one text each; numbers where nothing does."""
    if len(problems) == 1:
        return [""]
    varied, told = differing(problems), [""] * len(problems)
    physics = [key for key in varied if not any(key in problem.tables["solver"] for problem in problems) or key in ALGORITHM]
    for keys in (physics, [key for key in varied if key not in {*LIMITS, *GROWING}], varied):
        told = _told(problems, keys)
        if len(set(told)) == len(told):
            break
    return told if len(set(told)) == len(told) else [f"{place}: {one}".removesuffix(": ") for place, one in enumerate(told, 1)]


def _told(problems: Sequence[Problem], keys: Sequence[str]) -> list[str]:
    told = []
    for problem in problems:
        given = {key: found for table in problem.tables.values() for key, found in table.items()}
        told.append(", ".join(setting(problem.parameters.description, key, given[key]) for key in keys if key in given))
    return told


def of_axis(curve: Curve, quantity: Quantity) -> str:
    """The label of the axis of a curve: that of its quantity, or of its distance from a value."""
    if curve.label or curve.distance_from is None:
        return curve.label or quantity.label
    return quantity.label if curve.distance_from == 0 else f"{quantity.label}, distance from ${number(curve.distance_from)}$"


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
        settings, sampled = solution.problem.solver, _sampled(solution)
        verified = f", {said}" if (said := solution.said_of_errors) else ""
        if settings.learning_rate is not None:
            return f"gradient descent to {reached} at learning rate ${number(settings.learning_rate)}${sampled}"
        return f"solved to {reached} at tolerance ${number(settings.tolerance)}${verified}{sampled}"
    of = f" of ${number(solution.problem.solver.t_max, 4)}$"
    return f"{solution.outcome.value.upper()} at {reached.replace(' with', of + ' with')}: {solution.advice}"


def _sampled(solution: Solution) -> str:
    """The samples of a theory that has some, and what their scatter looks like."""
    settings = solution.problem.solver
    if settings.samples is None:
        return ""
    sets = f"{settings.samples} samples" + (f" in each of {settings.replicates} replicates" if settings.replicates != 1 else "")
    return f", {sets}" + (", bands of one standard error" if solution.standard_errors else "")
