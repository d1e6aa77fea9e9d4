"""Compiled products, inverses and solutions of small matrices against NumPy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dmft.compiled import njit
from dmft.mathematics import small_matrices
from dmft.mathematics.triangular import inverse


@njit
def inverted(A, out):
    small_matrices.invert(A, out)


@njit
def solved(A, B):
    small_matrices.solve(A, B)


@njit
def products(A, B, x, AB, ABT, Ax):
    small_matrices.multiply(A, B, AB)
    small_matrices.multiply_transposed(A, B, ABT)
    small_matrices.apply(A, x, Ax)


quick = settings(max_examples=60, deadline=None)
sizes, seeds = st.integers(1, 12), st.integers(0, 2**32 - 1)


@quick
@given(sizes, seeds)
def test_products(n, seed):
    A, B = np.random.default_rng(seed).normal(size=(2, n, n))
    AB, ABT, Ax = np.empty((n, n)), np.empty((n, n)), np.empty(n)
    products(A, B, B[0], AB, ABT, Ax)
    for found, twin in ((AB, A @ B), (ABT, A @ B.T), (Ax, A @ B[0])):
        np.testing.assert_allclose(found, twin, atol=1e-13 * n)


@quick
@given(sizes, st.integers(1, 3), seeds)
def test_solution_is_as_accurate_as_that_of_lapack(n, columns, seed):
    random = np.random.default_rng(seed)
    # Rows of very different size, and zeros on the diagonal: pivots are needed.
    A = random.normal(size=(n, n)) * 10.0 ** random.uniform(-6, 6, size=(n, 1))
    A = np.roll(A, 1, axis=0)
    B = random.normal(size=(n, columns))
    X, out = B.copy(), np.empty((n, n))
    solved(A.copy(), X)
    inverted(A.copy(), out)
    backward = np.abs(A) @ np.abs(X) + np.abs(B)
    assert (np.abs(A @ X - B) <= 1e-13 * n * backward).all()
    of_lapack = np.abs(np.linalg.inv(A) @ A - np.eye(n)).max()
    assert np.abs(out @ A - np.eye(n)).max() <= 100 * of_lapack + 1e-13 * n


def test_singular_matrices_have_no_finite_inverse():
    for A in (np.zeros((3, 3)), np.ones((3, 3)), np.full((2, 2), np.nan)):
        out = np.empty_like(A)
        inverted(A.copy(), out)
        assert not np.isfinite(out).all()


@quick
@given(sizes, seeds)
def test_inverse_of_a_causal_matrix_keeps_its_zeros(n, seed):
    random = np.random.default_rng(seed)
    L = np.tril(random.normal(size=(n, n))) + np.diag(np.sign(random.normal(size=n)) * 2.0)
    found = inverse(L)
    assert not np.triu(found, 1).any()
    np.testing.assert_allclose(found @ L, np.eye(n), atol=1e-12 * np.linalg.cond(L))


def test_singular_triangular_matrix_is_refused():
    with pytest.raises(np.linalg.LinAlgError):
        inverse(np.tril(np.ones((3, 3)), -1))
