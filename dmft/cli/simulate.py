"""dmft simulate: finite systems of exactly the problem in a file, seed by seed, into a simulation file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dmft.cli.exit_codes import ExitCode
from dmft.cli.inputs import load_problem, naming
from dmft.cli.output import complain, say
from dmft.cli.processes import communicator, on_ranks, one_thread_each, refuse_bad_options, warn_without_locks
from dmft.cli.progress import duration
from dmft.cli.signals import StopOnSignal
from dmft.cli.sweep_progress import SweepMeter, ignore, sweep_meter
from dmft.mathematics.notation import plus_minus

if TYPE_CHECKING:
    from dmft import Problem
    from dmft.jobs.tasks import Watch
    from dmft.models.experiment import Setup
    from dmft.results.simulation import Simulation
    from dmft.simulation.folder import Seeds


@dataclass(frozen=True)
class Asked:
    """The command line."""

    file: Path
    assignments: list[str]
    output: Path
    setup: dict[str, Any]
    number: int
    first: int
    jobs: int
    checkpoint: float
    quiet: bool


def simulate(
    problem: Annotated[Path, typer.Argument(metavar="PROBLEM.toml", help="Problem file.", show_default=False)],
    output: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="SIM.h5", help="Simulation file to write or to add to.", show_default=False),
    ],
    dim: Annotated[int, typer.Option(metavar="D", help="Input dimension d.", show_default=False)],
    seeds: Annotated[int, typer.Option(metavar="N", help="Number of seeds.")] = 8,
    first_seed: Annotated[int, typer.Option(metavar="K", help="The seeds are K, K + 1, ..., K + N - 1.")] = 0,
    fields: Annotated[
        str, typer.Option(metavar="KIND", help="Kind of finite system, one of those that the theory has.")
    ] = "network",
    times: Annotated[int, typer.Option(metavar="N", help="Number of times at which observables are taken.")] = 40,
    two_time: Annotated[bool, typer.Option("--two-time", help="Keep two-time correlations too.")] = False,
    tolerance: Annotated[
        float, typer.Option(metavar="E", help="Relative error of observables from the integration in time.")
    ] = 3e-4,
    assignments: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="TABLE.KEY=VALUE", help="Change a value of the problem file; may be repeated."),
    ] = None,
    jobs: Annotated[int | None, typer.Option(metavar="N", help="Processes on this machine.", show_default="1")] = None,
    checkpoint: Annotated[float, typer.Option(metavar="SECONDS", help="Time between checkpoints; 0: every step.")] = 30.0,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")] = False,
) -> None:
    """Simulate finite systems of exactly the problem of a file: here, in --jobs processes, or under mpiexec or srun.

    The same command goes on where it was stopped; with more --seeds it runs only the new ones.

    Exit status: 0 done, 2 bad input, 3 seeds failed or diverged, 4 stopped by a signal after checkpoints.
    """
    refuse_bad_options(jobs, checkpoint)
    one_thread_each()
    setup = {"dim": dim, "fields": fields, "times": times, "two_time": two_time, "tolerance": tolerance}
    asked = Asked(problem, assignments or [], output, setup, seeds, first_seed, jobs or 1, checkpoint, quiet)
    with StopOnSignal() as stop:
        comm = communicator(problem, jobs)
        command = SimulateCommand(asked, stop, comm)
        code = command.alone() if comm is None else on_ranks(comm, command, stop)
    if code:
        raise typer.Exit(code)


class SimulateCommand:
    """The simulation of a command line: run here, in processes, or on all ranks of a communicator.

    processes: that share the memory of this machine.
    """

    seeds: Seeds
    wanted: list[int]
    todo: list[int]
    meter: SweepMeter | None = None

    def __init__(self, asked: Asked, stop: StopOnSignal, comm: Any = None) -> None:
        from dmft.jobs.ranks import ranks_of_this_node

        self.asked, self.stop, self.comm = asked, stop, comm
        self.processes = asked.jobs if comm is None else ranks_of_this_node(comm)
        self.todo = []

    def alone(self) -> ExitCode:
        """Simulate in this process, or in several of this machine."""
        from dmft.simulation.run import run_here

        with self.begun():
            asked, meter = self.asked, self.meter
            assert meter is not None
            run_here(self.seeds, self.todo, asked.jobs, self.stop.requested, meter, asked.checkpoint, meter.tell)
            return self.report()

    @contextmanager
    def begun(self) -> Iterator[tuple[Problem, Setup] | None]:
        """Take the place of the simulation for this process and find the seeds to simulate; the setup if there are any."""
        from dmft import ProblemError
        from dmft.jobs.tasks import StartError
        from dmft.models.experiment import Setup
        from dmft.simulation.folder import open_seeds
        from dmft.simulation.run import numbered, refuse_too_large

        asked = self.asked
        problem = load_problem(asked.file, asked.assignments)
        with naming(asked.file, ProblemError):
            setup, self.wanted = Setup.of(**asked.setup), numbered(asked.number, asked.first)
            refuse_too_large(problem, setup, self.processes)
        with (
            naming(asked.output, ProblemError, OSError, StartError),
            open_seeds(asked.output, problem, setup) as (self.seeds, taken),
        ):
            warn_without_locks(taken, asked.output)
            self.todo = self.seeds.missing(self.wanted)
            self.stop.defer()
            with sweep_meter(len(self.todo), asked.quiet, "seeds", len(self.wanted) - len(self.todo)) as self.meter:
                yield (problem, setup) if self.todo else None

    def lead(self) -> ExitCode:
        """Rank 0: simulate seeds, collect those of all ranks and report."""
        from dmft.simulation.run import Collecting

        if self.todo:
            assert self.meter is not None
            self._share(Collecting(self.seeds, self.meter, self.asked.checkpoint))
        return self.report()

    def join(self, message: tuple[Problem, Setup]) -> None:
        """Other ranks: simulate seeds of what rank 0 has read."""
        from dmft.simulation.folder import Seeds

        self.seeds = Seeds(self.asked.output, *message)
        self._share(ignore)

    def _share(self, watch: Watch) -> None:
        """Simulate on all ranks; each of them calls this."""
        from dmft.jobs.ranks import run_ranks
        from dmft.jobs.tasks import stop_after
        from dmft.simulation.worker import SeedWorker

        stop = partial(stop_after, watch, self.stop.requested)
        run_ranks(self.comm, SeedWorker(self.seeds, stop, self.asked.checkpoint), self.todo, stop, watch)

    def report(self) -> ExitCode:
        """Print one line on the end of the simulation."""
        found, failed = self.seeds.collect(), self.seeds.failures()
        missing = self.seeds.missing(self.wanted)
        done = f"{len(self.wanted) - len(missing)} of {len(self.wanted)} seeds done"
        if len(missing) > len(failed):
            self._say_error(f"stopped by {self.stop.received or 'a signal'}, {done}: the same command goes on from there")
            return ExitCode.STOPPED
        if failed:
            seed, reason = next(iter(failed.items()))
            example = f"the first of them seed {seed}, {reason}"
            self._say_error(f"{done}, {len(failed)} failed, {example}; the same command tries them again")
            return ExitCode.FAILED
        assert found is not None
        if len(found.diverged):
            example = f"the first of them seed {found.diverged[0]}: {found.outcome.advice}"
            self._say_error(f"{done}, {len(found.diverged)} diverged, {example}")
            return ExitCode.FAILED
        if not self.asked.quiet:
            assert self.meter is not None
            how = duration(self.meter.seconds) if self.meter.ended else "complete already"
            say(f"done: {done}, {summary(found)}, {how}, {self.asked.output}")
        return ExitCode.DONE

    def _say_error(self, line: str) -> None:
        complain(f"{self.asked.output}: {line}")


def summary(found: Simulation) -> str:
    """Where the seeds arrived and what that took, in one line."""
    errors = found.standard_errors
    parts = [
        f"{name.replace('_', ' ')} {found.observables[name][-1]:.5g}{plus_minus(errors[name][-1], ' +- {:.1g}')}"
        for name in found.problem.parameters.description.summary
        if name in found.observables
    ]
    rate = found.evaluations.sum() / max(found.wall_time, 1e-9)
    return ", ".join([f"t = {found.time[-1]:.6g}", *parts, f"{rate:.3g} evaluations a second"])
