"""Mean response of what samples do to the weights, T = dg/dxi over all cells, by rows that run backwards and are not stored.

With T_b of cell b, see `own.py`, rows on the nodes B of a new cell follow from T_B backwards in the columns of earlier cells,

    T_Bb = -(1/alpha) [sum_{b' > b} T_Bb' R_b'b] T_b

in the coordinates of `crowd.py`, where R is a block for the sums over groups, and one number for the contrasts of a group.  The
bracket is a matrix product for each of these blocks, the same for all samples; the last factor is one for each sample.
Indices of a cell run over blocks, their nodes, and coordinates of a node, in this order: what a product makes is contiguous.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from dmft.compiled import njit
from dmft.models.two_layer_flow.exact.crowd import Crowd

Array = NDArray[np.float64]

# Numbers of rows that are made at once, which should stay in the cache.
NUMBERS = 60_000


class Memory:
    """T_b of the cells so far, node 0 left out: a force on the initial condition has never been one."""

    def __init__(self, crowd: Crowd, inverse_alpha: float) -> None:
        self.crowd, self.inverse_alpha, self.cells = crowd, inverse_alpha, 0
        self._past = np.empty((0, 0, 0, 0))
        # Coordinates at which blocks end.
        self._ends = np.array([0, crowd.G, *(part.stop for part in crowd.apart)])

    def keep(self, T: Array) -> None:
        """Add a cell, see `own_responses`."""
        if self.cells == len(self._past):
            grown = np.empty((max(8, 2 * self.cells), *T.shape))
            grown[: self.cells] = self._past[: self.cells] if self.cells else 0.0
            self._past = grown
        order = self._order(T.shape[1] // self.crowd.m)
        places = (order[:, None] * len(order) + order).ravel()
        np.take(T.reshape(len(T), -1), places, axis=1, out=self._past[self.cells].reshape(len(T), -1), mode="clip")
        self.cells += 1

    def mean_responses(self, R: Array, minus: Array, T: Array) -> tuple[Array, Array]:
        """Means of (1/m_k) sum_{i in k, j in l} T_ij, (s, G, N, G); and of T^- of each group of several neurons, (.., s, N).

        R (N, G, N, G) holds m_l R^o_kl + R^-_k delta_kl; minus (groups, N, N) R^-; T is that of the new cell.
        """
        crowd, total, samples = self.crowd, len(R), len(T)
        s = T.shape[1] // crowd.m
        nodes = (self.cells + 1) * s
        first = total - nodes
        together, apart = np.zeros((nodes, crowd.G, s, crowd.G)), np.zeros((len(minus), nodes, s))
        block = crowd.block(R[first:, :, first:]).reshape(nodes * crowd.G, -1)
        past, order = self._past[: self.cells] if self.cells else np.empty((0, *T.shape)), self._order(s)
        _mean_rows(self._ends, order, block, minus[:, first:, first:], past, T, -self.inverse_alpha, together, apart)
        found, found_apart = np.zeros((s, crowd.G, total, crowd.G)), np.zeros((len(minus), s, total))
        found[:, :, first:] = together.transpose(2, 3, 0, 1) / samples * (crowd.scale / crowd.scale[:, None, None])
        several = np.array([crowd.numbers[k] - 1.0 for k in crowd.several])[:, None, None]
        found_apart[:, :, first:] = apart.swapaxes(1, 2) / (samples * several)
        return found, found_apart

    def _order(self, s: int) -> NDArray[np.int64]:
        """Indices (node, coordinate) in the order of blocks."""
        index, ends = np.arange(s * self.crowd.m).reshape(s, -1), self._ends
        return np.concatenate([index[:, a:b].ravel() for a, b in pairwise(ends)])


@njit(fastmath=True)
def _mean_rows(ends, order, R, minus, past, new, factor, together, apart):
    """Add rows T over all samples to the sums that are needed, chunk by chunk; nodes are counted without the first.

    Of a chunk, T holds rows of all samples in one column after the other: of a block, its nodes, and their coordinates.
    """
    nodes, _, s, _ = together.shape
    rows = len(order)
    number = min(len(new), max(1, NUMBERS // (nodes * ends[-1] * rows)))
    for first in range(0, len(new), number):
        samples = min(number, len(new) - first)
        T, U = np.empty((nodes * ends[-1], samples, rows)), np.empty((rows, samples, rows))
        _begin(T, ends, new[first : first + samples], order)
        for cell in range(len(past) - 1, -1, -1):
            start, end = cell * s, (cell + 1) * s
            for b in range(len(ends) - 1):
                # All coordinates of the block of sums are mixed; contrasts are columns beside each other.
                mixed = ends[1] if b == 0 else 1
                known = R if b == 0 else minus[b - 1]
                weights = np.ascontiguousarray(known[end * mixed :, start * mixed : end * mixed].T)
                later = T[_column(ends, nodes, b, end) : nodes * ends[b + 1]].reshape(weights.shape[1], -1)
                np.dot(weights, later, U[s * ends[b] : s * ends[b + 1]].reshape(len(weights), -1))
            _turned(T, ends, U, past[cell, first : first + samples], start, factor)
        _add_up(T, ends, together, apart)


@njit
def _column(ends, nodes, b, t):
    """The first column of a node in a block."""
    return nodes * ends[b] + t * (ends[b + 1] - ends[b])


@njit
def _begin(T, ends, new, order):
    """T of the new cell, the last one."""
    columns, samples, rows = T.shape
    nodes, s = columns // ends[-1], rows // ends[-1]
    for b in range(len(ends) - 1):
        first, place = _column(ends, nodes, b, nodes - s), s * ends[b]
        for k in range(s * (ends[b + 1] - ends[b])):
            for p in range(samples):
                for a in range(rows):
                    T[first + k, p, a] = new[p, order[place + k], order[a]]


@njit(fastmath=True)
def _turned(T, ends, U, own, start, factor):
    """The sums U times T_b, sample by sample, as rows of T on the nodes of a cell."""
    size, samples, rows = U.shape
    nodes, s = len(T) // ends[-1], size // ends[-1]
    one, product, column = np.empty((size, rows)), np.empty((size, rows)), np.empty(size, np.int64)
    for b in range(len(ends) - 1):
        for k in range(s * (ends[b + 1] - ends[b])):
            column[s * ends[b] + k] = _column(ends, nodes, b, start) + k
    for p in range(samples):
        for a in range(size):
            for row in range(rows):
                one[a, row] = U[a, p, row]
        np.dot(own[p], one, product)
        for a in range(size):
            for row in range(rows):
                T[column[a], p, row] = factor * product[a, row]


@njit(fastmath=True)
def _add_up(T, ends, together, apart):
    """Add rows of some samples to the sums over samples that are needed."""
    nodes, _, s, _ = together.shape
    _, samples, rows = T.shape
    total = np.empty(rows)
    for b in range(len(ends) - 1):
        number = ends[b + 1] - ends[b]
        for t in range(nodes):
            for k in range(number):
                column = _column(ends, nodes, b, t) + k
                total[:] = 0.0
                for p in range(samples):
                    for row in range(rows):
                        total[row] += T[column, p, row]
                for u in range(s):
                    row = s * ends[b] + u * number
                    if b == 0:
                        for other in range(number):
                            together[t, k, u, other] += total[row + other]
                    else:
                        apart[b - 1, t, u] += total[row + k]
