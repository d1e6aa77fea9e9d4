"""Equations that are not smooth, with steps of their own: order, tolerance at jumps, resuming."""

from dataclasses import dataclass

import numpy as np
import pytest

from dmft import Outcome, Solution, solve
from dmft.engines.base import Engine
from dmft.engines.doubling import Doubling
from dmft.engines.kinds import expected_nodes
from dmft.problem.settings import SolverSettings
from dmft.running.cost import latest_values
from tests.comparison import assert_same, datasets
from tests.hinge import one_sided


def midpoint(y, rate, step):
    """The implicit midpoint rule for dy/dt = -rate y."""
    return y * (1 - rate * step / 2) / (1 + rate * step / 2)


@dataclass(frozen=True)
class Switched:
    """dy/dt = -y while y > 1/2, -3 y afterwards, beside the time itself; the switch is found within a step, to its order."""

    breaks: float = np.inf
    observables = ("value", "side", "clock")
    jumps = frozenset({"side"})
    fastest_rate = 1.0

    def start(self):
        return np.array([1.0, 0.0])

    def advance(self, y, step):
        value, time = y
        before = midpoint(value, 1.0, step)
        if value > 0.5 and before > 0.5:
            after = before
        else:
            left = step * min((0.5 - before) / (value - before), 1.0)
            after = midpoint(min(value, 0.5), 3.0, left)
        return np.array([np.nan if time > self.breaks else after, time + step])

    def observe(self, y):
        return {"value": float(y[0]), "side": float(y[0] > 0.5), "clock": float(y[1])}


def run(model, t_max, **settings) -> Doubling:
    engine = Doubling(model, SolverSettings(t_max=t_max, **settings))
    with np.errstate(all="ignore"):
        for _ in engine:
            pass
    return engine


@pytest.mark.parametrize("stages", [2, 6])
@pytest.mark.parametrize("tolerance", [1e-2, 1e-3, 1e-4])
def test_tolerance_is_kept(stages, tolerance):
    """To a factor that depends on the problem, as the switch makes relative errors three times as large, and all add up.

    At the nodes, and half way between them, beside the switch too.
    """
    engine: Engine = run(Switched(), 1.0, tolerance=tolerance, stages=stages)
    assert engine.outcome is Outcome.DONE
    t, y = engine.history["time"], engine.history["value"]
    for first in range(0, len(t) - 1, stages):
        cell = slice(first, first + stages + 1)
        between = t[first] + (t[first + stages] - t[first]) * engine.tableau.between
        assert np.abs(y[cell] / exact(t[cell]) - 1).max() < 5 * tolerance
        assert np.abs(y[cell] @ engine.tableau.interpolation / exact(between) - 1).max() < 5 * tolerance


def exact(t):
    return np.where(t < np.log(2), np.exp(-t), 0.5 * np.exp(-3 * (t - np.log(2))))


def test_nodes_are_those_of_all_engines():
    engine = run(Switched(), 4.0, tolerance=1e-3)
    assert engine.time == 4.0
    assert engine.history["weights"].sum() == pytest.approx(4.0)
    assert (engine.history.n - 1) % 6 == 0
    np.testing.assert_array_equal(engine.history["y"], [engine.history["value"][-1], engine.history["clock"][-1]])
    assert set(engine.results().observables) == {"value", "side", "clock"}


def test_cells_are_short_at_the_jump_alone():
    cells = list(Doubling(Switched(), SolverSettings(t_max=4.0, tolerance=1e-4)))
    steps, ends = np.array([cell.step for cell in cells]), np.array([cell.time for cell in cells])
    shortest = np.argmin(np.where(ends > 0.2, steps, np.inf))
    assert ends[shortest] == pytest.approx(np.log(2), abs=0.02)
    assert steps[shortest] < 0.1 * np.median(steps)


def test_what_is_not_finite_is_named():
    engine = run(Switched(breaks=1.0), 4.0, tolerance=1e-3)
    assert engine.outcome is Outcome.NOT_FINITE
    assert 0.9 < engine.time < 1.1
    assert np.isfinite(engine.history["value"]).all()


def test_stops_at_the_limit_of_nodes():
    engine = run(Switched(), 4.0, tolerance=1e-4, max_nodes=30)
    assert engine.outcome is Outcome.STUCK
    assert engine.history.n <= 30


def test_resumed_run_is_the_same_to_the_last_bit(tmp_path):
    problem = one_sided(t_max=10.0, tolerance=1e-2)
    whole = solve(problem, output=tmp_path / "whole.h5")
    for nodes in (20, 50, 20_000):
        solve(problem.replace(max_nodes=nodes), output=tmp_path / "parts.h5")
    assert_same(datasets(tmp_path / "whole.h5"), datasets(tmp_path / "parts.h5"))
    assert whole.complete
    assert len(whole.time) > 60


def test_of_the_state_a_file_holds_the_last_node_alone(tmp_path):
    problem = one_sided(t_max=1.0, tolerance=1e-2)
    solve(problem, output=tmp_path / "run.h5")
    stored = datasets(tmp_path / "run.h5")
    assert stored["state/y"].shape == (100 * 6 + 25,)
    assert latest_values(problem) == stored["state/y"].size
    longer = solve(problem.replace(t_max=2.0), output=tmp_path / "run.h5")
    assert longer.complete
    assert Solution.load(tmp_path / "run.h5").time[-1] == 2.0


@pytest.mark.parametrize(
    "keys",
    [{"tolerance": 1e-2}, pytest.param({"laziness": 0.1, "tolerance": 1e-3}, marks=pytest.mark.slow)],
    ids=["rich", "lazy"],
)
def test_nodes_are_about_as_many_as_expected(keys):
    problem = one_sided(t_max=100.0, **keys)
    assert 0.5 < len(solve(problem).time) / expected_nodes(problem) < 2.0
