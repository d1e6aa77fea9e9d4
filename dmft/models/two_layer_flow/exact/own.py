"""Samples within a cell: the equations of its s nodes for m neurons, sample by sample.

On the nodes of a cell, each coordinate of each node an index (see `crowd.py`),

    h + (1/alpha) R g(h) = c,      J = dg/dh,      T = dg/dxi = J (1 + (1/alpha) R J)^(-1) = (1 + (1/alpha) J R)^(-1) J,

with the same R for all samples, and J_ij = c q_i q_j + delta_ij e_i between neurons of one node, zero between nodes.  Newton's
method needs (1 + R J/alpha)^(-1) = 1 - (1/alpha) R T, so that T serves for both.

Elimination runs over LANES samples at once, which a processor does in a few instructions; with many neurons, by matrix products
of each sample, node by node.  Its pivots are those on the diagonal, close to one in most cells; a sample with a small one is
done again with row exchanges.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dmft.compiled import njit
from dmft.mathematics.small import copy

Array = NDArray[np.float64]

# Samples that are treated together, and the pivot that is too small.
LANES, SMALLEST = 64, 1e-2
# Number of neurons from which on matrix products are faster.
MANY = 7


class Slopes(NamedTuple):
    """J of a cell: c (s, P); q, e (s, m, P)."""

    c: Array
    q: Array
    e: Array


def own_responses(R: Array, slopes: Slopes, basis: Array) -> Array:
    """T of each sample, transposed, (P, s m, s m); R (s m, s m) includes the factor 1/alpha.

    R and T are in coordinates of which `basis` (m, m) holds one a row; `slopes` are those of neurons.
    """
    s, m, samples = slopes.q.shape
    T, smallest = np.empty((samples, s * m, s * m)), np.empty(samples)
    (_by_products if m >= MANY else _by_lanes)(R, *slopes, basis, T, smallest)
    small = np.flatnonzero(~(smallest > SMALLEST))
    if small.size:
        T[small] = _exchanging(R, Slopes(*(x[..., small] for x in slopes)), basis)
    return T


def _exchanging(R: Array, slopes: Slopes, basis: Array) -> Array:
    """The same with row exchanges, by LAPACK."""
    s, m, samples = slopes.q.shape
    q, J = basis @ slopes.q, np.zeros((samples, s, m, s, m))
    for t in range(s):
        J[:, t, :, t] = np.einsum("p,kp,lp->pkl", slopes.c[t], q[t], q[t])
        J[:, t, :, t] += np.einsum("ki,ip,li->pkl", basis, slopes.e[t], basis)
    J = J.reshape(samples, s * m, s * m)
    return np.asarray(np.linalg.solve(np.eye(s * m) + J @ R, J), dtype=float).swapaxes(1, 2)


@njit
def _by_lanes(R, c, q, e, basis, T, smallest):
    """T and the smallest pivot of each sample, by elimination of LANES samples together."""
    s, m, samples = q.shape
    size = s * m
    W, J, pivots = np.empty((size, 2 * size, LANES)), np.empty((size, m, LANES)), np.empty(LANES)
    for first in range(0, samples, LANES):
        _slopes(c, q, e, basis, first, J)
        _matrices(R, J, W)
        _eliminate(W, m, pivots)
        for p in range(min(LANES, samples - first)):
            smallest[first + p] = pivots[p]
            for b in range(size):
                for a in range(size):
                    T[first + p, b, a] = W[a, size + b, p]


@njit
def _by_products(R, c, q, e, basis, T, smallest):
    """The same by matrix products of each sample."""
    s, m, samples = q.shape
    size = s * m
    J, V = np.empty((size, m, LANES)), np.empty((2 * size, size))
    for first in range(0, samples, LANES):
        _slopes(c, q, e, basis, first, J)
        for p in range(min(LANES, samples - first)):
            smallest[first + p] = _of_one(R, J, p, V)
            copy(V[size:], T[first + p])


@njit(fastmath=True)
def _slopes(c, q, e, basis, first, J):
    """J[t m + i, j] of a chunk, zero beyond the last sample."""
    s, m, samples = q.shape
    count = min(LANES, samples - first)
    along, weight = np.zeros((m, LANES)), np.zeros(LANES)
    J[:] = 0.0
    for t in range(s):
        along[:] = 0.0
        for k in range(m):
            for i in range(m):
                for p in range(count):
                    along[k, p] += basis[k, i] * q[t, i, first + p]
        for k in range(m):
            for p in range(count):
                weight[p] = c[t, first + p] * along[k, p]
            for j in range(m):
                for p in range(LANES):
                    J[t * m + k, j, p] = weight[p] * along[j, p]
                for i in range(m):
                    both = basis[k, i] * basis[j, i]
                    if both != 0.0:
                        for p in range(count):
                            J[t * m + k, j, p] += both * e[t, i, first + p]


@njit(fastmath=True)
def _matrices(R, J, W):
    """W = [1 + J R, J]."""
    size, m, _ = J.shape
    W[:] = 0.0
    for a in range(size):
        t = a - a % m
        for p in range(LANES):
            W[a, a, p] = 1.0
        for k in range(m):
            for b in range(size):
                response = R[t + k, b]
                if response != 0.0:
                    for p in range(LANES):
                        W[a, b, p] += J[a, k, p] * response
            for p in range(LANES):
                W[a, size + t + k, p] = J[a, k, p]


@njit(fastmath=True)
def _eliminate(W, m, smallest):
    """Turn W = [A, X] into [1, A^(-1) X] without row exchanges, and find the smallest pivot of each sample.

    Four pivots at a time, so that arrays of LANES numbers are loaded and stored less often.  X begins as blocks of m along
    the diagonal: up to a pivot, columns of later nodes are zero.
    """
    size = len(W)
    inverse, factors = np.empty(LANES), np.empty((4, LANES))
    smallest[:] = np.inf
    for k in range(0, size, 4):
        end = min(k + 4, size)
        last = size + ((end - 1) // m + 1) * m
        for r in range(k, end):
            for p in range(LANES):
                smallest[p] = min(smallest[p], abs(W[r, r, p]))
                inverse[p] = 1.0 / W[r, r, p]
            for b in range(r + 1, last):
                for p in range(LANES):
                    W[r, b, p] *= inverse[p]
            for a in range(k, end):
                if a != r:
                    _subtract(W, a, r, r + 1, r + 1, last, factors)
        for a in range(size):
            if a < k or a >= end:
                _subtract(W, a, k, end, end, last, factors)


@njit(fastmath=True)
def _subtract(W, a, k, end, first, last, factors):
    """Subtract W_ai times row i from row a of each sample, for rows k to `end`, at most four, in columns `first` to `last`."""
    for i in range(k, end):
        for p in range(LANES):
            factors[i - k, p] = W[a, i, p]
    if end - k == 4:
        for b in range(first, last):
            for p in range(LANES):
                W[a, b, p] -= (
                    factors[0, p] * W[k, b, p]
                    + factors[1, p] * W[k + 1, b, p]
                    + factors[2, p] * W[k + 2, b, p]
                    + factors[3, p] * W[k + 3, b, p]
                )
        return
    for i in range(k, end):
        for b in range(first, last):
            for p in range(LANES):
                W[a, b, p] -= factors[i - k, p] * W[i, b, p]


@njit(fastmath=True)
def _of_one(R, J, p, V):
    """V = [1, A^(-1) J]^T of one sample with A = 1 + J R, by elimination of a node at a time; returns the smallest pivot."""
    size, m, _ = J.shape
    J_t, inverse, smallest = np.empty((m, m)), np.empty((m, m)), np.inf
    V[:] = 0.0
    for t in range(0, size, m):
        copy(J[t : t + m, :, p], J_t)
        copy(np.dot(np.ascontiguousarray(R[t : t + m].T), J_t), V[:size, t : t + m])
        copy(J_t, V[size + t : size + t + m, t : t + m])
        for k in range(t, t + m):
            V[k, k] += 1.0
    for t in range(0, size, m):
        end, last = t + m, size + t + m
        smallest = min(smallest, _inverted(V[t:end, t:end], inverse))
        pivots = V[t:end].copy()
        pivots[:, t:end] = 0.0
        rows = np.dot(np.ascontiguousarray(V[end:last, t:end]), inverse)
        product = np.dot(rows, pivots)
        for a in range(size):
            for b in range(size):
                V[end + a, b] -= product[a, b]
        copy(rows, V[end:last, t:end])
    return smallest


@njit(fastmath=True)
def _inverted(A, inverse):
    """The inverse of a small matrix without row exchanges; returns the smallest pivot."""
    m, smallest = len(A), np.inf
    copy(A, inverse)
    for k in range(m):
        smallest = min(smallest, abs(inverse[k, k]))
        factor, inverse[k, k] = 1.0 / inverse[k, k], 1.0
        for j in range(m):
            inverse[k, j] *= factor
        for i in range(m):
            if i != k:
                factor, inverse[i, k] = inverse[i, k], 0.0
                for j in range(m):
                    inverse[i, j] -= factor * inverse[k, j]
    return smallest


def applied(T: Array, f: Array) -> Array:
    """T f of each sample, f (s m, P)."""
    found = np.empty((f.shape[1], len(f)))
    _applied(T, np.ascontiguousarray(f.T), found)
    return found.T


@njit(fastmath=True)
def _applied(T, f, out):
    size = f.shape[1]
    out[:] = 0.0
    for p in range(len(out)):
        for b in range(size):
            for a in range(size):
                out[p, a] += T[p, b, a] * f[p, b]
