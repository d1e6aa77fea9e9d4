"""Nodes of solutions that are known as functions of time: as far apart as the tolerance allows, and at every kink."""

import numpy as np
import pytest

from dmft import Outcome, Problem, solve
from dmft.engines.closed_form import ClosedForm
from dmft.engines.kinds import expected_nodes
from dmft.problem import registry
from dmft.problem.description import Description, Quantity
from dmft.problem.parameters import Parameters
from tests.comparison import assert_same, datasets
from tests.hinge import hinge


class Sawtooth:
    """|sin| of log t, with kinks, beside its sign, which jumps, a smooth function, and nothing."""

    observables = ("height", "side", "decay", "nothing")
    steps = frozenset({"side"})
    fastest_rate = 3.0
    expected_kinks = 5.0

    def next_kink(self, time):
        return np.expm1(np.pi * (1 + np.floor(np.log1p(time) / np.pi + 1e-9)))

    def evaluate(self, t):
        phase = np.log1p(t)
        side = np.where(np.ceil(phase / np.pi - 1e-9) % 2 == 1, 1.0, -1.0)
        return {"height": np.abs(np.sin(phase)), "side": side, "decay": np.exp(-t), "nothing": np.zeros_like(t)}


class SawtoothParameters(Parameters):
    description = Description(
        title=(),
        observables={name: Quantity("1", name, name) for name in Sawtooth.observables},
        kernels={},
        summary=("height",),
        swept=(),
        citations=(),
    )

    @property
    def kind(self) -> str:
        return "closed-form"

    def build(self):
        return Sawtooth()


@pytest.fixture
def sawtooth():
    """A problem of a model that is registered for the test."""
    with registry.trying("sawtooth", SawtoothParameters):
        yield lambda **keys: Problem(**{"model": "sawtooth", "t_max": 1e4, **keys})


@pytest.mark.parametrize("stages", [2, 6, 9])
@pytest.mark.parametrize("tolerance", [1e-3, 1e-6])
def test_tolerance_holds_between_nodes_and_kinks(sawtooth, stages, tolerance):
    solution = solve(sawtooth(stages=stages, tolerance=tolerance))
    assert solution.complete
    times = np.geomspace(1e-3, 1e4, 2000)
    exact = Sawtooth().evaluate(times)
    found = [solution.at(t) for t in times]
    for name in ("height", "decay", "nothing"):
        values = np.array([row[name] for row in found])
        scale = np.maximum(np.abs(exact[name]), 1e-3)
        assert (np.abs(values - exact[name]) / scale).max() < 1.5 * tolerance, name


def test_cells_end_at_kinks(sawtooth):
    solution = solve(sawtooth())
    kinks = np.expm1(np.pi * np.arange(1, 3))
    ends = solution.time[::6]
    for kink in kinks:
        assert np.abs(ends / kink - 1).min() < 1e-12
    assert np.isin(solution.side, (-1.0, 1.0)).all()
    assert solution.weights.sum() == pytest.approx(1e4)


def test_nodes_are_as_many_as_expected():
    for problem in (hinge(t_max=1e6), hinge(samples=100, dimension=10, t_max=1e6)):
        assert len(solve(problem).time) == pytest.approx(expected_nodes(problem), rel=0.5)


def test_stops_at_the_limit_of_nodes(sawtooth):
    solution = solve(sawtooth(max_nodes=20))
    assert solution.outcome is Outcome.STUCK
    assert len(solution.time) <= 20


def test_what_is_not_finite_is_named(sawtooth, monkeypatch):
    def overflows(self, t):
        return {name: np.where(t > 3.0, np.nan, np.exp(-t)) for name in self.observables}

    monkeypatch.setattr(Sawtooth, "evaluate", overflows)
    solution = solve(sawtooth())
    assert solution.outcome is Outcome.NOT_FINITE
    assert solution.time[-1] <= 3.0
    assert solution.time[-1] > 2.5


def test_resumed_run_is_the_same_to_the_last_bit(tmp_path):
    problem = hinge(samples=30, dimension=5, t_max=1e3)
    solve(problem, output=tmp_path / "whole.h5")
    for nodes in (20, 50, 20_000):
        solve(problem.replace(max_nodes=nodes), output=tmp_path / "parts.h5")
    assert_same(datasets(tmp_path / "whole.h5"), datasets(tmp_path / "parts.h5"))


def test_long_times_cost_no_more():
    """Nodes per decade: a run to 1e8 has as many again as one to 1e4, at most."""
    short, long = (solve(hinge(t_max=t_max)) for t_max in (1e4, 1e8))
    assert long.complete
    assert len(long.time) < 2 * len(short.time)


def test_steps_of_an_engine_are_reported():
    engine = ClosedForm(hinge().parameters.build(), hinge().solver)
    cells = list(engine)
    assert [cell.nodes for cell in cells] == [1 + 6 * (k + 1) for k in range(len(cells))]
    assert all(cell.error <= 1 for cell in cells)
    assert cells[-1].time == 10.0
