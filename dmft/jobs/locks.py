"""Locks on numbered places of a file: who is at work on what, known to the operating system alone.

A lock ends with the process that holds it, however that ends, so none is ever left behind.  They are the byte-range locks of
POSIX, which network file systems carry between nodes; where a file system has none, `take` says so.
"""

from __future__ import annotations

import errno
import fcntl
import os
import struct
import sys
from enum import Enum
from pathlib import Path

NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP}
# struct flock: type, whence, start, length, pid on Linux; start, length, pid, type, whence elsewhere.
LINUX = sys.platform.startswith("linux")
LAYOUT = "@hhqqi" if LINUX else "@qqihh"


class Taken(Enum):
    """Result of asking for a lock."""

    OURS = "ours"
    OTHERS = "another process holds it"
    UNKNOWN = "the file system has no locks"


class Locks:
    """The lock file of a folder; closing it, or the end of the process, gives all of them back.

    A process opens it once at a time: closing any of its handles would give back the locks of all.
    """

    def __init__(self, path: Path, *, create: bool = True) -> None:
        self._path = path
        self._file = os.open(path, os.O_RDWR | (os.O_CREAT if create else 0), 0o666)

    def take(self, first: int, number: int) -> Taken:
        """Take the places first ... first + number - 1, without waiting."""
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, number, first)
        except OSError as error:
            return Taken.UNKNOWN if error.errno in NO_LOCKS else Taken.OTHERS
        return Taken.OURS

    def give_back(self, first: int, number: int) -> None:
        """Let others have places again."""
        try:
            fcntl.lockf(self._file, fcntl.LOCK_UN, number, first)
        except OSError as error:
            if error.errno not in NO_LOCKS:
                raise

    def held_by_others(self, first: int, end: int) -> list[range]:
        """Places in first ... end - 1 that other processes hold, in no particular order."""
        found, waiting = [], [range(first, end)]
        while waiting:
            asked = waiting.pop()
            held = self._first_conflict(asked) if asked else None
            if held is not None:
                found.append(held)
                waiting += [range(asked.start, held.start), range(held.stop, asked.stop)]
        return found

    def _first_conflict(self, places: range) -> range | None:
        """Some lock of another process in the way of one on these places."""
        fields = (fcntl.F_WRLCK, os.SEEK_SET, places.start, len(places), 0)
        given = struct.pack(LAYOUT, *(fields if LINUX else (*fields[2:], *fields[:2])))
        try:
            answer = struct.unpack(LAYOUT, fcntl.fcntl(self._file, fcntl.F_GETLK, given))
        except OSError:
            return None
        kind, _, start, length, _ = answer if LINUX else (*answer[3:], *answer[:3])
        if kind == fcntl.F_UNLCK:
            return None
        end = start + length if length else places.stop
        return range(max(start, places.start), min(end, places.stop))

    def stand(self) -> bool:
        """True while the file is at its path: another process may have removed it."""
        try:
            return os.path.samestat(os.fstat(self._file), os.stat(self._path))
        except FileNotFoundError:
            return False

    def close(self) -> None:
        """Give all back."""
        os.close(self._file)
