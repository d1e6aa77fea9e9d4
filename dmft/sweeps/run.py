"""Run a sweep: find what is missing, order it, compile once, and solve it here, in processes, or on MPI ranks."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dmft.engines.base import AcceptedCell, Engine
from dmft.engines.kinds import expected_nodes
from dmft.jobs.locks import Locks
from dmft.jobs.pool import WorkerPool
from dmft.jobs.tasks import Stop, Watch, run_in_turn, stop_after
from dmft.problem.sweep import Sweep
from dmft.problem.table import ProblemError
from dmft.running.solve import StopRun, solve
from dmft.sweeps.folder import Folder, State, open_folder, slice_of, spread
from dmft.sweeps.worker import PointSolver, recipe

if TYPE_CHECKING:
    from dmft.results.table import Table


def sweep(
    asked: Sweep | str | Path, output: str | Path, *, jobs: int = 1, retry: bool = False, checkpoint_every: float = 30.0
) -> Table:
    """Solve every point of a sweep into the folder `output`, or those that are missing there, and collect the table.

    asked: a Sweep, or the path of a sweep file.
    jobs: number of processes; 1 is this one.
    retry: solve points again that failed before.

    Raises ProblemError for a wrong point before anything runs, and for a folder that holds another sweep or is in use.
    """
    from dmft.sweeps.collect import collect

    asked = asked if isinstance(asked, Sweep) else Sweep.load(asked)
    asked.validate()
    with open_folder(Path(output), asked) as (folder, locks, _):
        run_here(folder, locks, missing(folder, retry=retry), jobs, lambda: False, lambda ended: None, checkpoint_every)
    return collect(output)


def run_here(
    folder: Folder, locks: Locks, todo: list[int], jobs: int, stop: Stop, watch: Watch, checkpoint_every: float
) -> None:
    """Solve points in this process, or in several of this machine.

    Raises OSError if a file cannot be written, StartError if processes cannot be started.
    """
    if jobs > 1 and len(todo) > 1:
        compile_loops(folder.sweep)
        ordered = by_cost(folder.sweep, todo)
        WorkerPool(recipe(folder, checkpoint_every), ordered, stop, watch, folder.record_failure).run(jobs)
    else:
        run_in_turn(PointSolver(folder, partial(stop_after, watch, stop), checkpoint_every, locks), todo, stop, watch)


def missing(folder: Folder, task: int = 0, tasks: int = 1, *, retry: bool = False) -> list[int]:
    """Points of one task of several that have no result; with `retry`, also those that failed or whose file is damaged."""
    mine = part(folder.sweep, task, tasks)
    found = folder.states()[mine]
    if retry:
        found[[state == State.DONE and folder.is_damaged(index) for index, state in zip(mine, found, strict=True)]] = (
            State.FAILED
        )
    return mine[(found == State.MISSING) | (retry & (found == State.FAILED))].tolist()


def part(sweep: Sweep, task: int, tasks: int) -> NDArray[np.intp]:
    """Points of one task of several."""
    first, end = slice_of(len(sweep), task, tasks)
    return np.sort(spread(len(sweep))[first:end]) if tasks > 1 else np.arange(end)


# Expected costs take a second for every ten thousand points or so.
MOST_ORDERED = 20_000


def by_cost(sweep: Sweep, todo: list[int]) -> list[int]:
    """Points in the order of expected cost, largest first, so that no long one is left for the end.

    More than MOST_ORDERED points are not compared.  Their order spreads every stretch of it evenly over the sweep, so that the
    last points are a small part of the whole.
    """
    if len(todo) > MOST_ORDERED:
        return np.asarray(todo)[spread(len(todo))].tolist()
    return sorted(todo, key=lambda index: _cost(sweep, index), reverse=True)


def _cost(sweep: Sweep, index: int) -> float:
    try:
        return expected_nodes(sweep.problem(index))
    except (ProblemError, ArithmeticError, MemoryError):
        return np.inf


def compile_loops(sweep: Sweep) -> None:
    """Solve one cell of a point, so that the compiled loops are on disk before many processes ask for them at once."""

    def stop(march: Engine, cell: AcceptedCell) -> None:
        raise StopRun

    try:
        solve(sweep.problem(0), observers=[stop], verify=False)
    except Exception:  # what is wrong with the point is found again where it is reported
        return
