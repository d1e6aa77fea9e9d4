"""Anderson acceleration on maps with known fixed points."""

import numpy as np
import pytest

from dmft.engines.fixed_point import Anderson, Controller, Ending, NewtonKrylov


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


def curved(x):
    """Far from linear, with derivatives that mix all entries; the fixed point is where x = tanh(3 mean) + 0.1."""
    return np.tanh(3 * x.mean() + 0.5 * (x - x[::-1])) + 0.1


def test_newton_krylov_converges_where_picard_iteration_does_not():
    G, exact = linear_map(8, radius=3.0)
    found = NewtonKrylov().solve(G, np.zeros(8), np.ones(8), 1e-10)
    assert found.converged
    np.testing.assert_allclose(found.x, exact, atol=1e-8)


def test_newton_krylov_converges_fast_near_the_solution():
    exact = NewtonKrylov().solve(curved, np.ones(6), np.ones(6), 1e-13).x
    near = NewtonKrylov(forcing=1e-6).solve(curved, exact + 1e-3, np.ones(6), 1e-11)
    assert near.converged
    assert len(near.residuals) < 12


def test_newton_krylov_shortens_steps_to_where_the_map_is_not_defined():
    """From x = 3 Newton's method for log x = 0 steps to x < 0."""

    def G(x):
        return x - np.log(x, where=x > 0, out=np.full_like(x, np.nan))

    found = NewtonKrylov().solve(G, np.full(3, 3.0), np.ones(3), 1e-10)
    assert found.converged
    np.testing.assert_allclose(found.x, 1.0, atol=1e-9)


def test_where_anderson_stalls_newton_krylov_solves():
    G, exact = linear_map(60, radius=20.0)
    controller = Controller(easy=Anderson(max_iterations=30, patience=8))
    assert not controller.easy.solve(G, np.zeros(60), np.ones(60), 1e-9).converged
    both = controller.solve(G, np.zeros(60), np.ones(60), 1e-9, part=slice(0, 10))
    assert both.converged
    np.testing.assert_allclose(both.x, exact, atol=1e-7)


def test_a_part_solved_first_leads_newton_krylov_to_the_near_solution():
    """x0 = x0^2 + x1 - 1 with x1 = 0.9 has two solutions; from x0 = 0.6 Newton's method goes to the far one."""

    def G(x):
        return np.array([x[0] ** 2 + x[1] - 1.0, 0.9])

    start, size = np.array([0.6, 0.9]), np.ones(2)
    near, far = (1 - np.sqrt(1.4)) / 2, (1 + np.sqrt(1.4)) / 2
    controller = Controller(easy=Anderson(max_iterations=1), part=Anderson(depth=0))
    assert controller.hard.solve(G, start, size, 1e-12).x[0] == pytest.approx(far, abs=1e-9)
    assert controller.solve(G, start, size, 1e-12, part=slice(0, 1)).x[0] == pytest.approx(near, abs=1e-9)


@pytest.mark.parametrize("solver", [Anderson(), Anderson(depth=0, max_iterations=300), NewtonKrylov(), Controller()])
def test_to_go_on_takes_fewer_evaluations_than_to_begin_again_and_ends_at_the_same_point(solver):
    linear, _ = linear_map(20, radius=0.8)

    def G(x):
        return linear(x) + 0.1 * np.cos(x)

    size, part = np.ones(20), [slice(0, 5)] if isinstance(solver, Controller) else []
    rough = solver.solve(G, np.zeros(20), size, 1e-4, *part)
    again = solver.solve(G, rough.x, size, 1e-10, *part)
    fine = rough.go_on(1e-10)
    assert fine.converged
    assert len(fine.residuals) < len(again.residuals)
    np.testing.assert_allclose(fine.x, G(fine.x), atol=1e-10)
    np.testing.assert_allclose(fine.x, again.x, atol=1e-8)


def test_along_soft_directions_x_is_known_to_be_farther_off_than_the_residual_says():
    """One direction of which G takes a thousandth."""
    directions, _ = np.linalg.qr(np.random.default_rng(3).normal(size=(8, 8)))
    J = directions @ np.diag([1e-3, 0.3, 0.5, 0.8, 1.0, 1.2, 1.4, 1.6]) @ directions.T
    exact = np.arange(8.0)
    found = Anderson().solve(lambda x: x - J @ (x - exact), np.zeros(8), np.ones(8), 1e-5)
    off = np.abs(found.x - exact).max()
    assert found.residual < 1e-5
    assert np.abs(found.ahead).max() == pytest.approx(off, rel=0.2)


def test_what_newton_krylov_knows_of_a_linear_map_is_not_asked_for_again():
    G, exact = linear_map(60, radius=3.0)
    rough = NewtonKrylov().solve(G, np.zeros(60), np.ones(60), 1e-3)
    fine = rough.go_on(1e-9)
    np.testing.assert_allclose(fine.x, exact, atol=1e-7)
    assert len(fine.residuals) < 0.1 * len(rough.residuals)


def test_newton_krylov_names_its_endings():
    one = np.ones(3)
    assert NewtonKrylov().solve(lambda x: np.full(3, np.nan), one, one, 1e-8).ending is Ending.NOT_FINITE
    assert NewtonKrylov(max_iterations=1).solve(curved, one, one, 1e-12).ending is Ending.EXHAUSTED
    # x^2 + 1 = 0 has no solution: |f| cannot fall below one, and that is seen long before the iterations run out.
    none = NewtonKrylov().solve(lambda x: x + x**2 + 1, np.full(3, 0.5), one, 1e-8)
    assert none.ending is Ending.STALLED
    assert len(none.residuals) < 0.1 * NewtonKrylov.max_iterations
