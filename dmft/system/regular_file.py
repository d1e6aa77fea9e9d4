"""Files that are read whole: regular files of a size that fits, and nothing that a reader would wait for."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path

MIB = 2.0**20


def read_regular_file(path: str | Path, most: float) -> bytes:
    """Contents of a regular file of at most `most` bytes.

    Raises OSError, whose `strerror` is a reason of a few words, for anything else: a folder, a device, a larger file.
    """
    # A device may act when it is opened; a FIFO would wait for a writer.
    _refuse_irregular(os.stat(path))
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        _refuse_irregular(found)
        if found.st_size > most:
            raise OSError(errno.EFBIG, f"{found.st_size / MIB:.4g} MiB, more than {most / MIB:.4g} MiB")
        return file.read()


def regular_target(path: str | Path) -> Path:
    """The path that a file is written to, links followed: a regular file, or nothing yet.  Raises OSError for anything else."""
    try:
        target = Path(path).resolve()
    except RuntimeError:  # a loop of links, before Python 3.13
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP)) from None
    except ValueError:
        raise OSError(errno.EINVAL, "its name holds a zero byte") from None
    with suppress(FileNotFoundError):
        _refuse_irregular(os.lstat(target))
    return target


def _refuse_irregular(found: os.stat_result) -> None:
    if stat.S_ISDIR(found.st_mode):
        raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "not a regular file")
