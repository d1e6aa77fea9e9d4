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
from dmft.cli.processes import Work, communicator, on_ranks, one_thread_each, refuse_bad_options
from dmft.cli.progress import duration
from dmft.cli.signals import StopOnSignal
from dmft.cli.sweep_progress import SweepMeter, rate, speed, sweep_meter

if TYPE_CHECKING:
    from dmft.jobs.locks import Locks
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
    retry: Annotated[bool, typer.Option("--retry", help="Solve points again that failed before.")] = False,
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
        code = _alone(asked, stop) if comm is None else _on_ranks(comm, asked, stop)
    if code:
        raise typer.Exit(code)


@contextmanager
def _begun(asked: Asked) -> Iterator[tuple[Folder, Locks, list[int]]]:
    """The folder, taken by this process, and the points to solve."""
    from dmft import ProblemError
    from dmft.jobs.locks import Taken
    from dmft.sweeps.folder import open_folder
    from dmft.sweeps.run import missing

    wanted = load_sweep(asked.file, asked.assignments)
    with (
        naming(asked.output, ProblemError, OSError),
        open_folder(asked.output, wanted, asked.task, asked.tasks, wait=asked.wait) as (folder, locks, taken),
    ):
        if taken is Taken.UNKNOWN:
            line = "this file system has no locks: make sure that no other sweep is at work in this folder"
            typer.echo(f"dmft: {asked.output}: {line}", err=True)
        yield folder, locks, missing(folder, asked.task, asked.tasks, retry=asked.retry)


def _alone(asked: Asked, stop: StopOnSignal) -> ExitCode:
    """Solve in this process, or in several of this machine."""
    from dmft.sweeps.run import run_here

    with _begun(asked) as (folder, locks, todo):
        with sweep_meter(len(todo), asked.quiet) as meter:
            run_here(folder, locks, todo, asked.jobs, lambda: bool(stop.received), meter, asked.checkpoint)
        return _report(folder, asked, meter, stop)


def _on_ranks(comm: Any, asked: Asked, stop: StopOnSignal) -> ExitCode:
    """Solve on all ranks."""
    from dmft.sweeps.folder import Folder

    @contextmanager
    def begin() -> Iterator[Work]:
        with _begun(asked) as (folder, locks, todo):

            def work() -> ExitCode:
                with sweep_meter(len(todo), asked.quiet) as meter:
                    if todo:
                        _share(comm, folder, asked, stop, locks, meter, todo)
                return _report(folder, asked, meter, stop)

            yield folder.sweep if todo else None, work

    return on_ranks(comm, begin, lambda sweep: _share(comm, Folder(asked.output, sweep), asked, stop))


def _share(
    comm: Any,
    folder: Folder,
    asked: Asked,
    stop: StopOnSignal,
    locks: Locks | None = None,
    meter: SweepMeter | None = None,
    todo: list[int] | None = None,
) -> None:
    """The part that all ranks take part in."""
    from dmft.jobs.ranks import once_a_node, run_ranks
    from dmft.sweeps.run import by_cost, compile_loops
    from dmft.sweeps.worker import Worker

    def stopped() -> bool:
        if meter is not None:
            meter(None)
        return bool(stop.received)

    once_a_node(comm, partial(compile_loops, folder.sweep))
    worker = Worker(folder, stopped, asked.checkpoint, locks)
    run_ranks(comm, worker, by_cost(folder.sweep, todo or []), stopped, meter or (lambda ended: None))


def _report(folder: Folder, asked: Asked, meter: SweepMeter, stop: StopOnSignal) -> ExitCode:
    """One line on how it ended."""
    from dmft.sweeps.folder import State, in_words
    from dmft.sweeps.run import part

    mine = part(folder.sweep, asked.task, asked.tasks)
    states = folder.states()[mine]
    if (states == State.MISSING).any():
        cause = f"stopped by {stop.received or 'a signal'}"
        typer.echo(f"dmft: {asked.output}: {cause}, {in_words(states)}: the same command goes on from there", err=True)
        return ExitCode.STOPPED
    failed = mine[states == State.FAILED]
    if len(failed):
        outcome, reason = folder.failure(int(failed[0]))
        example = f"{folder.sweep.slug(int(failed[0]))} {outcome}: {reason}"
        line = f"{in_words(states)}, the first of them {example}"
        typer.echo(f"dmft: {asked.output}: {line}; --retry solves them again", err=True)
        return ExitCode.FAILED
    if not asked.quiet:
        seconds = duration(meter.seconds)
        how = f"{seconds} at {speed(rate(meter.ended, meter.seconds))}" if meter.ended else "complete already"
        typer.echo(f"done: {in_words(states)}, {how}, {asked.output}")
    return ExitCode.DONE
