"""HDF5 files that appear complete or not at all, with a seal; and datasets in them that say what they are."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from h5py import h5a, h5d, h5ds, h5f, h5p, h5s, h5t  # pyright: ignore[reportAttributeAccessIssue]
from numpy.typing import NDArray

from dmft.storage import seal
from dmft.storage.atomic import write_whole
from dmft.storage.schema import KINDS, Entry
from dmft.storage.seal import Seal, Unsealed
from dmft.storage.stranger import EXAMINER
from dmft.system.memory import available_memory
from dmft.system.regular_file import read_regular_file

Array = NDArray[np.float64]

TEXT = h5t.py_create(h5py.string_dtype(), logical=True)
TYPES: dict[type, Any] = {float: h5t.NATIVE_DOUBLE, int: h5t.NATIVE_INT64}
NUMBERS = "fiu"  # kinds of dtype
WITH_GROUPS = h5p.create(h5p.LINK_CREATE)
WITH_GROUPS.set_create_intermediate_group(True)
WITH_GROUPS.set_char_encoding(h5t.CSET_UTF8)


class FileError(ValueError):
    """A file that is not what is wanted, is damaged, or cannot be read: one line."""


@contextmanager
def whole_file(path: str | Path, *, one_of_many: bool = False) -> Iterator[h5py.File]:
    """Yield an HDF5 file to fill; afterwards it is sealed and put at `path`, as `write_whole` does.

    Raises OSError if it cannot be written, for example because the disk is full.
    """
    # HDF5 crashes when it cannot write its buffers: it writes to memory, and the disk sees one plain write.
    image = io.BytesIO()
    with h5py.File(image, "w", libver=("v108", "v110")) as file:
        yield file
        put_text(file.id, seal.ATTRIBUTE, seal.MEANING)
    content = image.getbuffer()
    write_whole(path, content, seal.seal(content), one_of_many=one_of_many)


@contextmanager
def opened(path: str | Path, wanted: str) -> Iterator[h5py.File]:
    """Yield an HDF5 file, read into memory at once and verified before HDF5 sees a byte of it.

    wanted: what the file should be, for messages: "run file".

    Raises FileError if the file cannot be read or is damaged, and if reading from it fails.
    """
    try:
        content = read_regular_file(path, available_memory())
        state = _refuse_damaged(content)
        with h5py.File(io.BytesIO(content), "r") as file:
            if state is Seal.ABSENT and not is_unsealed(file):
                raise FileError("is damaged, it has lost its checksum")
            yield file
    except FileError as error:
        raise FileError(f"{error}: wanted a {wanted}") from None
    except OSError as error:
        reason = error.strerror or "not an HDF5 file, or damaged"
        raise FileError(f"cannot be read ({reason}): wanted a {wanted}") from None
    except Exception as error:  # h5py raises nearly anything for contents that are not what they were
        raise FileError(f"is not a whole {wanted} ({str(error).strip(chr(34))}): wanted a {wanted}") from None
    if state is Seal.ABSENT:
        warnings.warn(f"{path}: has no checksum, an earlier version wrote it: damage may go unnoticed", Unsealed, stacklevel=3)


def _refuse_damaged(content: bytes) -> Seal:
    """FileError unless the seal is whole, or there is none and the file ends where HDF5 says it does."""
    state = seal.verify(content)
    if state is Seal.WHOLE:
        return state
    if not content.startswith(SIGNATURE):
        raise FileError("is not an HDF5 file")
    if state is Seal.BROKEN or len(content) != _end_of_data(content):
        raise FileError("is damaged, its contents do not match their checksum")
    if complaint := EXAMINER.complaint(content):
        raise FileError(complaint)
    return state


def refuse_other_kind(file: h5py.File, attribute: str, version: int) -> None:
    """FileError, naming the kind of the file, unless its attribute says that it is of the kind and the version wanted."""
    found = file.attrs.get(attribute)
    if found == version:
        return
    other = next((kind for name, kind in KINDS.items() if name in file.attrs and name != attribute), None)
    raise FileError(f"is {other}" if other and found is None else f"{attribute} = {found}, not {version}")


def is_unsealed(file: h5py.File) -> bool:
    """True if a file was written by a version that knew no seals."""
    return seal.ATTRIBUTE not in file.attrs


# Of the superblock: position of the end of the data by version; byte 8 is the version.
SIGNATURE = b"\x89HDF\r\n\x1a\n"
END_OF_DATA = {0: 40, 1: 44, 2: 28, 3: 28}


def _end_of_data(content: bytes) -> int:
    """Where the superblock says that the file ends."""
    start = END_OF_DATA.get(content[8], 0) if len(content) > 8 else 0
    return int.from_bytes(content[start : start + 8], "little")


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


def read_number(item: h5py.HLObject, name: str, *, finite: bool = False) -> float:
    """An attribute that is a number."""
    value = np.asarray(item.attrs[name])
    if value.shape != () or value.dtype.kind not in NUMBERS or (finite and not np.isfinite(value)):
        raise FileError(f"is damaged, {name} is not a number")
    return float(value)


def read_text(item: h5py.HLObject, name: str) -> str:
    """An attribute that is a text."""
    value = item.attrs[name]
    if not isinstance(value, str):
        raise FileError(f"is damaged, {name} is not a text")
    return value


def read_array(file: h5py.File, name: str, shape: tuple[int | None, ...] = (None,)) -> Array:
    """A dataset of numbers of this shape; None is any number of values."""
    dataset = file[name]
    if not isinstance(dataset, h5py.Dataset) or dataset.dtype.kind not in NUMBERS:
        raise FileError(f"is damaged, {name} is not an array of numbers")
    found = dataset.shape
    if len(found) != len(shape) or any(size not in (None, known) for known, size in zip(found, shape, strict=True)):
        raise FileError(f"is damaged, {name} has the shape {found}")
    return np.asarray(dataset[()], dtype=float)


def read_times(file: h5py.File) -> Array:
    """The dataset `time`: ascending from 0."""
    time = read_array(file, "time")
    if not (len(time) and time[0] == 0 and np.isfinite(time[-1]) and (np.diff(time) > 0).all()):
        raise FileError("is damaged, its times do not ascend from 0")
    return time


def read_group(file: h5py.File, name: str, entries: Mapping[str, Entry], **sizes: int) -> dict[str, Array]:
    """Every declared dataset of a group, none if it is not there; of its dimensions, some have these sizes."""
    shapes = {key: tuple(map(sizes.get, entries[key].dimensions)) for key in names_in(file, name) if key in entries}
    return {key: read_array(file, f"{name}/{key}", shape) for key, shape in shapes.items()}


def names_in(file: h5py.File, name: str) -> tuple[str, ...]:
    """Names of a group, none if it is not there."""
    group = file.get(name)
    if group is not None and not isinstance(group, h5py.Group):
        raise FileError(f"is damaged, {name} is not a group")
    return tuple(map(str, group or ()))
