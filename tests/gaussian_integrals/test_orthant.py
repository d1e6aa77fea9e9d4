"""Probabilities of orthants in up to four dimensions."""

from itertools import product

import numpy as np
import pytest
from scipy.special import ndtr

from dmft.mathematics.gaussian_integrals import orthant as orthants


def orthant(R):
    """Of all variables."""
    return orthants.orthant(R, len(R))


def correlations(w):
    w = w / np.linalg.norm(w, axis=1, keepdims=True)
    R = w @ w.T
    np.fill_diagonal(R, 1.0)
    return R


def one_factor(loadings):
    """Correlations a_i a_j, and P = int phi(z) prod_i Phi(a_i z/sqrt(1 - a_i^2)) dz by the trapezoidal rule."""
    a = np.asarray(loadings)
    R = np.outer(a, a)
    np.fill_diagonal(R, 1.0)
    z = np.linspace(-12, 12, 40_001)
    density = np.exp(-(z**2) / 2) / np.exp(-(z**2) / 2).sum()
    return R, density @ np.prod(ndtr(a * z[:, None] / np.sqrt(1 - a**2)), axis=1)


@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_equal_correlations_of_one_half(size):
    """P = 1/(size + 1): the largest of size + 1 equal variables is the last one."""
    R = np.full((size, size), 0.5) + 0.5 * np.eye(size)
    assert orthant(R) == pytest.approx(1 / (size + 1), abs=1e-14)


@pytest.mark.parametrize("size", [2, 3, 4])
def test_one_factor(size):
    random = np.random.default_rng(size)
    for largest in (0.3, 0.6, 0.9, 0.99):
        for _ in range(30):
            R, expected = one_factor(random.uniform(-largest, largest, size))
            assert orthant(R) == pytest.approx(expected, abs=1e-13)


@pytest.mark.parametrize("dimensions", [3, 4, 6, 30])
def test_all_orthants_make_a_whole(dimensions):
    """The sixteen orthants of four variables, singular in three dimensions; each kind of blocks and number of nodes."""
    random = np.random.default_rng(dimensions)
    for _ in range(100):
        R = correlations(random.standard_normal((4, dimensions)))
        flips = (np.array(signs) for signs in product((-1.0, 1.0), repeat=4))
        assert sum(orthant(R * np.outer(flip, flip)) for flip in flips) == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize("close", [(0, 1), (0, 1, 2), (0, 1, 2, 3)])
@pytest.mark.parametrize("gap", [0.3, 0.03, 1e-3])
def test_nearly_parallel_variables(close, gap):
    """Clusters: one sign of a variable or the other is the probability without it."""
    random = np.random.default_rng(5)
    for _ in range(20):
        w = random.standard_normal((4, 6))
        for member in close[1:]:
            w[member] = w[0] + gap * w[member]
        R = correlations(w)
        for one in range(4):
            flip = np.ones(4)
            flip[one] = -1.0
            others = np.delete(np.arange(4), one)
            expected = orthant(R[np.ix_(others, others)])
            error = 1e-16 / gap**2 + 1e-13
            assert orthant(R) + orthant(R * np.outer(flip, flip)) == pytest.approx(expected, abs=error)


def test_uncorrelated_pairs():
    """Orthogonal teachers beside students that are close to them: some correlations vanish, others do not."""
    students = np.array([[0.95, 0.2], [0.1, 0.9]])
    R = np.block([[np.eye(2), students], [students.T, np.eye(2)]])
    R[0, 1] = R[1, 0] = 0.33
    flips = (np.array(signs) for signs in product((-1.0, 1.0), repeat=4))
    assert sum(orthant(R * np.outer(flip, flip)) for flip in flips) == pytest.approx(1.0, abs=1e-12)


@pytest.mark.slow
def test_exact_limits():
    opposite = np.array([[1, -1, 0.3, 0.1], [-1, 1, -0.3, -0.1], [0.3, -0.3, 1, 0.2], [0.1, -0.1, 0.2, 1]])
    assert orthant(opposite) == pytest.approx(0.0, abs=1e-15)
    parallel = np.abs(opposite)
    assert orthant(parallel) == pytest.approx(orthant(parallel[1:, 1:]), abs=1e-12)
    assert orthant(np.ones((3, 3))) == pytest.approx(0.5, abs=1e-15)
    assert orthant(np.eye(4)) == 1 / 16
