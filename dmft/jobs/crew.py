"""Processes that share the parts of one run: each keeps the parts that it was once given, so that little has to be sent.

The calls of a round are shared out by the work of each, the largest first; this process has its part as well.  What a process
computes does not depend on how many there are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any, Protocol

from threadpoolctl import threadpool_limits

from dmft.jobs.pool import Recipe, start
from dmft.jobs.tasks import StartError

Call = tuple[Callable[..., Any], tuple[Any, ...]]
Part = list[Call | None]


def shared_out(work: Sequence[float], number: int) -> list[list[int]]:
    """Places of the parts of each process: the largest part that is left goes to the process with the least work so far."""
    shares, loads = [[] for _ in range(number)], [0.0] * number
    for place in sorted(range(len(work)), key=lambda place: -work[place]):
        least = loads.index(min(loads))
        shares[least].append(place)
        loads[least] += work[place]
    return shares


def answers(part: Part) -> list[Any]:
    """Results of calls, None where there is none."""
    return [None if call is None else call[0](*call[1]) for call in part]


class Line(Protocol):
    """The way to another process."""

    def send(self, part: Part) -> None:
        """Calls."""
        ...

    def receive(self) -> list[Any]:
        """Their results."""
        ...

    def dismiss(self) -> None:
        """Let the other process end."""
        ...


class Crew:
    """This process and those at the ends of some lines."""

    def __init__(self, lines: Sequence[Line]) -> None:
        self.lines = lines

    def run(self, calls: Sequence[Call | None], work: Sequence[float]) -> list[Any]:
        """Results in the order of the calls; as long as the work is the same, each place belongs to the same process."""
        own, *others = shared_out(work, len(self.lines) + 1)
        for places, line in zip(others, self.lines, strict=True):
            line.send([calls[place] for place in places])
        found = dict(zip(own, answers([calls[place] for place in own]), strict=True))
        for places, line in zip(others, self.lines, strict=True):
            found |= dict(zip(places, line.receive(), strict=True))
        return [found[place] for place in range(len(calls))]

    def dismiss(self) -> None:
        """No more calls."""
        for line in self.lines:
            line.dismiss()


class Pipe:
    """The line to a process on this machine.  Raises OSError or StartError if it cannot be started."""

    def __init__(self) -> None:
        self.worker = start(Recipe("dmft.jobs.crew:Member", {}))
        message = self.worker.hear()
        if message is None or "ready" not in message:
            cause = self.worker.join() if message is None else message["unusable"]
            raise StartError(f"a process could not start: {cause}")

    def send(self, part: Part) -> None:
        """See Line."""
        self.worker.connection.send(part)

    def receive(self) -> list[Any]:
        """See Line.  Raises ChildProcessError if the process has ended."""
        try:
            found = self.worker.connection.recv()
        except (EOFError, OSError):
            raise ChildProcessError(f"a process ended by {self.worker.join()}; is there enough memory?") from None
        if isinstance(found, BaseException):
            raise found
        return found

    def dismiss(self) -> None:
        """See Line."""
        with suppress(OSError):
            self.worker.connection.send(None)
        self.worker.join()


class Member:
    """A process that answers calls, built in `worker_process.py`."""

    def __init__(self, stop: Callable[[], bool]) -> None:
        """Signals are for the process that asks: it says when to stop."""

    def serve(self, connection: Connection) -> None:
        """Answer until the end."""
        with threadpool_limits(limits=1, user_api="blas"), suppress(EOFError, OSError):
            while (part := connection.recv()) is not None:
                try:
                    connection.send(answers(part))
                except Exception as error:  # it is raised where it was asked for
                    connection.send(error)


def crew_of_processes(jobs: int) -> Crew:
    """So many processes on this machine, this one included."""
    return Crew([Pipe() for _ in range(jobs - 1)])


class Rank:
    """The line to a rank of MPI."""

    def __init__(self, comm: Any, rank: int) -> None:
        self.comm, self.rank = comm, rank

    def send(self, part: Part) -> None:
        """See Line."""
        self.comm.send(part, dest=self.rank)

    def receive(self) -> list[Any]:
        """See Line."""
        return self.comm.recv(source=self.rank)

    def dismiss(self) -> None:
        """See Line."""
        self.comm.send(None, dest=self.rank)


def crew_of_ranks(comm: Any) -> Crew:
    """All ranks, as seen by rank 0."""
    return Crew([Rank(comm, rank) for rank in range(1, comm.size)])


def serve_rank(comm: Any) -> None:
    """Another rank: answer rank 0 until the end."""
    with threadpool_limits(limits=1, user_api="blas"):
        while (part := comm.recv(source=0)) is not None:
            comm.send(answers(part), dest=0)
