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
    mean = np.zeros((nodes * m, m))
    for first in range(0, samples, chunk):
        part = slice(first, first + chunk)
        T = _responses(R, curvature[:, part], slopes[:, :, part], diagonal[:, :, part], inverse_alpha)
        mean += T.reshape(nodes * m, m, -1).sum(axis=-1)
    return mean.T / samples


def _responses(R: Array, curvature: Array, slopes: Array, diagonal: Array, inverse_alpha: float) -> Array:
    """Row k of T of each sample, ((k + 1) m, m P): its columns l j along the first axis."""
    nodes, m, samples = slopes.shape
    T, block = np.empty((nodes * m, m * samples)), max(2, COLUMNS // m)
    own = curvature[-1] * slopes[-1][:, None] * slopes[-1]
    np.einsum("iip->ip", own)[...] += diagonal[-1]
    T[-m:] = own.reshape(m, -1)
    for end in range(nodes - 1, 0, -block):
        start = max(end - block, 0)
        inside = slice(start * m, end * m)
        np.matmul(R[end * m :, inside].T, T[end * m :], out=T[inside])
        _finish(R, T, start, end, curvature, slopes, diagonal, -inverse_alpha)
    return T


@njit(fastmath=True)
def _finish(R, T, start, end, curvature, slopes, diagonal, factor):
    """Complete the sums of a block, from its last step to the first, and multiply them by J."""
    m = slopes.shape[1]
    for step in range(end - 1, start - 1, -1):
        for j in range(step * m, (step + 1) * m):
            for i in range((step + 1) * m, end * m):
                response = R[i, j]
                for p in range(T.shape[1]):
                    T[j, p] += response * T[i, p]
        _turn(T, step, curvature, slopes, diagonal, factor)


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
