"""Online SGD against closed forms: linear networks at all times, final errors of erf for small learning rates, scales."""

from fractions import Fraction

import numpy as np
import pytest

from dmft import Outcome, solve
from tests.online_sgd import online, random_start, specialised


@pytest.mark.parametrize(("students", "teachers"), [(1, 1), (2, 3), (4, 2)])
def test_linear_network_at_all_times(students, teachers):
    """The first layer of a linear network is one vector: eps(t) is an exponential, with V = sum v^2,

    eps* = lr sigma^2 V/(4 - 2 lr V),   rate = 2 lr V - (lr V)^2.
    """
    v = np.linspace(0.5, 1.5, students)
    lr, sigma, V = 0.1, 0.3, v @ v
    problem = random_start(
        students, teachers, activation="linear", learning_rate=lr, noise=sigma, student_output=v.tolist(), tolerance=1e-10
    )
    solution = solve(problem)
    final, start = lr * sigma**2 * V / (4 - 2 * lr * V), solution.generalization_error[0]
    expected = final + (start - final) * np.exp(-(2 * lr * V - (lr * V) ** 2) * solution.time)
    np.testing.assert_allclose(solution.generalization_error, expected, rtol=1e-10, atol=1e-13)
    Q, R, T = problem.parameters.overlaps()
    assert start == pytest.approx((v @ Q @ v - 2 * v @ R.sum(axis=1) + T.sum()) / 2, rel=1e-13)


def test_linear_network_beyond_stability():
    """lr V > 2: the error grows at the rate of the same formula, to the largest numbers that there are."""
    solution = solve(random_start(4, 2, activation="linear", learning_rate=0.6, noise=0.0, t_max=1e4))
    assert solution.outcome is Outcome.NOT_FINITE
    rate = 2.4**2 - 2 * 2.4
    t, error = solution.time, solution.generalization_error
    np.testing.assert_allclose(np.log(error / error[0]), rate * t, rtol=1e-4, atol=1e-4)
    assert error[-1] > 1e100


@pytest.mark.parametrize("excess", [0, 1, 2, 3])
def test_final_error_of_erf(excess):
    """As sigma, lr -> 0, with X = L + M/sqrt 3,

    eps*/sigma^2 = lr X/(2 pi) + (lr/pi)^2 [X^2/2 + (sqrt 5/10 - 1/6) M] + O(lr^3).
    """
    M, sigma = 2, 1e-4
    X = excess + M / np.sqrt(3)
    found = []
    for lr in (0.04, 0.02):
        problem = online(2000 / lr, 1e-7, activation="erf", learning_rate=lr, noise=sigma, **specialised(M + excess, M))
        last = solve(problem).order_parameters
        model = problem.parameters.build()
        state = model.steady_state(model.packed(last["Q"][-1], last["R"][-1], last["v"][-1]))
        error = model.observe(state.y[:, None])["generalization_error"][0]
        found.append((error / sigma**2 - lr * X / (2 * np.pi)) / (lr / np.pi) ** 2)
    # What is left is of order lr.
    limit = 2 * found[1] - found[0]
    assert limit == pytest.approx(X**2 / 2 + (np.sqrt(5) / 10 - 1 / 6) * M, rel=2e-3)


def test_symmetric_excess_units_are_unstable():
    """Two excess students or more: the growth rate is (2/pi) (sigma lr)^2 for small lr; with one it is stable."""
    growth = {}
    for excess in (0, 1, 2, 3):
        problem = online(2e5, 1e-7, activation="erf", learning_rate=0.01, noise=0.1, **specialised(2 + excess, 2))
        last = solve(problem).order_parameters
        model = problem.parameters.build()
        state = model.steady_state(model.packed(last["Q"][-1], last["R"][-1], last["v"][-1]))
        growth[excess] = state.growth
        assert state.stable == (excess < 2)
        assert ("unstable" in state.verdict) == (excess >= 2)
    for excess in (2, 3):
        assert growth[excess] == pytest.approx(2 / np.pi * 1e-6, rel=0.03)


@pytest.mark.parametrize("activation", ["relu", "linear"])
def test_scale_of_homogeneous_activations(activation):
    """w -> w/c, v -> c v with lr -> lr/c^2 in the first layer is the same student."""
    c = Fraction(2)
    plain = random_start(3, 2, activation=activation, seed=5, tolerance=1e-8, t_max=50.0)
    Q, R, _ = plain.parameters.overlaps()
    scaled = online(
        50.0,
        1e-8,
        activation=activation,
        learning_rate=0.2 / float(c) ** 2,
        noise=0.1,
        student_overlap=(Q / float(c) ** 2).tolist(),
        cross_overlap=(R / float(c)).tolist(),
        student_output=[float(c)] * 3,
    )
    one, two = solve(plain), solve(scaled)
    for t in (1.0, 10.0, 50.0):
        assert one.at(t)["generalization_error"] == pytest.approx(two.at(t)["generalization_error"], rel=1e-6)


def test_small_erf_is_linear():
    """Weights so small that erf(x/sqrt 2) = sqrt(2/pi) x: teacher and student are linear networks."""
    scale = 1e-4
    keys = {"student_overlap": [[scale**2]], "cross_overlap": [[0.5 * scale**2]], "teacher_overlap": [[scale**2]]}
    rate = 0.3
    erf = solve(online(20.0, 1e-8, activation="erf", learning_rate=rate, **keys))
    linear = solve(online(20.0, 1e-8, activation="linear", learning_rate=rate * 2 / np.pi, **keys))
    ratio = [erf.at(t)["generalization_error"] / linear.at(t)["generalization_error"] for t in (0.0, 1.0, 5.0, 20.0)]
    np.testing.assert_allclose(ratio, 2 / np.pi, rtol=1e-6)


# The averages of smooth activations take long to compile.
SMOOTH = pytest.param("tanh", 3e-8, marks=pytest.mark.slow)


@pytest.mark.parametrize(("activation", "error"), [("erf", 1e-13), ("relu", 1e-13), ("linear", 1e-13), SMOOTH])
def test_a_perfect_student_stays(activation, error):
    """To rounding, or to the accuracy of quadrature."""
    solution = solve(online(10.0, activation=activation, learning_rate=0.3, **specialised(2, 2)))
    assert solution.complete
    np.testing.assert_allclose(solution.generalization_error, 0.0, atol=error)
    Q = solution.order_parameters["Q"]
    np.testing.assert_allclose(Q, np.broadcast_to(np.eye(2), Q.shape), atol=100 * error)


def test_one_student_without_noise_in_the_limit_of_small_rates():
    """lr -> 0 at fixed lr t is gradient flow on eps_g: the error falls all the time."""
    problem = random_start(2, 2, learning_rate=1e-4, noise=0.0, t_max=1e6)
    solution = solve(problem)
    assert (np.diff(solution.generalization_error) < 0).all()
