"""Exit status of every command."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """Exit status that a job script sees."""

    DONE = 0
    BAD_INPUT = 2
    FAILED = 3
    STOPPED = 4
