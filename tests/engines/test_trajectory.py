"""Ordinary differential equations: closed forms, stiffness, saddles, order, resuming."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from dmft import Outcome
from dmft.engines import stepper
from dmft.engines.base import Engine
from dmft.engines.collocation import Newton, Stages
from dmft.engines.step_control import FLOOR
from dmft.engines.trajectory import Trajectory
from dmft.history.history import History
from dmft.mathematics.differences import jacobian
from dmft.mathematics.tableau import lagrange, radau
from dmft.problem.settings import SolverSettings


@dataclass(frozen=True)
class Equations:
    """dy/dt = f(t, y) with the entries of y as observables."""

    first: tuple[float, ...]
    f: Callable
    observable_sizes = {}

    @property
    def observables(self):
        return tuple(f"o{i}" for i in range(len(self.first)))

    def start(self):
        return np.array(self.first)

    def rate(self, time, y):
        return np.asarray(self.f(time, y), dtype=float)

    @property
    def jacobian_cost(self):
        return len(self.first)

    def jacobian(self, time, y):
        return jacobian(lambda y: self.rate(time, y), y, np.maximum(np.abs(y), 1.0))

    def observe(self, y):
        return dict(zip(self.observables, y, strict=True))

    def order_parameters(self, y):
        return {"y": y.T}


STIFF = Equations((2.0, 1.0), lambda t, y: (-1000.0 * (y[0] - np.cos(t)), y[0] - y[1]))
VAN_DER_POL = Equations((2.0, 0.0), lambda t, y: (y[1], 20.0 * (1 - y[0] ** 2) * y[1] - y[0]))


def run(model, t_max, tolerance=1e-5, **settings) -> Trajectory:
    engine = Trajectory(model, SolverSettings(t_max=t_max, tolerance=tolerance, **settings))
    with np.errstate(all="ignore"):
        for _ in engine:
            pass
    return engine


def worst(engine, exact):
    """Largest error of any entry at any node, in the sense of the tolerance."""
    y = engine.history["y"]
    scale = np.maximum(np.abs(exact), FLOOR * np.abs(exact).max(axis=1, keepdims=True))
    return float((np.abs(y - exact) / scale).max())


def test_is_an_engine():
    engine: Engine = run(STIFF, 1.0)
    assert engine.outcome is Outcome.DONE
    assert engine.time == 1.0
    assert isinstance(engine.history, History)
    results = engine.results()
    np.testing.assert_array_equal(results.order_parameters["y"], engine.history["y"].T)
    np.testing.assert_array_equal(results.observables["o1"], engine.history["y"][1])


@pytest.mark.parametrize(
    ("stages", "tolerance"),
    [
        # Two stages need a second for the smallest tolerance.
        pytest.param(stages, tolerance, marks=[pytest.mark.slow] if stages == 2 and tolerance < 1e-5 else [])
        for stages in (2, 3, 4, 6, 8)
        for tolerance in (1e-3, 1e-5, 1e-7)
    ],
)
def test_tolerance_is_kept(stages, tolerance):
    """A plateau that is left, x' = x (1 - x), and a decay driven from outside, z' = -2 (z - 1/(1 + t)) - 1/(1 + t)^2."""
    model = Equations((0.01, 3.0), lambda t, y: (y[0] * (1 - y[0]), -2 * (y[1] - 1 / (1 + t)) - 1 / (1 + t) ** 2))
    engine = run(model, 100.0, tolerance, stages=stages)
    t = engine.history["time"]
    assert worst(engine, np.array([1 / (1 + 99 * np.exp(-t)), 1 / (1 + t) + 2 * np.exp(-2 * t)])) < tolerance


def test_errors_of_ten_turns_add_up_to_little():
    engine = run(Equations((1.0, 0.0), lambda t, y: (-0.1 * y[0] - 2 * y[1], 2 * y[0] - 0.1 * y[1])), 30.0)
    t = engine.history["time"]
    assert worst(engine, np.exp(-0.1 * t) * np.array([np.cos(2 * t), np.sin(2 * t)])) < 2e-5


@pytest.mark.slow
def test_stiff_and_relaxing():
    """Steps are those of the slow solution; the polynomial of a cell holds between its nodes."""
    engine = run(STIFF, 50.0, 1e-8)
    t = engine.history["time"]
    reference = solve_ivp(STIFF.f, (0, 50), STIFF.first, "Radau", t_eval=t, rtol=1e-11, atol=1e-13)
    assert worst(engine, reference.y) < 1e-7
    assert engine.cells < 300
    s = engine.tableau.stages
    for end in range(len(t) - 1, s, -7 * s):
        nodes, middle = np.arange(end - s, end + 1), (t[end - s] + t[end]) / 2
        value = engine.history["y"][:, nodes] @ lagrange(t[nodes], np.array([middle]))[:, 0]
        here = solve_ivp(STIFF.f, (t[end - s], middle), engine.history["y"][:, end - s], "Radau", rtol=1e-11, atol=1e-13)
        np.testing.assert_allclose(value, here.y[:, -1], rtol=1e-6)


def test_agrees_with_scipy_on_relaxation_oscillations():
    engine = run(VAN_DER_POL, 60.0, 1e-7)
    t = engine.history["time"]
    reference = solve_ivp(VAN_DER_POL.f, (0, 60), VAN_DER_POL.first, "DOP853", t_eval=t, rtol=1e-12, atol=1e-13)
    # The phase of the jumps amplifies errors by the slope there.
    assert worst(engine, reference.y) < 1e-4


def test_order_of_the_scheme():
    """With fixed steps the error at the end falls as the power 2 s - 1."""
    model = Equations((1.0,), lambda t, y: (-y[0] * np.cos(t),))
    errors = []
    for steps in (4, 8):
        engine = Trajectory(model, SolverSettings(t_max=4.0, tolerance=0.1, stages=3))
        for _ in range(steps):
            engine._accept(engine._attempt(4.0 / steps))
        errors.append(abs(engine.history["y"][0, -1] - np.exp(-np.sin(4.0))))
    assert np.log2(errors[0] / errors[1]) == pytest.approx(5, abs=0.5)


@pytest.mark.parametrize("seed", [1e-6, 1e-12])
@pytest.mark.parametrize("rate", [1e-4, 1.0])
def test_a_saddle_is_left_when_it_should_be(seed, rate):
    """x grows from far below the tolerance beside z at rest: dx/dt = rate x (1 - x^2), dz/dt = x - z."""
    model = Equations((seed, 1.0), lambda t, y: (rate * y[0] * (1 - y[0] ** 2), y[0] - y[1]))
    engine = run(model, 40.0 / rate, 1e-6)
    t, x = engine.history["time"], engine.history["y"][0]
    grown = seed * np.exp(rate * t)
    np.testing.assert_allclose(x, grown / np.sqrt(1 - seed**2 + grown**2), rtol=1e-5, atol=1e-9)


def test_what_once_grew_does_not_shorten_steps_for_ever():
    """Nor where a Jacobian costs as much as many iterations: each y - 1 grows at the rate 0.1 exp(-t) - damping."""
    damping = np.append(0.0, np.full(39, 0.5))
    engine = run(Equations((2.0,) * 40, lambda t, y: (0.1 * np.exp(-t) - damping) * (y - 1)), 1e6, 1e-8)
    assert engine.outcome is Outcome.DONE
    assert engine.cells < 50
    t = engine.history["time"]
    assert worst(engine, 1 + np.exp(-0.1 * np.expm1(-t) - np.outer(damping, t))) < 1e-8


def test_long_times_cost_little():
    model = Equations((1.0, 0.5), lambda t, y: (-y[0] * y[1], -y[1] + y[0]))
    engine = run(model, 1e8)
    assert engine.outcome is Outcome.DONE
    assert engine.cells < 100
    # y0 = y1 late, so dy/dt = -y^2; what the tolerance promises, relative to 1e-3.
    t, y = engine.history["time"], engine.history["y"][0]
    late = t > 1e3
    np.testing.assert_allclose(y[late], 1 / t[late], rtol=2e-2, atol=1e-8)


@pytest.mark.parametrize("model", [STIFF, VAN_DER_POL])
def test_resumed_runs_are_the_same(model):
    """Bit for bit, from every sixth cell, Jacobians that are kept over cells included."""
    settings = SolverSettings(t_max=20.0)
    whole = Trajectory(model, settings)
    states = [(whole.history.copy(), whole.next_step) for cell in whole if cell.cell % 6 == 0]
    for history, next_step in states:
        again = Trajectory(model, settings, history, next_step)
        for _ in again:
            pass
        for name in whole.history.fields:
            np.testing.assert_array_equal(again.history[name], whole.history[name])


def test_a_jacobian_is_kept_while_it_serves():
    """Twenty slow equations: differences cost more than iterations, so that most cells keep the Jacobian."""
    rates = np.linspace(0.1, 1.0, 20)
    model = Equations((1.0,) * 20, lambda t, y: -rates * y + 0.01 * y.sum() * y)
    engine = run(model, 100.0, 1e-8)
    assert len(set(engine.history["jacobian"])) < engine.cells / 3


def test_one_jacobian_for_each_stage_makes_newtons_method_quadratic():
    """A long step along a slow manifold that bends, on which one for all stages does not converge."""
    model, tableau = Equations((1.0, 1.0), lambda t, y: (-(y[0] ** 3), 1e4 * (y[0] ** 2 - y[1]))), radau(3)
    times, start = 3.0 * tableau.c, np.ones(2)
    equations, newton = Stages(model.rate, times, start, 3.0), Newton(tableau, 30)

    def jacobians(X):
        return np.array([model.jacobian(time, y) for time, y in zip(times, X, strict=True)])

    def solved(X, J):
        return newton.solve(equations, X, J, start, 1e-13, 1e-12)

    near = solved(np.tile(start, (3, 1)), jacobians(np.tile(start, (3, 1)))).x
    found = solved(near, jacobians(near))
    assert found.converged
    np.testing.assert_allclose(found.x - 1.0, 3.0 * tableau.A @ equations.rates(found.x), atol=1e-9)
    moved = found.x + 1e-3
    assert len(solved(moved, jacobians(moved)).residuals) <= 4
    assert not solved(moved, jacobians(moved)[-1]).converged


def test_rest_is_one_step():
    engine = run(Equations((1.0,), lambda t, y: (0.0,)), 1e3)
    assert engine.history.n == 1 + engine.tableau.stages
    np.testing.assert_allclose(engine.history["y"], 1.0, rtol=1e-15)


def test_growth_beyond_all_bounds_is_kept_and_named():
    engine = run(Equations((1.0,), lambda t, y: (2 * y[0],)), 1e4)
    assert engine.outcome is Outcome.NOT_FINITE
    t, y = engine.history["time"], engine.history["y"][0]
    assert y[-1] > 1e140
    np.testing.assert_allclose(np.log(y), 2 * t, rtol=1e-5)


def test_blow_up_in_finite_time_is_named():
    engine = run(Equations((1.0,), lambda t, y: (y[0] ** 2,)), 2.0)
    assert engine.outcome in (Outcome.NOT_FINITE, Outcome.NOT_CONVERGED, Outcome.STUCK)
    assert 0.9 < engine.time < 1.0


def test_expected_nodes_of_what_hardly_moves():
    settings = SolverSettings(t_max=0.5)
    assert 0 < stepper.expected_nodes(5e-324, settings) == stepper.expected_nodes(0.0, settings)
