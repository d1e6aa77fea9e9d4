"""Averages over Gaussian fields against Monte Carlo, against each other, and against closed forms."""

from functools import cache, partial
from itertools import product
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dmft.mathematics import functions
from dmft.mathematics.gaussian_integrals import ACTIVATIONS, CLOSED_FORMS, activations, averages, linear, quadrature, relu
from dmft.mathematics.gaussian_integrals.activations import NUMBERS, SIN

pytestmark = pytest.mark.slow

SAMPLES = 300_000
# Every pattern of repeated indices.
PATTERNS = [(0, 1, 2, 3), (0, 0, 2, 3), (0, 1, 2, 2), (0, 0, 2, 2), (0, 1, 0, 2), (0, 1, 0, 1), (0, 0, 0, 2), (0, 1, 0, 0)]
PATTERNS += [(0, 0, 0, 0), (0, 1, 1, 1), (0, 1, 3, 1)]


def module(name) -> Any:
    """Scalar functions of an activation, those by quadrature for that one."""
    if name in CLOSED_FORMS:
        return CLOSED_FORMS[name]
    number = NUMBERS[name]
    pairs = {
        average: lambda C, i, k, place=place: quadrature.pairs(number, C, len(C))[place, i, k]
        for place, average in enumerate(("two_point", "slopes", "curvature"))
    }
    fours = {average: partial(getattr(quadrature, average), number) for average in ("four_point", "back_reaction")}
    return SimpleNamespace(**pairs, **fours)


def function(name):
    """g, g' and g'' of an activation, for arrays."""
    number = NUMBERS[name]
    return tuple(
        np.vectorize(lambda x, f=f: f(number, x)) for f in (activations.value, activations.slope, activations.curvature)
    )


def covariance(seed, fields=4, dimensions=6, scale=1.0):
    """A random one; singular if there are fewer dimensions than fields."""
    w = np.random.default_rng(seed).standard_normal((fields, dimensions))
    return scale * w @ w.T / dimensions


@cache
def fields(dimensions):
    """Samples (4, SAMPLES) with `covariance(dimensions, ..., dimensions)`."""
    values, vectors = np.linalg.eigh(covariance(dimensions, dimensions=dimensions))
    z = np.random.default_rng(1).standard_normal((4, SAMPLES))
    return vectors * np.sqrt(np.maximum(values, 0.0)) @ z


def assert_mean(found, samples):
    """Within four and a half standard errors; there are some two hundred such comparisons."""
    assert abs(found - samples.mean()) < 4.5 * samples.std() / np.sqrt(samples.size) + 1e-12


@pytest.mark.parametrize("dimensions", [6, 2])
@pytest.mark.parametrize("name", ["erf", "relu", "linear", "tanh", "gelu"])
def test_monte_carlo(name, dimensions):
    """Every average and pattern of repeated indices, with a regular and with a singular covariance."""
    C, x, found = covariance(dimensions, dimensions=dimensions), fields(dimensions), module(name)
    g, slope, curvature = function(name)
    values, slopes = g(x), slope(x)
    for i, k in ((0, 1), (2, 0), (1, 1)):
        assert_mean(found.two_point(C, i, k), values[i] * values[k])
        assert_mean(found.slopes(C, i, k), slopes[i] * slopes[k])
        if name != "relu":  # a delta
            assert_mean(found.curvature(C, i, k), curvature(x[i]) * values[k])
        three = C[i, 3] * found.curvature(C, i, k) + C[3, k] * found.slopes(C, i, k)
        assert_mean(three, slopes[i] * x[3] * values[k])
    for i, k, a, b in PATTERNS:
        assert_mean(found.four_point(C, i, k, a, b), slopes[i] * slopes[k] * values[a] * values[b])


@pytest.mark.parametrize("name", sorted(NUMBERS))
def test_activations_are_those_of_the_other_theories(name):
    x = np.linspace(-6, 6, 301)
    g, slope, curvature = function(name)
    if name == "relu":
        x = x[np.abs(x) > 1e-3]
    np.testing.assert_allclose(g(x), functions.NAMED[name].evaluate(x), rtol=1e-13, atol=1e-14)
    h = 1e-5
    np.testing.assert_allclose(slope(x), (g(x + h) - g(x - h)) / (2 * h), rtol=1e-7, atol=1e-8)
    np.testing.assert_allclose(curvature(x), (slope(x + h) - slope(x - h)) / (2 * h), rtol=1e-7, atol=1e-8)
    third = np.vectorize(lambda x: activations.third(NUMBERS[name], x))
    np.testing.assert_allclose(third(x), (curvature(x + h) - curvature(x - h)) / (2 * h), rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize(
    ("name", "error"), [("erf", 1e-13), ("tanh", 3e-9), ("sigmoid", 1e-10), ("softplus", 1e-9), ("silu", 1e-9), ("gelu", 1e-9)]
)
def test_sum_over_a_grid(name, error):
    """The trapezoidal rule in four dimensions has all digits."""
    C = covariance(3, scale=0.4)
    z = np.arange(-8, 8.1, 0.4)
    w = np.exp(-(z**2) / 2) / np.exp(-(z**2) / 2).sum()
    root = np.linalg.cholesky(C)
    grid = np.meshgrid(z, z, z, z, indexing="ij", sparse=True)
    x: list[Any] = [sum(root[a, b] * grid[b] for b in range(a + 1)) for a in range(4)]
    g, slope = functions.NAMED[name].evaluate, function(name)[1]
    product_of_all = slope(x[0]) * slope(x[1]) * g(x[2]) * g(x[3])
    expected = float(np.einsum("abcd,a,b,c,d", product_of_all, w, w, w, w, optimize=True))
    assert module(name).four_point(C, 0, 1, 2, 3) == pytest.approx(expected, abs=error)


@pytest.mark.parametrize("scale", [0.05, 1.0, 4.0])
@pytest.mark.parametrize("name", ["tanh", "gelu", "quadratic"])
def test_series_of_two_fields(name, scale):
    """Against the trapezoidal rule in two dimensions."""
    C = scale * np.array([[1.0, 0.8], [0.8, 1.3]])
    z = np.arange(-9, 9.05, 0.1)
    w = np.exp(-(z**2) / 2) / np.exp(-(z**2) / 2).sum()
    root = np.linalg.cholesky(C)
    x = (root[0, 0] * z[:, None], root[1, 0] * z[:, None] + root[1, 1] * z)
    g, slope, curvature = function(name)
    found = averages(name).pairs(C, 1)[:, 0, 1]
    for one, (first, second) in zip(found, ((g, g), (slope, slope), (curvature, g)), strict=True):
        assert one == pytest.approx(w @ (first(x[0]) * second(x[1])) @ w, abs=1e-9 * max(1.0, scale**4))


def sines(C, phases):
    """E prod cos(x_a - phase_a): a sum over signs of exponentials."""
    total = 0.0
    for signs in product((-1, 1), repeat=len(phases)):
        s = np.array(signs)
        total += np.exp(-(s @ C @ s) / 2) * np.cos(s @ phases)
    return total / 2 ** len(phases)


@pytest.mark.parametrize("scale", [0.3, 1.0, 3.0])
def test_quadrature_of_sines(scale):
    C = covariance(4, scale=scale)
    sine, slope = np.pi / 2, 0.0
    two_point, slopes, _ = quadrature.pairs(SIN, C, 1)[:, 0, 1]
    assert two_point == pytest.approx(sines(C[:2, :2], np.array([sine, sine])), abs=1e-10)
    assert slopes == pytest.approx(sines(C[:2, :2], np.array([slope, slope])), abs=1e-10)
    found = quadrature.four_point(SIN, C, 0, 1, 2, 3)
    assert found == pytest.approx(sines(C, np.array([slope, slope, sine, sine])), abs=1e-8)


@pytest.mark.parametrize("dimensions", [4, 9])
def test_quadrature_agrees_with_closed_forms(dimensions):
    """GELU is x Phi(x): at a large scale it is ReLU, at a scale of its own a smooth function between ReLU and linear."""
    C, number = covariance(5, dimensions=dimensions), NUMBERS["gelu"]
    for i, k, a, b in PATTERNS:
        narrow = quadrature.four_point(number, 1e-6 * C, i, k, a, b) / 1e-6
        assert narrow == pytest.approx(linear.four_point(C, i, k, a, b) / 16, rel=1e-2, abs=1e-4)


@pytest.mark.parametrize("dimensions", [3, 4, 8, 40])
def test_relu_on_all_sides(dimensions):
    """The signs of x_i and x_k are one of four: four_point of fields with flipped signs adds up to two_point."""
    for seed in range(40):
        C = covariance(seed, dimensions=dimensions)
        total = 0.0
        for signs in product((-1.0, 1.0), repeat=2):
            flip = np.array([*signs, 1.0, 1.0])
            total += relu.four_point(C * np.outer(flip, flip), 0, 1, 2, 3)
        assert total == pytest.approx(relu.two_point(C, 2, 3), abs=1e-11)


@pytest.mark.parametrize("name", ["erf", "relu", "linear", "tanh"])
def test_a_copy_of_a_field_is_a_repeated_index(name):
    """Covariances that are singular in this way arise as students reach their teachers."""
    found, C = module(name), covariance(7)
    copied = np.pad(C, (0, 1), mode="edge")  # field 4 is field 3
    for i, k, a, b in ((0, 1, 3, 4), (3, 0, 4, 1), (3, 4, 0, 1), (3, 4, 3, 4), (3, 1, 4, 4)):
        once = [3 if index == 4 else index for index in (i, k, a, b)]
        assert found.four_point(copied, i, k, a, b) == pytest.approx(found.four_point(C, *once), abs=1e-8)


@pytest.mark.parametrize("gap", [1e-2, 1e-3, 1e-4])
def test_relu_is_continuous_where_fields_coincide(gap):
    """Students close to their teachers: nearly singular in two directions."""
    w = np.random.default_rng(3).standard_normal((4, 6))
    w[2:] = w[:2] + gap * w[2:]
    C = w @ w.T / 6
    at = np.array([0, 1, 0, 1])
    limit = relu.four_point(C[np.ix_(at, at)], 0, 1, 2, 3)
    assert relu.four_point(C, 0, 1, 2, 3) == pytest.approx(limit, abs=2 * gap)
    flip = np.array([1.0, -1.0, 1.0, 1.0])
    both = relu.four_point(C, 0, 1, 2, 3) + relu.four_point(C * np.outer(flip, flip), 0, 1, 2, 3)
    # Nothing is left of x_1 on either side.
    assert both == pytest.approx(relu.four_point(C, 0, 0, 2, 3), abs=1e-15 / gap**2 + 1e-13)


@pytest.mark.parametrize("dimensions", [1, 2])
def test_relu_of_fields_in_a_plane(dimensions):
    """Students within the span of two teachers, or of one."""
    phi = (np.arange(200_000) + 0.5) * 2 * np.pi / 200_000
    for seed in range(10):
        w = np.random.default_rng(seed).standard_normal((4, dimensions))
        x = w @ np.array([np.cos(phi), np.sin(phi)])[:dimensions]
        expected = 2 * np.mean((x > 0).all(axis=0) * x[2] * x[3])
        found = relu.four_point(w @ w.T, 0, 1, 2, 3)
        assert found == pytest.approx(expected, abs=1e-4)
        out_of_it = np.hstack([w, 2e-4 * np.random.default_rng(seed + 100).standard_normal((4, 4))])
        assert relu.four_point(out_of_it @ out_of_it.T, 0, 1, 2, 3) == pytest.approx(found, abs=1e-6)


@settings(max_examples=30, deadline=None)
@given(
    name=st.sampled_from(["erf", "relu", "linear"]),
    students=st.integers(1, 4),
    teachers=st.integers(1, 3),
    dimensions=st.integers(3, 12),
    seed=st.integers(0, 10**6),
)
def test_back_reaction_is_the_sum_of_four_points(name, students, teachers, dimensions, seed):
    found, n = CLOSED_FORMS[name], students + teachers
    C, e = covariance(seed, n, dimensions), np.random.default_rng(seed).standard_normal(n)
    check_back_reaction(found, C, e, students)


@pytest.mark.parametrize("gap", [1.0, 0.1, 0.01])
def test_sensitivity_of_relu(gap):
    """Against differences of the back reaction, for students at some distance of their teachers."""
    random, h = np.random.default_rng(6), 1e-3 * gap**2
    w = random.standard_normal((3, 8))
    w = np.vstack([w[[0, 1, 1]] + gap * random.standard_normal((3, 8)), w])
    C, e, upper = w @ w.T / 8, random.standard_normal(6), np.triu_indices(3)

    def total(C, e):
        out = np.empty((3, 3))
        relu.back_reaction(C, e, out)
        return out[upper]

    by_C, by_e = (derivatives[upper] for derivatives in relu.sensitivity(C, e, 3, 20.0))
    for j, unit in enumerate(np.eye(6)):
        np.testing.assert_allclose(by_e[:, j], (total(C, e + unit) - total(C, e - unit)) / 2, rtol=1e-9, atol=1e-11)
        for m in range(j + 1):
            step = h * np.maximum(np.outer(unit, np.eye(6)[m]), np.outer(np.eye(6)[m], unit))
            expected = (total(C + step, e) - total(C - step, e)) / (2 * h)
            np.testing.assert_allclose(by_C[:, j, m], expected, atol=2e-5)


def test_fields_too_broad_for_quadrature():
    """As Newton's method may try them: refused, before arrays of any size are made."""
    found, e = averages("tanh"), np.array([-1.0, -0.5, 1.2])
    assert found.sensitivity is not None
    for scale in (1e4, 1e12, np.inf, np.nan):
        C, total = np.diag([scale] * 3), np.zeros((2, 2))
        found.back_reaction(C, e, total)
        assert np.isnan(total).all()
        assert np.isnan(found.pairs(C, 2)).all()
        assert all(np.isnan(derivatives).all() for derivatives in found.sensitivity(C, e, 2, 20.0))


def test_back_reaction_by_quadrature():
    check_back_reaction(module("tanh"), covariance(8, 3, scale=0.3), np.array([-1.0, -0.5, 1.2]), 2)


@pytest.mark.parametrize("gap", [1e-3, 1e-8, 0.0])
def test_small_errors_keep_their_digits(gap):
    """Students at a distance `gap` from their teachers: the back-reaction is of order gap^2, and may vanish."""
    w, e, found = np.random.default_rng(5).standard_normal((4, 8)), np.array([-1.0, -1.0, 1.0, 1.0]), averages("tanh")
    w[:2] = w[2:] + gap * w[:2]
    total = np.empty((2, 2))
    found.back_reaction(w @ w.T / 8, e, total)
    if gap == 1e-3:
        x = w @ np.random.default_rng(6).standard_normal((8, SAMPLES)) / np.sqrt(8)
        slopes = 1 - np.tanh(x[:2]) ** 2
        assert_mean(total[0, 1], slopes[0] * slopes[1] * (e @ np.tanh(x)) ** 2)
    np.testing.assert_allclose(total, 0.0, atol=2 * gap**2 + 1e-13)


@pytest.mark.parametrize("name", ["tanh", "sigmoid", "softplus", "gelu", "silu", "sin", "cos", "quadratic", "cubic"])
@pytest.mark.parametrize("dimensions", [6, 2])
def test_sensitivity_is_the_derivative(name, dimensions):
    """By differences of the back-reaction, inside of all covariances; and on their boundary, in the directions along it."""
    w, e, found = np.random.default_rng(4).standard_normal((4, dimensions)), np.array([-1.0, -0.5, 1.2, 0.3]), averages(name)
    moved, more = np.random.default_rng(5).standard_normal(w.shape), np.array([0.3, -1.0, 0.5, 0.2])

    assert found.sensitivity is not None

    def total(step):
        value, v = np.empty((2, 2)), w + step * moved
        found.back_reaction(0.5 * v @ v.T / dimensions, e + step * more, value)
        return value

    C, step = 0.5 * w @ w.T / dimensions, 1e-4
    by_covariance, by_weight = found.sensitivity(C, e, 2, 24.0)
    rate = 0.5 * (w @ moved.T + moved @ w.T) / dimensions
    expected = (total(step) - total(-step)) / (2 * step)
    derivative = np.tensordot(np.tril(by_covariance), rate) + by_weight @ more
    np.testing.assert_allclose(derivative, np.triu(expected), rtol=2e-5, atol=2e-6)
    coarse, _ = found.sensitivity(C, e, 2, 14.0)
    np.testing.assert_allclose(coarse, by_covariance, atol=1e-3 * np.abs(by_covariance).max())


def check_back_reaction(found, C, e, students):
    total, n = np.empty((students, students)), range(len(e))
    found.back_reaction(C, e, total)
    for i in range(students):
        for k in range(students):
            expected = sum(e[a] * e[b] * found.four_point(C, i, k, a, b) for a in n for b in n)
            assert total[i, k] == pytest.approx(expected, abs=1e-9 * np.abs(e).sum() ** 2)


@pytest.mark.parametrize("name", ["erf", "relu", "linear", "softplus"])
def test_tables_of_an_activation(name):
    C, e, found = covariance(9), np.array([-1.0, -1.0, 1.0, 1.0]), module(name)
    pairs = averages(name).pairs(C, 2)
    for table, average in zip(pairs, ("two_point", "slopes", "curvature"), strict=True):
        assert table.shape == (2, 4)
        assert table[1, 2] == getattr(found, average)(C, 1, 2)
    one, two = np.empty((2, 2)), np.empty((2, 2))
    found.back_reaction(C, e, one)
    averages(name).back_reaction(C, e, two)
    np.testing.assert_array_equal(one, two)
    assert name in ACTIVATIONS
