"""Files that appear complete or not at all."""

from __future__ import annotations

import glob
import os
import platform
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import time

import psutil

from dmft.problem.table import ProblemError

DAY = 86400.0


@contextmanager
def replacing(path: Path, *, one_of_many: bool = False) -> Iterator[Path]:
    """Yield a path beside `path` to write to; afterwards put it in place of `path` at once, or remove it on an error.

    A link is followed.  What an earlier process that was killed left beside `path` is removed first.

    one_of_many: take no time to look through the folder for that, nor to wait until the folder itself is on disk: the file is
        whole if it is there, but after a loss of power it may not be there.
    """
    path = path.resolve()
    if not one_of_many:
        remove_left_behind(path.parent, glob.escape(path.name))
    beside = path.with_name(f".{path.name}.{platform.node()}-{os.getpid()}.part")
    try:
        yield beside
        _sync(beside)
        os.replace(beside, path)
        if not one_of_many:
            _sync(path.parent)
    finally:
        beside.unlink(missing_ok=True)


def remove_left_behind(folder: Path, names: str = "*", *, nobody_writes: bool = False) -> None:
    """Remove the parts of files that processes of this machine which are gone were writing, and those of others after a day.

    nobody_writes: remove all of them.
    """
    for part in folder.glob(f".{names}.*.part"):
        machine, _, process = part.name.removesuffix(".part").rpartition("-")
        here = machine.endswith(f".{platform.node()}")
        gone = here and not psutil.pid_exists(int(process)) if process.isdigit() else True
        with suppress(FileNotFoundError):
            if nobody_writes or gone or time() - part.stat().st_mtime > DAY:
                part.unlink()


def refuse_unwritable(path: Path) -> None:
    """ProblemError unless a file can be put at `path`; leaves nothing behind."""
    if path.is_dir():
        raise ProblemError("is a folder: wanted the name of a file")
    # Permission bits do not tell for root, quotas and network file systems: try.
    try:
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise ProblemError(f"cannot be written ({error.strerror}): wanted a file in an existing, writable folder") from None


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
