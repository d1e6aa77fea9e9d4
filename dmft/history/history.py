"""Two-time kernels and one-time functions on the nodes of a run, grown cell by cell.

Arrays, declared as `Field`s, have room for `capacity` nodes, the first `n` of which are filled; node 0 carries the initial
condition.  Those of two-time equations are, for each stack of channels,

    C[c, i, j]   correlation of channel c at times t_i, t_j; symmetric, both triangles filled
    R[c, i, j]   response of node i to a unit force at node j, quadrature weight included; zero for cells j after i.
                 Column 0 is zero: the initial condition is never a source.

A model adds kernels of its own (its residual sector) and its observables under their names.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from dmft.history.fields import TIME, Field, by_name

Array = NDArray[np.float64]


class History:
    """Named arrays over nodes, each with the dimensions of its field; one without a time holds the last node alone."""

    def __init__(self, fields: Iterable[Field], capacity: int = 128) -> None:
        self.n = 0
        self.capacity = capacity
        self.fields = by_name(fields)
        self._arrays = {name: np.zeros(field.shape(capacity)) for name, field in self.fields.items()}
        # Filled parts that were asked for since the last cell: they are asked for in every iteration of the next one.
        self._views: dict[str | tuple[str, ...], Array] = {}

    def __getitem__(self, name: str) -> Array:
        """The filled part of one array, as a view."""
        if name not in self._views:
            filled = slice(self.n)
            self._views[name] = self._arrays[name][self.fields[name].index(filled, filled)]
        return self._views[name]

    def series(self, name: str) -> Array:
        """A one-time array as rows of numbers over the nodes, see `Field.series`."""
        return self.fields[name].series(self[name])

    def stacked(self, names: tuple[str, ...]) -> Array:
        """One-time arrays as rows of numbers, one below the other, (entries, n): to be read only."""
        if names not in self._views:
            self._views[names] = np.vstack([self.series(name) for name in names])
        return self._views[names]

    @property
    def entries(self) -> tuple[int, int, int]:
        """Numbers for each pair of nodes, for each node, and for the last node alone, all arrays together."""
        fields = self.fields.values()
        two_time = sum(field.entries for field in fields if field.two_time)
        one_time = sum(field.entries for field in fields if field.one_time)
        return two_time, one_time, sum(field.entries for field in fields) - two_time - one_time

    def copy(self) -> History:
        """The same nodes in arrays of their own."""
        same = self.before(self.n)
        same._arrays = {name: array.copy() for name, array in self._arrays.items()}
        return same

    def before(self, n: int) -> History:
        """The first n nodes, in the same arrays: to be read only."""
        past = copy.copy(self)
        past.n, past._views = n, {}
        return past

    def append(self, values: Mapping[str, Array]) -> None:
        """Add a cell: s new nodes of one-time arrays; rows of two-time arrays from these to all n + s nodes.

        Rows of symmetric arrays are mirrored into columns.  Arrays without a time are replaced.
        """
        n = self.n
        total = n + values[TIME].shape[0]
        if total > self.capacity:
            # By half at a time: appending stays linear in what is stored, and at most 2.25 times it is allocated.
            self.reserve(max(total, self.capacity + self.capacity // 2))
        new, known, all_nodes = slice(n, total), slice(n), slice(total)
        for name, block in values.items():
            field, array = self.fields[name], self._arrays[name]
            array[field.index(new, all_nodes)] = block
            if field.symmetric:
                array[field.index(known, new)] = field.exchanged(block[field.index(slice(None), known)])
        self.n, self._views = total, {}

    def reserve(self, capacity: int) -> None:
        """Make room for so many nodes; only those that are filled take memory."""
        if capacity <= self.capacity:
            return
        filled = slice(self.n)
        for name, field in self.fields.items():
            old, part = self._arrays[name], field.index(filled, filled)
            self._arrays[name] = np.zeros(field.shape(capacity))
            self._arrays[name][part] = old[part]
        self.capacity, self._views = capacity, {}
