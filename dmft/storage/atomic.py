"""Files that appear complete or not at all."""

from __future__ import annotations

import glob
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dmft.problem import ProblemError


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a path beside `path` to write to; afterwards put it in place of `path` at once, or remove it on an error.

    What an earlier process that was killed left beside `path` is removed first.
    """
    for stray in path.parent.glob(f".{glob.escape(path.name)}.*.part"):
        stray.unlink(missing_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield beside
        _sync(beside)
        os.replace(beside, path)
        _sync(path.parent)
    finally:
        beside.unlink(missing_ok=True)


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
