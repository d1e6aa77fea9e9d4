"""Integrals over the Marchenko-Pastur law against its moments and its Stieltjes transform."""

from math import comb

import numpy as np
import pytest

from dmft.mathematics.marchenko_pastur import quadrature

RATIOS = [1e-6, 0.1, 0.5, 0.999, 1 - 1e-5, 1.0, 1.0001, 2.0, 30.0, 1e6]


def moment(ratio: float, k: int) -> float:
    """E s^k by Narayana numbers."""
    return sum(comb(k, j) * comb(k - 1, j) / (j + 1) * ratio ** (j + 1) for j in range(k))


def stieltjes(ratio: float, x: float) -> float:
    """E 1/(s + x): the positive root of x m^2 + (x + ratio - 1) m - 1 = 0, from m = 1/(x + ratio/(1 + m))."""
    b = x + ratio - 1
    root = np.sqrt(b * b + 4 * x)
    return 2 / (b + root) if b > 0 else (root - b) / (2 * x)


@pytest.mark.parametrize("ratio", RATIOS)
def test_moments(ratio):
    s, weights = quadrature(ratio)
    assert (s > 0).all()
    assert weights.sum() == pytest.approx(min(1.0, ratio), rel=1e-9)
    for k in range(1, 9):
        assert weights @ s**k == pytest.approx(moment(ratio, k), rel=1e-12)


@pytest.mark.parametrize("ratio", RATIOS)
@pytest.mark.parametrize("x", [1e-6, 1e-3, 1.0, 1e3])
def test_stieltjes_transform(ratio, x):
    s, weights = quadrature(ratio)
    atom = max(1 - ratio, 0.0) / x
    assert weights @ (1 / (s + x)) + atom == pytest.approx(stieltjes(ratio, x), rel=1e-8)


def test_eigenvalues_of_a_random_matrix():
    """Mean of 1/(1 + s) over the eigenvalues of U^T U/N, whose fluctuations are O(1/N)."""
    N, ratio = 400, 0.7
    U = np.random.default_rng(0).standard_normal((round(ratio * N), N))
    s, weights = quadrature(ratio)
    expected = weights @ (1 / (1 + s)) + 1 - ratio
    assert np.mean(1 / (1 + np.linalg.eigvalsh(U.T @ U / N))) == pytest.approx(expected, abs=5 / N)
