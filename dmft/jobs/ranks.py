"""Tasks under MPI: every rank runs tasks, rank 0 hands them out as well.

The other ranks serve a pool of mpi4py.futures, in which each of them has one task at a time; rank 0 runs tasks of its own
meanwhile, and a thread of the pool hands out the next task as soon as a rank is free.
"""

from __future__ import annotations

import os
import warnings
from collections import deque
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from time import sleep
from typing import TYPE_CHECKING, Any

from dmft.jobs.tasks import Ending, Result, Stop, Watch, Worker
from dmft.problem.table import ProblemError

if TYPE_CHECKING:
    from concurrent.futures import Future

# Seconds between two looks of a rank for its next task, at most: those of rank 0 take time from its own tasks.
POLL = 0.005
# Seconds between two calls of `watch` while rank 0 waits for the last tasks of the others.
INTERVAL = 0.2
# Variables in which MPI launchers tell their processes the number of ranks.
SIZES = ("PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "MV2_COMM_WORLD_SIZE", "SLURM_STEP_NUM_TASKS")


class RanksError(ProblemError):
    """A number of processes that was asked for and is not there."""


def launched() -> int:
    """Number of processes that this one was started as one of, by an MPI launcher or srun; 1 if by neither."""
    for name in SIZES:
        if os.environ.get(name, "").isdigit():
            return int(os.environ[name])
    return 1


def world() -> Any:
    """The communicator of all ranks, None if this process runs alone.

    Raises RanksError if mpi4py is missing, or sees another number of ranks than were started: each would then do all the work.
    """
    expected = launched()
    if expected == 1:
        return None
    try:
        # What it has to say about the environment is said below.
        with warnings.catch_warnings(action="ignore"):
            from mpi4py import MPI
    except (ImportError, RuntimeError) as error:
        raise RanksError(f"{expected} processes were started, but mpi4py cannot be used ({error}): wanted dmft[mpi]") from None
    if MPI.COMM_WORLD.size != expected:
        raise RanksError(
            f"{expected} processes were started, but MPI sees {MPI.COMM_WORLD.size}: wanted mpiexec, or srun --mpi=..., "
            "of the MPI library that mpi4py uses"
        )
    return MPI.COMM_WORLD


def refuse_idle_tasks() -> None:
    """RanksError in a Slurm job of several tasks of which this process would be the only one to work."""
    tasks = os.environ.get("SLURM_NTASKS", "1")
    if launched() == 1 and tasks.isdigit() and int(tasks) > 1:
        raise RanksError(f"this job has {tasks} tasks, but one process was started: wanted srun, mpiexec or --jobs N")


def once_a_node(comm: Any, prepare: Callable[[], None]) -> None:
    """Have one rank of each node do what the others find done, such as compiled loops on disk."""
    from mpi4py import MPI

    node = comm.Split_type(MPI.COMM_TYPE_SHARED)
    if node.rank == 0:
        prepare()
    node.Free()
    comm.Barrier()


def ranks_of_this_node(comm: Any) -> int:
    """Their number; called on every rank."""
    from mpi4py import MPI

    node = comm.Split_type(MPI.COMM_TYPE_SHARED)
    size = node.size
    node.Free()
    return size


def wait_for_all(comm: Any) -> None:
    """Return once every rank has called this; the ranks that wait leave the processor to others."""
    barrier = comm.Ibarrier()
    while not barrier.Test():
        sleep(INTERVAL)


_worker: Worker | None = None


def _run(index: int) -> Result:
    """Run a task of the pool on this rank."""
    assert _worker is not None
    return _worker.run(index)


def run_ranks(comm: Any, worker: Worker, todo: Sequence[int], stop: Stop, watch: Watch) -> None:
    """Run tasks on all ranks.  Every rank calls this; `todo` and `watch` of rank 0 are used.

    Raises OSError on rank 0 if a rank cannot write a file.
    """
    global _worker
    from mpi4py.futures import MPICommExecutor

    _worker = worker
    with MPICommExecutor(comm, root=0, backoff=POLL) as pool:
        if pool is not None:
            _Dealer(pool, todo, stop, watch).run(worker, comm.size - 1)


class _Dealer:
    """Rank 0: gives each other rank one task at a time, and runs tasks itself."""

    def __init__(self, pool: Any, todo: Sequence[int], stop: Stop, watch: Watch) -> None:
        self.pool, self.stop, self.watch = pool, stop, watch
        self.waiting = deque(todo)
        # Answers of other ranks, and None from each rank that gets no more tasks.
        self.answers: SimpleQueue[Future[Result] | None] = SimpleQueue()

    def run(self, worker: Worker, others: int) -> None:
        """Keep all ranks busy until no task is left."""
        try:
            for _ in range(others):
                self._deal()
            while (index := self._next()) is not None:
                self._note(worker.run(index))
                while not self.answers.empty():
                    others -= self._take()
            while others:
                others -= self._take()
        finally:
            self.waiting.clear()

    def _next(self) -> int | None:
        if self.stop():
            return None
        # The thread of the pool takes tasks too.
        try:
            return self.waiting.popleft()
        except IndexError:
            return None

    def _deal(self) -> None:
        """Hand out a task, and the next one when that has ended."""
        index = self._next()
        if index is None:
            self.answers.put(None)
        else:
            self.pool.submit(_run, index).add_done_callback(self._answered)

    def _answered(self, future: Future[Result]) -> None:
        """Called by the thread of the pool."""
        self.answers.put(future)
        self._deal()

    def _take(self) -> bool:
        """Take an answer if one comes soon; true if it says that a rank gets no more tasks."""
        try:
            answer = self.answers.get(timeout=INTERVAL)
        except Empty:
            self.watch(None)
            return False
        if answer is not None:
            self._note(answer.result())
        return answer is None

    def _note(self, result: Result) -> None:
        if result.ending is Ending.INTERRUPTED:
            # A signal that reached one rank is meant for all.
            self.waiting.clear()
        else:
            self.watch(result)
