"""Reading and writing of TOML."""

from __future__ import annotations

import json
import math
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
    """The text of a TOML file with these tables."""
    return tomli_w.dumps(tables)


def toml_value(value: Any) -> str:
    """A value in one line, as TOML writes it, for messages and labels."""
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
