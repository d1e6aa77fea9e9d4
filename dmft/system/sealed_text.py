"""Text with a seal: a first line, a comment in TOML, with the SHA-256 and the number of the bytes below it.

    # dmft seal: sha256 9f86d081884c7d65...0f00a08 of the 512 bytes below

The program puts it into every text file that it reads again.  Text without that line, as people write it, is taken as it is.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

MARK = b"# dmft seal: sha256 "


class DamagedText(ValueError):
    """Text that is not what its seal was made for."""


def sealed(text: str) -> bytes:
    """The bytes of a file: the seal of a text, and the text."""
    content = text.encode()
    return _seal(content) + content


def verified(file: bytes) -> bytes:
    """The bytes below the seal of a file, or all of them if it has none.

    Raises DamagedText, whose text says what is wanted, if they are not those that were sealed.
    """
    if not file.startswith(MARK):
        return file
    first, _, content = file.partition(b"\n")
    if first + b"\n" != _seal(content):
        raise DamagedText("does not match the checksum in its first line: wanted it as written, or without that line")
    return content


def is_sealed(path: Path) -> bool:
    """True for a regular file that begins with a seal.  Raises OSError if it cannot be read."""
    if not path.is_file():
        return False
    with open(path, "rb") as file:
        return file.read(len(MARK)) == MARK


def _seal(content: bytes) -> bytes:
    return MARK + hashlib.sha256(content).hexdigest().encode() + b" of the %d bytes below\n" % len(content)
