"""Correlations and responses at any times: closed forms, causality, and no trace of the grid."""

import numpy as np
import pytest
from scipy.special import ive

from dmft import Problem, solve
from tests.pspin import pspin

PAIRS = [(10.0, 9.0), (10.0, 9.9), (10.0, 5.0), (18.0, 0.4), (0.7, 0.2), (3.0, 0.0), (7.3, 7.3)]


@pytest.fixture(scope="module")
def pair_couplings():
    return solve(pspin({"2": 0.5}, tolerance=1e-6))


@pytest.fixture(scope="module")
def network():
    problem = Problem(
        width=10, samples_per_parameter=1.0, activation="erf", target=[0, 1.0], noise=0.3, alignment=0.05, t_max=20.0
    )  # fmt: skip
    return [solve(problem.replace(tolerance=tolerance)) for tolerance in (1e-4, 1e-6)]


def weight(t):
    """Logarithm of G(t) = I_1(4t)/(2t), the square of what the norm would be without the multiplier."""
    return np.log(ive(1, 4 * t) / (2 * t)) + 4 * t if t > 0 else 0.0


@pytest.mark.parametrize(("t", "s"), PAIRS)
def test_two_body_couplings(pair_couplings, t, s):
    """Cugliandolo & Dean 1995: w relaxes in a semicircle of eigenvalues."""

    def moment(x):
        return ive(1, 2 * x) / x if x > 0 else 1.0

    norm = (weight(t) + weight(s)) / 2
    expected = moment(t - s) * np.exp(2 * (t - s) + (weight(s) - weight(t)) / 2)
    assert pair_couplings.response("R", t, s) == pytest.approx(expected, rel=1e-6)
    assert pair_couplings.correlation("C", t, s) == pytest.approx(moment(t + s) * np.exp(2 * (t + s) - norm), rel=1e-6)


@pytest.mark.parametrize(("t", "s"), [(2.0, 1.0), (3.0, 2.95), (1.0, 0.0)])
def test_a_field_alone(t, s):
    """f = h^2 q is linear: nu = h tanh(h t), so R = cosh(h s)/cosh(h t)."""
    h = 1.3
    solution = solve(pspin({"1": h**2}, t_max=3.0, tolerance=1e-6))
    assert solution.response("R", t, s) == pytest.approx(np.cosh(h * s) / np.cosh(h * t), rel=1e-6)
    correlation = (1 + np.sinh(h * t) * np.sinh(h * s)) / (np.cosh(h * t) * np.cosh(h * s))
    assert solution.correlation("C", t, s) == pytest.approx(correlation, rel=1e-6)


@pytest.mark.parametrize("name", ["R_d", "R_o", "R_F"])
def test_responses_do_not_depend_on_the_grid(network, name):
    coarse, fine = network
    t, s = np.array([10.0, 10.0, 20.0, 0.5]), np.array([9.0, 9.97, 3.0, 0.1])
    expected = fine.response(name, t, s)
    assert np.abs(expected).min() > 1e-5
    np.testing.assert_allclose(coarse.response(name, t, s), expected, rtol=3e-4, atol=3e-7)


def test_a_response_to_the_start_is_that_of_the_run(network):
    """The kick at t = 0 that the run itself carries along."""
    run = network[1]
    nodes = slice(7, None, 9)
    np.testing.assert_allclose(run.response("R_d", run.time[nodes], 0.0), run.kernels["R_d"][nodes, 0], atol=1e-5)


def test_responses_are_causal_and_begin_with_one(network):
    run, t = network[1], np.array([1.0, 2.0, 5.0])
    found = run.response("R_d", t[:, None], t)
    assert found.shape == (3, 3)
    assert not np.triu(found, 1).any()
    np.testing.assert_allclose(np.diagonal(found), 1.0, rtol=1e-12)
    np.testing.assert_allclose(np.diagonal(run.response("R_o", t[:, None], t)), 0.0, atol=1e-12)
    np.testing.assert_allclose(run.correlation("C_d", t[:, None], t), run.correlation("C_d", t, t[:, None]), rtol=1e-12)
    np.testing.assert_allclose(run.correlation("C_d", t, t), 1.0, atol=1e-5)


def test_what_is_not_there_is_refused(network):
    with pytest.raises(ValueError, match=r"'R_d': wanted C_d or C_o or C_F"):
        network[0].correlation("R_d", 1.0, 0.5)
    with pytest.raises(ValueError, match="'C_d': wanted R_d or R_o or R_F"):
        network[0].response("C_d", 1.0, 0.5)
    with pytest.raises(ValueError, match="t = 21: wanted a time in"):
        network[0].response("R_d", 21.0, 0.5)


def test_steps_of_gradient_descent():
    """One step answers a force of the step before with the learning rate over the length before the projection."""
    problem = Problem(
        width=2, samples_per_parameter=1.0, activation=[0, 0.8, 0.5], target=[0, 1.0], alignment=0.3,
        scheme="gradient-descent", learning_rate=0.1, t_max=2.0,
    )  # fmt: skip
    run = solve(problem)
    assert run.response("R_d", 1.5, 0.52) == pytest.approx(run.kernels["R_d"][15, 5])
    assert run.response("R_d", 0.5, 0.5) == run.response("R_d", 0.4, 0.5) == 0.0
    assert run.correlation("C_d", 1.5, 0.5) == pytest.approx(run.kernels["C_d"][15, 5])
