"""Write and read the table of a sweep; `dmft.results.table` says what is in it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from dmft.problem.axes import POINT
from dmft.problem.description import TIME, Description
from dmft.problem.sweep import Sweep
from dmft.results.entries import quantity_of
from dmft.results.table import MISSING, OVERFITTED, Table
from dmft.storage import schema
from dmft.storage.hdf5 import NUMBERS, FileError, opened, read_array, read_text, refuse_other_kind, whole_file
from dmft.storage.provenance import provenance

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


def write(path: str | Path, table: Table) -> None:
    """Write a table; it appears complete or not at all."""
    with whole_file(path) as file:
        _fill(file, table)


def read(path: str | Path) -> Table:
    """Read a table.

    Raises FileError, one line, if it cannot be opened, is damaged, is not the table of a sweep, or has another schema.
    """
    with opened(path, "table of a sweep") as file:
        return read_from(file)


def read_from(file: h5py.File) -> Table:
    """The table in an open file."""
    refuse_other_kind(file, "sweep_schema", schema.SWEEP_SCHEMA)
    sweep = Sweep.from_toml(read_text(file, "sweep"))
    scales = {"node", "node_prime", *(name for axis in sweep.axes for name in (axis.name, *axis.names))}
    values, curves, kernels = {}, {}, []
    for name in sorted(file.keys() - scales):
        dataset = file[name]
        if isinstance(dataset, h5py.Dataset) and dataset.is_virtual:
            kernels.append(name)
        elif name.startswith(CURVE):
            curves[name.removeprefix(CURVE)] = _values(dataset, (*sweep.shape, len(read_array(file, "node"))))
        else:
            values[name] = _values(dataset, sweep.shape)
    origin = {name: read_text(file, name) for name in ("dmft_version", "git", "command")}
    return Table(sweep, values, curves, tuple(kernels), origin)


def _values(dataset: Any, shape: tuple[int, ...]) -> NDArray[Any]:
    """Numbers or texts of this shape."""
    if not isinstance(dataset, h5py.Dataset) or dataset.shape != shape:
        raise FileError(f"is damaged, {dataset.name} is not an array of the shape {shape}")
    if h5py.check_string_dtype(dataset.dtype):
        return np.asarray(dataset.asstr()[()], dtype=object)
    if dataset.dtype.kind not in NUMBERS:
        raise FileError(f"is damaged, {dataset.name} is not an array of numbers")
    return dataset[()]


def _fill(file: h5py.File, table: Table) -> None:
    names, texts = list(table.axes), meanings(table.description)
    for name, values in table.axes.items():
        _put(file, name, values).make_scale(name)
    for name, values in table.columns.items():
        _put(file, name, values).dims[0].attach_scale(file[POINT])
    for name, values in table.values.items():
        _attach(_put(file, name, values), file, names, texts)
    longest = int(table.values["nodes"].max()) if table.curves or table.kernels else 0
    for name in ("node", "node_prime") if longest else ():
        _put(file, name, np.arange(longest)).make_scale(name)
    for name, values in table.curves.items():
        dataset = file.create_dataset(CURVE + name, data=values, compression="gzip", compression_opts=1, shuffle=True)
        _attach(dataset, file, [*names, "node"], texts)
    for name in table.kernels:
        _attach(_put_virtual(file, table, name, longest), file, [*names, "node", "node_prime"], texts)
    attributes = {"sweep": table.sweep.to_toml(), "overfitted": OVERFITTED, **provenance(), "sweep_schema": schema.SWEEP_SCHEMA}
    if table.columns:
        # The convention by which xarray tells coordinates from results.
        attributes["coordinates"] = " ".join(table.columns)
    for name, value in attributes.items():
        file.attrs[name] = value


def _put_virtual(file: h5py.File, table: Table, name: str, longest: int) -> h5py.Dataset:
    """One kernel over the axes, read from the run files where there is one."""
    shape = table.sweep.shape
    layout = h5py.VirtualLayout((*shape, longest, longest), dtype=float)
    for place in np.ndindex(shape):
        source, nodes = table.values["file"][place], int(table.values["nodes"][place])
        if source:
            layout[(*place, slice(nodes), slice(nodes))] = h5py.VirtualSource(source, f"kernels/{name}", (nodes, nodes))
    return file.create_virtual_dataset(name, layout, fillvalue=np.nan)


def _put(file: h5py.File, name: str, values: NDArray[Any]) -> h5py.Dataset:
    texts = values.dtype == object
    return file.create_dataset(name, data=values, dtype=h5py.string_dtype() if texts else None)


def _attach(dataset: h5py.Dataset, file: h5py.File, dimensions: list[str], texts: Mapping[str, tuple[str, str]]) -> None:
    """Give a dataset its scales, units and meaning."""
    for axis, name in enumerate(dimensions):
        dataset.dims[axis].attach_scale(file[name])
    name = (dataset.name or "").rpartition("/")[2]
    units, meaning = described(texts, name)
    if units:
        dataset.attrs["units"], dataset.attrs["meaning"] = units, meaning


def described(texts: Mapping[str, tuple[str, str]], name: str) -> tuple[str, str]:
    """Units and meaning of a dataset, which may be an entry such as final_alignment[0][1]; empty if it has none."""
    return texts.get(quantity_of(name), ("", ""))


def meanings(description: Description) -> dict[str, tuple[str, str]]:
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
