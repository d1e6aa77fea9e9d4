"""The seal of a file: its last 128 bytes, a line of text with the SHA-256 and the number of all bytes before.

    dmft seal: sha256 9f86d081884c7d65...0f00a08 of the 89636 bytes before

It covers the whole file, names and attributes included, and is verified before anything else looks at the contents.  HDF5
ignores what follows the end of its own data, so that h5py, h5dump and xarray open a sealed file like any other.
"""

from __future__ import annotations

import hashlib
from enum import Enum

SIZE = 128
MARK = b"\ndmft seal: sha256 "
# An attribute of every sealed HDF5 file: one without its seal is told from files of versions that knew none.
ATTRIBUTE, MEANING = "seal", "the last 128 bytes of this file hold the SHA-256 of those before"


class Seal(Enum):
    """State of the seal of a file."""

    WHOLE = "its contents are what was written"
    BROKEN = "its contents do not match their checksum"
    ABSENT = "it has no checksum"


class Unsealed(UserWarning):
    """A file without a checksum, as earlier versions wrote it: damage may go unnoticed."""


def seal(content: bytes | memoryview) -> bytes:
    """The line that follows these contents in a file."""
    digest = hashlib.sha256(content).hexdigest().encode()
    return (MARK + digest + b" of the %d bytes before" % len(content)).ljust(SIZE - 1) + b"\n"


def verify(file: bytes) -> Seal:
    """State of the seal at the end of a file."""
    content, found = memoryview(file)[:-SIZE], file[-SIZE:]
    if found == seal(content):
        return Seal.WHOLE
    return Seal.BROKEN if found.startswith(MARK) else Seal.ABSENT


def without_seal(file: bytes) -> memoryview:
    """The contents before the seal."""
    return memoryview(file)[:-SIZE]
