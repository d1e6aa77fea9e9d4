"""The table of a sweep: arrays over its axes, as `dmft collect` stores them in sweep.h5.

An axis is a dimension with a scale of its name: its values, or texts for values that are not numbers.  A list of points is a
dimension `point`, along which each of its keys is an array.  Every point has

    outcome, reason, file       how it ended, why it failed, and its run file relative to the folder of the sweep
    final_NAME                  last value of each observable
    smallest_NAME, time_of_smallest_NAME     of the observable that the model says is to be smallest, between the nodes
    overfitting_time            first time after that at which it is OVERFITTED above its smallest value
    time_reached, nodes, iterations, residual, wall_time
    and the constants of the model

What a point does not have is not a number: results if it failed or is missing, the overfitting time if that is not reached.
curve_NAME has each observable over the axes and `node`, curve_time the nodes themselves, filled up with what is not a number
after the last node of a point.  If the sweep keeps kernels, these are virtual arrays over the axes, `node` and `node_prime`,
which HDF5 reads from the run files.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dmft.mathematics.tableau import cell_weights
from dmft.problem.axes import POINT
from dmft.problem.description import Description
from dmft.problem.problem import Problem
from dmft.problem.sweep import Sweep
from dmft.problem.table import did_you_mean
from dmft.problem.toml import toml_value
from dmft.results.entries import quantity_of
from dmft.results.result import Result, Rows, same

if TYPE_CHECKING:
    from matplotlib.figure import Figure

OVERFITTED = 0.1
MISSING = "missing"


@dataclass(frozen=True, eq=False, repr=False)
class Table(Result):
    """Results of a sweep: `table["final_test_error"]` is an array over its axes, `table.axes` gives those by name.

    curves: observables and `time` over the axes and the nodes; empty if they were not collected.
    kernels: names of the two-time functions that the run files hold.
    provenance: program and command that made the table, of one that was loaded.
    """

    sweep: Sweep
    values: dict[str, NDArray[Any]]
    curves: dict[str, NDArray[np.float64]]
    kernels: tuple[str, ...] = ()
    provenance: dict[str, str] = field(default_factory=dict, compare=False)

    def __getitem__(self, name: str) -> NDArray[Any]:
        for arrays in (self.values, self.curves):
            if name in arrays:
                return arrays[name]
        raise KeyError(f"the table has no {name!r}; {did_you_mean(name, [*self.values, *self.curves])}")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Table):
            return NotImplemented
        mine, theirs = ({name: v for name, v in table.values.items() if name != "wall_time"} for table in (self, other))
        return self.sweep == other.sweep and same(mine, theirs) and same(self.curves, other.curves)

    @property
    def headline(self) -> str:
        """Theory, axes, and how the points ended."""
        axes = " x ".join(f"{len(values)} {name}" for name, values in self.axes.items())
        return f"{self.problem.parameters.model}, {axes}, {self.endings}"

    def overview(self) -> dict[str, Rows]:
        """Axes; results with their smallest, median and largest value over the points."""
        axes = [(name, f"{len(values)}", _text(values[0]), _text(values[-1])) for name, values in self.axes.items()]
        return {
            "axes": [("", "number", "first", "last"), *axes],
            "results": [("", "smallest", "median", "largest"), *self.ranges()],
        }

    def ranges(self) -> list[tuple[str, ...]]:
        """Name, smallest, median and largest value of every result that is a number at some point."""
        rows = []
        for name, values in sorted(self.values.items()):
            if values.dtype != object and np.isfinite(values).any():
                finite = values[np.isfinite(values)]
                rows.append((name, *(_text(value) for value in (finite.min(), np.median(finite), finite.max()))))
        return rows

    @property
    def problem(self) -> Problem:
        """The first point, for what all of them share."""
        return self.sweep.problem(0)

    @property
    def description(self) -> Description:
        """Description of the model."""
        return self.problem.parameters.description

    @property
    def axes(self) -> dict[str, NDArray[Any]]:
        """Values along each axis; numbers 0, 1, ... for a list of points."""
        return {
            axis.name: coordinate(axis.column(axis.keys[0])) if len(axis.keys) == 1 else np.arange(len(axis))
            for axis in self.sweep.axes
        }

    @property
    def columns(self) -> dict[str, NDArray[Any]]:
        """Along the axis of a list of points, the values of each of its keys."""
        listed = [axis for axis in self.sweep.axes if axis.name == POINT]
        return {name: coordinate(axis.column(key)) for axis in listed for key, name in zip(axis.keys, axis.names, strict=True)}

    @property
    def endings(self) -> str:
        """Outcomes of the points in words: 23 done, 2 not-converged."""
        outcomes = self["outcome"].ravel().tolist()
        return ", ".join(f"{outcomes.count(outcome)} {outcome}" for outcome in dict.fromkeys(outcomes))

    def at(self, time: float) -> dict[str, NDArray[np.float64]]:
        """Every observable at one time over the axes, by the polynomials of the cells; not a number where it was not reached.

        Raises ValueError if no point has curves that reach this time.
        """
        if not self.curves:
            raise ValueError("the table has no curves: wanted dmft collect without --no-curves")
        nodes = self.curves["time"].reshape(len(self.sweep), -1)
        if not (time >= 0.0 and (nodes >= time).any()):
            raise ValueError(f"t = {time:g}: wanted a time in [0, {np.nanmax(nodes):g}]")
        curves = {name: values.reshape(len(self.sweep), -1) for name, values in self.curves.items() if name != "time"}
        found = {name: np.full(len(self.sweep), np.nan) for name in curves}
        for index, row in enumerate(nodes):
            number = int(np.isfinite(row).sum())
            if number and row[number - 1] >= time:
                problem = self.sweep.problem(index)
                weights = cell_weights(row[:number], problem.solver.cell_nodes, np.array([time]))[0]
                values = {name: weights @ curve[index, :number] for name, curve in curves.items()}
                for name, value in {**values, **problem.parameters.kinked(values)}.items():
                    found[name][index] = self.description.observables[quantity_of(name)].possible(value)
        return {name: values.reshape(self.sweep.shape) for name, values in found.items()}

    def plot(self, path: str | Path | None = None, **look: Any) -> Figure:
        """Draw the standard figure; save it too if a path (.png, .pdf, .svg) is given.

        look: choices about columns, axes, size and style, as `dmft.plot`.

        Raises ValueError if the sweep has too many axes for a figure.
        """
        from dmft import api

        return api.plot(self, path, **look)

    def save(self, path: str | Path) -> None:
        """Write the table; it appears complete or not at all."""
        from dmft import api

        api.save(self, path)

    @staticmethod
    def load(path: str | Path) -> Table:
        """Read a table.  Raises `dmft.storage.hdf5.FileError`, one line, if it is none."""
        from dmft.api import named, table_file

        return named(table_file.read, path)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else f"{value:.6g}"


def coordinate(values: Sequence[Any]) -> NDArray[Any]:
    """Values along an axis as an array: of numbers, or else of texts."""
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        return np.array(values)
    return np.array([value if isinstance(value, str) else toml_value(value) for value in values], dtype=object)
