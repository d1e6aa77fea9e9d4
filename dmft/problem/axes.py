"""Axes of a sweep: which keys of the problem file change, to what, and how their values are called in file names."""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

import numpy as np

from dmft.problem.table import ProblemError, shown

SPACINGS = {"geomspace": np.geomspace, "linspace": np.linspace}
WANTED = "a list of values, { geomspace = [first, last, number] } or { linspace = [first, last, number] }"
# Name of the axis that a list of points is.
POINT = "point"
# Differences between two numbers of this size are finite.
LARGEST = 1e300
NUMBERS = int | float | np.integer | np.floating
# A text in a file name is at most this long.
LONGEST = 32


# Values of an axis that are named by their place instead of a text.
MOST_TEXTS = 10**6
MOST_POINTS = 10**7


@dataclass(frozen=True)
class Axis:
    """Keys of the problem file that change together.

    keys: dotted, `problem.width`; one, or those of a list of points.
    names: of the keys in tables and file names, `width`.
    columns: for each key, its values.
    """

    name: str
    keys: tuple[str, ...]
    names: tuple[str, ...]
    columns: tuple[Sequence[Any], ...]

    def __len__(self) -> int:
        return len(self.columns[0])

    def column(self, key: str) -> Sequence[Any]:
        """Values of one key along the axis."""
        return self.columns[self.keys.index(key)]

    def row(self, place: int) -> tuple[Any, ...]:
        """Values at one place, one for each key."""
        return tuple(column[place] for column in self.columns)

    def label(self, place: int) -> str:
        """A text for one place: readable, safe in a file name, and different for different values."""
        return ",".join(f"{name}={texts[place]}" for name, texts in zip(self.names, self._texts, strict=True))

    @cached_property
    def longest(self) -> int:
        """A place with the longest label."""
        places = range(len(self)) if len(self) <= MOST_TEXTS else range(len(self) - 1, len(self))
        return max(places, key=lambda place: len(self.label(place)))

    @cached_property
    def _texts(self) -> list[Sequence[str]]:
        return [distinct_texts(column) if len(column) <= MOST_TEXTS else _Places(len(column)) for column in self.columns]


class _Places(Sequence[str]):
    """The texts 0, 1, ..., none of them stored; the last one is a longest one."""

    def __init__(self, number: int) -> None:
        self._number = number

    def __len__(self) -> int:
        return self._number

    def __getitem__(self, place: Any) -> Any:
        return str(range(self._number)[place])


def read_axes(axes: Mapping[str, Any], points: Sequence[Mapping[str, Any]]) -> tuple[Axis, ...]:
    """The axes of `[sweep.axes]`, after that of `[[sweep.points]]` if there is one; ProblemError for what is wrong."""
    given = dict(flattened(axes))
    rows = [dict(flattened(point)) for point in points]
    number = prod([_number(key, asked) for key, asked in given.items()], start=max(len(rows), 1))
    # Before any list is written out.
    if number > MOST_POINTS:
        raise ProblemError(f"{number:.6g} points: wanted at most {MOST_POINTS}")
    columns = {key: _values(key, asked) for key, asked in given.items()}
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


def _number(key: str, given: Any) -> int:
    """Number of values of one axis."""
    if isinstance(given, Mapping):
        return _span(key, given)[-1]
    if not isinstance(given, list | tuple) or len(given) == 0:
        raise ProblemError(f"axis {key} = {shown(given)}: wanted {WANTED}")
    return len(given)


def _values(key: str, given: Any) -> Sequence[Any]:
    """Values of one axis, written out; a number that misses a whole one by rounding is that whole number."""
    if not isinstance(given, Mapping):
        return list(given)
    spacing, first, last, number = _span(key, given)
    values = SPACINGS[spacing](first, last, number)
    whole = np.rint(values)
    return array("d", np.where(np.abs(values - whole) <= 1e-12 * np.abs(values), whole, values).tobytes())


def _span(key: str, given: Mapping[str, Any]) -> tuple[str, float, float, int]:
    """Spacing, first and last value, and number of an axis; ProblemError unless numbers can be spaced so."""
    spacing, values = next(iter(given.items()), ("", ()))
    span = values if isinstance(values, list | tuple) else ()
    numbers = [x for x in span if isinstance(x, NUMBERS) and abs(x) <= LARGEST]
    plain = len(given) == 1 and spacing in SPACINGS and len(span) == len(numbers) == 3 and bool not in map(type, numbers)
    if not plain or not 1 <= numbers[2] == int(numbers[2]):
        raise ProblemError(f"axis {key} = {shown(given)}: wanted {WANTED}")
    first, last, number = float(numbers[0]), float(numbers[1]), int(numbers[2])
    if spacing == "geomspace" and not (min(first, last) > 0 or max(first, last) < 0):
        raise ProblemError(f"axis {key}: geomspace from {first:g} to {last:g}: wanted two positive numbers")
    return spacing, first, last, number


def _listed(rows: list[dict[str, Any]]) -> dict[str, list[Any]]:
    """Columns of a list of points; every point has the same keys."""
    for number, row in enumerate(rows):
        if row.keys() != rows[0].keys() or not row:
            given, wanted = (", ".join(keys) or "none" for keys in (row, rows[0]))
            raise ProblemError(f"point {number + 1} of [[sweep.points]] has the keys {given}: wanted {wanted}")
    return {key: [row[key] for row in rows] for key in rows[0]} if rows else {}


def _axis(name: str, columns: Mapping[str, Sequence[Any]], names: Mapping[str, str]) -> Axis:
    axis = Axis(name, tuple(columns), tuple(names[key] for key in columns), tuple(columns.values()))
    seen = set()
    for place in range(len(axis)) if not _all_different(axis) else ():
        row = axis.row(place)
        if identity(row) in seen:
            known = ", ".join(f"{key} = {shown(value)}" for key, value in zip(columns, row, strict=True))
            raise ProblemError(f"axis {name}: {known} twice: wanted different values")
        seen.add(identity(row))
    return axis


def _all_different(axis: Axis) -> bool:
    """A quick answer for numbers that were spaced; false if it takes a closer look."""
    return isinstance(axis.columns[0], array) and len(np.unique(axis.columns[0])) == len(axis)


def short_names(keys: Sequence[str]) -> dict[str, str]:
    """Each dotted key without its table, or with it where two keys are alike beyond; underscores for dots."""
    names = {key: (key.partition(".")[2] or key).replace(".", "_") for key in keys}
    taken = [POINT, *names.values()]
    return {key: name if taken.count(name) == 1 else key.replace(".", "_") for key, name in names.items()}


def distinct_texts(values: Sequence[Any]) -> Sequence[str]:
    """A short text for each value, safe in a file name; texts are equal only where values are."""
    different = len({identity(value) for value in values})
    for digits in range(3, 18):
        texts = [_text(value, place, digits) for place, value in enumerate(values)]
        if len(set(texts)) == different:
            return texts
    return _Places(len(values))


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
