"""Reading and writing of TOML."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomli_w

from dmft.problem.table import LARGEST_INTEGER, ProblemError
from dmft.system.regular_file import MIB, read_regular_file
from dmft.system.sealed_text import DamagedText, verified

# Parsing takes a second for every megabyte or so.
LARGEST_FILE = 8 * MIB
DEEPEST = 16


def read_toml_file(path: str | Path) -> dict[str, Any]:
    """Tables of a TOML file; ProblemError if it is missing, unreadable, malformed, or not what its seal was made for."""
    try:
        # Editors on Windows begin a file with a byte order mark.
        text = verified(read_regular_file(path, LARGEST_FILE)).decode("utf-8-sig")
    except DamagedText as error:
        raise ProblemError(str(error)) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8 text"
        raise ProblemError(f"cannot be read ({reason}): wanted a problem file in TOML") from None
    return read_toml(text)


def read_toml(text: str) -> dict[str, Any]:
    """Tables of TOML text; ProblemError if it is malformed, nested too deeply, or holds a number that is too large."""
    try:
        tables = tomllib.loads(text, parse_float=_float)
    except tomllib.TOMLDecodeError as error:
        raise ProblemError(f"malformed TOML: {error}") from None
    except RecursionError:
        raise ProblemError(f"malformed TOML: wanted at most {DEEPEST} lists and tables inside each other") from None
    except ValueError as error:  # of a number that Python does not read
        raise ProblemError(f"malformed TOML: {error}") from None
    _refuse_unreasonable(tables)
    return tables


def _float(text: str) -> float:
    value = float(text)
    if math.isinf(value) and "inf" not in text:
        raise ValueError(f"{text}: wanted a number below 1.8e308, or inf")
    return value


def _refuse_unreasonable(tables: dict[str, Any]) -> None:
    """ProblemError for what is nested so deeply that no function walks through it, and for integers of more than 64 bits."""
    level: list[Any] = [tables]
    for _ in range(DEEPEST):
        parts = [part for item in level for part in (item.values() if isinstance(item, dict) else item)]
        for value in parts:
            if isinstance(value, int) and abs(value) > LARGEST_INTEGER:
                raise ProblemError(f"an integer of {value.bit_length()} bits: wanted at most 64")
        level = [part for part in parts if isinstance(part, dict | list)]
        if not level:
            return
    raise ProblemError(f"malformed TOML: wanted at most {DEEPEST} lists and tables inside each other")


def toml_text(tables: Mapping[str, Any]) -> str:
    """The text of a TOML file with these tables, and lists of tables: a line for each key, in the order given."""
    sections = [
        "\n".join([f"[[{name}]]" if isinstance(table, list) else f"[{name}]", *lines(part)])
        for name, table in tables.items()
        for part in (table if isinstance(table, list) else [table])
    ]
    return "\n\n".join(sections) + "\n"


def lines(table: Mapping[str, Any]) -> list[str]:
    """The lines of a table.  `tomli_w.dumps` itself would put tables in it last: their order is that of the axes of a sweep."""
    return [f"{_key(key)} = {_over_lines(value)}" for key, value in table.items()]


def _over_lines(value: Any) -> str:
    """A value as TOML writes it: of a list of tables, a line for each table."""
    if isinstance(value, list | tuple) and value and all(isinstance(part, Mapping) for part in value):
        return "\n".join(["[", *(f"    {toml_value(part)}," for part in value), "]"])
    return toml_value(value)


def toml_value(value: Any) -> str:
    """A value in one line, as TOML writes it."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_key(key)} = {toml_value(part)}" for key, part in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(toml_value, value)) + "]"
    return tomli_w.dumps({"_": value}).removeprefix("_ = ").rstrip("\n")


def _key(key: str) -> str:
    return tomli_w.dumps({key: 0}).removesuffix(" = 0\n")
