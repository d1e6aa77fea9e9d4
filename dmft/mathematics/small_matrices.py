"""Compiled products, inverses and solutions for the matrices of a cell, of a few rows.

At this size loops are as fast as LAPACK; they are compiled in a tenth of the time, and SciPy need not be loaded.  The inner
loops run along rows, which are contiguous in memory.
"""

from __future__ import annotations

from dmft.compiled import njit


@njit(inline="always")
def multiply(A, B, out):
    """out = A B."""
    rows, inner = A.shape
    for i in range(rows):
        for j in range(B.shape[1]):
            out[i, j] = 0.0
        for k in range(inner):
            a = A[i, k]
            for j in range(B.shape[1]):
                out[i, j] += a * B[k, j]


@njit(inline="always")
def multiply_transposed(A, B, out):
    """out = A B^T."""
    for i in range(A.shape[0]):
        for j in range(B.shape[0]):
            total = 0.0
            for k in range(A.shape[1]):
                total += A[i, k] * B[j, k]
            out[i, j] = total


@njit(inline="always")
def apply(A, x, out):
    """out = A x."""
    for i in range(A.shape[0]):
        total = 0.0
        for k in range(A.shape[1]):
            total += A[i, k] * x[k]
        out[i] = total


@njit(inline="always")
def invert(A, out):
    """out = A^(-1), which destroys A; entries are not finite where A is singular."""
    size = A.shape[0]
    for i in range(size):
        for j in range(size):
            out[i, j] = 1.0 if i == j else 0.0
    solve(A, out)


@njit(inline="always")
def solve(A, B):
    """Replace B (n, columns) by A^(-1) B, which destroys A: elimination with row pivots, then substitution.

    Entries are not finite where A is singular.
    """
    size = A.shape[0]
    for k in range(size):
        pivot = k
        for i in range(k + 1, size):
            if abs(A[i, k]) > abs(A[pivot, k]):
                pivot = i
        if pivot != k:
            for j in range(size):
                A[k, j], A[pivot, j] = A[pivot, j], A[k, j]
            for j in range(B.shape[1]):
                B[k, j], B[pivot, j] = B[pivot, j], B[k, j]
        for i in range(k + 1, size):
            factor = A[i, k] / A[k, k]
            for j in range(k + 1, size):
                A[i, j] -= factor * A[k, j]
            for j in range(B.shape[1]):
                B[i, j] -= factor * B[k, j]
    for k in range(size - 1, -1, -1):
        for j in range(B.shape[1]):
            B[k, j] /= A[k, k]
        for i in range(k):
            for j in range(B.shape[1]):
                B[i, j] -= A[i, k] * B[k, j]
