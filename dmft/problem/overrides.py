"""Changes of single keys of a problem: those of the command line, of an axis of a sweep, of `Problem.replace`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dmft.problem import registry
from dmft.problem.table import ProblemError
from dmft.problem.toml import read_toml

DEFAULT_MODEL = "two-layer-flow"


def with_overrides(tables: Mapping[str, Any], assignments: list[str]) -> dict[str, Any]:
    """Apply `table.key=value` assignments (`problem.width=20`); a value is TOML, or else taken as a bare string."""
    changed = copied(tables)
    for assignment in assignments:
        path, equals, text = assignment.partition("=")
        table, dot, key = path.strip().partition(".")
        if not (equals and dot and table and key):
            raise ProblemError(f"--set {assignment}: wanted table.key=value, for example problem.width=20")
        try:
            value = read_toml(f"value = {text}")["value"]
        except ProblemError:
            value = text.strip()
        if not isinstance(changed.setdefault(table, {}), dict):
            raise ProblemError(f"--set {assignment}: {table} is not a table")
        assign(changed, table, key, value)
    return changed


def copied(tables: Mapping[str, Any]) -> dict[str, Any]:
    """The tables of a file, to be changed by `assign`; whatever else stands among them is left to the checks of a problem."""
    return {name: dict(table) if isinstance(table, Mapping) else table for name, table in tables.items()}


def assign(tables: dict[str, Any], table: str, key: str, value: Any) -> None:
    """Set a key of a table, in place of its alternatives; `key.inner` sets a key of a table, or a place of a list, in it."""
    target = tables.setdefault(table, {})
    key, dot, inner = key.partition(".")
    if dot:
        value = _with(target.get(key, {}), key, inner, value)
    if table == "problem":
        for other in _alternatives(target, key):
            target.pop(other, None)
    target[key] = value


def _with(given: Any, name: str, path: str, value: Any) -> Any:
    """A nested table or list, copied, with one value changed."""
    place, dot, rest = path.partition(".")
    if isinstance(given, Mapping):
        inner = _with(given.get(place, {}), f"{name}.{place}", rest, value) if dot else value
        return {**given, place: inner}
    if not isinstance(given, list | tuple):
        raise ProblemError(f"{name}.{path}: {name} is not a table")
    if not place.isdecimal() or int(place) >= len(given):
        raise ProblemError(f"{name}.{path}: wanted a place from 0 to {len(given) - 1} of the list {name}")
    entry = given[int(place)]
    changed = _with(entry, f"{name}.{place}", rest, value) if dot else value
    return [*given[: int(place)], changed, *given[int(place) + 1 :]]


def _alternatives(problem: Mapping[str, Any], key: str) -> tuple[str, ...]:
    """Keys of `[problem]` of which only one is given, if this key is one of them."""
    model = problem.get("model", DEFAULT_MODEL)
    found = registry.load(model).alternatives if registry.known(model) else ()
    return found if key in found else ()
