"""Limits in which the equations have a closed form or reduce to ordinary differential equations."""

import math

import numpy as np
import pytest
from scipy.integrate import quad, solve_ivp

from dmft import Problem, solve
from dmft.mathematics.hermite import signal_series


def marchenko_pastur(f, ratio: float) -> float:
    """int dP(x) f(x) over the nonzero eigenvalues of X^T X/n, X of shape (n, d), ratio = d/n."""
    low, high = (1 - math.sqrt(ratio)) ** 2, (1 + math.sqrt(ratio)) ** 2

    def integrand(angle: float) -> float:
        # x = middle + half cos(angle) takes the square roots at the edges out.
        half = (high - low) / 2
        x = (high + low) / 2 + half * math.cos(angle)
        return f(x) * (half * math.sin(angle)) ** 2 / (2 * math.pi * ratio * x)

    return quad(integrand, 0, math.pi, epsabs=1e-13, epsrel=1e-12, limit=400)[0]


def linear_lazy_train_error(T: float, alpha: float, gamma: float, noise: float) -> float:
    """Training error of a linear network in the lazy limit m -> infinity at T = m t."""

    def decay(x: float) -> float:
        return math.exp(-2 * gamma**2 * x * T) * (noise**2 + gamma**2 * alpha * x)

    return 0.5 * (marchenko_pastur(decay, 1 / alpha) / alpha + max(0.0, 1 - 1 / alpha) * noise**2)


@pytest.mark.parametrize("alpha", [0.5, pytest.param(2.0, marks=pytest.mark.slow)])
def test_linear_lazy_network_is_marchenko_pastur(alpha):
    gamma, noise = 0.8, 0.4
    distance = {}
    for width in (1e4, 1e5):
        problem = Problem(
            width=width, samples_per_dimension=alpha, activation=[0.0, 1.0], target="none", noise=noise,
            init="lazy", init_scale=gamma, t_max=20.0 / width, tolerance=1e-8,
        )  # fmt: skip
        solution = solve(problem)
        exact = [linear_lazy_train_error(width * t, alpha, gamma, noise) for t in solution.time]
        distance[width] = np.abs(solution.train_error - exact).max()
    assert distance[1e5] < 1e-5
    # What is left is the finite width, and nothing else: ten times the width, a tenth of the distance.
    assert distance[1e4] / distance[1e5] == pytest.approx(10, rel=0.02)


@pytest.mark.parametrize(
    ("width", "alpha", "noise"),
    [(2, 3.0, 0.5), pytest.param(1, 2.0, 0.5, marks=pytest.mark.slow), pytest.param(5, 4.0, 1.0, marks=pytest.mark.slow)],
)
def test_linear_network_ends_at_least_squares(width, alpha, noise):
    problem = Problem(
        width=width,
        samples_per_dimension=alpha,
        activation=[0.0, 1.0],
        target="none",
        noise=noise,
        t_max=2000.0,
        tolerance=1e-7,
    )
    solution = solve(problem)
    assert solution.train_error[-1] == pytest.approx(noise**2 / 2 * (1 - 1 / alpha), rel=1e-7)
    assert solution.test_error[-1] == pytest.approx(noise**2 / 2 / (1 - 1 / alpha), rel=1e-6)


@pytest.mark.parametrize("train_second_layer", [True, False])
@pytest.mark.parametrize("abar", [0.3, 3.0])
def test_infinite_width_is_the_mean_field_flow(abar, train_second_layer):
    activation, target, noise = np.array([0.1, 0.7, 0.5, 0.3]), np.array([0.2, 0.9, 0.4]), 0.3
    problem = Problem(
        width=math.inf, samples_per_parameter=abar, activation=list(activation), target=list(target), noise=noise,
        init_scale=0.8, alignment=0.1, train_second_layer=train_second_layer, t_max=50.0, tolerance=1e-8,
    )  # fmt: skip
    solution = solve(problem)
    phat = np.polynomial.Polynomial(signal_series(activation, target))
    h = np.polynomial.Polynomial(activation**2)

    def rates(_t, state):
        v, a = state
        q = v**2
        return [
            (1 - q) * (a * phat.deriv()(v) - a**2 * h.deriv()(q) * v),
            (phat(v) - a * h(q)) * train_second_layer,
        ]

    flow = solve_ivp(rates, (0, 50.0), [0.1, 0.8], "DOP853", t_eval=solution.time, rtol=1e-12, atol=1e-13)
    v, a = flow.y
    np.testing.assert_allclose(solution.alignment, v, rtol=2e-8)
    np.testing.assert_allclose(solution.second_layer, a, rtol=2e-8)
    np.testing.assert_allclose(solution.neuron_overlap, v**2, rtol=4e-8)
    error = (a**2 * h(v**2) - 2 * a * phat(v) + np.sum(target**2) + noise**2) / 2
    np.testing.assert_allclose(solution.test_error, error, rtol=1e-7)
    np.testing.assert_allclose(solution.train_error, solution.test_error, rtol=1e-12)
    np.testing.assert_allclose(np.tril(solution.kernels["C_o"]), np.tril(np.outer(v, v)), rtol=0, atol=1e-7)


def test_widths_meet_the_infinite_one(small):
    limit = solve(small.replace(width=math.inf, tolerance=1e-8))
    distance = []
    for width in (1e3, 1e6):
        finite = solve(small.replace(width=width, tolerance=1e-8))
        distance.append(np.abs(finite.at(limit.time)["test_error"] - limit.test_error).max())
    assert distance[1] < 1e-5
    assert distance[0] / distance[1] == pytest.approx(1000, rel=0.05)
