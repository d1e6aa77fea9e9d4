"""What a run will cost, before it runs: measured on two pilot runs at loose tolerances, each cut after a few seconds.

Each decade of tolerance multiplies the nodes by about the same factor, and each decade of time adds about the same number.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log, log10
from time import process_time

import psutil

from dmft.cost import BYTES, one_time_values, two_time_arrays, working_memory
from dmft.problem import Problem, ProblemError
from dmft.run import StopRun, solve
from dmft.solution import Solution
from dmft.solver.base import AcceptedCell, Engine
from dmft.solver.engine import engine_type

PILOT_TOLERANCES = (1e-4, 1e-6)
PILOT_SECONDS = 3.0


@dataclass(frozen=True)
class Plan:
    """Cost of a problem file: number of points; and nodes, peak resident memory and file size in bytes, core seconds of one."""

    points: int
    nodes: int
    memory: float
    file_size: float
    seconds: float


def plan(problem: Problem) -> Plan:
    """Estimate the cost of a run from pilot runs of at most a few seconds.

    Raises ProblemError if not even the first cell can be solved.
    Memory counts this process as it is after the pilots, which have loaded all that a run loads.
    """
    import dmft.storage.run_file  # noqa: F401  # a run that writes its file loads it

    tolerance = problem.solver.tolerance
    coarse, fine = (max(tolerance, pilot) for pilot in PILOT_TOLERANCES)
    pilot, nodes, seconds = _pilot(problem.replace(tolerance=coarse))
    if fine < coarse:
        first = nodes
        pilot, nodes, seconds = _pilot(problem.replace(tolerance=fine))
        more = (nodes / first) ** (log10(fine / tolerance) / log10(coarse / fine))
        nodes, seconds = nodes * more, seconds * more ** engine_type(problem).power
    nodes = min(nodes, problem.solver.max_nodes)
    one_time = one_time_values(problem) + sum(values[0].size for values in pilot.order_parameters.values())
    return Plan(
        points=1,
        nodes=round(nodes),
        memory=psutil.Process().memory_info().rss + working_memory(problem, nodes),
        file_size=BYTES * nodes * (one_time + (two_time_arrays(problem) + len(pilot.kernels)) * nodes),
        seconds=seconds,
    )


def _pilot(problem: Problem) -> tuple[Solution, float, float]:
    """What a few seconds reach, and nodes and seconds to t_max, extrapolated in log t."""
    trace: list[tuple[float, float]] = []
    began = process_time()

    def stop_in_time(march: Engine, cell: AcceptedCell) -> None:
        trace.append((cell.time, process_time() - began))
        if trace[-1][1] > PILOT_SECONDS:
            raise StopRun

    solution = solve(problem, observers=[stop_in_time])
    if not trace:
        raise ProblemError(f"the first cell fails ({solution.outcome.value}): {solution.outcome.advice}")
    (first, _), (reached, seconds) = trace[0], trace[-1]
    nodes = len(solution.time)
    missing = log(problem.solver.t_max / reached) / log(reached / first) if reached > first else 0.0
    return solution, nodes * (1 + missing), seconds * (1 + missing) ** engine_type(problem).power
