"""dmft solve: one parameter point, into a run file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dmft.cli.exit_codes import ExitCode
from dmft.cli.inputs import load_problem, naming
from dmft.cli.progress import Meter, duration, meter
from dmft.cli.signals import StopOnSignal
from dmft.cli.tables import plus_minus
from dmft.problem.description import smallest

if TYPE_CHECKING:
    from dmft import Problem, Solution


def solve(
    problem: Annotated[Path, typer.Argument(metavar="PROBLEM.toml", help="Problem file.", show_default=False)],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="RUN.h5", help="Run file to write or to go on from.", show_default=False)
    ],
    assignments: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="TABLE.KEY=VALUE", help="Change a value of the problem file; may be repeated."),
    ] = None,
    checkpoint: Annotated[float, typer.Option(metavar="SECONDS", help="Time between checkpoints; 0: every cell.")] = 30.0,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")] = False,
) -> None:
    """Solve one parameter point.

    The same command goes on where a run was stopped, or extends it to a larger t_max.

    Exit status: 0 done, 2 bad input, 3 the mathematics failed, 4 stopped by a signal after a checkpoint.
    """
    if not checkpoint >= 0:
        raise typer.BadParameter(f"--checkpoint = {checkpoint:g}: wanted seconds >= 0")
    with StopOnSignal() as stop:
        asked = load_problem(problem, assignments or [])
        stored = _stored(output, asked)  # a look at it; the solver reads it whole
        if stored is not None and stored.answers(asked):
            _say(f"complete already: {_summary(stored)}, {output}", quiet)
            return
        with meter(asked.solver.t_max, quiet) as progress:
            solution = _run(problem, output, asked, progress, stop, checkpoint)
    _report(solution, output, progress, stop, quiet)


def _stored(output: Path, asked: Problem) -> Solution | None:
    """Observables of the run to go on from, if there is one."""
    from dmft.storage import run_file

    with naming(output, run_file.OutputError):
        return run_file.continue_from(output, asked, only_observables=True)


def _run(file: Path, output: Path, asked: Problem, progress: Meter, stop: StopOnSignal, checkpoint: float) -> Solution:
    """Solve; what is refused or cannot be written is bad input of the file that it is about."""
    import dmft
    from dmft.storage.run_file import OutputError

    with naming(file, dmft.ProblemError), naming(output, OSError, OutputError):
        return dmft.solve(asked, output=output, observers=(progress, stop), checkpoint_every=checkpoint)


def _report(solution: Solution, output: Path, progress: Meter, stop: StopOnSignal, quiet: bool) -> None:
    """One line on how it ended; raises typer.Exit unless t_max was reached."""
    outcome, reached = solution.outcome, solution.time[-1]
    if outcome.failed:
        line = f"{outcome.value} at t = {reached:.6g}, residual {solution.residual:.1e}: {solution.advice}"
        typer.echo(f"dmft: {output}: {line}", err=True)
        raise typer.Exit(ExitCode.FAILED)
    if not solution.complete:
        line = f"stopped by {stop.received} at t = {reached:.6g}: the same command goes on from there"
        typer.echo(f"dmft: {output}: {line}", err=True)
        raise typer.Exit(ExitCode.STOPPED)
    speed = f"{duration(progress.seconds)} at {progress.cells_per_cpu_second:.3g} cells per cpu-second"
    _say(f"{outcome.value}: {_summary(solution)}, {speed}, {output}", quiet)


def _summary(solution: Solution) -> str:
    """Where a run arrived and what it found, in one line."""
    description = solution.problem.parameters.description
    parts = [f"t = {solution.time[-1]:.6g}", f"{len(solution.time)} nodes"]
    parts += [
        f"{name.replace('_', ' ')} {solution.observables[name][-1]:.6g}{plus_minus(solution.last_error(name), ' +- {:.1g}')}"
        for name in description.summary
    ]
    if description.smallest is not None:
        parts.append(f"smallest {smallest(solution, description.smallest, '.6g')}")
    return ", ".join(parts)


def _say(line: str, quiet: bool) -> None:
    if not quiet:
        typer.echo(line)
