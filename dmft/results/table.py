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

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
from numpy.typing import NDArray

from dmft.problem.axes import POINT
from dmft.problem.description import TIME, Description
from dmft.problem.problem import Problem
from dmft.problem.sweep import Sweep
from dmft.problem.toml import toml_value
from dmft.storage import schema
from dmft.storage.hdf5 import whole_file, why_not_opened
from dmft.storage.provenance import provenance

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SCHEMA = 1
OVERFITTED = 0.1
MISSING = "missing"
# An axis may have the name of an observable: the alignment at the start and that at all times.
CURVE = "curve_"

MEANINGS: dict[str, tuple[str, str]] = {
    "outcome": ("1", f"how the point ended, as in its run file; raised, killed or {MISSING} without one"),
    "reason": ("1", "why it failed, and what to do about it; empty if it did not"),
    "file": ("1", "its run file, relative to the folder of the sweep; empty if there is none"),
    "time_reached": (TIME, "last node"),
    "nodes": ("1", "number of nodes"),
    "iterations": ("1", "fixed-point iterations, all cells together"),
    "residual": ("1", "relative residual of the fixed point of the last cell tried"),
    "wall_time": ("s", "time of computing"),
    "overfitting_time": (TIME, f"first time after early stopping at which the error is {OVERFITTED:.0%} above its minimum"),
}


class TableError(ValueError):
    """A file that is not the table of a sweep, or cannot be read."""


@dataclass(frozen=True)
class Table:
    """Results of a sweep: `table["final_test_error"]` is an array over its axes, `table.axes` gives those by name.

    curves: observables and `time` over the axes and the nodes; empty if they were not collected.
    kernels: names of the two-time functions that the run files hold.
    provenance: program and command that made the table, of one that was loaded.
    """

    sweep: Sweep
    values: dict[str, NDArray[Any]]
    curves: dict[str, NDArray[np.float64]]
    kernels: tuple[str, ...] = ()
    provenance: dict[str, str] = field(default_factory=dict)

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self.values[name] if name in self.values else self.curves[name]

    @property
    def problem(self) -> Problem:
        """The first point, for what all of them share."""
        return self.sweep.problem(0)

    @property
    def description(self) -> Description:
        """What the model shows."""
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
        """How the points ended, in words: 23 done, 2 not-converged."""
        outcomes = self["outcome"].ravel().tolist()
        return ", ".join(f"{outcomes.count(outcome)} {outcome}" for outcome in dict.fromkeys(outcomes))

    def plot(self, path: str | Path | None = None) -> Figure:
        """Draw the standard figure; save it too if a path (.png, .pdf, .svg) is given.

        Raises ValueError if the sweep has too many axes for a figure.
        """
        from dmft.plots import sweeps

        return sweeps.figure(self, path)

    def save(self, path: str | Path) -> None:
        """Write the table; it appears complete or not at all."""
        with whole_file(path) as file:
            self._fill(file)

    @classmethod
    def load(cls, path: str | Path) -> Table:
        """Read a table.  Raises TableError, one line, if it is none."""
        try:
            with h5py.File(path, "r") as file:
                found = file.attrs.get("sweep_schema")
                if found != SCHEMA:
                    raise TableError(f"sweep_schema = {found}: wanted the table of a sweep, of schema {SCHEMA}")
                return cls._read(file)
        except OSError as error:
            raise TableError(f"cannot be read ({why_not_opened(error)}): wanted the table of a sweep") from None

    @classmethod
    def _read(cls, file: h5py.File) -> Table:
        sweep = Sweep.from_toml(str(file.attrs["sweep"]))
        found: dict[str, dict[str, Any]] = {"": {}, "node": {}, "node_prime": {}}
        scales = {"node", "node_prime", *(name for axis in sweep.axes for name in (axis.name, *axis.names))}
        for name in file.keys() - scales:
            dataset: Any = file[name]
            extra = "" if dataset.ndim == len(sweep.shape) else dataset.dims[dataset.ndim - 1].keys()[0]
            found[extra][name] = None if dataset.is_virtual else dataset[()]
            if h5py.check_string_dtype(dataset.dtype):
                found[extra][name] = dataset.asstr()[()]
        curves = {name.removeprefix(CURVE): values for name, values in found["node"].items()}
        origin = {name: str(file.attrs[name]) for name in ("dmft_version", "git", "command")}
        return cls(sweep, found[""], curves, tuple(sorted(found["node_prime"])), origin)

    def _fill(self, file: h5py.File) -> None:
        names, meanings = list(self.axes), _meanings(self.description)
        for name, values in self.axes.items():
            _put(file, name, values).make_scale(name)
        for name, values in self.columns.items():
            _put(file, name, values).dims[0].attach_scale(file[POINT])
        for name, values in self.values.items():
            _attach(_put(file, name, values), file, names, meanings)
        longest = int(self.values["nodes"].max()) if self.curves or self.kernels else 0
        for name in ("node", "node_prime") if longest else ():
            _put(file, name, np.arange(longest)).make_scale(name)
        for name, values in self.curves.items():
            dataset = file.create_dataset(CURVE + name, data=values, compression="gzip", compression_opts=1, shuffle=True)
            _attach(dataset, file, [*names, "node"], meanings)
        for name in self.kernels:
            _attach(self._put_virtual(file, name, longest), file, [*names, "node", "node_prime"], meanings)
        attributes = {"sweep": self.sweep.to_toml(), "overfitted": OVERFITTED, **provenance(), "sweep_schema": SCHEMA}
        if self.columns:
            # The convention by which xarray tells coordinates from results.
            attributes["coordinates"] = " ".join(self.columns)
        for name, value in attributes.items():
            file.attrs[name] = value

    def _put_virtual(self, file: h5py.File, name: str, longest: int) -> h5py.Dataset:
        """One kernel over the axes, read from the run files where there is one."""
        shape = self.sweep.shape
        layout = h5py.VirtualLayout((*shape, longest, longest), dtype=float)
        for place in np.ndindex(shape):
            source, nodes = self.values["file"][place], int(self.values["nodes"][place])
            if source:
                layout[(*place, slice(nodes), slice(nodes))] = h5py.VirtualSource(source, f"kernels/{name}", (nodes, nodes))
        return file.create_virtual_dataset(name, layout, fillvalue=np.nan)


def is_table(path: str | Path) -> bool:
    """Whether a file is the table of a sweep, of any schema."""
    try:
        with h5py.File(path, "r") as file:
            return "sweep_schema" in file.attrs
    except OSError:
        return False


def coordinate(values: list[Any]) -> NDArray[Any]:
    """Values along an axis as an array: of numbers, or else of texts."""
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        return np.array(values)
    return np.array([value if isinstance(value, str) else toml_value(value) for value in values], dtype=object)


def _put(file: h5py.File, name: str, values: NDArray[Any]) -> h5py.Dataset:
    texts = values.dtype == object
    return file.create_dataset(name, data=values, dtype=h5py.string_dtype() if texts else None)


def _attach(dataset: h5py.Dataset, file: h5py.File, dimensions: list[str], meanings: Mapping[str, tuple[str, str]]) -> None:
    """Give a dataset its scales, units and meaning."""
    for axis, name in enumerate(dimensions):
        dataset.dims[axis].attach_scale(file[name])
    name = (dataset.name or "").rpartition("/")[2]
    if name in meanings:
        dataset.attrs["units"], dataset.attrs["meaning"] = meanings[name]


def _meanings(description: Description) -> dict[str, tuple[str, str]]:
    """Units and meaning of every dataset."""
    found = MEANINGS | {name: (constant.units, constant.meaning) for name, constant in description.constants.items()}
    found[f"{CURVE}time"] = TIME, schema.ROOT["time"].meaning
    for name, kernel in description.kernels.items():
        found[name] = kernel.units, kernel.meaning
    for name, observable in description.observables.items():
        found[CURVE + name] = observable.units, observable.meaning
        found[f"final_{name}"] = observable.units, f"last value of {observable.meaning}"
        found[f"smallest_{name}"] = observable.units, f"smallest value, between the nodes, of {observable.meaning}"
        found[f"time_of_smallest_{name}"] = TIME, f"time of smallest_{name}: early stopping"
    return found
