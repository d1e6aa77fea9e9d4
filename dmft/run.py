"""Run one problem: build its model, march, checkpoint, tell the observers, return the solution."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from time import monotonic

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from dmft.cost import refuse_too_large
from dmft.problem import Problem
from dmft.solution import Solution, State, refuse_other_problem
from dmft.solver.march import AcceptedCell, March
from dmft.solver.outcome import Outcome

Array = NDArray[np.float64]

Observer = Callable[[March, AcceptedCell], None]


class StopRun(Exception):
    """Raised by an observer to end the run after the cell it was told of."""


def solve(
    problem: Problem,
    *,
    output: str | Path | None = None,
    start: Solution | None = None,
    observers: Sequence[Observer] = (),
    checkpoint_every: float = 30.0,
) -> Solution:
    """Solve one problem from t = 0, or from where `start` or the file `output` ends, to its t_max.

    output: run file to write; checkpointed every `checkpoint_every` seconds, and continued if it exists.  A file that holds
        another problem is refused (ProblemError).
    start: a solution of the same problem to continue, with the same or a larger t_max.
    observers: called after every accepted cell; one that raises StopRun ends the run as interrupted.

    Raises ProblemError, too, for a problem whose kernels cannot fit into memory.
    Failure of the mathematics is not raised: look at `solution.outcome`, all accepted cells are kept.
    """
    began = monotonic()
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
        march = _march(problem, start)
        iterations, earlier = (start.iterations, start.wall_time) if start else (0, 0.0)

        def snapshot(outcome: Outcome) -> Solution:
            return _solution(problem, march, outcome, iterations, earlier + monotonic() - began)

        written = monotonic()
        try:
            for cell in march:
                iterations += cell.iterations
                for observe in observers:
                    observe(march, cell)
                if output is not None and monotonic() - written > checkpoint_every:
                    snapshot(Outcome.RUNNING).save(output)
                    written = monotonic()
            outcome = march.outcome
        except StopRun:
            outcome = Outcome.INTERRUPTED if march.time < problem.solver.t_max else Outcome.DONE
        solution = snapshot(outcome)
    if output is not None:
        solution.save(output)
    return solution


def _march(problem: Problem, start: Solution | None) -> March:
    """The march of a problem, from t = 0 or from the state of `start`, which it takes over."""
    model = problem.parameters.build()
    if start is None:
        return March(model, problem.solver)
    march = March(model, problem.solver, start.state.history, start.state.next_step)
    march.residual = start.residual
    return march


def _solution(problem: Problem, march: March, outcome: Outcome, iterations: int, wall_time: float) -> Solution:
    history, model = march.history, march.model
    kernels = model.kernels(history)
    time, weights = history["time"], history["weights"]
    for name, (kick, equal_time) in model.responses(history).items():
        kernels[name] = densities(kernels[name], kick, equal_time, time, weights, problem.solver.stages)
    return Solution(
        problem=problem,
        time=time.copy(),
        weights=weights.copy(),
        observables={name: history[name].copy() for name in model.observables},
        kernels=kernels,
        outcome=outcome,
        state=State(history, march.next_step),
        iterations=iterations,
        residual=march.residual,
        wall_time=wall_time,
    )


def densities(response: Array, kick: Array, equal_time: Array, time: Array, weights: Array, stages: int) -> Array:
    """Turn discrete responses, quadrature weight included, into densities R(t, t'), shape (n, n).

    R_ij = int R(t_i, s) L_j(s) ds with L_j the Lagrange polynomials of the cell of node j.  For the cells before that of
    node i, R_ij/weight_j is the projection of R(t_i, .) on polynomials, as Gauss-Radau quadrature is exact for the products
    L_j L_k.  Inside its own cell R(t_i, .) goes from its value at the last node before to R(t_i, t_i) as a power of time that
    gives it the right integral: it may fall much faster than the cell is long.  Where that integral lies outside of what a
    monotone function can have, it is the parabola with it.  Column 0 is the response to a kick at t = 0.
    """
    density = np.zeros_like(response)
    density[:, 1:] = response[:, 1:] / weights[1:]
    density[:, 0] = kick
    for first in range(1, len(time), stages):
        own = slice(first, first + stages)
        span = time[own] - time[first - 1]
        x = np.minimum(span[None, :] / span[:, None], 1.0)
        mean = response[own, own].sum(axis=1, keepdims=True) / span[:, None]
        start, end = density[own, first - 1, None], equal_time[own, None]
        with np.errstate(divide="ignore", invalid="ignore"):
            power = (end - start) / (mean - start) - 1
        monotone = start + (end - start) * x ** np.maximum(power, 0.0)
        parabola = start + (end - start) * x + 6 * x * (1 - x) * (mean - (start + end) / 2)
        density[own, own] = np.tril(np.where(power >= 0, monotone, parabola))
    return density
