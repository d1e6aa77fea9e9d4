"""What samples do within a cell: the equations of its s nodes for m neurons, sample by sample.

On the nodes of a cell, each neuron of each node an index,

    h + (1/alpha) R g(h) = c,      J = dg/dh,      T = dg/dxi = J (1 + (1/alpha) R J)^(-1),

with the same R for all samples, and J_ij = c q_i q_j + delta_ij e_i between neurons of one node, zero between nodes.  Newton's
method needs (1 + R J/alpha)^(-1) = 1 - (1/alpha) R T, so that T serves for both.  Samples are the last index of all arrays.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dmft.compiled import njit

Array = NDArray[np.float64]


class Slopes(NamedTuple):
    """J of a cell: c (s, P); q, e (s, m, P)."""

    c: Array
    q: Array
    e: Array


def own_responses(R: Array, slopes: Slopes) -> Array:
    """T (s m, s m, P), with R (s m, s m) that includes the factor 1/alpha."""
    s, m, samples = slopes.q.shape
    T = np.empty((s * m, s * m, samples))
    _own_responses(R, *slopes, T)
    return T


@njit
def _own_responses(R, c, q, e, T):
    s, m, samples = q.shape
    size = s * m
    J, A, X = np.zeros((size, size)), np.empty((size, size)), np.empty((size, size))
    for p in range(samples):
        for t in range(s):
            for i in range(m):
                for j in range(m):
                    J[t * m + i, t * m + j] = c[t, p] * q[t, i, p] * q[t, j, p]
                J[t * m + i, t * m + i] += e[t, i, p]
        # T^T = (1 + J R^T)^(-1) J, as J is symmetric.
        for a in range(size):
            t = a // m
            for b in range(size):
                value = 1.0 if a == b else 0.0
                for k in range(t * m, (t + 1) * m):
                    value += J[a, k] * R[b, k]
                A[a, b] = value
                X[a, b] = J[a, b]
        _solve(A, X)
        for a in range(size):
            for b in range(size):
                T[b, a, p] = X[a, b]


@njit
def _solve(A, X):
    """X = A^(-1) X in place by Gaussian elimination with row exchanges; A is destroyed."""
    size, columns = X.shape
    for k in range(size):
        pivot = k
        for a in range(k + 1, size):
            if abs(A[a, k]) > abs(A[pivot, k]):
                pivot = a
        if pivot != k:
            for b in range(k, size):
                A[k, b], A[pivot, b] = A[pivot, b], A[k, b]
            for b in range(columns):
                X[k, b], X[pivot, b] = X[pivot, b], X[k, b]
        inverse = 1.0 / A[k, k]
        for a in range(k + 1, size):
            factor = A[a, k] * inverse
            if factor != 0.0:
                for b in range(k + 1, size):
                    A[a, b] -= factor * A[k, b]
                for b in range(columns):
                    X[a, b] -= factor * X[k, b]
    for k in range(size - 1, -1, -1):
        inverse = 1.0 / A[k, k]
        for b in range(columns):
            X[k, b] *= inverse
        for a in range(k):
            factor = A[a, k]
            for b in range(columns):
                X[a, b] -= factor * X[k, b]


@njit(fastmath=True)
def applied(T, f, out):
    """out = T f, f and out (s m, P)."""
    size, samples = f.shape
    for a in range(size):
        for p in range(samples):
            out[a, p] = 0.0
        for b in range(size):
            for p in range(samples):
                out[a, p] += T[a, b, p] * f[b, p]
