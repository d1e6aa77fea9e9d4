"""Run one problem: build its engine, advance, checkpoint, tell the observers, return the solution."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from time import monotonic

import numpy as np
from threadpoolctl import threadpool_limits

from dmft.engines.base import AcceptedCell, Engine
from dmft.engines.kinds import carried_over
from dmft.engines.kinds import engine as begin
from dmft.engines.method import Method
from dmft.engines.outcome import Outcome
from dmft.engines.sampled import Crew, Sampled
from dmft.problem.problem import Problem
from dmft.problem.table import ProblemError
from dmft.results.solution import Solution, State, refuse_other_problem
from dmft.running.cost import refuse_too_large
from dmft.running.exclusive import exclusive_output

Observer = Callable[[Engine, AcceptedCell], None]


class StopRun(Exception):
    """Raised by an observer to end the run after the cell it was told of."""


@exclusive_output
def solve(
    problem: Problem | str | Path,
    *,
    output: str | Path | None = None,
    start: Solution | None = None,
    observers: Sequence[Observer] = (),
    checkpoint_every: float = 30.0,
    engine: Method | None = None,
    jobs: int = 1,
    crew: Crew | None = None,
    verify: bool | None = None,
) -> Solution:
    """Solve one problem from t = 0, or from where `start` or the file `output` ends, to its t_max.

    problem: a Problem, or the path of a problem file.
    output: run file to write; checkpointed every `checkpoint_every` seconds, and continued if it exists.  A file that holds
        another problem, or that another process is writing, is refused (ProblemError).
    start: a solution of the same problem to continue, with the same or a larger t_max.
    observers: called after every accepted cell; one that raises StopRun ends the run as interrupted.
    engine: an engine with options of its own, such as `dmft.engines.method.Radau(fixed_point=Anderson(depth=5))`.
    jobs: processes that share the samples of the exact theory; other theories are solved by this one.
    crew: processes that are there already, such as `dmft.jobs.crew.crew_of_ranks(comm)`, in place of `jobs`.
    verify: estimate the errors of a complete run by a second one to a tenth of the tolerance, `solution.estimated_errors`.  If
        not given, where early errors may have grown beyond the tolerance, as they do on the way out of a saddle.

    Raises ProblemError, too, for a problem whose kernels cannot fit into memory.
    Failure of the mathematics is not raised: look at `solution.outcome`, all accepted cells are kept.
    """
    began, problem = monotonic(), Problem.of(problem)
    if jobs < 1:
        raise ProblemError(f"jobs = {jobs}: wanted a whole number >= 1")
    if start is not None:
        refuse_other_problem(start, problem)
        start = replace(start, state=State(start.state.history.copy(), start.state.next_step))
    if output is not None:
        from dmft.storage import run_file

        output = Path(output)
        start = run_file.continue_from(output, problem) or start
    # The products are thin: one BLAS thread is fastest, and makes results independent of the machine's core count.
    # What overflows becomes a residual that is not finite, and a named outcome.
    with threadpool_limits(limits=1, user_api="blas"), np.errstate(all="ignore"):
        refuse_too_large(problem)
        march, iterations, earlier = begin(problem, method=engine), 0, 0.0
        if start is not None:
            history = carried_over(start.state.history, start.problem, problem)
            march = begin(problem, history, start.state.next_step, engine)
            march.residual, iterations, earlier = start.residual, start.iterations, start.wall_time

        def snapshot(outcome: Outcome) -> Solution:
            return _solution(problem, march, outcome, iterations, earlier + monotonic() - began)

        written = monotonic()
        with _shared(march, jobs, crew):
            try:
                for cell in march:
                    iterations += cell.iterations
                    for observe in observers:
                        observe(march, cell)
                    if output is not None and monotonic() - written > checkpoint_every:
                        _keep(output, snapshot(Outcome.RUNNING))
                        written = monotonic()
                outcome = march.outcome
            except StopRun:
                outcome = Outcome.INTERRUPTED if march.time < problem.solver.t_max else Outcome.DONE
            solution = _with_distributions(snapshot(outcome), march)
    if output is not None:
        _keep(output, solution)
    return solution if verify is False or not solution.complete else _verified(solution, output, bool(verify))


def _verified(solution: Solution, output: Path | None, asked: bool) -> Solution:
    """The complete run with its estimated errors, if this was asked for or early errors may have grown; kept in the file."""
    from dmft.running import verify

    found = verify.verify(solution) if asked else verify.verify_amplified(solution)
    if output is not None and found is not solution:
        _keep(output, found)
    return found


def _keep(output: Path, solution: Solution) -> None:
    """Write a run file; only runs that are kept load HDF5."""
    from dmft.storage import run_file

    run_file.write(output, solution)


@contextmanager
def _shared(march: Engine, jobs: int, crew: Crew | None) -> Iterator[None]:
    """Let processes share the samples of an engine that has some."""
    own = None
    if isinstance(march, Sampled):
        from dmft.jobs.crew import crew_of_processes

        own = crew_of_processes(min(jobs, len(march.model.sets))) if crew is None and jobs > 1 else None
        march.crew = crew or own or march.crew
    try:
        yield
    finally:
        if own is not None:
            own.dismiss()


def _with_distributions(solution: Solution, march: Engine) -> Solution:
    """A run that has come to its end with distributions over its samples, if it has some."""
    if not isinstance(march, Sampled) or solution.outcome is Outcome.INTERRUPTED:
        return solution
    found, errors = march.distributions(solution.problem.output.times)
    return replace(solution, distributions=found, standard_errors=solution.standard_errors | errors)


def _solution(problem: Problem, march: Engine, outcome: Outcome, iterations: int, wall_time: float) -> Solution:
    history, results = march.history, march.results()
    return Solution(
        problem=problem,
        time=history["time"].copy(),
        weights=history["weights"].copy(),
        observables=results.observables,
        kernels=results.kernels,
        order_parameters=results.order_parameters,
        standard_errors=results.standard_errors,
        outcome=outcome,
        state=State(history, march.next_step),
        iterations=iterations,
        residual=march.residual,
        wall_time=wall_time,
    )
