"""Commands that share their work among processes: options they have in common, and what ranks of MPI say to each other."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import typer

from dmft.cli.exit_codes import ExitCode
from dmft.cli.inputs import BadInput, naming

THREADS = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS")

# What the other ranks need in order to take part, None if there is nothing to do; and the part of rank 0.
Work = tuple[Any, Callable[[], ExitCode]]


def refuse_bad_options(jobs: int | None, checkpoint: float) -> None:
    """Usage error for numbers that make no sense."""
    if jobs is not None and jobs < 1:
        raise typer.BadParameter(f"--jobs = {jobs}: wanted a whole number >= 1")
    if not checkpoint >= 0:
        raise typer.BadParameter(f"--checkpoint = {checkpoint:g}: wanted seconds >= 0")


def one_thread_each() -> None:
    """One thread a process unless set otherwise, before anything loads a BLAS."""
    for name in THREADS:
        os.environ.setdefault(name, "1")


def communicator(file: Path, jobs: int | None) -> Any:
    """The communicator if there are several ranks."""
    from dmft.jobs import ranks

    with naming(file, ranks.RanksError):
        comm = ranks.world()
        if jobs is None:
            ranks.refuse_idle_tasks()
        elif comm is not None:
            raise ranks.RanksError(f"--jobs = {jobs} on {comm.size} ranks: wanted one of the two")
    return comm


def on_ranks(comm: Any, begin: Callable[[], AbstractContextManager[Work]], join: Callable[[Any], None]) -> ExitCode:
    """Work on all ranks; every rank ends with the same status.

    begin: what rank 0 does first: everything that is to be read or refused.
    join: the part of the other ranks, given what rank 0 tells them.
    """
    try:
        if comm.rank == 0:
            return _lead(comm, begin)
        message = comm.bcast(None)
        if message is not None:
            join(message)
        return comm.bcast(None)
    except BaseException:
        # The other ranks would wait for this one for ever.
        traceback.print_exc()
        sys.stderr.flush()
        comm.Abort(1)
        raise


def _lead(comm: Any, begin: Callable[[], AbstractContextManager[Work]]) -> ExitCode:
    others_wait = True
    try:
        with begin() as (message, work):
            comm.bcast(message)
            others_wait = False
            code = work()
    except BadInput as error:
        print(f"dmft: {error}", file=sys.stderr)
        code = ExitCode.BAD_INPUT
        if others_wait:
            comm.bcast(None)
    return comm.bcast(code)
