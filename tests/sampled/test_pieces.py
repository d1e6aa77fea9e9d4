"""Pieces of the exact theory: responses, normals, factor, steps of the weights, losses and activations."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dmft.mathematics.functions import DIFFERENTIABLE, KINKED
from dmft.models.two_layer_flow.exact.activation import activation
from dmft.models.two_layer_flow.exact.factor import Factor
from dmft.models.two_layer_flow.exact.kinds import Kinds
from dmft.models.two_layer_flow.exact.loss import LOSSES, loss
from dmft.models.two_layer_flow.exact.normals import Normals
from dmft.models.two_layer_flow.exact.responses import mean_responses
from dmft.models.two_layer_flow.exact.weights import Force, Rule, Weights


@settings(max_examples=20, deadline=None)
@given(nodes=st.integers(1, 40), m=st.integers(1, 4), samples=st.integers(1, 70), seed=st.integers(0, 2**32))
def test_responses_are_those_of_the_stored_recursion(nodes, m, samples, seed):
    """T = J (1 + R J/alpha)^(-1) sample by sample."""
    random, inverse_alpha = np.random.default_rng(seed), 0.4
    R = np.kron(np.tril(np.ones((nodes, nodes)), -1), np.ones((m, m))) * random.standard_normal((nodes * m, nodes * m)) / nodes
    c, q, e = (random.standard_normal(shape) for shape in ((nodes, samples), (nodes, m, samples), (nodes, m, samples)))
    expected = np.zeros((m, nodes * m))
    for p in range(samples):
        J = np.zeros((nodes * m, nodes * m))
        for k in range(nodes):
            here = slice(k * m, (k + 1) * m)
            J[here, here] = c[k, p] * np.outer(q[k, :, p], q[k, :, p]) + np.diag(e[k, :, p])
        T = J @ np.linalg.inv(np.eye(nodes * m) + inverse_alpha * R @ J)
        expected += T[-m:] / samples
    np.testing.assert_allclose(mean_responses(R, c, q, e, inverse_alpha), expected, atol=1e-9 * np.abs(expected).max())


def test_second_moments_of_normals_are_exact():
    normals = Normals(500, 3, np.random.SeedSequence(1))
    few, rows = normals.rows(3).copy(), normals.rows(100)
    np.testing.assert_array_equal(few, rows[:3])
    np.testing.assert_allclose(rows @ rows.T / 500, np.eye(100), atol=1e-12)
    np.testing.assert_allclose(rows.mean(axis=1), 0.0, atol=1e-12)
    # Beyond half as many rows as samples they stay independent in pairs, to sampling errors.
    many = normals.rows(450)
    np.testing.assert_allclose((many**2).mean(axis=1), 1.0, atol=1e-12)
    assert np.abs(many @ many.T / 500 - np.eye(450)).max() < 6 / np.sqrt(500)


def test_a_factor_makes_the_covariance_of_a_smooth_process():
    t = np.linspace(0.0, 1.0, 40)
    C = np.exp(-((t[:, None] - t) ** 2))
    factor, X = Factor(40), np.zeros((40, 40))
    for k in range(0, 40, 2):
        X[k : k + 2, : k + 2] = factor.add(C[k : k + 2, : k + 2], 1.0)
    np.testing.assert_allclose(X @ X.T, C, atol=1e-6)


def test_what_is_no_covariance_has_no_rows():
    """Correlations of 1e12 between variables of variance one; a Cholesky factor is left to chance."""
    random, outcomes = np.random.default_rng(0), []
    for _ in range(50):
        factor = Factor(4)
        factor.add(np.eye(1), 1.0)
        rows = factor.add(np.hstack([1e12 * random.standard_normal((2, 1)), np.eye(2)]), 1.0)
        outcomes.append(np.isfinite(rows).all())
        assert outcomes[-1] or np.isnan(rows).all()
    assert not all(outcomes)


@pytest.mark.parametrize(
    "rule",
    [
        Rule(0.1),
        Rule(0.1, momentum=0.8),
        Rule(0.1, momentum=0.8, nesterov=True),
        Rule(0.1, momentum=0.5, sphere=False, weight_decay=0.3),
        Rule(0.1, momentum=0.5, nesterov=True, sphere=False, weight_decay=0.3),
    ],
    ids=str,
)
def test_steps_are_those_of_explicit_vectors(rule):
    """Vectors in many dimensions with a given memory and independent noise, whose products are the functions of two times."""
    random, m, steps, dim = np.random.default_rng(0), 2, 6, 40_000
    w = random.standard_normal((m, dim)) / np.sqrt(dim)
    w[:, 0] = [0.3, -0.2]
    w /= np.linalg.norm(w, axis=1)[:, None]
    weights = Weights(w @ w.T, w[:, :1], np.array([1.0, 0.5]), Kinds(np.arange(m)), steps + 1)
    path, p, a, p_a = [w], np.zeros_like(w), np.array([1.0, 0.5]), np.zeros(m)
    noises: list = []
    for k in range(steps):
        M, b, rates = random.standard_normal((m, (k + 1) * m)) / 3, random.standard_normal((m, 1)), random.standard_normal(m)
        zeta = random.standard_normal((m, dim)) / np.sqrt(dim)
        noises.append(zeta)
        F = M @ np.concatenate(path) + zeta
        F[:, 0] += b[:, 0]
        # Noise that happens to overlap in a finite dimension is counted as the noise kernel and as part of the start.
        D = zeta @ np.concatenate(noises).T
        w = path[-1]
        G = F - ((w * F).sum(axis=1)[:, None] if rule.sphere else rule.weight_decay) * w
        p, p_a = rule.momentum * p + G, rule.momentum * p_a + rates
        w = w + rule.learning_rate * (G + rule.momentum * p if rule.nesterov else p)
        a = a + rule.learning_rate * (rates + rule.momentum * p_a if rule.nesterov else p_a)
        path.append(w / np.linalg.norm(w, axis=1)[:, None] if rule.sphere else w)
        weights.advance(Force(M, D, b, rates), rule)
    every = np.concatenate(path)
    np.testing.assert_allclose(weights.C, every @ every.T, atol=0.1)
    np.testing.assert_allclose(weights.v[:, 0], every[:, 0], atol=0.05)
    np.testing.assert_allclose(weights.a[-1], a, rtol=1e-12)
    if rule.sphere:
        np.testing.assert_allclose(np.diagonal(weights.C), 1.0, rtol=1e-12)


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_derivatives_of_activations(name):
    x, step = np.linspace(-3.0, 3.0, 61) + 0.013, 1e-5
    sigma = activation(name, 0.2)
    (up, slope_up, _), (down, slope_down, _), (_, slope, curvature) = sigma(x + step), sigma(x - step), sigma(x)
    np.testing.assert_allclose((up - down) / (2 * step), slope, atol=1e-8)
    np.testing.assert_allclose((slope_up - slope_down) / (2 * step), curvature, atol=1e-8)


def test_activations_by_coefficients_are_the_named_ones():
    x = np.linspace(-2.0, 2.0, 9)
    for found, named in zip(activation([0.0, 0.0, 1.0], 0.1)(x), activation("quadratic", 0.1)(x), strict=True):
        np.testing.assert_allclose(found, named, atol=1e-14)


@pytest.mark.parametrize(("name", "kinked"), [("relu", lambda x: np.maximum(x, 0)), ("abs", np.abs)])
def test_smoothed_kinks_are_convolutions(name, kinked):
    assert name in KINKED
    x, nodes = np.array([-0.3, 0.0, 0.1]), np.linspace(-8.0, 8.0, 100_001)
    weights = np.exp(-(nodes**2) / 2)
    expected = [weights @ kinked(point + 0.2 * nodes) / weights.sum() for point in x]
    np.testing.assert_allclose(activation(name, 0.2)(x)[0], expected, atol=1e-8)


@pytest.mark.parametrize("name", LOSSES)
def test_derivatives_of_losses(name):
    f, step = np.linspace(-3.0, 3.0, 60) + 0.007, 1e-5
    for y in (1.0, -1.0):
        label, found = np.full_like(f, y), loss(name, 0.3)
        rise = found.value(f + step, label) - found.value(f - step, label)
        bend = found.slope(f + step, label) - found.slope(f - step, label)
        np.testing.assert_allclose(rise / (2 * step), found.slope(f, label), atol=1e-8)
        np.testing.assert_allclose(bend / (2 * step), found.curvature(f, label), atol=1e-6)
