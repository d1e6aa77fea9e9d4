"""dmft sweep: every point of a grid of problems, into a folder of run files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dmft.cli.exit_codes import ExitCode
from dmft.cli.inputs import load_sweep, naming
from dmft.cli.output import complain, say
from dmft.cli.processes import communicator, on_ranks, one_thread_each, refuse_bad_options, warn_without_locks
from dmft.cli.progress import duration
from dmft.cli.signals import StopOnSignal
from dmft.cli.sweep_progress import SweepMeter, ignore, rate, speed, sweep_meter

if TYPE_CHECKING:
    from dmft.jobs.locks import Locks
    from dmft.problem.sweep import Sweep
    from dmft.sweeps.folder import Folder


@dataclass(frozen=True)
class Asked:
    """The command line."""

    file: Path
    output: Path
    assignments: list[str]
    jobs: int
    task: int
    tasks: int
    retry: bool
    checkpoint: float
    wait: float
    quiet: bool


def sweep(
    file: Annotated[Path, typer.Argument(metavar="SWEEP.toml", help="Sweep file.", show_default=False)],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="Folder to write or to go on with.", show_default=False)
    ],
    assignments: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="TABLE.KEY=VALUE", help="Change a value of the sweep file; may be repeated."),
    ] = None,
    jobs: Annotated[int | None, typer.Option(metavar="N", help="Processes on this machine.", show_default="1")] = None,
    task: Annotated[int, typer.Option(metavar="I", help="Solve part I = 0 ... N-1 only, as one task of a job array.")] = 0,
    tasks: Annotated[int, typer.Option(metavar="N", help="Number of parts.")] = 1,
    retry: Annotated[bool, typer.Option("--retry", help="Solve points again that failed, or whose file is damaged.")] = False,
    checkpoint: Annotated[float, typer.Option(metavar="SECONDS", help="Time between checkpoints; 0: every cell.")] = 30.0,
    wait: Annotated[float, typer.Option(metavar="SECONDS", help="Wait for another sweep in this folder to end.")] = 0.0,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")] = False,
) -> None:
    """Solve every point of a sweep: here, in --jobs processes, under mpiexec or srun, or in parts.

    The same command solves what is missing, whatever ended it before.

    Exit status: 0 all points done, 2 bad input, 3 points failed, 4 stopped by a signal after checkpoints.
    """
    refuse_bad_options(jobs, checkpoint)
    if not 0 <= task < tasks:
        raise typer.BadParameter(f"--task = {task} of --tasks = {tasks}: wanted 0 <= I < N")
    one_thread_each()
    asked = Asked(file, output, assignments or [], jobs or 1, task, tasks, retry, checkpoint, wait, quiet)
    with StopOnSignal() as stop:
        comm = communicator(file, jobs)
        command = SweepCommand(asked, stop, comm)
        code = command.alone() if comm is None else on_ranks(comm, command, stop)
    if code:
        raise typer.Exit(code)


class SweepCommand:
    """The sweep of a command line: solved here, in processes, or on all ranks of a communicator."""

    folder: Folder
    locks: Locks | None = None
    todo: list[int]
    meter: SweepMeter | None = None

    def __init__(self, asked: Asked, stop: StopOnSignal, comm: Any = None) -> None:
        self.asked, self.stop, self.comm = asked, stop, comm
        self.todo = []

    def alone(self) -> ExitCode:
        """Solve in this process, or in several of this machine."""
        from dmft.sweeps.run import run_here

        with self.begun():
            assert self.locks is not None
            assert self.meter is not None
            every = self.asked.checkpoint
            run_here(self.folder, self.locks, self.todo, self.asked.jobs, self.stop.requested, self.meter, every)
            return self.report()

    @contextmanager
    def begun(self) -> Iterator[Sweep | None]:
        """Take the folder for this process and find the points to solve; the sweep if there are any."""
        from dmft import ProblemError
        from dmft.jobs.tasks import StartError
        from dmft.sweeps.folder import open_folder
        from dmft.sweeps.run import missing, part

        asked = self.asked
        wanted = load_sweep(asked.file, asked.assignments)
        with (
            naming(asked.output, ProblemError, OSError, StartError),
            open_folder(asked.output, wanted, asked.task, asked.tasks, wait=asked.wait) as (self.folder, self.locks, taken),
        ):
            warn_without_locks(taken, asked.output)
            if self.folder.growth is not None and not asked.quiet:
                complain(f"{asked.output}: {self.folder.growth}")
            self.todo = missing(self.folder, asked.task, asked.tasks, retry=asked.retry)
            self.stop.defer()
            before = len(part(wanted, asked.task, asked.tasks)) - len(self.todo)
            with sweep_meter(len(self.todo), asked.quiet, before=before) as self.meter:
                yield wanted if self.todo else None

    def lead(self) -> ExitCode:
        """Rank 0: solve points and report."""
        if self.todo:
            self._share()
        return self.report()

    def join(self, message: Sweep) -> None:
        """Other ranks: solve points of the sweep that rank 0 has read."""
        from dmft.sweeps.folder import Folder

        self.folder = Folder(self.asked.output, message)
        self._share()

    def _share(self) -> None:
        """Solve on all ranks; each of them calls this."""
        from dmft.jobs.ranks import once_a_node, run_ranks
        from dmft.jobs.tasks import stop_after
        from dmft.sweeps.run import by_cost, compile_loops
        from dmft.sweeps.worker import PointSolver

        sweep, watch = self.folder.sweep, self.meter or ignore
        stop = partial(stop_after, watch, self.stop.requested)
        once_a_node(self.comm, partial(compile_loops, sweep))
        solver = PointSolver(self.folder, stop, self.asked.checkpoint, self.locks)
        run_ranks(self.comm, solver, by_cost(sweep, self.todo), stop, watch)

    def report(self) -> ExitCode:
        """Print one line on the end of the sweep."""
        from dmft.sweeps.folder import State, in_words
        from dmft.sweeps.run import part

        asked = self.asked
        mine = part(self.folder.sweep, asked.task, asked.tasks)
        states = self.folder.states()[mine]
        if self.meter is not None and (refused := self.meter.refused) is not None and not self.stop.received:
            example = f"{self.folder.sweep.slug(refused.index)}: {refused.reason}"
            line = f"{in_words(states)}, {self.meter.endings['refused']} need more memory, the first of them {example}"
            complain(f"{asked.output}: {line}")
            return ExitCode.BAD_INPUT
        if (states == State.MISSING).any():
            cause = f"stopped by {self.stop.received or 'a signal'}"
            complain(f"{asked.output}: {cause}, {in_words(states)}: the same command goes on from there")
            return ExitCode.STOPPED
        failed = mine[states == State.FAILED]
        if len(failed):
            outcome, reason = self.folder.failure(int(failed[0]))
            example = f"{self.folder.sweep.slug(int(failed[0]))} {outcome}: {reason}"
            line = f"{in_words(states)}, the first of them {example}"
            complain(f"{asked.output}: {line}; --retry solves them again")
            return ExitCode.FAILED
        if not asked.quiet:
            say(f"done: {in_words(states)}, {self._speed()}, {asked.output}")
        return ExitCode.DONE

    def _speed(self) -> str:
        """Wall time and rate, if any points were solved."""
        if self.meter is None or not self.meter.ended:
            return "complete already"
        return f"{duration(self.meter.seconds)} at {speed(rate(self.meter.ended, self.meter.seconds))}"
