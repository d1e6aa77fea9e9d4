"""A problem: one parameter point of a theory and how to solve it, frozen and validated, TOML in and out.

A problem file has two tables.  `[problem]` holds the parameters of one theory, whose own class validates them.  `[solver]`
holds what is the same for all theories.  A third one, `[output]`, may say what a run file holds beside the usual.  Wrong input
is refused here, in one sentence that says what was given and what is wanted.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from dmft.problem import registry
from dmft.problem.keys import Keys
from dmft.problem.output import OutputSettings
from dmft.problem.overrides import DEFAULT_MODEL, assign
from dmft.problem.parameters import Parameters
from dmft.problem.settings import SolverSettings
from dmft.problem.table import ProblemError, did_you_mean, frozen, naming, refuse_unknown, validated
from dmft.problem.toml import read_toml, read_toml_file, toml_text


class Problem(Keys):
    """One parameter point of one model, the solver settings, and what is stored beside the usual.

    Built from keywords (`Problem(width=10, ..., t_max=300.0)`), from the two tables (`Problem(problem={...}, solver={...})`),
    from a TOML file (`Problem.load(path)`) or from TOML text (`Problem.from_toml(text)`).  Every key reads as an attribute,
    `problem.width`, and none can be set: `problem.replace(width=20)` is another problem.  Two problems are equal if every
    value, defaults included, is.

    Raises ProblemError with one line that names the key, what was given and what is wanted.
    """

    __slots__ = ("output", "parameters", "solver")

    parameters: Parameters
    solver: SolverSettings
    output: OutputSettings

    def __init__(self, **keys: Any) -> None:
        if "problem" in keys or "solver" in keys:
            self._set(keys)
        else:
            own = registry.load(keys.get("model", DEFAULT_MODEL))
            tables: dict[str, dict[str, Any]] = {"problem": {}, "solver": {}}
            for key, value in keys.items():
                tables.setdefault(own.table_of(key), {})[key] = value
            self._set(tables)

    def _set(self, tables: Mapping[str, Any]) -> None:
        if "sweep" in tables:
            raise ProblemError("[sweep] makes this the file of a sweep: wanted a single problem, or the command dmft sweep")
        refuse_unknown(tables, ("problem", "solver", "output"), "the problem file")
        for name in ("problem", "solver"):
            if not isinstance(tables.get(name), Mapping):
                raise ProblemError(f"[{name}] is missing: wanted a table [{name}]")
        given = {"model": DEFAULT_MODEL, **tables["problem"]}
        parameters = validated(registry.load(given["model"]), given, "[problem]")
        solver = validated(SolverSettings, tables["solver"], "[solver]")
        if not isinstance(tables.get("output", {}), Mapping):
            raise ProblemError("output is no table: wanted a table [output]")
        output = validated(OutputSettings, tables.get("output", {}), "[output]")
        try:
            parameters.refuse(solver)
            output.refuse(solver)
        except ValueError as error:
            raise ProblemError(str(error)) from None
        if solver.scheme != "radau" and parameters.kind != "two-time":
            raise ProblemError(f'scheme = "{solver.scheme}": wanted "radau" with model = "{given["model"]}"')
        object.__setattr__(self, "parameters", parameters)
        object.__setattr__(self, "solver", solver)
        object.__setattr__(self, "output", output)

    def __setattr__(self, name: str, value: Any) -> NoReturn:
        raise AttributeError(f"a problem is frozen: wanted problem.replace({name}=...)")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError("a problem is frozen")

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            if name in self.__slots__ or name.startswith("__"):
                raise AttributeError(name)
            for table in (self.parameters, self.solver, self.output):
                if name in type(table).model_fields:
                    return getattr(table, name)
            hint = did_you_mean(name, [key for key in dir(self) if not key.startswith("_")])
            raise AttributeError(f'a problem of model = "{self.parameters.model}" has no key {name!r}; {hint}')

    def __dir__(self) -> list[str]:
        return sorted(
            {
                *super().__dir__(),
                *type(self.parameters).model_fields,
                *SolverSettings.model_fields,
                *OutputSettings.model_fields,
            }
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return Problem.from_tables, (self.tables,)

    @classmethod
    def from_tables(cls, tables: Mapping[str, Any]) -> Problem:
        """From the nested tables {"problem": {...}, "solver": {...}, "output": {...}}, the last one if there is any."""
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
        with naming(path):
            return cls.from_tables(read_toml_file(path))

    @classmethod
    def of(cls, given: Problem | str | Path) -> Problem:
        """A problem as it is, or that of a file.  TypeError for anything else."""
        if isinstance(given, Problem):
            return given
        if not isinstance(given, str | Path):
            raise TypeError(f"{given!r:.60}: wanted a Problem, or the path of a problem file")
        return cls.load(given)

    @property
    def tables(self) -> dict[str, dict[str, Any]]:
        """Every value, defaults included; keys without a value are left out."""
        found = {
            "problem": self.parameters.model_dump(exclude_none=True),
            "solver": self.solver.model_dump(exclude_none=True),
            "output": self.output.model_dump(exclude_none=True),
        }
        return {name: table for name, table in found.items() if table or name != "output"}

    def replace(self, **keys: Any) -> Problem:
        """The same problem with some keys changed, e.g. `problem.replace(width=20, t_max=1e4)`."""
        tables = self.tables
        for key, value in keys.items():
            assign(tables, self.parameters.table_of(key), key, value)
        return Problem.from_tables(tables)

    def to_toml(self) -> str:
        """The problem file, defaults included; `Problem.from_toml` reads back an equal problem."""
        return toml_text(self.tables)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Problem) and self.tables == other.tables

    def __hash__(self) -> int:
        return hash(frozen(self.tables))

    def __repr__(self) -> str:
        keys = {key: value for table in self.tables.values() for key, value in table.items()}
        return f"Problem({', '.join(f'{key}={value!r}' for key, value in keys.items())})"
