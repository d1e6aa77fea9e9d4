"""HDF5 files that appear complete or not at all, and datasets in them that say what they are."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from h5py import h5a, h5d, h5ds, h5f, h5p, h5s, h5t  # pyright: ignore[reportAttributeAccessIssue]
from numpy.typing import NDArray

from dmft.storage.atomic import replacing
from dmft.storage.schema import Entry

Array = NDArray[np.float64]

TEXT = h5t.py_create(h5py.string_dtype(), logical=True)
TYPES: dict[type, Any] = {float: h5t.NATIVE_DOUBLE, int: h5t.NATIVE_INT64}
WITH_GROUPS = h5p.create(h5p.LINK_CREATE)
WITH_GROUPS.set_create_intermediate_group(True)
WITH_GROUPS.set_char_encoding(h5t.CSET_UTF8)


@contextmanager
def whole_file(path: str | Path, *, one_of_many: bool = False) -> Iterator[h5py.File]:
    """Yield an HDF5 file to fill; afterwards it is put at `path`, as `replacing` does.

    Raises OSError if it cannot be written, for example because the disk is full.
    """
    # HDF5 crashes when it cannot write its buffers: it writes to memory, and the disk sees one plain write.
    image = io.BytesIO()
    with h5py.File(image, "w", libver=("v108", "v110")) as file:
        yield file
    with replacing(Path(path), one_of_many=one_of_many) as beside:
        beside.write_bytes(image.getbuffer())


def why_not_opened(error: OSError) -> str:
    """Meaning of an error of h5py, in a few words."""
    return os.strerror(error.errno) if error.errno else "not an HDF5 file, or damaged"


def put(file: h5py.File, name: str, values: NDArray[Any], entry: Entry) -> None:
    """One dataset with its scales, units and meaning; a dataset named like its own dimension is that scale."""
    # Low-level calls, as a sweep of short runs writes many files: those of h5py proper take three times as long.
    kind = int if values.dtype.kind == "i" else float
    values = np.ascontiguousarray(values, dtype=kind)
    dataset = h5d.create(file.id, name.encode(), TYPES[kind], h5s.create_simple(values.shape), lcpl=WITH_GROUPS)
    dataset.write(h5s.ALL, h5s.ALL, values)
    put_text(dataset, "units", entry.units)
    put_text(dataset, "meaning", entry.meaning)
    if entry.dimensions == (name,):
        h5ds.set_scale(dataset, name.encode())
        return
    for axis, dimension in enumerate(entry.dimensions):
        if dimension not in file:
            index = np.arange(values.shape[axis], dtype=float)
            put(file, dimension, index, Entry((dimension,), "1", f"index of a {dimension.replace('_', ' ')}"))
        h5ds.attach_scale(dataset, h5d.open(file.id, dimension.encode()), axis)


def put_text(item: h5d.DatasetID | h5f.FileID, name: str, text: str) -> None:
    """A new attribute of text."""
    attribute = h5a.create(item, name.encode(), TEXT, h5s.create(h5s.SCALAR))
    attribute.write(np.array(text, dtype=h5py.string_dtype()))


def put_attributes(file: h5py.File, attributes: Mapping[str, object]) -> None:
    """Attributes of the file, in this order."""
    for name, value in attributes.items():
        if isinstance(value, str):
            put_text(file.id, name, value)
        else:
            file.attrs[name] = value


def read_number(item: h5py.HLObject, name: str) -> float:
    """An attribute that is a number."""
    return float(np.asarray(item.attrs[name]))


def read_array(file: h5py.File, name: str) -> Array:
    """A dataset of numbers."""
    dataset = file[name]
    assert isinstance(dataset, h5py.Dataset)
    return np.asarray(dataset[()], dtype=float)


def read_group(file: h5py.File, name: str) -> dict[str, Array]:
    """Every dataset of a group, none if it is not there."""
    group = file.get(name, {})
    assert isinstance(group, Mapping | h5py.Group)
    return {str(key): read_array(file, f"{name}/{key}") for key in group}
