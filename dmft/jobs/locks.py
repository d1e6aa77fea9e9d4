"""Locks on numbered places of a file, which tell other processes what this one works on.

A lock ends with the process that holds it, however that ends, so none is ever left behind.  They are the byte-range locks of
POSIX, which network file systems carry between nodes; where a file system has none, `take` says so.
"""

from __future__ import annotations

import errno
import fcntl
import os
import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from hashlib import sha256
from pathlib import Path

from dmft.problem.table import ProblemError

NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP}
# struct flock: type, whence, start, length, pid on Linux; start, length, pid, type, whence elsewhere.
LINUX = sys.platform.startswith("linux")
LAYOUT = "@hhqqi" if LINUX else "@qqihh"


class Taken(Enum):
    """Answer to a request for a lock; unknown where the file system has no locks."""

    OURS = "ours"
    OTHERS = "others"
    UNKNOWN = "unknown"


class Locks:
    """The lock file of a folder; closing it, or the end of the process, gives all of them back.

    A process opens it once at a time: closing any of its handles would give back the locks of all.
    """

    def __init__(self, path: Path, *, look_only: bool = False) -> None:
        """Open the file, which is made if it is not there.  Raises OSError.

        look_only: for `held_by_others` alone, which needs no right to write; the file is not made.
        """
        self._path = path
        mode = os.O_RDONLY if look_only else os.O_RDWR | os.O_CREAT
        self._file = os.open(path, mode | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o666)

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
        """Places in first ... end - 1 that other processes hold, in no particular order.

        Raises OSError where the file system has no locks.
        """
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
        answer = struct.unpack(LAYOUT, fcntl.fcntl(self._file, fcntl.F_GETLK, given))
        kind, _, start, length, _ = answer if LINUX else (*answer[3:], *answer[:3])
        if kind == fcntl.F_UNLCK:
            return None
        end = start + length if length else places.stop
        return range(max(start, places.start), min(end, places.stop))

    def in_place(self) -> bool:
        """True if the file is still at its path: another process may have removed it."""
        try:
            return os.path.samestat(os.fstat(self._file), os.stat(self._path))
        except FileNotFoundError:
            return False

    def close(self) -> None:
        """Give all back."""
        os.close(self._file)


def take_whole(path: Path, make_folder: bool = False) -> tuple[Locks | None, Taken]:
    """Take the lock of a file that its holders remove at the end; no locks where another process holds it.

    make_folder: make the folder of the file, which holders may remove as well.

    Raises OSError if the file cannot be made.
    """
    while True:
        if make_folder:
            path.parent.mkdir(exist_ok=True)
        try:
            locks = Locks(path)
        except FileNotFoundError:
            if make_folder:
                continue
            raise
        taken = locks.take(0, 1)
        # A process that has just finished may have removed the file in between.
        if taken is not Taken.OTHERS and locks.in_place():
            return locks, taken
        locks.close()
        if taken is Taken.OTHERS:
            return None, taken


class InUseError(ProblemError):
    """An output that another process, or another call of this one, is writing."""


_outputs: set[Path] = set()


@contextmanager
def output_lock(output: Path) -> Iterator[Taken]:
    """Keep other processes, and other calls of this one, from an output file.

    The lock file stands beside the output and is removed at the end.
    The value is UNKNOWN where the file system has no locks.

    Raises InUseError if the output is in use, OSError if the lock file cannot be made.
    """
    path = lock_file(output.resolve())
    # Locks are those of a process, and closing any handle would give back all.
    if path in _outputs:
        raise InUseError("is being written by this process: wanted another name")
    locks, taken = take_whole(path)
    if locks is None:
        raise InUseError("another process is writing this file: wanted to wait for it, or another name")
    _outputs.add(path)
    try:
        yield taken
    finally:
        _outputs.discard(path)
        path.unlink(missing_ok=True)
        locks.close()


def lock_file(output: Path) -> Path:
    """Lock file of an output, in the same folder; of fixed length, as the name of the output may be as long as names can be."""
    return output.with_name(f".dmft-{sha256(os.fsencode(output.name)).hexdigest()[:16]}.lock")
