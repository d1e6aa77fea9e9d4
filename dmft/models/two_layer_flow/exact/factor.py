"""A Cholesky factor that grows: Gaussian variables, one after the other, as combinations of independent ones.

Neighbouring times of a smooth process determine each other to rounding, and no Cholesky factor L of their covariance C has any
digits left.  That of C + tau has, and the rows X = C (C + tau)^(-1) L follow one by one as well: what the rows before determine
of a variable comes with an error of sqrt(tau) at most, in smooth processes far less.

tau has to exceed the rounding errors of C, which are in proportion to the largest numbers that C was made of: the variance that
is left of a neuron close to the target is the small difference of two of them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular

Array = NDArray[np.float64]

# Relative to the largest number so far; rounding errors are divided by its root.
TAU = 1e-12


class Rows(NamedTuple):
    """Rows (m, n + m) of the next m variables: X, and L, which is what later rows need; their scale."""

    X: Array
    L: Array
    scale: float


class Factor:
    """Rows X with X X^T = C for covariances C that are given row by row, to `tau` relative to their largest scale."""

    def __init__(self, capacity: int, tau: float = TAU) -> None:
        self._lower = np.zeros((capacity, capacity))
        self._size, self._scale, self._tau = 0, 0.0, tau

    def add(self, covariance: Array, scale: float) -> Array:
        """X of the next m variables, (m, n + m); covariance (m, n + m), with those before and with each other.

        scale: size of the numbers that the covariance was made of.
        Not-a-number throughout for what is no covariance, as in the last steps of a run that diverges.
        """
        if not np.isfinite(covariance).all():
            return np.full_like(covariance, np.nan)
        try:
            rows = self.rows(covariance, scale)
        except np.linalg.LinAlgError:
            return np.full_like(covariance, np.nan)
        self.keep(rows)
        return rows.X

    def rows(self, covariance: Array, scale: float) -> Rows:
        """Rows of the next m variables, which are not kept."""
        n = self._size
        X, L = np.zeros_like(covariance), self._lower
        if n:
            X[:, :n] = solve_triangular(L[:n, :n], covariance[:, :n].T, lower=True, check_finite=False).T
        left = covariance[:, n:] - X[:, :n] @ X[:, :n].T
        # Rounding leaves less than nothing of what is determined already.
        values, vectors = np.linalg.eigh((left + left.T) / 2)
        left = (vectors * np.maximum(values, 0.0)) @ vectors.T
        own = np.linalg.cholesky(left + self._tau * max(self._scale, scale) * np.eye(len(left)))
        X[:, n:] = solve_triangular(own, left, lower=True, check_finite=False).T
        return Rows(X, np.hstack([X[:, :n], np.asarray(own, dtype=float)]), scale)

    def keep(self, rows: Rows) -> None:
        """Make variables those before the next ones."""
        total = rows.L.shape[1]
        if total > len(self._lower):
            grown = np.zeros((2 * total, 2 * total))
            grown[: self._size, : self._size] = self._lower[: self._size, : self._size]
            self._lower = grown
        self._lower[self._size : total, :total] = rows.L
        self._size, self._scale = total, max(self._scale, rows.scale)


def in_time(factor: Factor, C: Array, order: NDArray[np.int64], scale: float) -> tuple[Rows, Array]:
    """Rows of new nodes C (s, G, N, G) over all N nodes, which `order` brings into that of the factor: the last of them first.

    Also X (s G, N G) with their exact variances, its rows in the order of time.
    """
    s, G, total, _ = C.shape
    found = factor.rows(C[::-1][:, :, order].reshape(s * G, -1), scale)
    X = _rescaled(found.X, C[:, :, total - s :]).reshape(s, G, -1)[::-1]
    return found, X.reshape(s * G, -1)


def _rescaled(X: Array, own: Array) -> Array:
    """Rows X (s G, ...), last node first, with the variances on the diagonal of `own` (s, G, s, G), in the order of time."""
    s, G = own.shape[:2]
    variances = np.einsum("sgsg->sg", own)[::-1].reshape(s * G)
    sizes = np.maximum((X**2).sum(axis=1), 1e-300)
    return X * np.sqrt(np.maximum(variances, 0.0) / sizes)[:, None]
