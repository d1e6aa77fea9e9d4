"""Estimated cost of a run, measured on pilot runs of at most a few seconds each: two where steps are adaptive.

Each decade of tolerance multiplies the nodes by about the same factor, and each decade of time adds about the same number;
steps of equal length are counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log10
from time import monotonic, process_time

import psutil

from dmft.engines.base import AcceptedCell, Engine
from dmft.engines.kinds import engine_type
from dmft.problem.problem import Problem
from dmft.problem.table import ProblemError
from dmft.results.solution import Solution
from dmft.running.cost import BYTES, latest_values, one_time_values, two_time_arrays, working_memory
from dmft.running.solve import StopRun, solve

PILOT_TOLERANCES = (1e-4, 1e-6)
# Of processor time, for a pilot.  On a busy machine it may take longer, but not WAIT times as long.
PILOT_SECONDS, WAIT = 3.0, 3.0


@dataclass(frozen=True)
class Plan:
    """Cost of a problem file: number of points; and nodes, peak resident memory and file size in bytes, core seconds of one."""

    points: int
    nodes: int
    memory: float
    file_size: float
    seconds: float


def plan(problem: Problem, seconds: float = PILOT_SECONDS) -> Plan:
    """Estimate the cost of a run from pilot runs of at most `seconds` each, the last cell apart.

    Raises ProblemError if not even the first cell can be solved.
    Memory counts this process as it is after the pilots, which have loaded all that a run loads.
    """
    import dmft.storage.run_file  # noqa: F401  # a run that writes its file loads it

    tolerance, engine = problem.solver.tolerance, engine_type(problem)
    coarse, fine = (max(tolerance, pilot) for pilot in PILOT_TOLERANCES)
    pilot, nodes, expected = _pilot(problem.replace(tolerance=coarse), seconds)
    if engine.adaptive and fine < coarse:
        first = nodes
        pilot, nodes, expected = _pilot(problem.replace(tolerance=fine), seconds)
        more = (nodes / first) ** (log10(fine / tolerance) / log10(coarse / fine))
        nodes, expected = nodes * more, expected * more**engine.power
    nodes = min(nodes, problem.solver.max_nodes)
    one_time = one_time_values(problem) + sum(values[0].size for values in pilot.order_parameters.values())
    return Plan(
        points=1,
        nodes=round(nodes),
        memory=psutil.Process().memory_info().rss + working_memory(problem, nodes),
        file_size=BYTES
        * (nodes * (one_time + (two_time_arrays(problem) + len(pilot.kernels)) * nodes) + latest_values(problem)),
        seconds=expected,
    )


def _pilot(problem: Problem, limit: float) -> tuple[Solution, float, float]:
    """The solution that `limit` seconds reach, and the nodes and seconds to t_max, extrapolated by the engine's clock.

    Time counts from the first cell on, before which code may have been compiled.
    """
    began, deadline = process_time(), monotonic() + WAIT * limit
    trace: list[tuple[float, int, float]] = []

    def stop_in_time(march: Engine, cell: AcceptedCell) -> None:
        trace.append((cell.time, cell.nodes, process_time()))
        if trace[-1][-1] - trace[0][-1] > limit or monotonic() > deadline:
            raise StopRun

    solution = solve(problem, observers=[stop_in_time], verify=False)
    if not trace:
        raise ProblemError(f"the first cell fails ({solution.outcome.value}): {solution.advice}")
    if len(trace) == 1:
        return solution, trace[0][1], trace[0][-1] - began
    engine = engine_type(problem)
    (first, first_nodes, began), (reached, nodes, ended) = trace[0], trace[-1]
    clock, power = engine.clock, engine.power
    missing = (nodes - first_nodes) * (clock(problem.solver.t_max) - clock(reached)) / (clock(reached) - clock(first))
    return solution, nodes + missing, (ended - began) * (nodes + missing) ** power / (nodes**power - first_nodes**power)
