"""Neurons of several groups, and the coordinates in which responses between them are simplest.

Orthonormal coordinates of m numbers, one a neuron: the sum over each of the G groups over the root of its size, then contrasts
of each group of several neurons.  A matrix R^-_k delta_ij + R^o_kl becomes a G x G block of the sums and R^-_k for contrasts.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Crowd:
    """Neurons of each group, side by side, by their numbers."""

    numbers: tuple[int, ...]

    @property
    def m(self) -> int:
        """Number of neurons."""
        return sum(self.numbers)

    @property
    def G(self) -> int:
        """Number of groups."""
        return len(self.numbers)

    @cached_property
    def parts(self) -> list[slice]:
        """The neurons of each group."""
        ends = np.cumsum(self.numbers)
        return [slice(int(end) - number, int(end)) for end, number in zip(ends, self.numbers, strict=True)]

    @cached_property
    def several(self) -> list[int]:
        """Groups of several neurons."""
        return [k for k, number in enumerate(self.numbers) if number > 1]

    @cached_property
    def apart(self) -> list[slice]:
        """Coordinates that are contrasts of each group of several neurons."""
        ends = self.G + np.cumsum([self.numbers[k] - 1 for k in self.several], dtype=int)
        return [slice(int(end) - self.numbers[k] + 1, int(end)) for end, k in zip(ends, self.several, strict=True)]

    @cached_property
    def basis(self) -> Array:
        """The coordinates, one a row, (m, m)."""
        rows = np.zeros((self.m, self.m))
        for k, part in enumerate(self.parts):
            rows[k, part] = self.numbers[k] ** -0.5
        for k, coordinates in zip(self.several, self.apart, strict=True):
            rows[coordinates, self.parts[k]] = _contrasts(self.numbers[k])
        return rows

    @cached_property
    def scale(self) -> Array:
        """Coordinates of one on each neuron of a group, (G,)."""
        return np.sqrt(np.array(self.numbers, dtype=float))

    def of_groups(self, values: Array, axis: int) -> Array:
        """Values of groups for each of their neurons."""
        return np.repeat(values, self.numbers, axis=axis)

    def block(self, R: Array) -> Array:
        """The block of sums of a matrix m_l R^o_kl + R^-_k delta_kl, (.., G, .., G)."""
        return R * (self.scale[:, None, None] / self.scale)


def _contrasts(number: int) -> Array:
    """Orthonormal rows (number - 1, number), orthogonal to a constant."""
    rows = np.zeros((number - 1, number))
    for k, row in enumerate(rows):
        row[: k + 1], row[k + 1] = 1.0, -(k + 1.0)
        row /= np.linalg.norm(row)
    return rows
