"""Mean response of what samples do to the weights, T = dg/dxi over all cells, by rows that run backwards and are not stored.

With T_b of cell b, see `own.py`, rows on the nodes B of a new cell follow from T_B backwards in the columns of earlier cells,

    T_Bb = -(1/alpha) [sum_{b' > b} T_Bb' R_b'b] T_b,      R_ij = R^-_k delta_ij + R^o_kl for neurons i, j of groups k, l.

The sum is a matrix product for all samples, the last factor one for each.  Means over neurons are all that is needed: rows are
made of 1^T T for each group, and of contrasts, whose mean is T^-.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from dmft.compiled import njit

Array = NDArray[np.float64]

# Numbers of a chunk of samples, which should fit into the cache.
NUMBERS = 100_000


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


def mean_responses(
    crowd: Crowd, R: Array, minus: Sequence[Array], cells: Sequence[Array], inverse_alpha: float
) -> tuple[Array, Array]:
    """Means of (1/m_k) sum_{i in k, j in l} T_ij, (s, G, N, G); and of T^- of each group of several neurons, (groups, s, N).

    R (N, G, N, G) holds m_l R^o_kl + R^-_k delta_kl, minus (N, N) R^- of each group of several neurons; zero for
    cells of the second node after that of the first.
    cells: T_b (s_b m, s_b m, P) of every cell, the new one last.
    """
    starts = np.append(0, np.cumsum([len(cell) // crowd.m for cell in cells]))
    samples, s, total = cells[-1].shape[2], int(starts[-1] - starts[-2]), int(starts[-1])
    rows = s * crowd.m
    chunk = max(8, min(samples, NUMBERS // (total * crowd.m * rows)))
    others = _between(crowd, R, minus)
    together = np.zeros((s, crowd.G, total, crowd.G))
    apart = np.zeros((len(crowd.several), s, total))
    for first in range(0, samples, chunk):
        part = slice(first, min(first + chunk, samples))
        T = _rows(crowd, others, minus, cells, part, starts, inverse_alpha)
        _reduced(crowd, T.sum(axis=-1), together, apart)
    together /= samples * np.array(crowd.numbers)[:, None, None]
    return together, apart / samples


def _between(crowd: Crowd, R: Array, minus: Sequence[Array]) -> Array:
    """R^o_kl, (N, G, N, G)."""
    others = R.copy()
    for place, k in enumerate(crowd.several):
        others[:, k, :, k] -= minus[place]
    return others / np.array(crowd.numbers)


def _rows(
    crowd: Crowd,
    others: Array,
    minus: Sequence[Array],
    cells: Sequence[Array],
    part: slice,
    starts: NDArray[np.int64],
    inverse_alpha: float,
) -> Array:
    """Rows T (N, m, s m, P) of a part of the samples, in the order of `Crowd.left` within each node."""
    m, samples = crowd.m, part.stop - part.start
    s, total = len(cells[-1]) // m, int(starts[-1])
    T, sums = np.empty((total, m, s * m, samples)), np.empty((total, crowd.G, s * m, samples))
    _first_rows(crowd.left, cells[-1], part.start, T[total - s :])
    for place in range(len(cells) - 1, -1, -1):
        start, end = int(starts[place]), int(starts[place + 1])
        if place < len(cells) - 1:
            U = _sums(crowd, others, minus, T, sums, start, end)
            _turned(U, cells[place], part.start, -inverse_alpha, T[start:end].reshape(-1, s * m, samples))
        for k, group in enumerate(crowd.parts):
            np.sum(T[start:end, group], axis=1, out=sums[start:end, k])
    return T


def _sums(crowd: Crowd, others: Array, minus: Sequence[Array], T: Array, sums: Array, start: int, end: int) -> Array:
    """sum_{b' > b} T_Bb' R_b'b, (s_b m, rows, P)."""
    m, (total, _, rows, samples) = crowd.m, T.shape
    later = total - end
    U = np.empty((end - start, m, rows, samples))
    between = others[end:, :, start:end].reshape(later * crowd.G, -1)
    from_others = (between.T @ sums[end:].reshape(later * crowd.G, -1)).reshape(end - start, crowd.G, rows, samples)
    several = iter(minus)
    for k, part in enumerate(crowd.parts):
        if crowd.numbers[k] == 1:
            U[:, part] = from_others[:, k, None]
            continue
        apart = next(several)[end:, start:end]
        product = apart.T @ T[end:, part].reshape(later, -1)
        np.add(product.reshape(end - start, -1, rows, samples), from_others[:, k, None], out=U[:, part])
    return U.reshape(-1, rows, samples)


def _reduced(crowd: Crowd, T: Array, together: Array, apart: Array) -> None:
    """Add sums over samples (N, m, s m) to the rows of groups and to T^-."""
    total, m, rows = T.shape
    s = rows // m
    blocks = T.reshape(total, m, s, m)
    for other, part in enumerate(crowd.parts):
        together[:, :, :, other] += blocks[:, part, :, : crowd.G].sum(axis=1).transpose(1, 2, 0)
    first = crowd.G
    for place, k in enumerate(crowd.several):
        number = crowd.numbers[k] - 1
        along = np.einsum("nitc,ci->tn", blocks[:, crowd.parts[k], :, first : first + number], crowd.contrasts[k])
        apart[place] += along / number
        first += number


@njit(fastmath=True)
def _first_rows(left, own, first, T):
    """T[u, j, (t, k)] = sum_i left_ki own_(t i)(u j)."""
    s, m, _, samples = T.shape
    for u in range(s):
        for j in range(m):
            for t in range(s):
                for k in range(m):
                    row = t * m + k
                    for p in range(samples):
                        T[u, j, row, p] = 0.0
                    for i in range(m):
                        weight = left[k, i]
                        if weight != 0.0:
                            for p in range(samples):
                                T[u, j, row, p] += weight * own[t * m + i, u * m + j, first + p]


@njit(fastmath=True)
def _turned(U, own, first, factor, out):
    """out[b, l] = factor sum_a U[a, l] own[a, b], sample by sample."""
    size, rows, samples = U.shape
    for b in range(size):
        for row in range(rows):
            for p in range(samples):
                out[b, row, p] = 0.0
            for a in range(size):
                for p in range(samples):
                    out[b, row, p] += factor * own[a, b, first + p] * U[a, row, p]
