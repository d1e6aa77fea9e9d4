"""The folder of a sweep: where everything is, what is done, and who is at work.

    sweep.toml                        what is asked
    points/SLUG.h5                    run file of a point that is done; complete or absent
    points/SLUG.failed.h5             run file of a point at which the mathematics failed, as far as it came
    points/SLUG.failed.txt            why a point raised an error instead
    checkpoints/SLUG.h5               run file of a point that is not finished; gone with the last of them
    sweep.h5                          the table that `dmft collect` makes
    .lock                             empty; locks on it tell who is at work

Beyond FAN points these are in points/000, points/001, ..., FAN to a folder, in the order of the points.  What is done is told
by names alone, so that a look at a large sweep opens no file.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import IntEnum
from pathlib import Path
from time import monotonic, sleep
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dmft.jobs.locks import Locks, Taken
from dmft.jobs.tasks import Result
from dmft.problem.sweep import Sweep
from dmft.problem.table import ProblemError
from dmft.problem.toml import read_toml_file
from dmft.storage import failure_file, run_file
from dmft.storage.atomic import refuse_unwritable, remove_left_behind, write_whole
from dmft.storage.hdf5 import FileError
from dmft.system.sealed_text import sealed

if TYPE_CHECKING:
    from dmft.sweeps.growth import Growth

FAN = 1000
FAILED_RUN, FAILED_TEXT = ".failed.h5", ".failed.txt"


class State(IntEnum):
    """State of a point."""

    MISSING = 0
    DONE = 1
    FAILED = 2


class FolderError(ProblemError):
    """A folder that cannot be used: it holds another sweep or none, or another process is at work in it."""


class Folder:
    """The folder of one sweep, which exists; `open_folder` makes one.

    growth: fate of the files of an earlier sweep in it, if that had other points.
    """

    def __init__(self, path: Path, sweep: Sweep, growth: Growth | None = None) -> None:
        self.path, self.sweep, self.growth = path, sweep, growth

    @classmethod
    def load(cls, path: str | Path) -> Folder:
        """The folder of a sweep that has begun.  Raises FolderError if it is none."""
        path = Path(path)
        if not (path / "sweep.toml").is_file():
            raise FolderError("holds no sweep.toml: wanted the folder of a sweep")
        return cls(path, _stored(path / "sweep.toml"))

    @property
    def groups(self) -> int:
        """Number of folders that the points are spread over."""
        return -(-len(self.sweep) // FAN)

    def group(self, number: int) -> Path:
        """One of them."""
        if self.groups == 1:
            return self.path / "points"
        return self.path / "points" / f"{number:0{max(3, len(str(self.groups - 1)))}d}"

    def make_groups(self) -> None:
        """Make the folders of the points.  Raises FolderError if a path in them would be too long."""
        try:
            for number in range(self.groups):
                self.group(number).mkdir(parents=True, exist_ok=True)
            with suppress(FileNotFoundError):
                os.lstat(self.failed_text(self.sweep.longest_slug))
            with suppress(FileNotFoundError):
                os.lstat(self.checkpoint(self.sweep.longest_slug))
        except OSError as error:
            raise FolderError(f"cannot be written ({error.strerror}): wanted a folder with a shorter path") from None

    def run(self, index: int) -> Path:
        """Run file of a point that is done."""
        return self._place(index, ".h5")

    def failed_run(self, index: int) -> Path:
        """Run file of a point that failed."""
        return self._place(index, FAILED_RUN)

    def failed_text(self, index: int) -> Path:
        """Why a point raised an error."""
        return self._place(index, FAILED_TEXT)

    def checkpoint(self, index: int) -> Path:
        """Run file of a point that is not finished."""
        return self.path / "checkpoints" / f"{self.sweep.slug(index)}.h5"

    @property
    def table(self) -> Path:
        """The collected table."""
        return self.path / "sweep.h5"

    def _place(self, index: int, ending: str) -> Path:
        return self.group(index // FAN) / f"{self.sweep.slug(index)}{ending}"

    def failure(self, index: int) -> tuple[str, str]:
        """Outcome and reason of a point that failed."""
        with suppress(FileNotFoundError):
            return failure_file.read(self.failed_text(index))
        try:
            found = run_file.read(self.failed_run(index), only_observables=True).outcome
        except FileError as error:
            return failure_file.UNREADABLE, str(error)
        return found.value, found.advice

    def is_damaged(self, index: int) -> bool:
        """True if the run file of a point that is done cannot be read."""
        try:
            run_file.read(self.run(index), only_observables=True)
        except FileError:
            return True
        return False

    def record_failure(self, result: Result, details: str = "") -> None:
        """Write why a point has no run file."""
        failure_file.write(self.failed_text(result.index), result.outcome, result.reason, details)
        self.failed_run(result.index).unlink(missing_ok=True)

    def states(self) -> NDArray[np.uint8]:
        """State of every point, by the names of files."""
        found = np.zeros(len(self.sweep), np.uint8)
        for number in range(self.groups):
            names = set()
            with suppress(FileNotFoundError):
                names = set(os.listdir(self.group(number)))
            for index in range(number * FAN, min((number + 1) * FAN, len(found))) if names else ():
                slug = self.sweep.slug(index)
                if f"{slug}.h5" in names:
                    found[index] = State.DONE
                elif f"{slug}{FAILED_RUN}" in names or f"{slug}{FAILED_TEXT}" in names:
                    found[index] = State.FAILED
        return found

    def finished_at(self) -> NDArray[np.float64]:
        """When the files of points were written, seconds since the epoch, ascending."""
        times = []
        for number in range(self.groups):
            with suppress(FileNotFoundError), os.scandir(self.group(number)) as entries:
                times += [entry.stat().st_mtime for entry in entries if entry.name.endswith((".h5", FAILED_TEXT))]
        return np.sort(np.array(times))

    def at_work(self) -> tuple[bool | None, list[int]]:
        """True if another process works here, None if that cannot be told; and the points being solved now.

        A right to read the lock file is enough.
        """
        number = len(self.sweep)
        try:
            locks = Locks(self.path / ".lock", look_only=True)
            try:
                held = [place for places in locks.held_by_others(0, 2 * number) for place in places]
            finally:
                locks.close()
        except FileNotFoundError:
            return False, []
        except OSError:
            return None, []
        return bool(held), sorted(place - number for place in held if place >= number)

    def _superseded(self) -> Iterator[Path]:
        """Files that a newer one of the same point takes the place of: a process was killed before it removed them."""
        groups = [self.group(number) for number in range(self.groups)]
        older = [(path, groups) for path in (self.path / "checkpoints").glob("*.h5")]
        older += [(path, [group]) for group in groups for path in group.glob("*.failed.*")]
        for path, places in older:
            slug = path.name.removesuffix(FAILED_TEXT).removesuffix(".h5").removesuffix(".failed")
            newer = (place / f"{slug}{ending}" for place in places for ending in (".h5", FAILED_RUN))
            with suppress(FileNotFoundError):
                written = path.stat().st_mtime_ns
                if any(other.exists() and other.stat().st_mtime_ns > written for other in newer):
                    yield path

    def tidy(self, alone: bool) -> None:
        """Remove what killed processes left, and the folder of checkpoints if it is empty.

        alone: nobody else works here, so that no file is being written.
        """
        for folder in (*map(self.group, range(self.groups)), self.path / "checkpoints"):
            remove_left_behind(folder, nobody_writes=alone)
        for path in self._superseded():
            path.unlink(missing_ok=True)
        with suppress(OSError):
            (self.path / "checkpoints").rmdir()


@contextmanager
def open_folder(
    path: Path, sweep: Sweep, task: int = 0, tasks: int = 1, *, wait: float = 0.0
) -> Iterator[tuple[Folder, Locks, Taken]]:
    """Make or find the folder of a sweep, and take the points of one task of several for as long as the context lasts.

    The third value says whether the file system has locks, UNKNOWN if not.

    wait: seconds that another process has to end; some file systems hold the locks of a node that failed for a while.

    Raises FolderError if the folder holds another sweep that has no point in common with this one, or another process is at
    work on any of these points.
    """
    try:
        if (path / "points").exists() and not (path / "sweep.toml").exists():
            raise FolderError("holds points but no sweep.toml: wanted a new folder, or that of the sweep")
        path.mkdir(parents=True, exist_ok=True)
        refuse_unwritable(path / "sweep.toml")
        locks = Locks(path / ".lock")
        growth = _grown(path, sweep, locks, tasks, monotonic() + wait)
    except OSError as error:
        raise FolderError(f"cannot be written ({error.strerror}): wanted a folder") from None
    try:
        taken = _take(locks, *slice_of(len(sweep), task, tasks), monotonic() + wait)
        if taken is Taken.OTHERS:
            raise FolderError("another process is at work on this sweep: wanted to wait for it, or another part of --tasks N")
        _put_sweep(path / "sweep.toml", sweep)
        folder = Folder(path, sweep, growth)
        folder.make_groups()
        try:
            yield folder, locks, taken
        finally:
            folder.tidy(alone=tasks == 1 and taken is Taken.OURS)
    finally:
        locks.close()


def _grown(path: Path, sweep: Sweep, locks: Locks, tasks: int, deadline: float) -> Growth | None:
    """Put the files of an earlier sweep into their places, if there is one with other points, while nobody works on it.

    Raises FolderError if somebody does, or if no file of it belongs to the sweep.
    """
    from dmft.sweeps.growth import MOVING, grow, set_aside

    if not (path / "sweep.toml").exists():
        return None
    try:
        old = _stored(path / "sweep.toml")
        if old == sweep.with_limits_of(old) and not (path / MOVING).exists():
            return None
        number = 2 * max(len(old), len(sweep))
        taken = _take(locks, 0, number, deadline)
        if taken is Taken.OTHERS or (taken is Taken.UNKNOWN and tasks > 1):
            raise FolderError("is in use, and its sweep is to change: wanted to wait until no process works on it")
        if _stored(path / "sweep.toml") != old:
            raise FolderError("has just been changed by another process: wanted to run the same command again")
        growth = grow(path, old, sweep)
        if not _ours((path / "sweep.toml").read_bytes(), old):
            set_aside(path, path / "sweep.toml")
        write_whole(path / "sweep.toml", sealed(sweep.to_toml()))
        locks.give_back(0, number)
    except FolderError:
        raise
    except ProblemError as error:
        raise FolderError(str(error)) from None
    return growth


def _take(locks: Locks, first: int, end: int, deadline: float) -> Taken:
    # No place at all would mean every place to the lock.
    while first < end:
        taken = locks.take(first, end - first)
        if taken is not Taken.OTHERS or monotonic() > deadline:
            return taken
        sleep(0.5)
    return Taken.OURS


def _put_sweep(path: Path, sweep: Sweep) -> None:
    """Store the sweep if it is not there yet, or with its new limits; a file that a person wrote stays as it is."""
    text = sweep.to_toml()
    if path.exists():
        try:
            stored = _stored(path)
            stored.refuse_other(sweep)
        except ProblemError as error:
            raise FolderError(str(error)) from None
        there = path.read_bytes()
        if there == sealed(text) or not _ours(there, stored):
            return
    write_whole(path, sealed(text))


def _ours(content: bytes, sweep: Sweep) -> bool:
    """True if this program wrote the file of a sweep, and not a person."""
    text = sweep.to_toml()
    return content in (sealed(text), text.encode())


def _stored(path: Path) -> Sweep:
    """The sweep that a folder holds.  Raises FolderError if its file is damaged."""
    try:
        return Sweep.from_tables(read_toml_file(path))
    except ProblemError as error:
        raise FolderError(f"its {path.name} {error}") from None


def slice_of(number: int, task: int, tasks: int) -> tuple[int, int]:
    """First place, and the one after the last, of one of several tasks."""
    return task * number // tasks, (task + 1) * number // tasks


def spread(number: int) -> NDArray[np.intp]:
    """The points in an order of which every part is spread evenly over the whole: multiples of the golden ratio, sorted.

    Neighbours on the axes cost about the same, so that equal parts of this order cost about the same.
    """
    return np.argsort(np.arange(number) * ((5**0.5 - 1) / 2) % 1.0, kind="stable")


def in_words(states: NDArray[np.uint8]) -> str:
    """12 of 20 points done, 1 failed."""
    counts = Counter(states.tolist())
    failed = f", {counts[State.FAILED]} failed" if counts[State.FAILED] else ""
    return f"{counts[State.DONE]} of {len(states)} points done{failed}"
