"""Steps of gradient flow: their order, their stability, and that they go on from where they were."""

from contextlib import nullcontext

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from dmft.mathematics.marching import Descent, Flow, chebyshev


class Relaxation:
    """dy/dt = -A y + sin y with eigenvalues of A over five decades: stiff, not linear."""

    def __init__(self, fastest=3000.0, number=20):
        Q, _ = np.linalg.qr(np.random.default_rng(0).standard_normal((number, number)))
        A = (Q * np.geomspace(0.1, fastest, number)) @ Q.T
        self.A = (A + A.T) / 2
        self.start = np.random.default_rng(1).standard_normal(number)

    def rate(self, y):
        return -self.A @ y + np.sin(y)

    def constrain(self, y):
        return y

    def size(self, change, y):
        return np.linalg.norm(change) / np.linalg.norm(y)


def march(scheme, y, until):
    steps, progress = 0, scheme.begin(y)
    while progress.time < until:
        progress = scheme.advance(progress, until)
        steps += 1
    assert progress.time == until
    return progress, steps


def test_error_and_steps_follow_the_tolerance():
    """A step errs as dt^3: steps grow as tolerance^(-1/3), and the error of all of them falls as steps^-2."""
    moving = Relaxation()
    exact = solve_ivp(lambda _, y: moving.rate(y), (0, 5), moving.start, "Radau", rtol=1e-11, atol=1e-13).y[:, -1]
    tolerances = np.array([1e-5, 1e-6, 1e-7])
    found = [march(Flow(moving, tolerance), moving.start, 5.0) for tolerance in tolerances]
    steps = [number for _, number in found]
    errors = [np.linalg.norm(progress.y - exact) for progress, _ in found]
    assert np.polyfit(np.log(tolerances), np.log(steps), 1)[0] == pytest.approx(-1 / 3, abs=0.05)
    assert np.polyfit(np.log(steps), np.log(errors), 1)[0] == pytest.approx(-2.0, abs=0.2)
    assert errors[0] < 1e-3


def test_stiffness_costs_its_root():
    """At the same tolerance, an eigenvalue 100 times larger takes about 10 times the evaluations, not 100."""
    few, many = (march(Flow(Relaxation(fastest), 1e-4), Relaxation().start, 5.0)[0].evaluations for fastest in (30.0, 3000.0))
    assert 2 * few < many < 12 * few


@pytest.mark.parametrize("stages", [2, 5, 20])
def test_stable_and_of_second_order(stages):
    """The polynomial of a step is exp(z) to z^2, and at most one on the promised part of the negative axis."""

    def amplified(z):
        first, weights = chebyshev(stages)
        before, new = 1.0, 1.0 + first * z
        for mu, nu, mu_F, gamma_F in weights:
            before, new = new, 1 - mu - nu + mu * new + nu * before + z * (mu_F * new + gamma_F)
        return new

    z = np.linspace(-0.65 * (stages**2 - 1), 0, 400)
    assert np.abs(amplified(z)).max() <= 1.0 + 1e-12
    small = -1e-3
    assert amplified(small) == pytest.approx(np.exp(small), abs=abs(small) ** 3)


def test_descent_makes_plain_steps():
    moving = Relaxation(fastest=3.0)
    progress, steps = march(Descent(moving, 0.1), moving.start, 50 * 0.1)
    y = moving.start
    for _ in range(50):
        y = y + 0.1 * moving.rate(y)
    assert steps == 50
    assert np.array_equal(progress.y, y)


def test_what_is_not_finite_is_said():
    moving = Relaxation()
    with pytest.raises(ArithmeticError), np.errstate(all="ignore"):
        march(Descent(moving, 1.0), moving.start, 1000.0)
    moving.rate = lambda y: np.full_like(y, np.nan)
    with pytest.raises(ArithmeticError), np.errstate(all="ignore"):
        march(Flow(moving, 1e-4), moving.start, 1.0)


def test_steps_that_get_nowhere_are_given_up():
    moving = Relaxation(fastest=1e3)
    begun = Flow(moving, 1e-4).begin(moving.start)
    for hopeless in (False, True):
        tried = begun._replace(step=1e-12, evaluations=20_000 if hopeless else 0)
        with pytest.raises(ArithmeticError, match="too short") if hopeless else nullcontext():
            assert 0.0 < Flow(moving, 1e-4).advance(tried, 1.0).time < 1.0
