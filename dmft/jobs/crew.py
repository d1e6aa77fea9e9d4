"""Processes that share the parts of one run: each keeps the parts that it was once given, so that little has to be sent.

The calls of a round go to the processes in turn by their place in the list; this process has its part as well.  What a process
computes does not depend on how many there are.
"""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any, Protocol

from threadpoolctl import threadpool_limits

Call = tuple[Callable[..., Any], tuple[Any, ...]]
Part = list[Call | None]


def answers(part: Part) -> list[Any]:
    """Results of calls, None where there is none."""
    return [None if call is None else call[0](*call[1]) for call in part]


class Line(Protocol):
    """The way to another process."""

    def send(self, part: Part | None) -> None:
        """Calls, or None at the end."""
        ...

    def receive(self) -> list[Any]:
        """Their results."""
        ...


class Crew:
    """This process and those at the ends of some lines."""

    def __init__(self, lines: Sequence[Line]) -> None:
        self.lines = lines

    def run(self, calls: Sequence[Call | None]) -> list[Any]:
        """Results in the order of the calls; a call with the same place in the list goes to the same process."""
        number, found = len(self.lines) + 1, [None] * len(calls)
        for k, line in enumerate(self.lines, 1):
            line.send(list(calls[k::number]))
        found[::number] = answers(list(calls[::number]))
        for k, line in enumerate(self.lines, 1):
            found[k::number] = line.receive()
        return found

    def dismiss(self) -> None:
        """No more calls."""
        for line in self.lines:
            with suppress(BrokenPipeError, OSError):
                line.send(None)


class Pipe:
    """The line to a process on this machine."""

    def __init__(self, context: Any) -> None:
        self.connection, other = context.Pipe()
        self.process = context.Process(target=_serve_pipe, args=(other,), daemon=True)
        self.process.start()
        other.close()

    def send(self, part: Part | None) -> None:
        """See Line."""
        self.connection.send(part)

    def receive(self) -> list[Any]:
        """See Line.  Raises ChildProcessError if the process has ended."""
        try:
            found = self.connection.recv()
        except EOFError:
            self.process.join()
            raise ChildProcessError(f"a process ended with status {self.process.exitcode}; is there enough memory?") from None
        if isinstance(found, BaseException):
            raise found
        return found


def _serve_pipe(connection: Connection) -> None:
    """Answer until the end; signals are for the process that asks."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    with threadpool_limits(limits=1, user_api="blas"), suppress(EOFError, BrokenPipeError):
        while (part := connection.recv()) is not None:
            try:
                connection.send(answers(part))
            except Exception as error:  # it is raised where it was asked for
                connection.send(error)


def crew_of_processes(jobs: int) -> Crew:
    """So many processes on this machine, this one included."""
    # Not forked: threads of a BLAS and locks of this process are no good in a copy.
    context = multiprocessing.get_context("spawn")
    return Crew([Pipe(context) for _ in range(jobs - 1)])


class Rank:
    """The line to a rank of MPI."""

    def __init__(self, comm: Any, rank: int) -> None:
        self.comm, self.rank = comm, rank

    def send(self, part: Part | None) -> None:
        """See Line."""
        self.comm.send(part, dest=self.rank)

    def receive(self) -> list[Any]:
        """See Line."""
        return self.comm.recv(source=self.rank)


def crew_of_ranks(comm: Any) -> Crew:
    """All ranks, as seen by rank 0."""
    return Crew([Rank(comm, rank) for rank in range(1, comm.size)])


def serve_rank(comm: Any) -> None:
    """Another rank: answer rank 0 until the end."""
    with threadpool_limits(limits=1, user_api="blas"):
        while (part := comm.recv(source=0)) is not None:
            comm.send(answers(part), dest=0)
