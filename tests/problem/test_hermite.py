"""Hermite series of named functions, against closed forms and quadrature of another kind."""

import math

import numpy as np
import pytest
from scipy.integrate import tanhsinh

from dmft.mathematics.hermite import (
    NAMED,
    Covariance,
    evaluator,
    pair_mean,
    project,
    scaled_series,
    series,
    signal_series,
    variance,
)

SMOOTH = [name for name, function in NAMED.items() if function.smooth]


def expectation(f):
    """By the tanh-sinh rule on either side of the origin."""
    halves = (tanhsinh(lambda x, sign=sign: f(sign * x) * np.exp(-(x**2) / 2), 0.0, 12.0) for sign in (-1, 1))
    return sum(half.integral for half in halves) / math.sqrt(2 * math.pi)


@pytest.mark.parametrize("name", SMOOTH)
def test_tail_of_smooth_functions_is_negligible(name):
    s = series(name)
    assert variance(name) - np.sum(s**2) < 1e-12
    f = NAMED[name].evaluate
    second = expectation(lambda x: ((f(x + 1e-3) - 2 * f(x) + f(x - 1e-3)) / 1e-6) ** 2)
    assert Covariance(s**2).evaluate(np.ones(1))[2, 0] == pytest.approx(second, rel=1e-4, abs=1e-8)


@pytest.mark.parametrize("name", NAMED)
def test_first_coefficients_by_adaptive_quadrature(name):
    s = series(name, 6)
    f = NAMED[name].evaluate
    for k in range(len(s)):
        he = np.polynomial.hermite_e.HermiteE.basis(k)
        assert s[k] == pytest.approx(expectation(lambda x, he=he: f(x) * he(x)) / math.sqrt(math.factorial(k)), abs=1e-10)


def test_erf_covariance_is_an_arcsine():
    q = np.linspace(-1, 1, 21)
    h = Covariance(series("erf") ** 2).evaluate(q)[0]
    np.testing.assert_allclose(h, 2 / math.pi * np.arcsin(q / 2), atol=1e-13)


def test_relu_coefficients():
    s = series("relu", 4)
    np.testing.assert_allclose(s[:3], [1 / math.sqrt(2 * math.pi), 0.5, 1 / math.sqrt(4 * math.pi)], atol=1e-13)
    assert s[3] == pytest.approx(0.0, abs=1e-13)


@pytest.mark.parametrize("name", [name for name, function in NAMED.items() if not function.smooth])
def test_kinks_need_a_degree(name):
    with pytest.raises(ValueError, match="kink"):
        series(name)


def test_signal_is_the_expectation_of_the_product():
    """phat(v) = E sigma(g) phi(g') at correlation v, by two-dimensional quadrature."""
    v = 0.6
    x, w = np.polynomial.hermite_e.hermegauss(80)
    g, other = x[:, None], v * x[:, None] + math.sqrt(1 - v**2) * x[None, :]
    product = np.tanh(g) * (0.3 + 0.8 * other + 0.5 * (other**2 - 1) / math.sqrt(2))
    exact = (w[:, None] * w[None, :] * product).sum() / (2 * math.pi)
    phat = np.polynomial.Polynomial(signal_series(series("tanh"), np.array([0.3, 0.8, 0.5])))
    assert phat(v) == pytest.approx(exact, abs=1e-8)


@pytest.mark.parametrize("name", NAMED)
def test_values_of_a_series(name):
    """A function is the sum of its series, in the mean: at the degree of the series for polynomials and smooth functions."""
    x = np.linspace(-3, 3, 13)
    if NAMED[name].smooth:
        np.testing.assert_allclose(evaluator(tuple(series(name)))(x), evaluator(name)(x), atol=2e-5)
    coefficients = tuple(series(name, 7))
    np.testing.assert_allclose(project(evaluator(coefficients), 7), coefficients, atol=1e-13)


def arc_cosine(first, second, overlap):
    """E relu(x) relu(y); Cho & Saul 2009."""
    angle = np.arccos(np.clip(overlap / np.sqrt(first * second), -1, 1))
    return np.sqrt(first * second) * (np.sin(angle) + (np.pi - angle) * np.cos(angle)) / (2 * np.pi)


@pytest.mark.parametrize(
    ("first", "second", "overlap"),
    [(1, 1, 0.3), (1, 1, 1), (1, 1, -1), (1, 1, 0), (4, 0.25, 0.9), (100, 100, 99.9), (100, 1, -9.5), (1e-4, 1, 1e-3)],
)
def test_mean_of_a_pair(first, second, overlap):
    covariance = {
        "erf": 2 / np.pi * np.arcsin(overlap / np.sqrt((1 + first) * (1 + second))),
        "relu": arc_cosine(first, second, overlap),
        "sign": 2 / np.pi * np.arcsin(np.clip(overlap / np.sqrt(first * second), -1, 1)),
        "linear": overlap,
        "quadratic": overlap**2 + (first - 1) * (second - 1) / 2,
        "sin": np.exp(-(first + second) / 2) * np.sinh(overlap),
    }
    for name, exact in covariance.items():
        if name != "sin" or first < 50:
            assert pair_mean(name, first, second, overlap) == pytest.approx(exact, rel=1e-10, abs=1e-11), name


def test_mean_of_a_pair_of_series():
    coefficients = (0.1, 0.5, 0.3, 0.2, 0.0, 0.7)
    expected = sum(c**2 * 0.37**k for k, c in enumerate(coefficients))
    assert pair_mean(coefficients, 1.0, 1.0, 0.37) == pytest.approx(expected, rel=1e-13)
    assert pair_mean(coefficients, 0.0, 1.0, 0.0) == pytest.approx(0.1 * evaluator(coefficients)(np.zeros(1))[0], rel=1e-13)


def test_scaled_series():
    """E g(sqrt(v) z) z = sqrt(v) E g', with E erf' = sqrt(2/(pi (1 + v)))."""
    for v in (0.0, 0.3, 1.0, 7.0):
        assert scaled_series("erf", np.sqrt(v), 3)[1] == pytest.approx(np.sqrt(2 * v / (np.pi * (1 + v))), rel=1e-12)
