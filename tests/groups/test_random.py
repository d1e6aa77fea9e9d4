"""Random groups: what the order of groups, equal groups and the choice of directions may not change."""

import math
import os
from itertools import permutations

import numpy as np
import pytest

from dmft import Problem, solve
from tests.comparison import same_groups
from tests.random_problems import drawn

SEED = int(os.environ.get("DMFT_SEED", "1"))
# Relative to the tolerance, 1e-5.
ROUNDING = 1e-2


def split(group: dict) -> list[dict]:
    """Two halves of a group."""
    size = {"fraction": group["fraction"] / 2} if group.get("fraction") else {"count": group["count"] // 2}
    return [{**group, **size}] * 2


def turned(problem: Problem, angle: float) -> Problem:
    """The same problem in two turned directions: p . z, and z . Q z - tr Q with Q = [[q_11, q_12], [q_12, q_22]]."""
    given = problem.tables["problem"]
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    of = {index: given["target"].get(index, 0.0) for index in ("1,0", "0,1", "2,0", "1,1", "0,2")}
    p = turn @ [of["1,0"], of["0,1"]]
    Q = np.array([[of["2,0"] / math.sqrt(2), of["1,1"] / 2], [of["1,1"] / 2, of["0,2"] / math.sqrt(2)]])
    Q = turn @ Q @ turn.T
    target = {"1,0": p[0], "0,1": p[1], "2,0": math.sqrt(2) * Q[0, 0], "0,2": math.sqrt(2) * Q[1, 1], "1,1": 2 * Q[0, 1]}
    neurons = [{**group, "alignment": (turn @ group["alignment"]).tolist()} for group in given["neurons"]]
    return problem.replace(target=target, neurons=neurons)


def check(index: int) -> None:
    """All of it, at one problem."""
    problem = drawn("groups", SEED, index).replace(tolerance=1e-5, t_max=3.0)
    label = f"DMFT_SEED={SEED}, groups {index}: {problem.to_toml()}"
    groups, whole, bound = problem.tables["problem"]["neurons"], solve(problem), ROUNDING * 1e-5
    order = list(permutations(range(len(groups))))[-1]
    mixed = solve(problem.replace(neurons=[groups[place] for place in order]))
    same_groups(whole, mixed, [order.index(place) for place in range(len(groups))], bound, label)
    halves = solve(problem.replace(neurons=[*split(groups[0]), *groups[1:]]))
    same_groups(whole, halves, [0, *range(2, len(groups) + 1)], bound, label)
    if problem.parameters.axes["direction"] == 2:
        angle = 0.7
        other = solve(turned(problem, angle))
        turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
        other.observables["alignment"] = other.alignment @ turn
        same_groups(whole, other, list(range(len(groups))), bound, label)


def test_a_random_problem_with_groups():
    check(0)


@pytest.mark.slow
@pytest.mark.parametrize("index", range(1, 8))
def test_random_problems_with_groups(index):
    check(index)
