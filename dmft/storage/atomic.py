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

from dmft.problem import ProblemError

DAY = 86400.0


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a path beside `path` to write to; afterwards put it in place of `path` at once, or remove it on an error.

    A link is followed.  What an earlier process that was killed left beside `path` is removed first.
    """
    path = path.resolve()
    _remove_left_behind(path)
    beside = path.with_name(f".{path.name}.{platform.node()}-{os.getpid()}.part")
    try:
        yield beside
        _sync(beside)
        os.replace(beside, path)
        _sync(path.parent)
    finally:
        beside.unlink(missing_ok=True)


def _remove_left_behind(path: Path) -> None:
    """Remove the parts of processes of this machine that are gone, and those of others after a day."""
    for part in path.parent.glob(f".{glob.escape(path.name)}.*.part"):
        machine, _, process = part.name.removeprefix(f".{path.name}.").removesuffix(".part").rpartition("-")
        gone = machine == platform.node() and not psutil.pid_exists(int(process)) if process.isdigit() else True
        with suppress(FileNotFoundError):
            if gone or time() - part.stat().st_mtime > DAY:
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
