"""Mean response of what a sample does to the weights, by the adjoint recursion, sample by sample and without storing it.

With h = xi - (1/alpha) R g(h) and J_l = dg_l/dh_l at equal times, row k of T = dg/dxi follows backwards from T_kk = J_k:

    T_kl = -(1/alpha) [sum_{l' > l} T_kl' R_l'l] J_l,      (J_l)_ij = c_l q_li q_lj + delta_ij e_li

The sum runs over the steps between l and k for all samples in one matrix product for each block of l, what is left inside of a
block in short loops.  A row costs P m^3 k^2 multiplications, and memory for P/chunks times (k + 1) m^2 numbers.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dmft.compiled import njit

Array = NDArray[np.float64]

# Columns of a matrix product, and numbers of a chunk of samples, which should fit into the cache.
COLUMNS, NUMBERS = 32, 500_000


def mean_responses(R: Array, curvature: Array, slopes: Array, diagonal: Array, inverse_alpha: float) -> Array:
    """Mean of row k of T over the samples, (m, (k + 1) m).

    R ((k + 1) m, (k + 1) m); c as curvature (k + 1, P), q as slopes and e as diagonal (k + 1, m, P).
    """
    nodes, m, samples = slopes.shape
    chunk = max(16, min(samples, NUMBERS // (nodes * m * m)))
    mean = np.zeros((m, nodes * m))
    block = max(2, COLUMNS // m)
    for first in range(0, samples, chunk):
        part = slice(first, first + chunk)
        _add_responses(R, curvature[:, part], slopes[:, :, part], diagonal[:, :, part], inverse_alpha, block, mean)
    return mean / samples


@njit(fastmath=True)
def _add_responses(R, curvature, slopes, diagonal, inverse_alpha, block, mean):
    """Add the sum of row k over these samples."""
    nodes, m, samples = slopes.shape
    k = nodes - 1
    T = np.zeros((nodes * m, m * samples))
    for i in range(m):
        for p in range(samples):
            row = curvature[k, p] * slopes[k, i, p]
            for j in range(m):
                T[k * m + j, i * samples + p] = row * slopes[k, j, p]
            T[k * m + i, i * samples + p] += diagonal[k, i, p]
    end = k
    while end > 0:
        start = max(end - block, 0)
        above = np.ascontiguousarray(R[end * m :, start * m : end * m].T)
        T[start * m : end * m] = np.dot(above, T[end * m :])
        for step in range(end - 1, start - 1, -1):
            _complete(R, T, step, end, m)
            _turn(T, step, curvature, slopes, diagonal, -inverse_alpha)
        end = start
    for j in range(nodes * m):
        for i in range(m):
            total = 0.0
            for p in range(samples):
                total += T[j, i * samples + p]
            mean[i, j] += total


@njit(fastmath=True)
def _complete(R, T, step, end, m):
    """Add to the sum of a step what the later steps of its block contribute."""
    for j in range(step * m, (step + 1) * m):
        out = T[j]
        for i in range((step + 1) * m, end * m - 1, 2):
            first, second, a, b = T[i], T[i + 1], R[i, j], R[i + 1, j]
            for p in range(out.size):
                out[p] += a * first[p] + b * second[p]
        if (end - step - 1) * m % 2:
            first, a = T[end * m - 1], R[end * m - 1, j]
            for p in range(out.size):
                out[p] += a * first[p]


@njit(fastmath=True)
def _turn(T, step, curvature, slopes, diagonal, factor):
    """Multiply the sum of a step by its J and by a factor."""
    m, samples = slopes.shape[1:]
    along = np.empty(samples)
    for i in range(m):
        first = i * samples
        along[:] = 0.0
        for j in range(m):
            for p in range(samples):
                along[p] += T[step * m + j, first + p] * slopes[step, j, p]
        for p in range(samples):
            along[p] *= factor * curvature[step, p]
        for j in range(m):
            for p in range(samples):
                T[step * m + j, first + p] = (
                    factor * diagonal[step, j, p] * T[step * m + j, first + p] + along[p] * slopes[step, j, p]
                )
