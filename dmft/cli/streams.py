"""Standard output and error that can be written to whatever becomes of them.

A log may be on a full disk, in a pipe that nobody reads, or closed from the start.  None of that may end a run, so bytes that
cannot be written are dropped.  A reader of results has to know of it: the first error is kept, except that of a closed pipe,
as in `dmft show FILE | head`.
"""

from __future__ import annotations

import io
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TextIO


class DroppingFile(io.RawIOBase):
    """A file descriptor for output; bytes that it does not take are dropped, and the first error is kept."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.error: OSError | None = None

    def writable(self) -> bool:
        """True."""
        return True

    def fileno(self) -> int:
        """The descriptor."""
        return self._descriptor

    def isatty(self) -> bool:
        """True on a terminal."""
        return os.isatty(self._descriptor)

    def write(self, data, /) -> int:
        """Write what the descriptor takes; all of it counts as written."""
        given = bytes(data)
        try:
            left = given
            while left:
                left = left[os.write(self._descriptor, left) :]
        except BrokenPipeError:
            pass
        except OSError as error:
            self.error = self.error or error
        return len(given)


def protect() -> DroppingFile:
    """Replace standard output and error by streams without errors, opened if they were closed; the file of the output."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            # The lowest free number is taken, which is this one.
            os.open(os.devnull, os.O_RDWR)
    out = DroppingFile(1)
    sys.stdout = _text(out, sys.stdout)
    sys.stderr = _text(DroppingFile(2), sys.stderr)
    return out


def _text(file: DroppingFile, replaced: TextIO | None) -> io.TextIOWrapper:
    """A text stream over a file, in the encoding of the stream that it replaces; errors and terminals want lines at once."""
    encoding = "utf-8" if replaced is None else replaced.encoding
    at_once = file.fileno() == 2 or file.isatty()
    # A name that is not text, or not in this encoding, is printed with escapes.
    return io.TextIOWrapper(io.BufferedWriter(file), encoding, "backslashreplace", line_buffering=at_once)
