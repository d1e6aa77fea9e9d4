"""Commands that share their work among processes: common options, and the exchange between the ranks of MPI."""

from __future__ import annotations

import os
import sys
import traceback
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import typer

from dmft.cli.exit_codes import ExitCode
from dmft.cli.inputs import BadInput, naming
from dmft.cli.output import complain
from dmft.cli.signals import StopOnSignal, Stopped

if TYPE_CHECKING:
    from dmft.jobs.locks import Taken

THREADS = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS")


class SharedWork(Protocol):
    """A command whose work the ranks of MPI share."""

    def begun(self) -> AbstractContextManager[Any]:
        """Rank 0 reads and refuses all there is to read and refuse; the message to the other ranks, None for no work."""
        ...

    def lead(self) -> ExitCode:
        """Rank 0 takes part in the work and reports."""
        ...

    def join(self, message: Any) -> None:
        """Another rank takes part in the work."""
        ...


def refuse_bad_options(jobs: int | None, checkpoint: float) -> None:
    """Usage error for numbers that make no sense."""
    if jobs is not None and jobs < 1:
        raise typer.BadParameter(f"--jobs = {jobs}: wanted a whole number >= 1")
    refuse_bad_checkpoint(checkpoint)


def refuse_bad_checkpoint(checkpoint: float) -> None:
    """Usage error for a negative time between checkpoints."""
    if not checkpoint >= 0:
        raise typer.BadParameter(f"--checkpoint = {checkpoint:g}: wanted seconds >= 0")


def one_thread_each() -> None:
    """One thread a process unless set otherwise, before anything loads a BLAS."""
    for name in THREADS:
        os.environ.setdefault(name, "1")


def world(file: Path) -> Any:
    """The communicator if there are several ranks."""
    from dmft.jobs import ranks

    with naming(file, ranks.RanksError):
        return ranks.world()


def communicator(file: Path, jobs: int | None) -> Any:
    """The communicator if there are several ranks, for a command that shares its work among ranks or --jobs processes."""
    from dmft.jobs import ranks

    comm = world(file)
    with naming(file, ranks.RanksError):
        if jobs is None:
            ranks.refuse_idle_tasks()
        elif comm is not None:
            raise ranks.RanksError(f"--jobs = {jobs} on {comm.size} ranks: wanted one of the two")
    return comm


def warn_without_locks(taken: Taken, output: Path) -> None:
    """Say that nothing keeps another process from the same output."""
    if taken.value == "unknown":
        line = "this file system has no locks: make sure that no other process works on this output"
        complain(f"{output}: {line}")


def on_ranks(comm: Any, work: SharedWork, stop: StopOnSignal) -> ExitCode:
    """Work on all ranks; every rank ends with the same status."""
    try:
        if comm.rank == 0:
            return _lead(comm, work)
        # Whether to stop before the work begins is for rank 0 to say.
        stop.defer()
        message = comm.bcast(None)
        if message is not None:
            work.join(message)
        return comm.bcast(None)
    except BaseException:
        # The other ranks would wait for this one for ever.
        traceback.print_exc()
        sys.stderr.flush()
        comm.Abort(1)
        raise


def _lead(comm: Any, work: SharedWork) -> ExitCode:
    others_wait = True
    try:
        with work.begun() as message:
            comm.bcast(message)
            others_wait = False
            code = work.lead()
    except (BadInput, Stopped) as error:
        complain(f"stopped by {error}" if isinstance(error, Stopped) else str(error))
        code = ExitCode.STOPPED if isinstance(error, Stopped) else ExitCode.BAD_INPUT
        if others_wait:
            comm.bcast(None)
    return comm.bcast(code)
