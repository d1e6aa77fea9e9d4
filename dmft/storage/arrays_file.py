"""Named arrays in a sealed file, zipped as NumPy does: the state of a simulation on its way."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dmft.storage import seal
from dmft.storage.atomic import write_whole
from dmft.storage.hdf5 import FileError
from dmft.storage.seal import Seal
from dmft.system.memory import available_memory
from dmft.system.regular_file import read_regular_file

# A zip archive without a comment ends with 22 bytes that begin so.
END, END_SIZE = b"PK\x05\x06", 22


def write(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write arrays; the file appears complete or not at all.  Raises OSError if it cannot be written."""
    image = io.BytesIO()
    # An option against pickled objects would be one more array to NumPy before 2.1; reading refuses them.
    np.savez(image, **arrays)  # pyright: ignore[reportArgumentType]
    write_whole(path, image.getbuffer(), seal.seal(image.getbuffer()), one_of_many=True)


def read(path: Path) -> dict[str, NDArray[Any]]:
    """Read arrays.  Raises FileError if the file cannot be read or is damaged."""
    try:
        content = read_regular_file(path, available_memory())
        state = seal.verify(content)
        # Files of versions that knew no seal have the checksums of zip archives.
        if state is Seal.BROKEN or (state is Seal.ABSENT and content[-END_SIZE:][: len(END)] != END):
            raise FileError("is damaged, its contents do not match their checksum")
        with np.load(io.BytesIO(content if state is Seal.ABSENT else seal.without_seal(content)), allow_pickle=False) as arrays:
            return dict(arrays)
    except FileError:
        raise
    except Exception as error:  # damaged archives raise nearly anything
        raise FileError(f"is damaged ({error})") from None
