"""A Cholesky factor that grows: Gaussian variables, one after the other, as combinations of independent ones.

Neighbouring times of a smooth process determine each other to rounding, and no Cholesky factor L of their covariance C has any
digits left.  That of C + tau has, and the rows X = C (C + tau)^(-1) L follow one by one as well: what the rows before determine
of a variable comes with an error of sqrt(tau) at most, in smooth processes far less.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular

Array = NDArray[np.float64]

# Relative to the variance of each variable; rounding errors are divided by its root.
TAU = 1e-12


class Factor:
    """Rows X with X X^T = C for covariances C that are given row by row."""

    def __init__(self, capacity: int) -> None:
        self._lower = np.zeros((capacity, capacity))
        self._size = 0

    def add(self, covariance: Array) -> Array:
        """X of the next m variables, (m, n + m); covariance (m, n + m), with those before and with each other."""
        m, n = len(covariance), self._size
        if not np.isfinite(covariance).all():
            return np.full_like(covariance, np.nan)
        X, L, rows = np.zeros_like(covariance), self._lower, slice(n, n + m)
        if n:
            X[:, :n] = solve_triangular(L[:n, :n], covariance[:, :n].T, lower=True, check_finite=False).T
        left = covariance[:, n:] - X[:, :n] @ X[:, :n].T
        # Rounding leaves less than nothing of what is determined already.
        values, vectors = np.linalg.eigh((left + left.T) / 2)
        left = (vectors * np.maximum(values, 0.0)) @ vectors.T
        own = np.linalg.cholesky(left + TAU * np.diag(np.diagonal(covariance[:, n:])))
        X[:, n:] = solve_triangular(own, left, lower=True, check_finite=False).T
        L[rows, :n], L[rows, rows] = X[:, :n], own
        self._size += m
        return X
