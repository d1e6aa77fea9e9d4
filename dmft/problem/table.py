"""A validated table of a problem file: unknown keys and wrong values are refused in one sentence."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError, ValidationInfo, field_validator
from pydantic.fields import FieldInfo


class ProblemError(ValueError):
    """Bad input, as one line: key, what was given, what is wanted."""


@contextmanager
def naming(file: str | Path, kind: type[ValueError] = ProblemError) -> Iterator[None]:
    """Put the name of a file before the message of an error of this kind."""
    try:
        yield
    except kind as error:
        raise kind(f"{file}: {error}") from None


LARGEST_INTEGER = 2**63 - 1
# Types of the keys that are numbers.
NUMBERS = (float, int, float | None, int | None)


class FrozenTable(dict):
    """A table inside a table: a dictionary that cannot be changed, with a hash."""

    def _refuse(self, *given: Any, **keys: Any) -> NoReturn:
        raise TypeError("a problem is frozen: wanted problem.replace(...)")

    __setitem__ = __delitem__ = __ior__ = update = setdefault = pop = popitem = clear = _refuse  # pyright: ignore

    def __hash__(self) -> int:  # pyright: ignore
        return hash(frozenset(self.items()))

    def __reduce__(self) -> tuple[Any, ...]:
        return FrozenTable, (dict(self),)


def frozen(value: Any) -> Any:
    """The same value, with every list and table in it made one that cannot be changed and has a hash."""
    if isinstance(value, Mapping):
        return FrozenTable({key: frozen(inner) for key, inner in value.items()})
    return tuple(map(frozen, value)) if isinstance(value, list | tuple) else value


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
        if isinstance(value, int) and abs(value) > LARGEST_INTEGER:
            raise ValueError("wanted a number of at most 64 bits")
        if wanted is bool and not isinstance(value, bool):
            raise ValueError("wanted true or false")
        return value

    @field_validator("*", mode="after")
    @classmethod
    def _frozen(cls, value: Any) -> Any:
        return frozen(value)


TableType = TypeVar("TableType", bound=Table)


def validated(schema: type[TableType], given: Mapping[str, Any], where: str) -> TableType:
    """A table of a file as its class; ProblemError, one line, if a key is unknown or has a wrong value."""
    refuse_unknown(given, tuple(schema.model_fields), where)
    try:
        return schema(**given)
    except ValidationError as error:
        raise ProblemError(_one_line(error.errors()[0], schema, where)) from None


# Keys beyond this are like no known one.
LONGEST_KEY = 100


def refuse_unknown(given: Mapping[str, Any], known: tuple[str, ...], where: str) -> None:
    """ProblemError, with the nearest known key, if a table holds a key that is not known."""
    for key in given:
        if key not in known:
            raise ProblemError(f"unknown key {key!r} in {where}; {did_you_mean(key, known)}")


def did_you_mean(name: str, known: Sequence[str]) -> str:
    """A hint for a name that is not known: the nearest known one, or all of them."""
    close = difflib.get_close_matches(name[:LONGEST_KEY], known, n=1, cutoff=0.5)
    return f"did you mean {close[0]!r}?" if close else f"wanted one of {', '.join(known)}"


# Complaints about a bound, and the signs of bounds by their names in the metadata of a key.
BOUNDS = ("greater_than", "greater_than_equal", "less_than", "less_than_equal")
SIGNS = {"gt": ">", "ge": ">=", "lt": "<", "le": "<="}
WANTED = {
    "finite_number": "a finite number",
    "float_type": "a number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "tuple_type": "a list",
    "literal_error": "{expected}",
}


def bounds(key: FieldInfo) -> str:
    """The range of a key in words: a number > 0 and <= 1."""
    found = [(sign, getattr(part, name)) for name, sign in SIGNS.items() for part in key.metadata if hasattr(part, name)]
    return f"a number {' and '.join(f'{sign} {bound:g}' for sign, bound in found)}"


def _one_line(error: Any, schema: type[Table], where: str) -> str:
    """Turn pydantic's first complaint into `key = given: wanted ...`."""
    key = ".".join(str(part) for part in error["loc"][:1])
    if error["type"] == "missing":
        return f"{key} is missing in {where}: wanted a value"
    if error["type"] == "value_error":
        message = str(error["ctx"]["error"])
        return f"{key} = {shown(error['input'])}: {message}" if key else message
    if len(error["loc"]) > 1:  # inside a list, or none of several types
        return f"{key} = {shown(error['input'])}: wanted {schema.model_fields[key].description}"
    wanted = bounds(schema.model_fields[key]) if error["type"] in BOUNDS else WANTED.get(error["type"])
    wanted = wanted.format(**error.get("ctx", {})) if wanted else error["msg"][0].lower() + error["msg"][1:]
    return f"{key} = {shown(error['input'])}: wanted {wanted}"


def shown(value: Any) -> str:
    """A given value as it stands in an error message, cut to 60 characters."""
    try:
        text = json.dumps(value, default=str) if not isinstance(value, float) else repr(value)
    except ValueError:  # an integer of more digits than Python writes
        text = f"a {type(value).__name__}"
    return text if len(text) <= 60 else text[:57] + "..."
