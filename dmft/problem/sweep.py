"""A sweep: a problem file, and the axes along which some of its keys change.

    [sweep]
    keep = "observables"
    [sweep.axes]
    "problem.samples_per_parameter" = { geomspace = [0.1, 10.0, 25] }
    "problem.init_scale" = [0.5, 1.0, 2.0]
    [[sweep.points]]
    "problem.width" = 10
    "solver.t_max" = 1e3

The points are the product of all axes, the last one changing fastest; a list of points is one axis, the first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from pathlib import Path
from typing import Any, Literal

import numpy as np

from dmft.problem.axes import Axis, flattened, identity, read_axes
from dmft.problem.overrides import assign, copied
from dmft.problem.problem import Problem
from dmft.problem.settings import LIMITS
from dmft.problem.table import ProblemError, naming, refuse_unknown
from dmft.problem.toml import read_toml, read_toml_file, toml_text, toml_value

KEEP = ("observables", "kernels")
# Validation takes a second for every ten thousand points or so; what is wrong with others shows when they are solved.
MOST_VALIDATED = 100_000
# File names are limited to 255 bytes nearly everywhere; endings and temporary names need some of them.
LONGEST_SLUG = 160


class Sweep:
    """A grid of problems, built from tables, a file (`Sweep.load(path)`) or TOML text (`Sweep.from_toml(text)`).

    tables: [problem] and [solver] of a problem file, where keys that an axis sets may be missing; or a Problem, or the path of
        a problem file.
    axes: dotted key -> list of values, or {"geomspace": [first, last, number]}, or {"linspace": ...}.
    points: tables of dotted keys that change together.
    keep: "observables", or "kernels" to store the two-time functions of every point as well.

    Raises ProblemError with one line for a wrong axis; a wrong point is refused by `problem` and `validate`.
    """

    def __init__(
        self,
        tables: Mapping[str, Any] | Problem | str | Path,
        axes: Mapping[str, Any] | None = None,
        *,
        points: Sequence[Mapping[str, Any]] = (),
        keep: Literal["observables", "kernels"] = "observables",
    ) -> None:
        given = tables if isinstance(tables, Mapping) else Problem.of(tables).tables
        self.tables = {name: given[name] for name in given}
        self._given = dict(flattened(axes or {})), [dict(flattened(point)) for point in points]
        if keep not in KEEP:
            raise ProblemError(f"keep = {toml_value(keep)}: wanted one of {', '.join(KEEP)}")
        self.keep = keep
        self.axes: tuple[Axis, ...] = read_axes(*self._given)
        if not self.axes:
            raise ProblemError("no axes: wanted a table [sweep.axes] or [[sweep.points]]")
        self.shape = tuple(len(axis) for axis in self.axes)
        self._readable = sum(len(axis.label(axis.longest)) + 1 for axis in self.axes) <= LONGEST_SLUG

    @classmethod
    def from_tables(cls, tables: Mapping[str, Any]) -> Sweep:
        """From the nested tables of a sweep file."""
        given = tables.get("sweep")
        if not isinstance(given, Mapping):
            raise ProblemError(
                "[sweep] is missing: wanted a table [sweep.axes], or for a single problem the command dmft solve"
            )
        refuse_unknown(given, ("axes", "points", "keep"), "[sweep]")
        axes, points = given.get("axes", {}), given.get("points", [])
        if not isinstance(axes, Mapping):
            raise ProblemError("[sweep.axes] is no table: wanted dotted keys with lists of values")
        if not isinstance(points, list) or not all(isinstance(point, Mapping) for point in points):
            raise ProblemError("sweep.points is no list of tables: wanted [[sweep.points]]")
        base = {name: table for name, table in tables.items() if name != "sweep"}
        return cls(base, axes, points=points, keep=given.get("keep", "observables"))

    @classmethod
    def from_toml(cls, text: str) -> Sweep:
        """From the text of a sweep file."""
        return cls.from_tables(read_toml(text))

    @classmethod
    def load(cls, path: str | Path) -> Sweep:
        """From a sweep file."""
        with naming(path):
            return cls.from_tables(read_toml_file(path))

    def __len__(self) -> int:
        return prod(self.shape)

    def places(self, index: int) -> tuple[int, ...]:
        """Position of a point on each axis."""
        return tuple(int(place) for place in np.unravel_index(index, self.shape))

    def slug(self, index: int) -> str:
        """Readable name of a point, different for every point, safe in a file name."""
        if not self._readable:
            return f"{index:07d}"
        return ",".join(axis.label(place) for axis, place in zip(self.axes, self.places(index), strict=True))

    @property
    def longest_slug(self) -> int:
        """A point of the longest name."""
        return int(np.ravel_multi_index([axis.longest for axis in self.axes], self.shape))

    def problem(self, index: int) -> Problem:
        """One point.  Raises ProblemError that names the point, the key, what was given and what is wanted."""
        tables = copied(self.tables)
        try:
            for axis, place in zip(self.axes, self.places(index), strict=True):
                for key, value in zip(axis.keys, axis.row(place), strict=True):
                    name, _, rest = key.partition(".")
                    if isinstance(tables.setdefault(name, {}), dict):
                        assign(tables, name, rest, value)
            return Problem.from_tables(tables)
        except ProblemError as error:
            raise ProblemError(f"point {self.slug(index)}: {error}") from None

    def validate(self, most: int = MOST_VALIDATED) -> None:
        """ProblemError for the first point that is wrong; of more than `most`, so many spread evenly over all are looked at."""
        self._refuse_alternatives()
        number = len(self)
        for index in range(number) if number <= most else np.unique(np.linspace(0, number - 1, most, dtype=int)).tolist():
            self.problem(index)

    def _refuse_alternatives(self) -> None:
        """Two axes that take each other's place would leave one of them without effect."""
        swept = [key.rpartition(".")[2] for axis in self.axes for key in axis.keys]
        both = [key for key in type(self.problem(0).parameters).alternatives if key in swept]
        if len(both) > 1:
            raise ProblemError(f"axes {', '.join(both)}: wanted exactly one of them")

    def to_toml(self) -> str:
        """The sweep file; `Sweep.from_toml` reads back the same points."""
        axes, points = self._given
        tables = {name: table for name, table in self.tables.items() if isinstance(table, Mapping)}
        return toml_text({**tables, "sweep": {"keep": self.keep}, "sweep.axes": axes, "sweep.points": points})

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sweep):
            return NotImplemented
        mine, theirs = (
            [(key, list(map(identity, values))) for key, values in _axes_by_key(one).items()] for one in (self, other)
        )
        return mine == theirs and self.keep == other.keep and self.problem(0) == other.problem(0)

    __hash__ = None  # type: ignore[assignment]

    def with_limits_of(self, other: Sweep) -> Sweep:
        """The same sweep with the limits of another one that are no matter of what is solved, t_max apart."""
        solver = {key: value for key, value in self.tables.get("solver", {}).items() if key not in LIMITS[1:]}
        solver |= {key: value for key, value in other.tables.get("solver", {}).items() if key in LIMITS[1:]}
        axes, points = self._given
        return Sweep({**self.tables, "solver": solver}, axes, points=points, keep=self.keep)  # type: ignore[arg-type]

    def __repr__(self) -> str:
        axes = " x ".join(f"{len(axis)} {axis.name}" for axis in self.axes)
        return f"<Sweep: {len(self)} points, {axes}>"

    def refuse_other(self, wanted: Sweep) -> None:
        """ProblemError, naming the difference, unless `wanted` has the same points and keeps the same; limits may change."""
        mine, other = _axes_by_key(self), _axes_by_key(wanted)
        for key in {**mine, **other}:
            if mine.get(key) != other.get(key):
                raise ProblemError(f"holds another sweep: axis {key} {_difference(mine.get(key), other.get(key))}")
        if list(mine) != list(other):
            raise ProblemError(f"holds another sweep: axes in the order {', '.join(mine)}, not {', '.join(other)}")
        if self.keep != wanted.keep:
            raise ProblemError(f"holds another sweep: keep = {toml_value(self.keep)} there, {toml_value(wanted.keep)} wanted")
        here, there = self.problem(0).tables, wanted.problem(0).tables
        for table in here:
            for key in sorted({*here[table], *there[table]} - set(LIMITS[1:])):
                if here[table].get(key) != there[table].get(key):
                    known, asked = (repr(tables[table].get(key)) for tables in (here, there))
                    raise ProblemError(f"holds another sweep: {table}.{key} = {known} there, {asked} wanted")


def _axes_by_key(sweep: Sweep) -> dict[str, Sequence[Any]]:
    """Values of every key along its axis."""
    return {key: axis.column(key) for axis in sweep.axes for key in axis.keys}


def _difference(known: Sequence[Any] | None, asked: Sequence[Any] | None) -> str:
    """Change of an axis, in words."""
    if known is None or asked is None:
        return "is not there, but wanted" if known is None else "is there, but not wanted"
    there, wanted = set(map(identity, known)), set(map(identity, asked))
    missing, new = [x for x in known if identity(x) not in wanted], [x for x in asked if identity(x) not in there]
    if not missing and not new:
        return "has the same values there in another order"
    parts = [f"has {toml_value(missing[0])} there, not wanted"] if missing else []
    parts += [f"{'and ' if missing else ''}lacks {toml_value(new[0])} that is wanted"] if new else []
    return " ".join(parts)
