"""The condition of files: which are whole, which have no checksum, which are damaged."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dmft.storage import arrays_file
from dmft.storage.files import load
from dmft.storage.hdf5 import FileError
from dmft.storage.seal import Unsealed
from dmft.system.sealed_text import DamagedText, is_sealed, verified

HDF5, ARRAYS, TEXTS = ".h5", ".npz", (".toml", ".txt")


@dataclass(frozen=True)
class Condition:
    """The condition of one file.

    damage: what is wrong with it, in one line; empty if nothing is.
    sealed: whether its checksum was there to tell.
    """

    path: Path
    damage: str = ""
    sealed: bool = True


def check(path: Path) -> Condition:
    """Read a file as if it were needed."""
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always", Unsealed)
        try:
            if path.suffix == ARRAYS:
                arrays_file.read(path)
            elif path.suffix in TEXTS:
                verified(path.read_bytes())
            else:
                load(path)
        except (FileError, DamagedText) as error:
            return Condition(path, str(error))
    return Condition(path, sealed=not any(issubclass(warning.category, Unsealed) for warning in found))


def files_below(folder: Path) -> Iterator[Path]:
    """Every file in a folder that is sealed when it is written, those in folders inside it included."""
    for place, folders, names in os.walk(folder):
        folders.sort()
        for path in (Path(place, name) for name in sorted(names)):
            if path.suffix in (HDF5, ARRAYS) or (path.suffix in TEXTS and is_sealed(path)):
                yield path
