"""Progress of a sweep, read from file names, times of files and locks: by any process, while the sweep runs or not."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from time import time

import numpy as np

from dmft.sweeps.folder import Folder, State

# Points over which the rate is averaged.
RECENT = 100


@dataclass(frozen=True)
class Status:
    """Counts of points, and the rate of late in points per second.

    running: points being solved at this moment.
    at_work: true while a process works on the sweep, None if that cannot be told.
    rate: 0 unless a process works on the sweep.
    """

    points: int
    done: int
    failed: int
    running: int
    at_work: bool | None
    rate: float

    @property
    def missing(self) -> int:
        """Points that have no result yet, running ones included."""
        return self.points - self.done - self.failed

    @property
    def seconds_left(self) -> float:
        """For the missing points at this rate; not a number while there is none to go by."""
        return self.missing / self.rate if self.rate else np.nan


def status(path: str | Path) -> Status:
    """Status of the folder of a sweep.  Raises FolderError if it is none."""
    folder = Folder.load(path)
    states = folder.states()
    at_work, running = folder.at_work()
    recent = folder.finished_at()[-RECENT:]
    per_second = (len(recent) - 1) / (time() - recent[0]) if at_work and len(recent) > 1 else 0.0
    done, failed = (int((states == state).sum()) for state in (State.DONE, State.FAILED))
    return Status(len(states), done, failed, len(running), at_work, per_second)
