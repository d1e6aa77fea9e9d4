"""Fields have the covariance that they should have, and their gradients are gradients."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dmft.mathematics.functions import NAMED
from dmft.mathematics.hermite import evaluate_series, series
from dmft.models.two_layer_flow.fields import NetworkFields, counts, gaussian_fields, monomials, orders, raised
from dmft.models.two_layer_flow.fields import place as place_of

S, P = np.array([0.3, 0.8, -0.5, 0.4]), np.array([0.2, 0.7, 0.6, -0.3])
P_BY_INDEX = np.arange(len(P))[:, None], P


def random_weights(m, d, seed=0):
    W = np.random.default_rng(seed).standard_normal((m, d))
    return W / np.linalg.norm(W, axis=1, keepdims=True)


def powers(W, degree):
    """q_k(w) of the module: every monomial times the root of its number of orders."""
    found = W
    for k in range(2, degree + 1):
        found = raised(found, W, counts(W.shape[1], k))
    return found * np.sqrt(orders(W.shape[1], degree))


@settings(deadline=None, max_examples=30)
@given(d=st.integers(1, 6), degree=st.integers(1, 5), seed=st.integers(0, 100))
def test_products_of_monomials_are_powers_of_overlaps(d, degree, seed):
    W = random_weights(3, d, seed)
    q = powers(W, degree)
    assert q.shape == (3, monomials(d, degree))
    np.testing.assert_allclose(q @ q.T, (W @ W.T) ** degree, atol=1e-13)


def both_kinds(n, d):
    random = np.random.default_rng(1)
    gaussian, _ = gaussian_fields(random, n, d, S, *P_BY_INDEX)
    network = NetworkFields(random.standard_normal((n, d)), lambda x: evaluate_series(S, x))
    return {"gaussian": gaussian, "network": network}


@pytest.mark.parametrize("kind", ["gaussian", "network"])
def test_pull_is_the_gradient(kind):
    fields = both_kinds(n=7, d=5)[kind]
    W, c = random_weights(3, 5), np.random.default_rng(2).standard_normal((3, 7))
    gradient = fields(W)[1](c)
    for place in np.ndindex(W.shape):
        shift = np.zeros_like(W)
        shift[place] = 1e-6
        slope = ((fields(W + shift)[0] - fields(W - shift)[0]) * c).sum() / 2e-6
        assert gradient[place] == pytest.approx(slope, rel=1e-6, abs=1e-8)


@pytest.mark.parametrize("name", [name for name, function in NAMED.items() if function.slope is not None])
def test_slopes_of_named_functions(name):
    x = np.linspace(-3, 3, 41)
    function = NAMED[name]
    assert function.slope is not None
    difference = (function.evaluate(x + 1e-5) - function.evaluate(x - 1e-5)) / 2e-5
    np.testing.assert_allclose(function.slope(x, function.evaluate(x)), difference, atol=1e-9)


@pytest.mark.parametrize("name", ["erf", "tanh", "gelu"])
def test_series_of_a_named_function_is_that_function(name):
    x = np.linspace(-2, 2, 21)
    function, (value, slope) = NAMED[name], evaluate_series(series(name), x)
    assert function.slope is not None
    np.testing.assert_allclose(value, function.evaluate(x), atol=1e-5)
    np.testing.assert_allclose(slope, function.slope(x, value), atol=1e-4)


def test_gaussian_fields_have_the_covariance_of_the_theory():
    """E g(w) g(w') = h(<w, w'>) and E g(w) y = phat(<w, u>), over many samples, within 4.5 standard errors."""
    n, d = 200_000, 3
    W = random_weights(2, d)
    fields, labels = gaussian_fields(np.random.default_rng(3), n, d, S, *P_BY_INDEX)
    g, _ = fields(W)
    h = np.polynomial.Polynomial(S**2)(W @ W.T)
    phat = np.polynomial.Polynomial(S * P)(W[:, 0])
    for found, expected in ((g[0] * g[1], h[0, 1]), (g[0] ** 2, h[0, 0]), (g[0] * labels, phat[0]), (g[1] * labels, phat[1])):
        assert abs(found.mean() - expected) < 4.5 * found.std() / np.sqrt(n)


def test_monomials_of_several_directions_have_their_place():
    """The place of a monomial in the first variables is where `raised` makes it."""
    W = random_weights(1, 5)
    q = [W]
    for degree in (2, 3, 4):
        q.append(raised(q[-1], W, counts(5, degree)))
    for index in ((1,), (0, 1), (2, 0), (1, 1), (0, 2, 0), (1, 0, 2), (0, 1, 1), (3, 1), (0, 0, 4), (2, 1, 1)):
        expected = np.prod(W[0, : len(index)] ** np.array(index))
        assert q[sum(index) - 1][0, place_of(index)] == pytest.approx(expected, rel=1e-14)


def test_degrees_without_a_coefficient_have_no_tensor_and_no_part_in_the_labels():
    fields, labels = gaussian_fields(np.random.default_rng(0), 50, 4, np.array([0.0, 0.0, 1.0]), np.array([[2]]), np.ones(1))
    assert fields.designs[0] is None
    u = np.eye(1, 4)
    np.testing.assert_allclose(fields(u)[0][0], labels, atol=1e-14)


def test_series_of_any_layout():
    """Slices and transposed arrays are what they are, element by element."""
    x = np.random.default_rng(0).standard_normal((6, 4))
    value, slope = evaluate_series(S, x)
    for view in (x.T, x[:, 1], x[::2]):
        expected = [[evaluate_series(S, np.array([point]))[k][0] for point in view.ravel()] for k in (0, 1)]
        found = [part.ravel() for part in evaluate_series(S, view)]
        np.testing.assert_allclose(found, expected, rtol=1e-15)
    assert value.shape == slope.shape == x.shape
