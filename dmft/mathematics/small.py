"""Linear algebra on small dense matrices, compiled: for a few rows, calls of BLAS and LAPACK cost more than the arithmetic.

Loops run along rows in memory.  They compile in a fraction of the time that the products and solvers of numba take.
"""

from __future__ import annotations

import numpy as np

from dmft.compiled import njit


@njit(inline="always")
def copy(A, out):
    """out = A."""
    for i in range(A.shape[0]):
        for j in range(A.shape[1]):
            out[i, j] = A[i, j]


@njit
def product(A, B, out):
    """out = A B."""
    for i in range(A.shape[0]):
        for j in range(B.shape[1]):
            out[i, j] = 0.0
        for k in range(A.shape[1]):
            factor = A[i, k]
            for j in range(B.shape[1]):
                out[i, j] += factor * B[k, j]


@njit
def add_product_transposed(A, B, out):
    """out += A B^T."""
    for i in range(A.shape[0]):
        for j in range(B.shape[0]):
            total = 0.0
            for k in range(A.shape[1]):
                total += A[i, k] * B[j, k]
            out[i, j] += total


@njit
def solve(A, B):
    """Put A^(-1) B into B, and destroy A: Gaussian elimination with partial pivoting; not finite if A is singular."""
    n, columns = B.shape
    for k in range(n):
        pivot = k
        for i in range(k + 1, n):
            if abs(A[i, k]) > abs(A[pivot, k]):
                pivot = i
        if pivot != k:
            for j in range(k, n):
                A[k, j], A[pivot, j] = A[pivot, j], A[k, j]
            for j in range(columns):
                B[k, j], B[pivot, j] = B[pivot, j], B[k, j]
        eliminate_below(A, B, k)
    substitute_back(A, B)


@njit
def eliminate_below(A, B, k):
    """Subtract multiples of row k, so that column k vanishes below the diagonal."""
    for i in range(k + 1, len(A)):
        factor = A[i, k] / A[k, k]
        for j in range(k + 1, len(A)):
            A[i, j] -= factor * A[k, j]
        for j in range(B.shape[1]):
            B[i, j] -= factor * B[k, j]


@njit
def substitute_back(A, B):
    """B = A^(-1) B for the upper triangle of A."""
    n, columns = B.shape
    for i in range(n - 1, -1, -1):
        for k in range(i + 1, n):
            for j in range(columns):
                B[i, j] -= A[i, k] * B[k, j]
        for j in range(columns):
            B[i, j] /= A[i, i]


@njit
def inverse(A):
    """A^(-1).  A lower triangle is inverted without pivots, which would cost digits where entries grow from row to row."""
    n = len(A)
    work, found, triangular = np.empty((n, n)), np.zeros((n, n)), True
    for i in range(n):
        found[i, i] = 1.0
        for j in range(n):
            work[i, j] = A[i, j]
            triangular = triangular and (j <= i or A[i, j] == 0.0)
    if not triangular:
        solve(work, found)
        return found
    for i in range(n):
        for k in range(i):
            for j in range(k + 1):
                found[i, j] -= work[i, k] * found[k, j]
        for j in range(i + 1):
            found[i, j] /= work[i, i]
    return found
