"""Solve points of a sweep, one after the other, in this process.

A point is solved in stretches of `checkpoint_every` seconds with a checkpoint after each, which gives the same result to the
last bit as one stretch does.  What goes wrong at a point is written down beside the others and stops nothing; a disk that
cannot be written to does.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Protocol

from dmft.engines.base import AcceptedCell, Engine
from dmft.engines.outcome import Outcome
from dmft.jobs.locks import Locks
from dmft.problem.problem import Problem
from dmft.results.solution import Solution
from dmft.running.solve import StopRun, solve
from dmft.storage import run_file
from dmft.storage.hdf5 import FileError
from dmft.sweeps.folder import Folder

RAISED = "raised"
KILLED = "killed"
# Outcomes of points that are not to be looked at again, unless asked for.
FAILURES = (*(outcome.value for outcome in Outcome if outcome.failed), RAISED, KILLED)


@dataclass(frozen=True)
class Ended:
    """Result of one point: a value of Outcome, RAISED or KILLED."""

    index: int
    outcome: str

    @property
    def failed(self) -> bool:
        """True if the row holds a reason instead of values."""
        return self.outcome in FAILURES


class Solver(Protocol):
    """The interface of an object that solves points, or simulates seeds, by their numbers."""

    def solve(self, index: int) -> Ended:
        """Solve one point and write its file.  Raises OSError if that is not possible."""
        ...


def solve_in_turn(worker: Solver, todo: Sequence[int], stop: Callable[[], bool], watch: Callable[[Ended | None], None]) -> None:
    """Solve points in this process, one after the other, until it is to stop."""
    for index in todo:
        if stop():
            return
        ended = worker.solve(index)
        if ended.outcome != Outcome.INTERRUPTED.value:
            watch(ended)


class Worker:
    """Solver of the points of a folder.

    stop: asked after every cell; once it says yes, the point at hand ends with a checkpoint, as interrupted.
    """

    def __init__(
        self, folder: Folder, stop: Callable[[], bool], checkpoint_every: float = 30.0, locks: Locks | None = None
    ) -> None:
        self.folder, self.stop, self.checkpoint_every = folder, stop, checkpoint_every
        # A process has one handle of the lock file: that of the sweep, or else its own.
        self._locks = locks or Locks(folder.path / ".lock")

    def solve(self, index: int) -> Ended:
        """Solve one point and write its file.  Raises OSError if that is not possible."""
        number = len(self.folder.sweep)
        self._locks.take(number + index, 1)
        try:
            return Ended(index, self._solve(index))
        finally:
            self._locks.give_back(number + index, 1)

    def _solve(self, index: int) -> str:
        try:
            problem = self.folder.sweep.problem(index)
            solution = self._solution(index, problem)
        except OSError:
            raise
        except Exception as error:
            self.folder.record_failure(index, RAISED, f"{type(error).__name__}: {error}", traceback.format_exc())
            return RAISED
        if solution.outcome is not Outcome.INTERRUPTED:
            self._finish(index, solution)
        return solution.outcome.value

    def _solution(self, index: int, problem: Problem) -> Solution:
        """Go on from what there is, stretch by stretch, to the end or to a stop."""
        solution = self._begun(index)
        while True:
            solution = solve(problem, start=solution, observers=[self._end_of_stretch()])
            if solution.outcome is not Outcome.INTERRUPTED:
                return solution
            path = self.folder.checkpoint(index)
            path.parent.mkdir(exist_ok=True)
            run_file.write(path, solution, one_of_many=True)
            if self.stop():
                return solution

    def _begun(self, index: int) -> Solution | None:
        """The unfinished run of an earlier process at this point, if it can be resumed."""
        for path in (self.folder.checkpoint(index), self.folder.failed_run(index)):
            if path.exists():
                try:
                    found = run_file.read(path)
                except FileError:
                    continue
                if found.state.history.n:
                    return found
        return None

    def _end_of_stretch(self) -> Callable[[Engine, AcceptedCell], None]:
        began = monotonic()

        def observe(march: Engine, cell: AcceptedCell) -> None:
            if self.stop() or monotonic() - began > self.checkpoint_every:
                raise StopRun

        return observe

    def _finish(self, index: int, solution: Solution) -> None:
        """Write the run file, then remove what it takes the place of."""
        folder = self.folder
        path = folder.run(index) if solution.complete else folder.failed_run(index)
        run_file.write(path, solution, kernels=folder.sweep.keep == "kernels", one_of_many=True)
        for other in (folder.checkpoint(index), folder.failed_run(index), folder.failed_text(index)):
            if other != path:
                other.unlink(missing_ok=True)
