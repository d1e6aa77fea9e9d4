"""Small dense matrices against LAPACK."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dmft.mathematics import small

sizes = st.integers(1, 9)
seeds = st.integers(0, 2**32 - 1)


def random(seed: int, *shape: int):
    return np.random.default_rng(seed).normal(size=shape)


@settings(deadline=None)
@given(seeds, sizes, sizes)
def test_solution_of_a_system(seed, n, columns):
    A, B = random(seed, n, n), random(seed + 1, n, columns)
    found = B.copy()
    small.solve(A.copy(), found)
    np.testing.assert_allclose(A @ found, B, atol=1e-12 * np.linalg.cond(A) * np.abs(B).max())


@settings(deadline=None)
@given(seeds, sizes, st.booleans())
def test_inverse(seed, n, triangular):
    A = random(seed, n, n) + 3 * np.eye(n)
    A = np.tril(A) if triangular else A
    np.testing.assert_allclose(small.inverse(A) @ A, np.eye(n), atol=1e-13 * np.linalg.cond(A))


def test_a_pivot_is_needed():
    """Elimination without exchange of rows divides by zero here."""
    A = np.array([[0.0, 2.0], [3.0, 1.0]])
    np.testing.assert_allclose(small.inverse(A), np.linalg.inv(A), atol=1e-15)


def test_a_lower_triangle_keeps_its_digits():
    """Rows that grow by 1e8 each: substitution gives the inverse of 1 + N to rounding of each entry."""
    A = np.array([[1.0, 0.0, 0.0], [1e8, 1.0, 0.0], [1.0, 1e8, 1.0]])
    np.testing.assert_allclose(small.inverse(A), [[1, 0, 0], [-1e8, 1, 0], [1e16 - 1, -1e8, 1]], rtol=1e-15)


@pytest.mark.parametrize("A", [np.zeros((2, 2)), np.ones((3, 3))])
def test_singular_matrices_have_no_finite_inverse(A):
    assert not np.isfinite(small.inverse(A)).all()
