"""Changes of single keys of a problem: those of the command line, of an axis of a sweep, of `Problem.replace`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from typing import Any

from dmft.problem import registry
from dmft.problem.table import ProblemError

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
            value = tomllib.loads(f"value = {text}")["value"]
        except tomllib.TOMLDecodeError:
            value = text.strip()
        if not isinstance(changed.setdefault(table, {}), dict):
            raise ProblemError(f"--set {assignment}: {table} is not a table")
        assign(changed, table, key, value)
    return changed


def copied(tables: Mapping[str, Any]) -> dict[str, Any]:
    """The tables of a file, to be changed by `assign`; whatever else stands among them is left to the checks of a problem."""
    return {name: dict(table) if isinstance(table, Mapping) else table for name, table in tables.items()}


def assign(tables: dict[str, Any], table: str, key: str, value: Any) -> None:
    """Set a key of a table, in place of its alternatives; `key.inner` sets a key of a table inside it."""
    target = tables[table]
    key, dot, inner = key.partition(".")
    if dot:
        nested = target.get(key, {})
        if not isinstance(nested, Mapping):
            raise ProblemError(f"{key}.{inner}: {key} is not a table")
        value = {**nested, inner: value}
    if table == "problem":
        for other in _alternatives(target, key):
            target.pop(other, None)
    target[key] = value


def _alternatives(problem: Mapping[str, Any], key: str) -> tuple[str, ...]:
    """Keys of `[problem]` of which only one is given, if this key is one of them."""
    model = problem.get("model", DEFAULT_MODEL)
    found = registry.load(model).alternatives if registry.known(model) else ()
    return found if key in found else ()
