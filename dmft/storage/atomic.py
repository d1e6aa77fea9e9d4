"""Files that appear complete or not at all."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import secrets
import tempfile
from contextlib import suppress
from pathlib import Path
from time import time

from dmft.problem.table import ProblemError
from dmft.system.regular_file import regular_target

MINUTE, DAY = 60.0, 86400.0
PART = re.compile(r"\.dmft-[0-9a-f]{16}\.part")


def write_whole(path: str | Path, *parts: bytes | memoryview, one_of_many: bool = False) -> None:
    """Write a file beside `path`, then put it in place of `path` at once.

    A link is followed.  What an earlier process that was killed left in the folder is removed first.

    one_of_many: take no time to look through the folder for that, nor to wait until the folder itself is on disk: the file is
        whole if it is there, but after a loss of power it may not be there.

    Raises OSError if the file cannot be written; then `path` is as it was.
    """
    path = regular_target(path)
    if not one_of_many:
        remove_left_behind(path.parent)
    beside = path.with_name(f".dmft-{secrets.token_hex(8)}.part")
    # Nobody can have put a link there: the name is not known in advance, and an existing one is refused.
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
    try:
        with open(descriptor, "wb") as file:
            _lock(descriptor)
            for part in parts:
                file.write(part)
            file.flush()
            os.fsync(descriptor)
            os.replace(beside, path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    if not one_of_many:
        _sync(path.parent)


def remove_left_behind(folder: Path, *, nobody_writes: bool = False) -> None:
    """Remove the parts of files that processes which are gone were writing.

    nobody_writes: remove all of them.
    """
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if PART.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                with suppress(OSError):
                    if nobody_writes or _abandoned(entry):
                        os.unlink(entry.path)


def _abandoned(part: os.DirEntry[str]) -> bool:
    """A process that writes holds a lock from its first moments on; where there are no locks, a day is enough for any file."""
    age = time() - part.stat(follow_symlinks=False).st_mtime
    if age < MINUTE:
        return False
    descriptor = os.open(part.path, os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        return _lock(descriptor) or age > DAY
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> bool:
    """Take the lock of an open file, without waiting; false if another process has it, or if there are no locks."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def refuse_unwritable(path: Path) -> None:
    """ProblemError unless a file can be put at `path`; leaves nothing behind."""
    # Permission bits do not tell for root, quotas and network file systems: try.
    try:
        with tempfile.TemporaryFile(dir=regular_target(path).parent):
            pass
    except OSError as error:
        if error.errno == errno.EISDIR:
            raise ProblemError("is a folder: wanted the name of a file") from None
        raise ProblemError(f"cannot be written ({error.strerror}): wanted a file in an existing, writable folder") from None


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
