"""Solve points of a sweep, one after the other, in this process.

A point is solved in stretches of `checkpoint_every` seconds with a checkpoint after each, which gives the same result to the
last bit as one stretch does.  A point that fails leaves a file with its reason and the sweep goes on; a disk that cannot be
written to ends the sweep.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable
from pathlib import Path
from time import monotonic

from dmft.engines.base import AcceptedCell, Engine
from dmft.engines.outcome import Outcome
from dmft.jobs.locks import Locks
from dmft.jobs.pool import Recipe
from dmft.jobs.tasks import RAISED, TOO_LARGE, Ending, Result, Stop
from dmft.problem.problem import Problem
from dmft.problem.sweep import Sweep
from dmft.results.solution import Solution
from dmft.running.cost import TooLargeError
from dmft.running.solve import StopRun, solve
from dmft.storage import run_file
from dmft.storage.hdf5 import FileError
from dmft.sweeps.folder import Folder


class PointSolver:
    """Solves points of the sweep in a folder.

    stop: asked after every cell; once it returns true, the point at hand ends with a checkpoint, as interrupted.
    """

    def __init__(self, folder: Folder, stop: Stop, checkpoint_every: float = 30.0, locks: Locks | None = None) -> None:
        self.folder, self.stop, self.checkpoint_every = folder, stop, checkpoint_every
        # A process has one handle of the lock file: that of the sweep, or else its own.
        self._locks = locks or Locks(folder.path / ".lock")

    def run(self, index: int) -> Result:
        """Solve one point and write its file.  Raises OSError if the file cannot be written."""
        number = len(self.folder.sweep)
        self._locks.take(number + index, 1)
        try:
            return self._run(index)
        finally:
            self._locks.give_back(number + index, 1)

    def _run(self, index: int) -> Result:
        try:
            solution = self._solution(index, self.folder.sweep.problem(index))
        except OSError:
            raise
        except (TooLargeError, MemoryError) as error:
            # Nothing is wrong with the point: the same command solves it where there is more memory.
            return Result(index, Ending.REFUSED, TOO_LARGE, str(error) or "not enough memory")
        except Exception as error:
            result = Result(index, Ending.FAILED, RAISED, f"{type(error).__name__}: {error}")
            self.folder.record_failure(result, traceback.format_exc())
            return result
        outcome = solution.outcome
        if outcome is Outcome.INTERRUPTED:
            return Result(index, Ending.INTERRUPTED, outcome.value)
        self._finish(index, solution)
        return Result(index, Ending.FAILED if outcome.failed else Ending.DONE, outcome.value, outcome.advice)

    def _solution(self, index: int, problem: Problem) -> Solution:
        """Go on from what there is, stretch by stretch, to the end or to a stop."""
        solution = self._begun(index)
        while True:
            solution = solve(problem, start=solution, observers=[self._end_of_stretch()], verify=False)
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


def recipe(folder: Folder, checkpoint_every: float) -> Recipe:
    """The solver of a folder, for another process."""
    arguments = {"path": str(folder.path.resolve()), "sweep": folder.sweep.to_toml(), "checkpoint_every": checkpoint_every}
    return Recipe(f"{__name__}:point_solver", arguments)


def point_solver(stop: Stop, path: str, sweep: str, checkpoint_every: float) -> PointSolver:
    """The solver of a folder, built from its `recipe`."""
    return PointSolver(Folder(Path(path), Sweep.from_toml(sweep)), stop, checkpoint_every)
