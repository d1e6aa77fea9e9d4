"""Every phase can be followed to t = 1e6 in a few hundred nodes."""

from pathlib import Path

import pytest

from dmft import Problem, solve

FILES = sorted((Path(__file__).parents[2] / "runs" / "long_times").glob("*.toml"))


# Three to ten seconds each.
LONG = {"glassy", "pure_noise", "threshold"}


@pytest.mark.parametrize(
    "file", [pytest.param(file, id=file.stem, marks=[pytest.mark.slow] if file.stem in LONG else []) for file in FILES]
)
def test_a_million_units_of_time(file):
    """Nodes and evaluations, not seconds: with more than 20,000 of these, a run would take a minute.

    The network that learns noise comes close to a fold after t = 5e5: rounding decides there whether it takes 420 nodes or 670.
    """
    solution = solve(Problem.load(file))
    assert solution.complete
    assert solution.time[-1] == 1e6
    assert len(solution.time) < 800
    assert solution.iterations < 20_000
