"""Estimated cost of a sweep, measured on pilot runs of a few of its points, spread evenly over the grid."""

from __future__ import annotations

from dataclasses import dataclass

from dmft.problem.sweep import Sweep
from dmft.problem.table import ProblemError
from dmft.running.plan import PILOT_SECONDS, Plan, plan
from dmft.sweeps.folder import spread
from dmft.sweeps.run import by_cost

PILOTS = 5
# Of processor time, for the finer pilots of all points together.
SECONDS = 10.0
# The point of the largest expected cost is looked for among so many.
CANDIDATES = 1000


@dataclass(frozen=True)
class SweepPlan:
    """Cost of a sweep of so many points, of which some were tried.

    nodes, memory, longest: of one point, the largest; bytes of a process, core seconds.
    file_size, seconds: of all points, bytes and core seconds.
    """

    points: int
    tried: int
    nodes: int
    memory: float
    file_size: float
    seconds: float
    longest: float


def plan_sweep(sweep: Sweep) -> SweepPlan:
    """Estimate the cost of a sweep from pilot runs of a few seconds together.

    Raises ProblemError if not even the first cell of any of the points tried can be solved.
    """
    order = spread(len(sweep)).tolist()
    largest = by_cost(sweep, order[:CANDIDATES])[0]
    tried = dict.fromkeys([largest, *order[:PILOTS]])
    limit = min(SECONDS / len(tried), PILOT_SECONDS)
    plans, error = [], ProblemError("no points")
    for index in tried:
        try:
            plans.append(plan(sweep.problem(index), limit))
        except ProblemError as raised:
            error = raised
    if not plans:
        raise error
    return SweepPlan(
        points=len(sweep),
        tried=len(plans),
        nodes=max(planned.nodes for planned in plans),
        memory=max(planned.memory for planned in plans),
        file_size=len(sweep) * _mean([_file_size(planned, sweep.keep) for planned in plans]),
        seconds=len(sweep) * _mean([planned.seconds for planned in plans]),
        longest=max(planned.seconds for planned in plans),
    )


# Of a file without kernels: beside about ten numbers a node, it holds names and units.
BYTES_A_NODE, BYTES_OF_NAMES = 80, 14_000


def _file_size(planned: Plan, keep: str) -> float:
    return planned.file_size if keep == "kernels" else BYTES_OF_NAMES + BYTES_A_NODE * planned.nodes


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)
