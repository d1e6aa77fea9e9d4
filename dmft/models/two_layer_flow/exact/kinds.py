"""Neurons that start alike stay alike: what a matrix over neurons needs to be known by.

A matrix X_ij of such neurons has one value for each kind with itself, i = j, and one for each pair of kinds of others.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Kinds:
    """The kind of each neuron, (m,), counted from 0."""

    of: NDArray[np.int64]

    @cached_property
    def counts(self) -> Array:
        """Number of neurons of each kind."""
        return np.bincount(self.of).astype(float)

    @property
    def number(self) -> int:
        """G."""
        return len(self.counts)

    @property
    def entries(self) -> int:
        """Numbers by which a matrix is known: G of neurons with themselves, G^2 of different ones."""
        return self.number + self.number**2

    @cached_property
    def first(self) -> NDArray[np.int64]:
        """The first neuron of each kind."""
        return np.array([int(np.argmax(self.of == kind)) for kind in range(self.number)])

    @cached_property
    def _second(self) -> NDArray[np.int64]:
        """Another neuron of each kind, the same one if there is no other."""
        return np.array([int(np.flatnonzero(self.of == kind)[:2][-1]) for kind in range(self.number)])

    @cached_property
    def pairs(self) -> NDArray[np.int64]:
        """For each pair of neurons, which of the entries it has, (m, m)."""
        found = self.number + self.of[:, None] * self.number + self.of[None, :]
        np.fill_diagonal(found, self.of)
        return found

    @cached_property
    def exchanged(self) -> NDArray[np.int64]:
        """For each entry, that of the same two neurons in the other order."""
        G = self.number
        return np.append(np.arange(G), G + np.arange(G * G).reshape(G, G).T.ravel())

    @cached_property
    def _places(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """A pair of neurons for each entry."""
        G, first = self.number, self.first
        other = np.where(np.eye(G, dtype=bool), self._second[None, :], first[None, :])
        return np.append(first, np.repeat(first, G)), np.append(first, other.ravel())

    def entries_of(self, rows: Array) -> Array:
        """Entries of rows (m, n m) over (time, neuron), (entries, n), those of one pair of neurons for each."""
        i, j = self._places
        return rows.reshape(len(self.of), -1, len(self.of))[i, :, j]

    def rows_of(self, entries: Array) -> Array:
        """Rows (m, n m) of entries (entries, n)."""
        return np.moveaxis(entries[self.pairs], 1, 2).reshape(len(self.of), -1)

    def alike(self, values: Array) -> Array:
        """With the mean over its kind in place of each value, (m, ...)."""
        sums = np.zeros((self.number, *values.shape[1:]))
        np.add.at(sums, self.of, values)
        return (sums / self.counts.reshape(-1, *(1,) * (values.ndim - 1)))[self.of]

    def alike_pairs(self, rows: Array) -> Array:
        """The same for pairs in rows (m, n m): of each neuron with itself, and of different ones."""
        m = len(self.of)
        blocks, sizes = rows.reshape(m, -1, m), np.bincount(self.pairs.ravel(), minlength=self.entries)
        sums = np.zeros((self.entries, blocks.shape[1]))
        np.add.at(sums, self.pairs.ravel(), np.moveaxis(blocks, 1, 2).reshape(m * m, -1))
        return self.rows_of(sums / np.maximum(sizes, 1)[:, None])
