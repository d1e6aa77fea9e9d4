"""HDF5 files that appear complete or not at all, and what is wrong with one that cannot be opened."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py

from dmft.storage.atomic import replacing


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
    """What h5py's error means, in a few words."""
    return os.strerror(error.errno) if error.errno else "not an HDF5 file, or damaged"
