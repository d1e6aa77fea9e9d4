"""Axes of a sweep: which keys of the problem file change, to what, and how their values are called in file names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dmft.problem.table import ProblemError
from dmft.problem.toml import toml_value

SPACINGS = {"geomspace": np.geomspace, "linspace": np.linspace}
WANTED = "a list of values, { geomspace = [first, last, number] } or { linspace = [first, last, number] }"
# Name of the axis that a list of points is.
POINT = "point"
# A text in a file name is at most this long.
LONGEST = 32


@dataclass(frozen=True)
class Axis:
    """Keys of the problem file that change together.

    keys: dotted, `problem.width`; one, or those of a list of points.
    names: of the keys in tables and file names, `width`.
    values: one tuple for each position, with a value for each key.
    labels: one text for each position: readable, safe in a file name, and different for different values.
    """

    name: str
    keys: tuple[str, ...]
    names: tuple[str, ...]
    values: tuple[tuple[Any, ...], ...]
    labels: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.values)

    def column(self, key: str) -> list[Any]:
        """Values of one key along the axis."""
        place = self.keys.index(key)
        return [row[place] for row in self.values]


def read_axes(axes: Mapping[str, Any], points: Sequence[Mapping[str, Any]]) -> tuple[Axis, ...]:
    """The axes of `[sweep.axes]`, after that of `[[sweep.points]]` if there is one; ProblemError for what is wrong."""
    columns = {key: _values(key, given) for key, given in flattened(axes)}
    rows = [dict(flattened(point)) for point in points]
    listed = _listed(rows)
    names = short_names([*listed, *columns])
    found = [_axis(POINT, listed, names)] if listed else []
    found += [_axis(names[key], {key: values}, names) for key, values in columns.items()]
    keys = [key for axis in found for key in axis.keys]
    for key in keys:
        table, _, rest = key.partition(".")
        if table not in ("problem", "solver") or not rest:
            raise ProblemError(f"axis {key!r}: wanted problem.KEY or solver.KEY")
        if keys.count(key) > 1:
            raise ProblemError(f"axis {key!r} is given twice: wanted it among the axes or among the points")
    return tuple(found)


def flattened(table: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted keys and values: TOML reads `problem.width = [1, 2]` as a table in a table."""
    for key, value in table.items():
        if isinstance(value, Mapping) and not SPACINGS.keys() & value.keys():
            yield from flattened(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", value.tolist() if isinstance(value, np.ndarray | np.generic) else value


def _values(key: str, given: Any) -> list[Any]:
    """Values of one axis, written out."""
    if isinstance(given, Mapping) and len(given) == 1:
        ((spacing, span),) = given.items()
        return _spaced(key, spacing, span)
    if not isinstance(given, list | tuple) or len(given) == 0:
        raise ProblemError(f"axis {key} = {toml_value(given)}: wanted {WANTED}")
    return list(given)


def _spaced(key: str, spacing: str, span: Any) -> list[float]:
    """Numbers from first to last; one that misses a whole number by rounding is that whole number."""
    wrong = ProblemError(f"axis {key} = {toml_value({spacing: span})}: wanted {WANTED}")
    if not isinstance(span, list | tuple) or len(span) != 3 or any(isinstance(x, bool | str) for x in span):
        raise wrong
    first, last, number = span
    if number != int(number) or number < 1 or not np.isfinite([first, last]).all():
        raise wrong
    if spacing == "geomspace" and not first * last > 0:
        raise ProblemError(f"axis {key}: geomspace from {first:g} to {last:g}: wanted two positive numbers")
    values = SPACINGS[spacing](first, last, int(number))
    return [float(round(x)) if abs(x - round(x)) <= 1e-12 * abs(x) else float(x) for x in values]


def _listed(rows: list[dict[str, Any]]) -> dict[str, list[Any]]:
    """Columns of a list of points; every point has the same keys."""
    for number, row in enumerate(rows):
        if row.keys() != rows[0].keys() or not row:
            given, wanted = (", ".join(keys) or "none" for keys in (row, rows[0]))
            raise ProblemError(f"point {number + 1} of [[sweep.points]] has the keys {given}: wanted {wanted}")
    return {key: [row[key] for row in rows] for key in rows[0]} if rows else {}


def _axis(name: str, columns: Mapping[str, list[Any]], names: Mapping[str, str]) -> Axis:
    values = list(zip(*columns.values(), strict=True))
    seen = set()
    for row in values:
        if identity(row) in seen:
            shown = ", ".join(f"{key} = {toml_value(value)}" for key, value in zip(columns, row, strict=True))
            raise ProblemError(f"axis {name}: {shown} twice: wanted different values")
        seen.add(identity(row))
    texts = [[f"{names[key]}={text}" for text in distinct_texts(column)] for key, column in columns.items()]
    labels = tuple(",".join(parts) for parts in zip(*texts, strict=True))
    return Axis(name, tuple(columns), tuple(names[key] for key in columns), tuple(values), labels)


def short_names(keys: Sequence[str]) -> dict[str, str]:
    """Each dotted key without its table, or with it where two keys are alike beyond; underscores for dots."""
    names = {key: (key.partition(".")[2] or key).replace(".", "_") for key in keys}
    taken = [POINT, *names.values()]
    return {key: name if taken.count(name) == 1 else key.replace(".", "_") for key, name in names.items()}


def distinct_texts(values: Sequence[Any]) -> list[str]:
    """A short text for each value, safe in a file name; texts are equal only where values are."""
    different = len({identity(value) for value in values})
    for digits in range(3, 18):
        texts = [_text(value, place, digits) for place, value in enumerate(values)]
        if len(set(texts)) == different:
            return texts
    return [str(place) for place in range(len(values))]


def identity(value: Any) -> Any:
    """Something hashable that is equal for equal values: 1 is 1.0, but not true."""
    if isinstance(value, tuple | list):
        return tuple(identity(part) for part in value)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else repr(value)


def _text(value: Any, place: int, digits: int) -> str:
    """A number with so many digits, a name as it is; the place on the axis for what has no short text."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return str(int(value)) if abs(value) < 1e7 and value == int(value) else f"{value:.{digits}g}"
    text = re.sub(r"[^A-Za-z0-9+-]+", "-", value) if isinstance(value, str) else ""
    return text if 0 < len(text) <= LONGEST else str(place)
