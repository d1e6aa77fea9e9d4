"""Reading and writing of TOML."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomli_w

from dmft.problem.table import ProblemError


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


def toml_text(tables: Mapping[str, Any]) -> str:
    """The text of a TOML file with these tables, and lists of tables: a line each key, in the order given."""
    sections = [
        "\n".join([f"[[{name}]]" if isinstance(table, list) else f"[{name}]", *lines(part)])
        for name, table in tables.items()
        for part in (table if isinstance(table, list) else [table])
    ]
    return "\n\n".join(sections) + "\n"


def lines(table: Mapping[str, Any]) -> list[str]:
    """The lines of a table.  `tomli_w.dumps` itself would put tables in it last: their order is that of the axes of a sweep."""
    return [f"{_key(key)} = {toml_value(value)}" for key, value in table.items()]


def toml_value(value: Any) -> str:
    """A value in one line, as TOML writes it."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(lines(value)) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(toml_value, value)) + "]"
    return tomli_w.dumps({"_": value}).removeprefix("_ = ").rstrip("\n")


def _key(key: str) -> str:
    return tomli_w.dumps({key: 0}).removesuffix(" = 0\n")
