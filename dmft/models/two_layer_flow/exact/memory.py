"""Mean response of what samples do to the weights, T = dg/dxi over all cells, by rows that run backwards and are not stored.

With T_b of cell b, see `own.py`, rows on the nodes B of a new cell follow from T_B backwards in the columns of earlier cells,

    T_Bb = -(1/alpha) [sum_{b' > b} T_Bb' R_b'b] T_b,      R_ij = R^-_k delta_ij + R^o_kl for neurons i, j of groups k, l.

The sum is a matrix product for all samples, the last factor one for each.  Means over neurons are all that is needed: rows are
made of 1^T T for each group, and of contrasts, whose mean is T^-.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from dmft.compiled import njit
from dmft.models.two_layer_flow.exact.own import LANES

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Crowd:
    """Neurons of each group, side by side: their numbers, and orthonormal contrasts (m_k - 1, m_k) of each group."""

    numbers: tuple[int, ...]
    contrasts: tuple[Array, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "contrasts", tuple(_contrasts(number) for number in self.numbers))

    @property
    def m(self) -> int:
        """Number of neurons."""
        return sum(self.numbers)

    @property
    def G(self) -> int:
        """Number of groups."""
        return len(self.numbers)

    @property
    def parts(self) -> list[slice]:
        """The neurons of each group."""
        ends = np.cumsum(self.numbers)
        return [slice(int(end) - number, int(end)) for end, number in zip(ends, self.numbers, strict=True)]

    @property
    def several(self) -> list[int]:
        """Groups of several neurons."""
        return [k for k, number in enumerate(self.numbers) if number > 1]

    def of_groups(self, values: Array, axis: int) -> Array:
        """Values of groups for each of their neurons."""
        return np.repeat(values, self.numbers, axis=axis)

    def means(self, values: Array, axis: int) -> Array:
        """Means over the neurons of each group."""
        starts = np.append(0, np.cumsum(self.numbers)[:-1])
        shape = [1] * values.ndim
        shape[axis] = self.G
        return np.add.reduceat(values, starts, axis=axis) / np.array(self.numbers).reshape(shape)

    @property
    def left(self) -> Array:
        """Rows that are needed of T: the sum over each group, then its contrasts, (m, m)."""
        rows = np.zeros((self.m, self.m))
        for k, part in enumerate(self.parts):
            rows[k, part] = 1.0
        first = self.G
        for k in self.several:
            last = first + self.numbers[k] - 1
            rows[first:last, self.parts[k]] = self.contrasts[k]
            first = last
        return rows


def _contrasts(number: int) -> Array:
    """Orthonormal rows (number - 1, number), orthogonal to a constant."""
    rows = np.zeros((number - 1, number))
    for k, row in enumerate(rows):
        row[: k + 1], row[k + 1] = 1.0, -(k + 1.0)
        row /= np.linalg.norm(row)
    return rows


class Memory:
    """T_b of the cells so far, node 0 left out: a force on the initial condition has never been one."""

    def __init__(self, crowd: Crowd, inverse_alpha: float) -> None:
        self.crowd, self.inverse_alpha, self.cells = crowd, inverse_alpha, 0
        self._past = np.empty((0, 0, 0, 0, LANES))

    def keep(self, T: Array) -> None:
        """Add a cell of T (chunks, s m, s m, LANES)."""
        if self.cells == len(self._past):
            grown = np.empty((max(8, 2 * self.cells), *T.shape))
            grown[: self.cells] = self._past[: self.cells] if self.cells else 0.0
            self._past = grown
        self._past[self.cells] = T
        self.cells += 1

    def mean_responses(self, R: Array, minus: Array, T: Array, samples: int) -> tuple[Array, Array]:
        """Means of (1/m_k) sum_{i in k, j in l} T_ij, (s, G, N, G); and of T^- of each group of several neurons, (.., s, N).

        R (N, G, N, G) holds m_l R^o_kl + R^-_k delta_kl; minus (groups, N, N) R^-; T is that of the new cell.
        """
        crowd, (total, G) = self.crowd, R.shape[:2]
        s = T.shape[1] // crowd.m
        together, apart = np.zeros((s, G, total, G)), np.zeros((len(minus), s, total))
        if self.cells == 0 and total == 1:
            sums = np.zeros((1, crowd.m, crowd.m))
            _first_node(crowd.left, T, sums)
        else:
            sums = np.zeros((total - 1, crowd.m, s * crowd.m))
            groups = np.repeat(np.arange(G), crowd.numbers)
            several = np.array([crowd.several.index(k) if k in crowd.several else -1 for k in range(G)])
            past = self._past if self.cells else T[None]
            _mean_rows(
                crowd.left, groups, several, self._between(R, minus), minus, past, self.cells, T, self.inverse_alpha, sums
            )
        _reduced(crowd, sums / samples, together, apart)
        return together / np.array(crowd.numbers)[:, None, None], apart

    def _between(self, R: Array, minus: Array) -> Array:
        """R^o_kl, (N, G, N, G)."""
        others = R.copy()
        for place, k in enumerate(self.crowd.several):
            others[:, k, :, k] -= minus[place]
        return others / np.array(self.crowd.numbers)


def _reduced(crowd: Crowd, T: Array, together: Array, apart: Array) -> None:
    """Fill the sums of groups and T^-, on the last nodes, from means over samples (nodes, m, s m)."""
    nodes, m, rows = T.shape
    blocks, first = T.reshape(nodes, m, rows // m, m), together.shape[2] - nodes
    for other, part in enumerate(crowd.parts):
        together[:, :, first:, other] = blocks[:, part, :, : crowd.G].sum(axis=1).transpose(1, 2, 0)
    row = crowd.G
    for place, k in enumerate(crowd.several):
        number = crowd.numbers[k] - 1
        along = np.einsum("nitc,ci->tn", blocks[:, crowd.parts[k], :, row : row + number], crowd.contrasts[k])
        apart[place, :, first:] = along / number
        row += number


@njit
def _first_node(left, own, sums):
    m = len(left)
    for chunk in range(len(own)):
        for k in range(m):
            for j in range(m):
                for i in range(m):
                    for p in range(LANES):
                        sums[0, j, k] += left[k, i] * own[chunk, i, j, p]


@njit
def _mean_rows(left, groups, several, others, minus, past, cells, new, inverse_alpha, sums):
    """Add rows T over all samples to sums (nodes, m, s m), chunk by chunk; nodes are counted without the first."""
    m, G, rows, nodes = len(left), others.shape[1], new.shape[1], len(sums)
    s = rows // m
    T, of_groups = np.empty((m, nodes, rows, LANES)), np.empty((G, nodes, rows, LANES))
    U, shared = np.empty((s * m, rows, LANES)), np.empty((G, rows, LANES))
    for chunk in range(len(new)):
        _first_rows(left, new, chunk, T[:, nodes - s :])
        _add_up(groups, nodes - s, nodes, T, of_groups)
        for cell in range(cells - 1, -1, -1):
            start, end = cell * s, (cell + 1) * s
            for u in range(s):
                shared[:] = 0.0
                for group in range(G):
                    for k in range(G):
                        _weighted(others[end + 1 :, k, start + u + 1, group], of_groups[k, end:], shared[group])
                for j in range(m):
                    U[u * m + j] = shared[groups[j]]
                    if several[groups[j]] >= 0:
                        _weighted(minus[several[groups[j]], end + 1 :, start + u + 1], T[j, end:], U[u * m + j])
            _turned(U, past[cell, chunk], -inverse_alpha, T[:, start:end])
            _add_up(groups, start, end, T, of_groups)
        for t in range(nodes):
            for j in range(m):
                for row in range(rows):
                    for p in range(LANES):
                        sums[t, j, row] += T[j, t, row, p]


@njit(fastmath=True)
def _add_up(groups, start, end, T, out):
    """Sums over the neurons of each group."""
    for k in range(len(out)):
        out[k, start:end] = 0.0
    for j in range(len(groups)):
        for t in range(start, end):
            for row in range(T.shape[2]):
                for p in range(LANES):
                    out[groups[j], t, row, p] += T[j, t, row, p]


@njit(fastmath=True)
def _weighted(weights, values, out):
    """Add sum_t weights_t values_t, four at a time: arrays (rows, LANES) are loaded and stored less often."""
    number, rows, _ = values.shape
    t = 0
    while t + 4 <= number:
        a, b, c, d = weights[t], weights[t + 1], weights[t + 2], weights[t + 3]
        for row in range(rows):
            for p in range(LANES):
                out[row, p] += (
                    a * values[t, row, p] + b * values[t + 1, row, p] + c * values[t + 2, row, p] + d * values[t + 3, row, p]
                )
        t += 4
    while t < number:
        for row in range(rows):
            for p in range(LANES):
                out[row, p] += weights[t] * values[t, row, p]
        t += 1


@njit(fastmath=True)
def _first_rows(left, own, chunk, T):
    """T[j, u, (t, k)] = sum_i left_ki own_(t i)(u j)."""
    m, s = T.shape[:2]
    T[:] = 0.0
    for u in range(s):
        for j in range(m):
            for t in range(s):
                for k in range(m):
                    for i in range(m):
                        for p in range(LANES):
                            T[j, u, t * m + k, p] += left[k, i] * own[chunk, t * m + i, u * m + j, p]


@njit(fastmath=True)
def _turned(U, own, factor, out):
    """out[j, u] = factor sum_(v, i) U[(v, i)] T_b[(v, i), (u, j)], sample by sample, four terms at a time."""
    m, s, rows, _ = out.shape
    out[:] = 0.0
    for b in range(s * m):
        u, j = b // m, b % m
        for row in range(rows):
            a = 0
            while a + 4 <= s * m:
                for p in range(LANES):
                    out[j, u, row, p] += factor * (
                        own[a, b, p] * U[a, row, p]
                        + own[a + 1, b, p] * U[a + 1, row, p]
                        + own[a + 2, b, p] * U[a + 2, row, p]
                        + own[a + 3, b, p] * U[a + 3, row, p]
                    )
                a += 4
            while a < s * m:
                for p in range(LANES):
                    out[j, u, row, p] += factor * own[a, b, p] * U[a, row, p]
                a += 1
