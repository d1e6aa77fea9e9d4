"""What is asked: one parameter point and how to solve it, frozen and validated, TOML in and out.

A problem file has two tables.  `[problem]` holds the parameters of one model; each model registers the class that
validates them.  `[solver]` holds what is the same for all models.  Wrong input is refused here, in one sentence that says
what was given and what is wanted.
"""

from __future__ import annotations

import difflib
import json
import math
import tomllib
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator, model_validator

from dmft.description import Description, Found, Panel
from dmft.tableau import MAX_STAGES


class ProblemError(ValueError):
    """Bad input, as one line: key, what was given, what is wanted."""


DEFAULT_MODEL = "two-layer-flow"
# How far t_max may be from a whole number of steps, relative to it.
WHOLE = 1e-9
ROUNDING = 1e-12
# Types of the keys that are numbers.
NUMBERS = (float, int, float | None, int | None)


class Table(BaseModel):
    """One table of a problem file: unknown keys are refused, values are frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=True, validate_default=True)

    @field_validator("*", mode="before")
    @classmethod
    def _no_conversion(cls, value: Any, info: ValidationInfo) -> Any:
        """TOML has types: neither true nor "1" is a number, and 1 is not true."""
        wanted = cls.model_fields[info.field_name or ""].annotation
        if wanted in NUMBERS and isinstance(value, bool | str):
            raise ValueError("wanted a number")
        if wanted is bool and not isinstance(value, bool):
            raise ValueError("wanted true or false")
        return value


class SolverSettings(Table):
    """Horizon, accuracy and scheme; times in the unit of the model."""

    t_max: float = Field(gt=0, allow_inf_nan=False, description="last node")
    tolerance: float = Field(
        default=1e-5,
        ge=1e-10,
        le=1e-1,
        allow_inf_nan=False,
        description="error of every observable at every time, relative to its value or to 1e-3 of its largest value",
    )
    scheme: Literal["radau", "gradient-descent"] = Field(
        default="radau", description="Radau IIA collocation of the flow, or gradient descent with a learning rate"
    )
    learning_rate: float | None = Field(
        default=None, gt=0, allow_inf_nan=False, description="eta of gradient descent, which takes t_max/eta steps"
    )
    stages: int = Field(
        default=6, ge=1, le=MAX_STAGES, description="nodes of a cell; order 2 stages - 1; the tolerance is held with 2 or more"
    )
    max_nodes: int = Field(default=20_000, ge=2, description="give up beyond this many nodes")
    max_iterations: int = Field(default=400, ge=1, description="fixed-point iterations of a cell before its step is halved")
    smallest_step: float = Field(
        default=1e-3, gt=0, lt=1, description="give up when the mean of the last 50 steps is below this fraction of t"
    )

    @model_validator(mode="after")
    def _learning_rate_of_gradient_descent(self) -> SolverSettings:
        if self.scheme != "gradient-descent":
            if self.learning_rate is not None:
                raise ValueError(f'learning_rate = {self.learning_rate:g}: wanted only with scheme = "gradient-descent"')
            return self
        if self.learning_rate is None:
            raise ValueError('learning_rate is missing in [solver]: wanted a number with scheme = "gradient-descent"')
        steps = self.t_max / self.learning_rate
        if not steps < self.max_nodes:
            raise ValueError(
                f"t_max = {self.t_max:g}: {steps:.6g} steps of learning_rate = {self.learning_rate:g}, "
                f"wanted less than max_nodes = {self.max_nodes}"
            )
        if not abs(steps - round(steps)) <= WHOLE * steps or steps < 0.5:
            lower, upper = (whole * self.learning_rate for whole in (math.floor(steps), math.ceil(steps)))
            nearest = f"{lower:.10g} or {upper:.10g}" if lower else f"{upper:.10g}"
            raise ValueError(
                f"t_max = {self.t_max:g}: wanted a whole number of steps of learning_rate = {self.learning_rate:g}, "
                f"such as {nearest}"
            )
        return self

    @property
    def steps(self) -> int:
        """Number of steps of gradient descent."""
        assert self.learning_rate is not None
        return round(self.t_max / self.learning_rate)

    @property
    def accuracy(self) -> float:
        """What observables are accurate to, relative to their value: steps of gradient descent are exact to rounding."""
        return self.tolerance if self.scheme == "radau" else ROUNDING

    @property
    def cell_nodes(self) -> int:
        """Nodes of a cell; results between nodes are polynomials over cells, lines between two steps of gradient descent."""
        return self.stages if self.scheme == "radau" else 1


class Parameters(Table):
    """Base of the `[problem]` tables; a model's own class registers itself under its `model` name."""

    registry: ClassVar[dict[str, type[Parameters]]] = {}
    # Keys of which exactly one is given: a change to one of them takes the place of the others.
    alternatives: ClassVar[tuple[str, ...]] = ()
    # Keys on which a simulation of the problem does not depend.
    theory_alone: ClassVar[tuple[str, ...]] = ()
    # Keys that make `step_values` large.
    step_keys: ClassVar[tuple[str, ...]] = ()
    # What the model shows to the outside.
    description: ClassVar[Description]
    model: str = Field(description="the theory")

    @classmethod
    def table_of(cls, key: str) -> str:
        """The table in which a key stands; the model comes first, where both have one of that name."""
        return "solver" if key in SolverSettings.model_fields and key not in cls.model_fields else "problem"

    @property
    def kind(self) -> str:
        """The kind of its equations, which decides on the engine."""
        return "two-time"

    @property
    def step_values(self) -> float:
        """How many numbers a step of the solver needs at once beside the history, of a model that needs many."""
        return 0.0

    def build(self) -> Any:
        """The equations of this parameter point; of kind "two-time" a `dmft.models.base.Model`."""
        raise NotImplementedError

    def constants(self) -> dict[str, float]:
        """Numbers that follow from the parameters alone, those that the description names."""
        return {}

    def panels(self) -> tuple[Panel, ...]:
        """What the standard figure shows of this parameter point beside the pictures of kernels."""
        raise NotImplementedError

    def findings(self, found: Found) -> dict[str, list[tuple[str, str]]]:
        """What is to be said of a run beyond the range of every observable: tables of two columns, by title."""
        return {}


ParametersType = TypeVar("ParametersType", bound=type[Parameters])


def register(name: str):
    """Class decorator: `[problem] model = name` is validated by this class."""

    def add(parameters: ParametersType) -> ParametersType:
        Parameters.registry[name] = parameters
        return parameters

    return add


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
            raise ProblemError(f"model = {_show(given['model'])}: wanted one of {', '.join(sorted(known))}")
        self.parameters = validated(known[given["model"]], given, "[problem]")
        self.solver = validated(SolverSettings, tables["solver"], "[solver]")
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


def read_toml_file(path: str | Path) -> dict[str, Any]:
    """Tables of a TOML file; ProblemError if it is missing, unreadable or malformed."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8 text"
        raise ProblemError(f"cannot be read ({reason}): wanted a problem file in TOML") from None
    return read_toml(text)


def read_toml(text: str) -> dict[str, Any]:
    """Tables of TOML text; ProblemError if it is malformed."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ProblemError(f"malformed TOML: {error}") from None


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
    """Set a key of a table, in place of its alternatives; `key.inner` sets a key of a table inside it."""
    key, dot, inner = key.partition(".")
    if dot:
        nested = table.get(key, {})
        if not isinstance(nested, Mapping):
            raise ProblemError(f"{key}.{inner}: {key} is not a table")
        value = {**nested, inner: value}
    for parameters in models().values():
        if key in parameters.alternatives:
            for other in parameters.alternatives:
                table.pop(other, None)
    table[key] = value


def models() -> dict[str, type[Parameters]]:
    """Every model there is, by name; models register themselves, which happens here at the latest."""
    import_module("dmft.models")
    return Parameters.registry


TableType = TypeVar("TableType", bound=Table)


def validated(schema: type[TableType], given: Mapping[str, Any], where: str) -> TableType:
    """A table of a file as its class; ProblemError, one line, if a key is unknown or has a wrong value."""
    refuse_unknown(given, tuple(schema.model_fields), where)
    try:
        return schema(**given)
    except ValidationError as error:
        raise ProblemError(_one_line(error.errors()[0], schema, where)) from None


def refuse_unknown(given: Mapping[str, Any], known: tuple[str, ...], where: str) -> None:
    """ProblemError, with the nearest known key, if a table holds a key that is not known."""
    for key in given:
        if key not in known:
            close = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
            hint = f"did you mean {close[0]!r}?" if close else f"wanted one of {', '.join(known)}"
            raise ProblemError(f"unknown key {key!r} in {where}; {hint}")


WANTED = {
    "greater_than": "a number > {gt:g}",
    "greater_than_equal": "a number >= {ge:g}",
    "less_than": "a number < {lt:g}",
    "less_than_equal": "a number <= {le:g}",
    "finite_number": "a finite number",
    "float_type": "a number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "tuple_type": "a list",
    "literal_error": "{expected}",
}


def _one_line(error: Any, schema: type[Table], where: str) -> str:
    """Turn pydantic's first complaint into `key = given: wanted ...`."""
    key = ".".join(str(part) for part in error["loc"][:1])
    if error["type"] == "missing":
        return f"{key} is missing in {where}: wanted a value"
    if error["type"] == "value_error":
        message = str(error["ctx"]["error"])
        return f"{key} = {_show(error['input'])}: {message}" if key else message
    if len(error["loc"]) > 1:  # inside a list, or none of several types
        return f"{key} = {_show(error['input'])}: wanted {schema.model_fields[key].description}"
    wanted = WANTED.get(error["type"])
    wanted = wanted.format(**error.get("ctx", {})) if wanted else error["msg"][0].lower() + error["msg"][1:]
    return f"{key} = {_show(error['input'])}: wanted {wanted}"


def _show(value: Any) -> str:
    text = json.dumps(value, default=str) if not isinstance(value, float) else repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def toml_value(value: Any) -> str:
    """A value as it is written in TOML."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else str(value)
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, list | tuple):
        return "[" + ", ".join(toml_value(item) for item in value) + "]"
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{json.dumps(key)} = {toml_value(item)}" for key, item in value.items()) + " }"
    return repr(value)
