"""Random features: the equations integrated as they stand, limits in closed form, the bound of the learning rate."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.special import ive

from dmft import solve
from dmft.mathematics import hermite
from dmft.models.random_features.equations import Features, RandomFeatures, Teacher
from tests.random_features import random_features

CASES = {
    "erf": {},
    "few units": {"hidden_ratio": 0.3},
    "as many as inputs": {"hidden_ratio": 1.0, "learning_rate": 5.0},
    "overlaps": {"teacher_overlap": [[1.5, 0.4], [0.4, 0.5]], "teacher_output": [1.0, -2.0]},
    "linear": {"activation": "linear", "learning_rate": 0.5},
    "non-zero mean": {"activation": "relu"},
    "even": {"activation": "abs"},
    "series": {"activation": [0.0, 0.7, 0.0, 0.4], "hidden_ratio": 5.0},
}


@pytest.fixture(params=CASES)
def problem(request):
    return random_features(**CASES[request.param])


def gauss_rule(ratio, nodes=60):
    """Nodes and weights of the Marchenko-Pastur law from the recurrence of its orthogonal polynomials."""
    diagonal = np.full(nodes, 1 + ratio)
    diagonal[0] = ratio
    off = np.full(nodes - 1, np.sqrt(ratio))
    s, vectors = np.linalg.eigh(np.diag(diagonal) + np.diag(off, 1) + np.diag(off, -1))
    return np.maximum(s, 0.0), vectors[0] ** 2


def moments(problem):
    """k0, k1, G, L, var y from the definitions, by Hermite series."""
    p = problem.parameters
    A, T = np.array(p.teacher_output), p.overlaps
    k0, k1 = hermite.scaled_series(p.activation, 1.0, 1)
    G = hermite.pair_mean(p.activation, 1.0, 1.0, 1.0)
    c0, c1 = np.array([hermite.scaled_series(p.activation, v**0.5, 1) / [1, v**0.5] for v in np.diag(T)]).T
    L = (A * c1) @ T @ (A * c1)
    second = [[hermite.pair_mean(p.activation, T[m, m], T[n, n], T[m, n]) for n in range(len(A))] for m in range(len(A))]
    return k0, k1, G, L, A @ second @ A - (A @ c0) ** 2 + p.noise**2


def test_the_equations_as_they_stand(problem):
    """e_0(t) and the variance of every mode, by a stiff integrator on another quadrature."""
    p = problem.parameters
    k0, k1, G, L, variance = moments(problem)
    eta, beta = p.learning_rate, p.hidden_ratio
    s, weights = gauss_rule(beta)
    rest = max(G - k0**2 - k1**2, 0.0)
    rates = rest + k1**2 * s
    share = np.divide(k1**2 * L * s, rates, out=np.zeros_like(s), where=rates > 1e-12)
    # Of K modes, N have the law of s; for K < N the atom at s = 0 is none of them.
    counts = weights * (s > 1e-8) / beta if beta < 1 else weights / beta
    # K - N modes without signal.
    rates, counts = np.append(rates, rest), np.append(counts, max(1 - 1 / beta, 0))
    signal = np.append(weights * share, 0)

    def mean_error(t):
        return (variance - signal @ (1 - np.exp(-2 * eta * rates * t))) / 2

    def error(t, var):
        return (mean_error(t) + counts @ (rates * var) / 2) / (1 - eta * k0**2 / 2)

    def slope(t, var):
        return 2 * eta * rates * (eta * error(t, var) - var)

    times = np.array([0.0, 0.1, 0.5, 2.0, 10.0, 50.0])
    run = solve_ivp(slope, (0, 50), np.zeros(len(rates)), t_eval=times, method="BDF", rtol=1e-9, atol=1e-12)
    expected = [error(t, var) for t, var in zip(times, run.y.T, strict=True)]
    found = problem.parameters.build().evaluate(times)
    np.testing.assert_allclose(found["generalization_error"], expected, rtol=2e-6)
    np.testing.assert_allclose(found["mean_error"], [mean_error(t) for t in times], rtol=1e-6)


def test_linear_features_as_many_as_inputs():
    """beta = 1, g linear: e_0 = (V/2) e^(-2x) [I_0(2x) + I_1(2x)] with x = 2 eta t, which falls as t^(-1/2) for ever."""
    problem = random_features(hidden_ratio=1.0, activation="linear", noise=0.0, learning_rate=0.7, t_max=1e8)
    solution = solve(problem)
    x = 4 * 0.7 * solution.time
    expected = 1.25 / 2 * (ive(0, x) + ive(1, x))
    assert solution.complete
    np.testing.assert_allclose(solution.mean_error, expected, rtol=1e-7)


def test_asymptotic_error_in_closed_form(problem):
    """e_0(inf) by the Stieltjes transform m of the Marchenko-Pastur law: int s/(s + x) = 1 - x m(x), x = k*/k1^2."""
    p = problem.parameters
    k0, k1, G, L, variance = moments(problem)
    learned = 0.0
    if abs(k1) > 1e-9:
        x = max(G - k0**2 - k1**2, 0.0) / k1**2
        b = x + p.hidden_ratio - 1
        learned = L * (1 - 2 * x / (b + np.sqrt(b * b + 4 * x))) if x > 1e-12 else L * min(1.0, p.hidden_ratio)
    expected = (variance - learned) / 2 / (1 - p.learning_rate * G / 2)
    assert p.constants()["asymptotic_error"] == pytest.approx(expected, rel=1e-9)
    assert p.build().evaluate(np.array([1e8]))["generalization_error"][0] == pytest.approx(expected, rel=1e-9)


def test_start(problem):
    """c = 0: half the variance of the labels, with the noise of what learns their mean at once."""
    k0, *_, variance = moments(problem)
    start = problem.parameters.build().evaluate(np.zeros(1))
    assert start["mean_error"][0] == pytest.approx(variance / 2, rel=1e-10)
    assert start["generalization_error"][0] == pytest.approx(
        variance / (2 - problem.parameters.learning_rate * k0**2), rel=1e-10
    )


def test_limits_of_the_hidden_ratio_are_steps_of_the_staircase(problem):
    steps = problem.parameters.staircase()
    for ratio, step in ((1e-9, steps[0]), (1e9, steps[1])):
        assert problem.replace(hidden_ratio=ratio).parameters.constants()["asymptotic_error"] == pytest.approx(step, rel=1e-6)
    assert (np.diff(steps) <= 1e-15).all()


def test_staircase_of_polynomials():
    """One unit with coefficients s_k: K ~ N^l removes s_k^2 up to k = l, and leaves the noise."""
    coefficients = [0.3, 0.6, 0.0, 0.4, 0.2]
    problem = random_features(activation=coefficients, teacher_output=[2.0], learning_rate=1.0)
    powers = np.append(4 * np.square(coefficients), 0.0)
    left = [powers[level + 1 :].sum() + 0.3**2 for level in range(6)]
    expected = np.array(left) / 2 / (1 - np.sum(np.square(coefficients)) / 2)
    np.testing.assert_allclose(problem.parameters.staircase(), expected, rtol=1e-12)


@pytest.mark.parametrize("ratio", [0.1, 1.0, 10.0])
@pytest.mark.parametrize("activation", ["erf", "relu"])
def test_learning_rate_bound(ratio, activation):
    """The slowest rate vanishes at eta = 2/E g^2, whatever the hidden ratio is."""
    p = random_features(hidden_ratio=ratio, activation=activation, learning_rate=0.1).parameters
    bound = p.constants()["learning_rate_bound"]

    def slowest(eta):
        rates, _ = RandomFeatures(ratio, eta, p.features, p.teacher)._decays
        return rates.min()

    assert slowest(0.999 * bound) > 0 > slowest(1.001 * bound)
    assert abs(slowest(bound * (1 - 1e-9))) < 1e-6


def test_constant_excess_is_noise_alone():
    """A teacher that the features cannot see: only the noise of SGD moves, eps = e_0/(1 - eta G/2) in the end."""
    model = RandomFeatures(1.0, 1.0, Features(0.0, 0.0, 0.5), Teacher(2.0, np.zeros(6)))
    found = model.evaluate(np.array([0.0, 1.0, 1e3]))
    rate = 2 * 0.5 * (1 - 0.5 / 2)
    expected = 4 / 3 + (1 - 4 / 3) * np.exp(-rate * np.array([0.0, 1.0, 1e3]))
    np.testing.assert_allclose(found["generalization_error"], expected, rtol=1e-12)
    np.testing.assert_allclose(found["mean_error"], 1.0)


@pytest.mark.parametrize("tolerance", [1e-3, 1e-6, 1e-9])
def test_tolerance_between_the_nodes(problem, tolerance):
    solution = solve(problem.replace(tolerance=tolerance, t_max=1e8))
    model, times = problem.parameters.build(), np.geomspace(1e-4, 1e8, 200)
    exact = model.evaluate(times)
    for name, values in exact.items():
        found = np.array([solution.at(t)[name] for t in times])
        scale = np.maximum(np.abs(values), 1e-3 * np.abs(values).max())
        assert (np.abs(found - values) / scale).max() < 1.5 * tolerance
