"""Products with causal matrices, without most of their zeros, and inverses of small ones.

A causal matrix L has L[i, j] = 0 for all nodes j of cells after that of node i: nothing above the diagonal but a band, in
which a node feels those of its own cell.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dmft.mathematics import small
from dmft.mathematics.tableau import MAX_STAGES

Array = NDArray[np.float64]

# Rows or columns of the matrix that a product takes at once.
PANEL = 512
# Matrices of up to this many rows are inverted by compiled loops, larger ones by LAPACK.
SMALL = 16


def times_causal(X: Array, L: Array) -> Array:
    """X L, (..., s, n), for X (..., s, n) and causal L (..., n, n)."""
    if X.shape[-1] <= PANEL:
        return X @ L
    out = np.empty(X.shape)
    for first in range(0, X.shape[-1], PANEL):
        columns, top = slice(first, first + PANEL), max(first - MAX_STAGES, 0)
        np.matmul(X[..., top:], L[..., top:, columns], out=out[..., columns])
    return out


def times_transposed(X: Array, L: Array) -> Array:
    """X L^T, (..., s, n), for X (..., s, n) and causal L (..., n, n)."""
    if X.shape[-1] <= PANEL:
        return X @ np.swapaxes(L, -1, -2)
    out = np.empty(X.shape)
    for first in range(0, X.shape[-1], PANEL):
        rows, end = slice(first, first + PANEL), first + PANEL + MAX_STAGES
        np.matmul(X[..., :end], np.swapaxes(L[..., rows, :end], -1, -2), out=out[..., rows])
    return out


def inverse(A: Array) -> Array:
    """A^(-1), by substitution if A is lower triangular: pivots would cost digits where entries grow from row to row."""
    if len(A) <= SMALL:
        return small.inverse(A)
    from scipy.linalg import solve_triangular  # takes a while to load, and only long blocks come here

    triangular = not np.triu(A, 1).any()
    found = solve_triangular(A, np.eye(len(A)), lower=True, check_finite=False) if triangular else np.linalg.inv(A)
    return np.asarray(found, dtype=np.float64)
