"""Two-time kernels and one-time functions on the nodes of a run, grown cell by cell.

Arrays have room for `capacity` nodes, the first `n` of which are filled; node 0 carries the initial condition.

    C[c, i, j]   correlation of channel c at times t_i, t_j; symmetric, both triangles filled
    R[c, i, j]   response of node i to a unit force at node j, quadrature weight included; zero for cells j after i.
                 Column 0 is zero: the initial condition is never a source.

A model adds kernels of its own (its residual sector) and its observables under their names.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Shape = tuple[int, ...]


class History:
    """Named arrays over nodes: `one_time` of shape (..., n), `two_time` of shape (..., n, n).

    `latest` holds what is known of the last node alone.
    """

    def __init__(
        self,
        one_time: Mapping[str, Shape],
        two_time: Mapping[str, Shape],
        capacity: int = 128,
        latest: Mapping[str, Shape] = MappingProxyType({}),
    ) -> None:
        self.n = 0
        self.latest: dict[str, Array] = {name: np.zeros(shape) for name, shape in latest.items()}
        self.one_time: dict[str, Array] = {name: np.zeros((*lead, capacity)) for name, lead in one_time.items()}
        self.two_time: dict[str, Array] = {name: np.zeros((*lead, capacity, capacity)) for name, lead in two_time.items()}

    @property
    def capacity(self) -> int:
        """Number of nodes that fit before the arrays have to grow."""
        return self.one_time["time"].shape[-1]

    def __getitem__(self, name: str) -> Array:
        """The filled part of one array, as a view."""
        if name in self.one_time:
            return self.one_time[name][..., : self.n]
        return self.two_time[name][..., : self.n, : self.n]

    def copy(self) -> History:
        """The same nodes in arrays of their own."""
        return copy.deepcopy(self)

    def before(self, n: int) -> History:
        """The first n nodes, in the same arrays: to be read only."""
        past = copy.copy(self)
        past.n = n
        return past

    def append(
        self,
        one_time: Mapping[str, Array],
        rows: Mapping[str, Array] = MappingProxyType({}),
        symmetric: frozenset[str] = frozenset(),
        latest: Mapping[str, Array] = MappingProxyType({}),
    ) -> None:
        """Add a cell: values (..., s) and rows (..., s, n + s); rows of symmetric kernels are mirrored into columns."""
        self.latest |= latest
        n = self.n
        total = n + next(iter(one_time.values())).shape[-1]
        if total > self.capacity:
            # By half at a time: appending stays linear in what is stored, and at most 2.25 times it is allocated.
            self.reserve(max(total, self.capacity + self.capacity // 2))
        for name, values in one_time.items():
            self.one_time[name][..., n:total] = values
        for name, block in rows.items():
            array = self.two_time[name]
            array[..., n:total, :total] = block
            if name in symmetric:
                array[..., :n, n:total] = np.swapaxes(block[..., :n], -1, -2)
        self.n = total

    def reserve(self, capacity: int) -> None:
        """Make room for so many nodes; only those that are filled take memory."""
        if capacity <= self.capacity:
            return
        for name, old in self.one_time.items():
            new = np.zeros((*old.shape[:-1], capacity))
            new[..., : self.n] = old[..., : self.n]
            self.one_time[name] = new
        for name, old in self.two_time.items():
            new = np.zeros((*old.shape[:-2], capacity, capacity))
            new[..., : self.n, : self.n] = old[..., : self.n, : self.n]
            self.two_time[name] = new
