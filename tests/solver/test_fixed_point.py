"""Anderson acceleration on maps with known fixed points."""

import numpy as np
import pytest

from dmft.solver.fixed_point import Anderson, Ending


def linear_map(n, radius, seed=0):
    """x -> B x + c with the eigenvalues of B spread over [-radius, radius]."""
    rng = np.random.default_rng(seed)
    Q = np.linalg.qr(rng.normal(size=(n, n)))[0]
    B = Q @ np.diag(np.linspace(-radius, radius, n)) @ Q.T
    c = rng.normal(size=n)
    return (lambda x: B @ x + c), np.linalg.solve(np.eye(n) - B, c)


def test_linear_map_is_solved_in_as_many_steps_as_dimensions():
    """Like GMRES, and also where Picard iteration diverges."""
    G, exact = linear_map(8, radius=3.0)
    found = Anderson().solve(G, np.zeros(8), np.ones(8), 1e-10)
    assert found.converged
    assert len(found.residuals) <= 11
    np.testing.assert_allclose(found.x, exact, atol=1e-8)


def test_depth_zero_is_damped_picard():
    G, exact = linear_map(5, radius=0.5)
    damped = Anderson(depth=0, damping=0.7, max_iterations=200).solve(G, np.zeros(5), np.ones(5), 1e-12)
    np.testing.assert_allclose(damped.x, exact, atol=1e-11)
    ratio = damped.residuals[-1] / damped.residuals[-2]
    # The slowest mode contracts by 1 - 0.7 (1 + 0.5) or 1 - 0.7 (1 - 0.5).
    assert ratio == pytest.approx(0.65, abs=0.01)


def test_acceleration_pays_on_a_nonlinear_map():
    def G(x):
        return 0.9 * np.cos(x) + 0.05 * x[::-1]

    plain = Anderson(depth=0).solve(G, np.zeros(20), np.ones(20), 1e-10)
    fast = Anderson().solve(G, np.zeros(20), np.ones(20), 1e-10)
    np.testing.assert_allclose(fast.x, plain.x, atol=1e-9)
    assert len(fast.residuals) < len(plain.residuals) / 2


def test_size_makes_the_residual_relative():
    G, exact = linear_map(4, radius=0.5)
    size = np.array([1e-6, 1.0, 1e3, 1.0])
    found = Anderson().solve(lambda y: size * G(y / size), np.zeros(4), size, 1e-12)
    np.testing.assert_allclose(found.x / size, exact, atol=1e-10)


def test_the_point_returned_is_the_last_one_evaluated():
    evaluated = []

    def G(x):
        evaluated.append(x.copy())
        return 0.5 * np.cos(x)

    found = Anderson().solve(G, np.zeros(3), np.ones(3), 1e-10)
    assert np.array_equal(found.x, evaluated[-1])


def test_endings_are_named():
    one = np.ones(3)
    solver = Anderson(max_iterations=30, patience=10)
    assert solver.solve(lambda x: np.full(3, np.nan), one, one, 1e-8).ending is Ending.NOT_FINITE
    assert Anderson(depth=0, max_iterations=5).solve(lambda x: x + one, one, one, 1e-8).ending is Ending.EXHAUSTED
    rng = np.random.default_rng(0)
    assert solver.solve(lambda x: rng.normal(size=3), one, one, 1e-8).ending is Ending.STALLED
