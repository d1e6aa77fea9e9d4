"""Samples within a cell: the equations of its s nodes for m neurons, sample by sample.

On the nodes of a cell, each neuron of each node an index,

    h + (1/alpha) R g(h) = c,      J = dg/dh,      T = dg/dxi = J (1 + (1/alpha) R J)^(-1),

with the same R for all samples, and J_ij = c q_i q_j + delta_ij e_i between neurons of one node, zero between nodes.  Newton's
method needs (1 + R J/alpha)^(-1) = 1 - (1/alpha) R T, so that T serves for both.

Elimination runs over LANES samples at once, which a processor does in a few instructions.  Its pivots are those on the
diagonal, close to one in most cells; a sample with a small one is done again with row exchanges.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dmft.compiled import njit

Array = NDArray[np.float64]

# Samples that are treated together, and the pivot that is too small.
LANES, SMALLEST = 32, 1e-2


class Slopes(NamedTuple):
    """J of a cell: c (s, P); q, e (s, m, P)."""

    c: Array
    q: Array
    e: Array


def own_responses(R: Array, slopes: Slopes) -> Array:
    """T (chunks, s m, s m, LANES) of samples in chunks, the last one with zeros; R (s m, s m) includes the factor 1/alpha."""
    s, m, samples = slopes.q.shape
    T = np.empty((-(-samples // LANES), s * m, s * m, LANES))
    _own_responses(R, *slopes, T)
    return T


@njit
def _own_responses(R, c, q, e, T):
    s, m, samples = q.shape
    size = s * m
    A, J = np.empty((size, size, LANES)), np.empty((size, m, LANES))
    X, smallest = np.empty((size, size, LANES)), np.empty(LANES)
    for chunk in range(len(T)):
        first = chunk * LANES
        _slopes(c, q, e, first, J)
        _matrices(R, J, A, X)
        _eliminate(A, X, smallest)
        for p in range(min(LANES, samples - first)):
            if not smallest[p] > SMALLEST:
                _exchanging(R, J, p, X)
        for a in range(size):
            for b in range(size):
                for p in range(LANES):
                    T[chunk, b, a, p] = X[a, b, p]


@njit
def _slopes(c, q, e, first, J):
    """J[t m + i, j] of a chunk, zero beyond the last sample."""
    s, m, samples = q.shape
    J[:] = 0.0
    for t in range(s):
        for i in range(m):
            for j in range(m):
                for p in range(min(LANES, samples - first)):
                    J[t * m + i, j, p] = c[t, first + p] * q[t, i, first + p] * q[t, j, first + p]
            for p in range(min(LANES, samples - first)):
                J[t * m + i, i, p] += e[t, i, first + p]


@njit(fastmath=True)
def _matrices(R, J, A, X):
    """A = 1 + J R^T and X = J: T^T = A^(-1) J, as J is symmetric."""
    size, m, _ = J.shape
    X[:] = 0.0
    for a in range(size):
        t = a - a % m
        for b in range(size):
            for p in range(LANES):
                A[a, b, p] = 1.0 if a == b else 0.0
            for k in range(m):
                response = R[b, t + k]
                for p in range(LANES):
                    A[a, b, p] += J[a, k, p] * response
        for k in range(m):
            for p in range(LANES):
                X[a, t + k, p] = J[a, k, p]


@njit(fastmath=True)
def _eliminate(A, X, smallest):
    """X = A^(-1) X in place, without row exchanges, and the smallest pivot of each sample; A is destroyed."""
    size = len(A)
    inverse, factor = np.empty(LANES), np.empty(LANES)
    for p in range(LANES):
        smallest[p] = np.inf
    for k in range(size):
        for p in range(LANES):
            smallest[p] = min(smallest[p], abs(A[k, k, p]))
            inverse[p] = 1.0 / A[k, k, p]
        for b in range(size):
            for p in range(LANES):
                X[k, b, p] *= inverse[p]
        for b in range(k + 1, size):
            for p in range(LANES):
                A[k, b, p] *= inverse[p]
        for a in range(size):
            if a == k:
                continue
            for p in range(LANES):
                factor[p] = A[a, k, p]
            for b in range(k + 1, size):
                for p in range(LANES):
                    A[a, b, p] -= factor[p] * A[k, b, p]
            for b in range(size):
                for p in range(LANES):
                    X[a, b, p] -= factor[p] * X[k, b, p]


@njit
def _exchanging(R, J, p, X):
    """The same for one sample, with LAPACK."""
    size, m, _ = J.shape
    A, right = np.eye(size), np.zeros((size, size))
    for a in range(size):
        t = a - a % m
        for k in range(m):
            right[a, t + k] = J[a, k, p]
            for b in range(size):
                A[a, b] += J[a, k, p] * R[b, t + k]
    found = np.linalg.solve(A, right)
    for a in range(size):
        for b in range(size):
            X[a, b, p] = found[a, b]


def applied(T: Array, f: Array) -> Array:
    """T f of each sample, f (s m, P)."""
    found = np.empty_like(f)
    _applied(T, f, found)
    return found


@njit(fastmath=True)
def _applied(T, f, out):
    size, samples = f.shape
    for chunk in range(len(T)):
        first = chunk * LANES
        count = min(LANES, samples - first)
        for a in range(size):
            for p in range(count):
                out[a, first + p] = 0.0
            for b in range(size):
                for p in range(count):
                    out[a, first + p] += T[chunk, a, b, p] * f[b, first + p]
