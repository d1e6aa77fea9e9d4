"""dmft simulate: finite systems of exactly the problem in a file, seed by seed, into a simulation file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dmft.cli.exit_codes import ExitCode
from dmft.cli.inputs import load_problem, naming
from dmft.cli.processes import Work, communicator, on_ranks, one_thread_each, refuse_bad_options
from dmft.cli.progress import duration
from dmft.cli.signals import StopOnSignal
from dmft.cli.sweep_progress import SweepMeter, sweep_meter
from dmft.cli.tables import plus_minus

if TYPE_CHECKING:
    from dmft.jobs.processes import Watch
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
        str, typer.Option(metavar="KIND", help="network, or gaussian: the Gaussian fields that the theory is exact for.")
    ] = "network",
    times: Annotated[int, typer.Option(metavar="N", help="Number of times at which observables are taken.")] = 40,
    two_time: Annotated[bool, typer.Option("--two-time", help="Keep two-time correlations of the weights too.")] = False,
    tolerance: Annotated[
        float, typer.Option(metavar="E", help="Relative error of observables that the integration of gradient flow makes.")
    ] = 3e-4,
    assignments: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="TABLE.KEY=VALUE", help="Change a value of the problem file; may be repeated."),
    ] = None,
    jobs: Annotated[int | None, typer.Option(metavar="N", help="Processes on this machine.", show_default="1")] = None,
    checkpoint: Annotated[float, typer.Option(metavar="SECONDS", help="Time between checkpoints; 0: every step.")] = 30.0,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")] = False,
) -> None:
    """Train finite networks on exactly the problem of a file: here, in --jobs processes, or under mpiexec or srun.

    The same command goes on where it was stopped; with more --seeds it runs only the new ones.

    Exit status: 0 done, 2 bad input, 3 seeds failed or diverged, 4 stopped by a signal after checkpoints.
    """
    refuse_bad_options(jobs, checkpoint)
    one_thread_each()
    setup = {"dim": dim, "fields": fields, "times": times, "two_time": two_time, "tolerance": tolerance}
    asked = Asked(problem, assignments or [], output, setup, seeds, first_seed, jobs or 1, checkpoint, quiet)
    with StopOnSignal() as stop:
        comm = communicator(problem, jobs)
        code = _alone(asked, stop) if comm is None else _on_ranks(comm, asked, stop)
    if code:
        raise typer.Exit(code)


@contextmanager
def _begun(asked: Asked, processes: int) -> Iterator[tuple[Seeds, list[int], list[int]]]:
    """The place of the simulation, taken by this process; the seeds that are wanted; those of them to simulate.

    processes: that share the memory of this machine.
    """
    from dmft import ProblemError
    from dmft.jobs.locks import Taken
    from dmft.models.experiment import Setup
    from dmft.simulation.folder import open_seeds
    from dmft.simulation.run import numbered, refuse_too_large

    problem = load_problem(asked.file, asked.assignments)
    with naming(asked.file, ProblemError):
        setup, wanted = Setup.of(**asked.setup), numbered(asked.number, asked.first)
        refuse_too_large(problem, setup, processes)
    with naming(asked.output, ProblemError, OSError), open_seeds(asked.output, problem, setup) as (seeds, taken):
        if taken is Taken.UNKNOWN:
            line = "this file system has no locks: make sure that no other process simulates into this file"
            typer.echo(f"dmft: {asked.output}: {line}", err=True)
        yield seeds, wanted, seeds.missing(wanted)


def _alone(asked: Asked, stop: StopOnSignal) -> ExitCode:
    """Simulate in this process, or in several of this machine."""
    from dmft.simulation.run import run_here

    with _begun(asked, asked.jobs) as (seeds, wanted, todo):
        with sweep_meter(len(todo), asked.quiet, "seeds") as meter:
            run_here(seeds, todo, asked.jobs, lambda: bool(stop.received), meter, asked.checkpoint, meter.tell)
        return _report(seeds, wanted, asked, meter, stop)


def _on_ranks(comm: Any, asked: Asked, stop: StopOnSignal) -> ExitCode:
    """Simulate on all ranks."""
    from dmft.jobs.ranks import ranks_of_this_node, run_ranks
    from dmft.simulation.folder import Seeds
    from dmft.simulation.run import collecting
    from dmft.simulation.worker import SeedWorker

    processes = ranks_of_this_node(comm)

    @contextmanager
    def begin() -> Iterator[Work]:
        with _begun(asked, processes) as (seeds, wanted, todo):

            def work() -> ExitCode:
                with sweep_meter(len(todo), asked.quiet, "seeds") as meter:
                    if todo:
                        share(seeds, todo, collecting(seeds, meter, asked.checkpoint))
                return _report(seeds, wanted, asked, meter, stop)

            yield (seeds.problem, seeds.setup) if todo else None, work

    def share(seeds: Seeds, todo: list[int], watch: Watch) -> None:
        def stopped() -> bool:
            watch(None)
            return bool(stop.received)

        run_ranks(comm, SeedWorker(seeds, stopped, asked.checkpoint), todo, stopped, watch)

    return on_ranks(comm, begin, lambda message: share(Seeds(asked.output, *message), [], lambda ended: None))


def _report(seeds: Seeds, wanted: list[int], asked: Asked, meter: SweepMeter, stop: StopOnSignal) -> ExitCode:
    """One line on how it ended."""
    found, failed = seeds.collect(), seeds.failures()
    missing = seeds.missing(wanted)
    done = f"{len(wanted) - len(missing)} of {len(wanted)} seeds done"
    if len(missing) > len(failed):
        cause = f"stopped by {stop.received or 'a signal'}"
        typer.echo(f"dmft: {asked.output}: {cause}, {done}: the same command goes on from there", err=True)
        return ExitCode.STOPPED
    if failed:
        seed, reason = next(iter(failed.items()))
        line = f"{done}, {len(failed)} failed, the first of them seed {seed}, {reason}; the same command tries them again"
        typer.echo(f"dmft: {asked.output}: {line}", err=True)
        return ExitCode.FAILED
    assert found is not None
    if len(found.diverged):
        line = f"{done}, {len(found.diverged)} diverged, the first of them seed {found.diverged[0]}: {found.outcome.advice}"
        typer.echo(f"dmft: {asked.output}: {line}", err=True)
        return ExitCode.FAILED
    if not asked.quiet:
        how = duration(meter.seconds) if meter.ended else "complete already"
        typer.echo(f"done: {done}, {summary(found)}, {how}, {asked.output}")
    return ExitCode.DONE


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
