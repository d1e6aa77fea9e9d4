"""The march: grid, step control, failures with a name."""

from dataclasses import replace

import numpy as np
import pytest

from dmft import Outcome, Problem, solve
from dmft.engines.cell import Cell
from dmft.engines.fixed_point import Controller, Ending, FixedPoint
from dmft.engines.guess import extrapolated, shortened
from dmft.engines.march import March
from dmft.engines.step_control import FLOOR, StepControl
from dmft.engines.stepper import CUT
from dmft.history.fields import Field
from dmft.history.history import History
from dmft.mathematics.tableau import lagrange, radau
from tests.conftest import reference_problem


def test_last_node_is_t_max(small):
    for t_max in (1e-7, 0.3, 20.0):
        solution = solve(small.replace(t_max=t_max))
        assert solution.time[0] == 0.0
        assert solution.time[-1] == t_max
        assert np.all(np.diff(solution.time) > 0)


def test_weights_integrate_over_the_run(small):
    solution = solve(small)
    t, w = solution.time, solution.weights
    assert w @ np.ones_like(t) == pytest.approx(20.0, rel=1e-13)
    assert w @ t**7 == pytest.approx(20.0**8 / 8, rel=1e-12)


def test_responses_are_densities(small):
    """int R_d(t, s) ds with the weights is what the discrete response sums to, and the kick continues it to t' = 0."""
    solution = solve(small)
    history = solution.state.history
    discrete = small.parameters.build().kernels(history)["R_d"].sum(axis=1)
    integral = solution.kernels["R_d"] @ solution.weights
    stages = small.solver.stages
    np.testing.assert_allclose(integral[stages::stages], discrete[stages::stages], rtol=0.05, atol=1e-6)
    early = solution.kernels["R_d"][40:, 0] / solution.kernels["R_d"][40:, 1]
    np.testing.assert_allclose(early, 1.0, atol=0.02)


@pytest.mark.parametrize("name", ["R_d", "R_o", "R_F"])
def test_densities_within_the_last_cells_are_those_of_kicks(small, name):
    """Also where a response falls faster than the cell is long, and where it vanishes at equal times and peaks in between.

    The last cell takes 0.4 of the whole time here, more than others: densities are off by the more, the longer it is.
    """
    solution = solve(small.replace(t_max=300.0, tolerance=1e-4))
    last = len(solution.time) - 1
    earlier = np.array([last - 1, last - 3, last - 5, last - 8])
    for row in (last, last - 2):
        at = earlier[earlier < row]
        exact = solution.response(name, solution.time[row], solution.time[at])
        largest = np.abs(solution.kernels[name][row]).max()
        np.testing.assert_allclose(solution.kernels[name][row, at], exact, atol=0.06 * largest)


def test_nodes_grow_with_the_logarithm_of_time(small):
    nodes = [len(solve(small.replace(t_max=t, tolerance=1e-3)).time) for t in (1e1, 1e2, 1e3)]
    # A decade costs a few cells more at most, not ten times as many.
    assert max(np.diff(nodes)) < 20 * small.solver.stages


@pytest.mark.slow
def test_long_times_near_the_interpolation_threshold():
    """Anderson acceleration alone cannot take steps in proportion to t here; the run stays short and the errors small."""
    problem = reference_problem("A_quad_meanfield", t_max=3e4, tolerance=1e-4)
    solution = solve(problem)
    assert solution.complete
    assert len(solution.time) < 300
    fine = solve(problem.replace(tolerance=1e-5, stages=6))
    for name in ("train_error", "test_error", "second_layer", "alignment"):
        floor = 1e-3 * np.abs(fine.observables[name]).max()
        value = fine.observables[name][-1]
        assert abs(solution.observables[name][-1] - value) < 1e-4 * max(abs(value), floor)


def test_the_map_of_a_cell_has_no_memory(small):
    """The multipliers have several roots; which one is found depends on x alone, not on what was evaluated before."""
    march = March(small.parameters.build(), small.solver)
    for _ in zip(march, range(5), strict=False):
        pass
    cell = Cell(march.model, march.history, march.tableau, march.next_step)
    x = extrapolated(cell)
    value = cell(x)
    rng = np.random.default_rng(0)
    for size in (0.1, 0.3, 1.0):
        cell(x + size * cell.size(x) * rng.normal(size=x.size))
    np.testing.assert_array_equal(cell(x), value)


TWO_GROUPS = {"neurons": [{"count": 1, "alignment": 0.1}, {"count": 2, "alignment": -0.2}]}


@pytest.mark.parametrize("cells", [0, 5])
@pytest.mark.parametrize("keys", [{}, {"width": 1}, TWO_GROUPS], ids=["two", "one", "groups"])
def test_a_shorter_cell_begins_with_the_values_of_a_longer_one(small, keys, cells):
    """The first guess is ten times closer to the solution than the extrapolation; for an equal length it is the solution."""
    problem = small.replace(**keys)
    march = March(problem.parameters.build(), problem.solver)
    for _ in zip(march, range(cells), strict=False):
        pass
    step = march.next_step if cells else 0.05 * march.next_step
    found = {}
    for part in (1.0, 0.7):
        cell = Cell(march.model, march.history, march.tableau, part * step)
        first = extrapolated(cell)
        found[part] = cell, first, Controller().solve(cell, first, cell.size(first), 1e-9, cell.responses).x
    (longer, _, x), (shorter, first, solved) = found[1.0], found[0.7]
    size, begun = shorter.size(solved), shortened(longer, x, shorter)
    off, extrapolation = (np.abs((guess - solved) / size) for guess in (begun, first))
    assert 0 < off.max() < 0.1 * extrapolation.max()
    np.testing.assert_array_equal(shortened(longer, x, longer)[: shorter.two_time], x[: shorter.two_time])


@pytest.mark.slow
def test_the_multiplier_keeps_the_tolerance_near_a_fold():
    """Along a soft direction a small residual leaves a large error; here a wide network has nearly memorised pure noise."""
    activation = [-0.248, -0.906, -0.325, 0.089, -0.026, -0.060]
    problem = Problem(width=30, samples_per_parameter=0.122, activation=activation, target="none", noise=1.0, init_scale=0.347,
                      t_max=2000.0, tolerance=1e-4)  # fmt: skip
    solution, fine = (solve(problem.replace(tolerance=tolerance)) for tolerance in (1e-4, 1e-6))
    assert solution.complete
    assert solution.errors(fine)["multiplier"] < 1e-4


def test_early_stopping_is_between_the_nodes():
    problem = reference_problem("A_quad_meanfield", t_max=100.0, tolerance=1e-6)
    solution = solve(problem)
    time, value = solution.early_stopping
    assert value <= solution.test_error.min()
    near = [solution.at(time * factor)["test_error"] for factor in (0.99, 1.0, 1.01)]
    assert near[1] == pytest.approx(value, rel=1e-9)
    assert near[1] < min(near[0], near[2])
    fine = solve(problem.replace(tolerance=1e-8, stages=5)).early_stopping
    assert fine.value == pytest.approx(value, rel=1e-6)
    assert fine.time == pytest.approx(time, rel=1e-3)


def test_early_stopping_is_the_first_of_equal_minima(small):
    """An error that has settled goes up and down within the tolerance; nothing is gained after the first minimum."""
    solution = solve(small)
    settled = 1e-2 * small.solver.tolerance * np.cos(np.arange(len(solution.time)))
    values = 1.0 + np.maximum(1.0 - solution.time, 0.0) + settled - 1e-6 * small.solver.tolerance * solution.time
    found = replace(solution, observables={"test_error": values}).early_stopping
    first = np.argmax(solution.time > 1.0)
    assert solution.time[first - 1] < found.time < solution.time[first + 2 * small.solver.stages]
    assert found.time < solution.time[np.argmin(values)]


def test_values_between_the_nodes(small):
    coarse, fine = solve(small), solve(small.replace(tolerance=1e-8))
    for t in (0.0, 0.01, 0.37, 5.0, 20.0):
        for name, value in coarse.at(t).items():
            assert value == pytest.approx(fine.at(t)[name], rel=1e-3, abs=1e-4)
    with pytest.raises(ValueError, match="wanted a time in"):
        coarse.at(21.0)


@pytest.mark.parametrize("stages", [3, 5, 7])
def test_error_estimate_is_the_collocation_error(stages):
    """On y = t^(s+1) the collocation polynomial of y' errs exactly by Phi, which the backward fit must find."""
    tableau = radau(stages)
    control = StepControl(tableau, 1.0, {})
    dt = 0.5

    def collocation(start, step):
        x = tableau.c
        return start ** (stages + 1) + step * tableau.A @ ((stages + 1) * (start + step * x) ** stages)

    old = np.append(0.0, 1.0 - np.append(1.0, 1.0 - tableau.c)[1:])[: stages + 1]
    times = np.append(0.0, tableau.c)
    known = times ** (stages + 1)
    new = collocation(1.0, dt)
    error = np.abs(new - (1.0 + dt * tableau.c) ** (stages + 1)).max()
    missed = control._backward_error((old[times >= 0.5] - 1.0) / dt, known[None, times >= 0.5], new[None])
    assert missed[0] == pytest.approx(error, rel=1e-6)


CURVES = {
    # A function of u = log t, and its slope where it is zero in the cell 0 < u < 1 or soon after it.
    "in the cell": (lambda u: 1.0 - 2.0 * u, 2.0),
    "soon": (lambda u: 1.0 - 0.6 * u, 0.6),
    "soon, slower": (lambda u: (u - 1.5) * (u - 4.0), 2.5),
    "late": (lambda u: 1.0 - 0.4 * u, 0.0),
    "before": (lambda u: 1.0 + 2.0 * u, 0.0),
    "away from zero": (lambda u: np.exp(-3.0 * u), 0.0),
    "zero throughout": (lambda u: 0.0 * u, 0.0),
    "constant": (lambda u: 1.0 + 0.0 * u, 0.0),
}


@pytest.mark.parametrize("curve", CURVES)
@pytest.mark.parametrize("stages", [1, 2, 6])
def test_what_passes_through_zero_is_seen_in_time(curve, stages):
    function, slope = CURVES[curve]
    control, history = StepControl(radau(stages), 1.0, {"a": 0.0}), History([Field("time"), Field("a")])
    history.append({"time": np.ones(1), "a": function(np.zeros(1))})
    dt = np.e - 1.0
    values = function(np.log(1.0 + dt * control.tableau.c))
    largest = max(abs(function(np.zeros(1))[0]), np.abs(values).max())
    expected = slope / (FLOOR * largest) if stages > 1 and largest > 0 else 0.0
    assert control.crossing(history, dt, {"a": values}) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("stages", [1, 2])
def test_runs_begin_where_observables_are_zero(small, stages):
    solution = solve(small.replace(alignment=0.0, stages=stages, tolerance=0.05, t_max=0.1))
    assert solution.neuron_overlap[0] == 0.0
    assert solution.complete


def test_lagrange_polynomials():
    nodes = np.array([0.0, 0.2, 1.0])
    np.testing.assert_allclose(lagrange(nodes, np.array([0.5])).T @ nodes**2, [0.25])


def test_node_limit_is_a_named_outcome(small):
    solution = solve(small.replace(max_nodes=20))
    assert solution.outcome is Outcome.STUCK
    assert solution.outcome.failed
    assert "max_nodes" in solution.outcome.advice
    assert np.isfinite(solution.test_error).all()


def test_no_convergence_is_a_named_outcome(small, monkeypatch):
    """All that was accepted before is kept."""
    solve_cell = Controller.solve

    def fail_later(self, G, x, size, tolerance, part):
        found = solve_cell(self, G, x, size, tolerance, part)
        return FixedPoint(x, Ending.EXHAUSTED, found.residuals) if G.n > 30 else found

    monkeypatch.setattr(Controller, "solve", fail_later)
    solution = solve(small)
    assert solution.outcome is Outcome.NOT_CONVERGED
    assert len(solution.time) == 31
    assert not solution.complete
    assert solution.residual > 0


def test_a_run_that_crawls_is_stuck(small):
    """Steps that shrink against t, here those of backward Euler, are not followed for ever."""
    solution = solve(small.replace(stages=1, smallest_step=0.5))
    assert solution.outcome is Outcome.STUCK
    assert len(solution.time) < 100


def test_overflow_is_a_named_outcome():
    solution = solve(Problem(width=2, samples_per_parameter=1.0, activation=[0, 1.0], init_scale=1e200, noise=1.0, t_max=1.0))
    assert solution.outcome is Outcome.NOT_FINITE


def test_failed_cells_are_tried_with_shorter_steps(small, monkeypatch):
    """A cell that fails at first is not the end: the step is shortened and the run goes on."""
    attempts = []
    attempt = March._attempt

    def fail_twice(self, step):
        attempts.append(step)
        tried = attempt(self, step)
        return type(tried)(**{**tried.__dict__, "error": np.inf}) if len(attempts) in (4, 5) else tried

    monkeypatch.setattr(March, "_attempt", fail_twice)
    solution = solve(small)
    assert solution.complete
    assert attempts[4] == pytest.approx(attempts[3] * CUT)
    assert attempts[5] == pytest.approx(attempts[3] * CUT**2)
