"""Random numbers with which samples on other nodes have the fields that they have on known ones.

On the nodes of a run the fields of a sample are xi = X c, with independent normal numbers c in the order of a growing factor.
By the polynomials of the cells they are B c at other times.  A run on these has rows X' of its own, and numbers Q c.  The
orthogonal Q for which X' Q comes nearest to B in the sum of squares is

    X'^T B = U S V^T,     Q = U V^T     (Schoenemann 1966)

Q c are independent normal numbers again.  Two runs then differ by what the discretisation of time does, and hardly by chance.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dmft.mathematics.tableau import cell_weights
from dmft.models.two_layer_flow.exact.factor import Factor, in_time

Array = NDArray[np.float64]


def mixing(time: Array, stages: int, C: Array, scales: Array, times: Array, tau: float) -> Array:
    """Q for one covariance C (n, G, n, G) on the nodes `time`, for nodes `times` whose cells are halves of those of `time`.

    scales: of each cell of `time`, as in `Factor.rows`.
    """
    n, G = C.shape[:2]
    known = whole(C, stages, scales, tau).reshape(n, G, n * G)
    B = np.tensordot(cell_weights(time, stages, times), known, 1).reshape(len(times) * G, n * G)
    shape = (len(times), G, len(times), G)
    # The first cell is the first node.
    X = whole((B @ B.T).reshape(shape), stages, np.append(scales[:1], np.repeat(scales[1:], 2)), tau)
    padded = np.zeros_like(X)
    padded[:, : n * G] = B
    U, _, V = np.linalg.svd(X.T @ padded)
    return U @ V


def whole(C: Array, stages: int, scales: Array, tau: float) -> Array:
    """X of all nodes (n G, n G): rows in the order of time, columns in that of the factor."""
    n, G = C.shape[:2]
    factor, X, order = Factor(n * G, tau), np.zeros((n * G, n * G)), np.empty(0, dtype=np.int64)
    for scale in scales:
        first, last = len(order), min(len(order) + (stages if len(order) else 1), n)
        order = np.concatenate([order, np.arange(first, last)[::-1]])
        rows, X[first * G : last * G, : last * G] = in_time(factor, C[first:last, :, :last], order, float(scale))
        factor.keep(rows)
    return X
