"""A problem: one parameter point and the settings that solve it, frozen and validated, TOML in and out.

A problem file has two tables.  `[problem]` holds the parameters of one model; each model registers the class that
validates them.  `[solver]` holds what is the same for all models.  Wrong input is refused here, in one sentence that says
what was given and what is wanted.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from dmft.problem.parameters import Parameters
from dmft.problem.settings import SolverSettings
from dmft.problem.table import ProblemError, refuse_unknown, shown, validated
from dmft.problem.toml import read_toml, read_toml_file, toml_value

DEFAULT_MODEL = "two-layer-flow"


class Problem:
    """One parameter point of one model, and the solver settings.

    Built from keywords (`Problem(width=10, ..., t_max=300.0)`), from the two tables (`Problem(problem={...}, solver={...})`),
    from a TOML file (`Problem.load(path)`) or from TOML text (`Problem.from_toml(text)`).  Two problems are equal if every
    value, defaults included, is.

    Raises ProblemError with one line that names the key, what was given and what is wanted.
    """

    def __init__(self, **keys: Any) -> None:
        if "problem" in keys or "solver" in keys:
            self._set(keys)
        else:
            own = models().get(str(keys.get("model", DEFAULT_MODEL)), Parameters)
            settings = {key: keys.pop(key) for key in list(keys) if own.table_of(key) == "solver"}
            self._set({"problem": keys, "solver": settings})

    def _set(self, tables: Mapping[str, Any]) -> None:
        refuse_unknown(tables, ("problem", "solver"), "the problem file")
        for name in ("problem", "solver"):
            if not isinstance(tables.get(name), Mapping):
                raise ProblemError(f"[{name}] is missing: wanted a table [{name}]")
        given = {"model": DEFAULT_MODEL, **tables["problem"]}
        known = models()
        if not isinstance(given["model"], str) or given["model"] not in known:
            raise ProblemError(f"model = {shown(given['model'])}: wanted one of {', '.join(sorted(known))}")
        self.parameters = validated(known[given["model"]], given, "[problem]")
        self.solver = validated(SolverSettings, tables["solver"], "[solver]")
        try:
            self.parameters.refuse(self.solver)
        except ValueError as error:
            raise ProblemError(str(error)) from None
        if self.solver.scheme != "radau" and self.parameters.kind != "two-time":
            raise ProblemError(f'scheme = "{self.solver.scheme}": wanted "radau" with model = "{given["model"]}"')

    @classmethod
    def from_tables(cls, tables: Mapping[str, Any]) -> Problem:
        """From the nested tables {"problem": {...}, "solver": {...}}."""
        problem = cls.__new__(cls)
        problem._set(tables)
        return problem

    @classmethod
    def from_toml(cls, text: str) -> Problem:
        """From the text of a problem file."""
        return cls.from_tables(read_toml(text))

    @classmethod
    def load(cls, path: str | Path) -> Problem:
        """From a problem file."""
        return cls.from_tables(read_toml_file(path))

    @property
    def tables(self) -> dict[str, dict[str, Any]]:
        """Every value, defaults included; keys without a value are left out."""
        return {
            "problem": self.parameters.model_dump(exclude_none=True),
            "solver": self.solver.model_dump(exclude_none=True),
        }

    def replace(self, **keys: Any) -> Problem:
        """The same problem with some keys changed, e.g. `problem.replace(width=20, t_max=1e4)`."""
        tables = self.tables
        for key, value in keys.items():
            assign(tables[self.parameters.table_of(key)], key, value)
        return Problem.from_tables(tables)

    def to_toml(self) -> str:
        """The problem file, defaults included; `Problem.from_toml` reads back an equal problem."""
        lines = []
        for name, table in self.tables.items():
            lines.append(f"[{name}]")
            lines += [f"{key} = {toml_value(value)}" for key, value in table.items()]
            lines.append("")
        return "\n".join(lines)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Problem) and self.tables == other.tables

    def __hash__(self) -> int:
        return hash(self.to_toml())

    def __repr__(self) -> str:
        keys = {**self.tables["problem"], **self.tables["solver"]}
        return f"Problem({', '.join(f'{key}={value!r}' for key, value in keys.items())})"


def with_overrides(tables: Mapping[str, Any], assignments: list[str]) -> dict[str, Any]:
    """Apply `table.key=value` assignments (`problem.width=20`); a value is TOML, or else taken as a bare string."""
    changed = {name: dict(table) if isinstance(table, Mapping) else table for name, table in tables.items()}
    for assignment in assignments:
        path, equals, text = assignment.partition("=")
        table, dot, key = path.strip().partition(".")
        if not (equals and dot and table and key):
            raise ProblemError(f"--set {assignment}: wanted table.key=value, for example problem.width=20")
        try:
            value = tomllib.loads(f"value = {text}")["value"]
        except tomllib.TOMLDecodeError:
            value = text.strip()
        target = changed.setdefault(table, {})
        if not isinstance(target, dict):
            raise ProblemError(f"--set {assignment}: {table} is not a table")
        assign(target, key, value)
    return changed


def assign(table: dict[str, Any], key: str, value: Any) -> None:
    """Set a key of a table, in place of its alternatives; `key.inner` sets a key of a table, or a place of a list, in it."""
    key, dot, inner = key.partition(".")
    if dot:
        value = _with(table.get(key, {}), key, inner, value)
    for parameters in models().values():
        if key in parameters.alternatives:
            for other in parameters.alternatives:
                table.pop(other, None)
    table[key] = value


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


def models() -> dict[str, type[Parameters]]:
    """Every model there is, by name; models register themselves, which happens here at the latest."""
    import_module("dmft.models")
    return Parameters.registry
