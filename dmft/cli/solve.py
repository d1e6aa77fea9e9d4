"""dmft solve: one parameter point, into a run file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dmft.cli import start_up
from dmft.cli.exit_codes import ExitCode
from dmft.cli.inputs import BadInput, load_problem, naming
from dmft.cli.output import complain, say
from dmft.cli.processes import on_ranks, refuse_bad_checkpoint, world
from dmft.cli.progress import Meter, duration, meter
from dmft.cli.signals import StopOnSignal
from dmft.compiled import import_numba
from dmft.mathematics.notation import plus_minus

if TYPE_CHECKING:
    from dmft import Problem, Solution
    from dmft.jobs.crew import Crew


# What the other ranks are told if they have a part in the run.
SHARED = "shared"


@dataclass(frozen=True)
class Asked:
    """The command line."""

    file: Path
    output: Path
    assignments: list[str]
    checkpoint: float
    quiet: bool
    verify: bool | None
    jobs: int


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
    verify: Annotated[
        bool | None,
        typer.Option(
            "--verify/--no-verify",
            help="Solve again on shorter steps, store the difference in /errors, and check identities; "
            "if not said, solve again where early errors grow.",
            show_default=False,
        ),
    ] = None,
    jobs: Annotated[
        int, typer.Option(metavar="N", min=1, help="Processes that share the samples of the exact theory.", show_default=False)
    ] = 1,
) -> None:
    """Solve one parameter point.

    The same command goes on where a run was stopped, or extends it to a larger t_max.

    Exit status: 0 done, 2 bad input, 3 the mathematics failed, 4 stopped by a signal after a checkpoint.
    """
    refuse_bad_checkpoint(checkpoint)
    asked = Asked(problem, output, assignments or [], checkpoint, quiet, verify, jobs)
    with StopOnSignal() as stop:
        comm = world(problem)
        command = SolveCommand(asked, stop, comm)
        code = command.alone() if comm is None else on_ranks(comm, command, stop)
    if code:
        raise typer.Exit(code)


class SolveCommand:
    """The run of a command line.  Of several ranks the first one solves and the others wait."""

    problem: Problem
    stored: Solution | None

    def __init__(self, asked: Asked, stop: StopOnSignal, comm: Any = None) -> None:
        self.asked, self.stop, self.comm = asked, stop, comm

    def alone(self) -> ExitCode:
        """Solve in this process."""
        with self.begun():
            return self.solve()

    @contextmanager
    def begun(self) -> Iterator[str | None]:
        """Read the problem and look at the run to go on from; a message for the other ranks if there is something to solve."""
        asked = self.asked
        self.problem = load_problem(asked.file, asked.assignments)
        self.refuse_options()
        self.stored = _stored(asked.output, self.problem)  # a look at it; the solver reads it whole
        self.stop.defer()
        yield None if self.complete else SHARED if self.sampled else "wait"

    def refuse_options(self) -> None:
        """BadInput for options that mean nothing for this problem."""
        asked = self.asked
        if asked.verify:
            from dmft import ProblemError
            from dmft.running.verify import refuse_sampled

            with naming(asked.file, ProblemError):
                refuse_sampled(self.problem)
        if asked.jobs > 1 and not self.sampled:
            complain(f'{asked.file}: --jobs = {asked.jobs} has no effect: only theory = "exact" has samples to share')
        if asked.jobs > 1 and self.comm is not None:
            raise BadInput(asked.file, f"--jobs = {asked.jobs} on {self.comm.size} ranks: wanted one of the two")

    @property
    def complete(self) -> bool:
        """True if nothing is left to solve."""
        return self.stored is not None and self.stored.answers(self.problem)

    def solve(self) -> ExitCode:
        """Solve and report."""
        asked = self.asked
        if self.complete:
            assert self.stored is not None
            found = self.verified(self.stored)
            _say(f"complete already: {_summary(found)}, {asked.output}", asked.quiet)
            self.advise(found)
            self.check(found)
            return ExitCode.DONE
        import_numba()
        start_up.over()
        with meter(self.problem.solver.t_max, asked.quiet) as progress, self.crew() as crew:
            solution = _run(asked, self.problem, (progress, self.stop), crew)
        speed = f"{duration(progress.seconds)} at {progress.cells_per_cpu_second:.3g} cells per cpu-second"
        solution = self.verified(solution)
        code = _report(solution, asked.output, speed, self.stop, asked.quiet)
        self.advise(solution)
        self.check(solution)
        return code

    def advise(self, solution: Solution) -> None:
        """Say with which tolerance errors are as small as was wanted, if they are not."""
        wanted, worst = solution.problem.solver.tolerance, solution.largest_estimated_error()
        if not solution.complete or worst is None or self.sampled:
            return
        needed = f"{wanted / max(worst[1], 1.0):.1g}"
        if float(needed) < wanted:
            _say(f"  errors of about {wanted:g} take tolerance = {needed}", self.asked.quiet)

    def check(self, solution: Solution) -> None:
        """Say by how much a complete run misses what the theory declares to hold, if this was asked for."""
        if not self.asked.verify or not solution.complete:
            return
        for identity, defect in solution.identities().items():
            if defect <= 1:
                _say(f"  {identity}: holds within {defect:.2g} tolerances", self.asked.quiet)
            else:
                complain(f"{self.asked.output}: {identity}: missed by {defect:.2g} tolerances, wanted at most 1")

    @property
    def sampled(self) -> bool:
        """True of the theory whose samples several processes can share."""
        return self.problem.solver.theory == "exact"

    @contextmanager
    def crew(self) -> Iterator[Crew | None]:
        """The ranks that share the samples, if there are any."""
        if not self.sampled or self.comm is None:
            yield None
            return
        from dmft.jobs.crew import crew_of_ranks

        crew = crew_of_ranks(self.comm)
        try:
            yield crew
        finally:
            crew.dismiss()

    def verified(self, solution: Solution) -> Solution:
        """The whole run with its estimated errors, stored if they were not known: if asked for, or where errors grow."""
        from dmft.running.verify import needs_verification, verify, verify_amplified
        from dmft.storage import run_file

        asked = self.asked
        wanted = needs_verification(solution) if asked.verify is None else asked.verify
        if not (wanted and solution.complete):
            return solution
        with naming(self.asked.output, OSError, run_file.OutputError):
            found = run_file.read(self.asked.output)
            if not found.estimated_errors:
                if not asked.verify:
                    _say(f"{found.amplification}: solving again to know them", asked.quiet)
                found = (verify if asked.verify else verify_amplified)(found, (self.stop,))
                found.save(self.asked.output)
        return found

    def lead(self) -> ExitCode:
        """Rank 0: solve and report."""
        from dmft.jobs.ranks import wait_for_all

        if self.complete or self.sampled:
            return self.solve()
        try:
            if not self.asked.quiet:
                line = f"{self.comm.size} processes were started; a run is solved by one, the others wait"
                complain(f"{self.asked.file}: {line}")
            return self.solve()
        finally:
            wait_for_all(self.comm)

    def join(self, message: str) -> None:
        """Other ranks: work for rank 0, or wait for it."""
        from dmft.jobs.crew import serve_rank
        from dmft.jobs.ranks import wait_for_all

        start_up.over()
        if message == SHARED:
            serve_rank(self.comm)
            return
        wait_for_all(self.comm)


def _stored(output: Path, asked: Problem) -> Solution | None:
    """Observables of the run to go on from, if there is one."""
    from dmft.storage import run_file

    with naming(output, run_file.OutputError):
        return run_file.continue_from(output, asked, only_observables=True)


def _run(asked: Asked, problem: Problem, observers: tuple[Meter, StopOnSignal], crew: Crew | None) -> Solution:
    """Solve; what is refused or cannot be written is bad input of the file that it is about."""
    import dmft
    from dmft.jobs.locks import InUseError
    from dmft.jobs.tasks import StartError
    from dmft.storage.run_file import OutputError

    with naming(asked.file, dmft.ProblemError), naming(asked.output, OSError, OutputError, InUseError, StartError):
        return dmft.solve(
            problem,
            output=asked.output,
            observers=observers,
            checkpoint_every=asked.checkpoint,
            jobs=asked.jobs,
            crew=crew,
            verify=False,
        )


def _report(solution: Solution, output: Path, speed: str, stop: StopOnSignal, quiet: bool) -> ExitCode:
    """Print one line on the end of the run."""
    outcome, reached = solution.outcome, solution.time[-1]
    if outcome.failed:
        line = f"{outcome.value} at t = {reached:.6g}, residual {solution.residual:.1e}: {solution.advice}"
        complain(f"{output}: {line}")
        return ExitCode.FAILED
    if not solution.complete:
        line = f"stopped by {stop.received} at t = {reached:.6g}: the same command goes on from there"
        complain(f"{output}: {line}")
        return ExitCode.STOPPED
    _say(f"{outcome.value}: {_summary(solution)}, {speed}, {output}", quiet)
    return ExitCode.DONE


def _summary(solution: Solution) -> str:
    """Where a run arrived and what it found, in one line."""
    from dmft.problem.description import smallest

    description = solution.problem.parameters.description
    parts = [f"t = {solution.time[-1]:.6g}", f"{len(solution.time)} nodes"]
    parts += [
        f"{name.replace('_', ' ')} {solution.observables[name][-1]:.6g}{plus_minus(solution.last_error(name), ' +- {:.1g}')}"
        for name in description.summary
    ]
    if description.smallest is not None:
        parts.append(f"smallest {smallest(solution, description.smallest, '.6g')}")
    if said := solution.said_of_errors:
        parts.append(said)
    return ", ".join(parts)


def _say(line: str, quiet: bool) -> None:
    if not quiet:
        say(line)
