"""Standard normal numbers on P samples whose second moments are exact.

Each row holds one number for every sample.  The rows are orthonormal over the samples, to each other and to a constant: means
are zero, variances one and correlations zero to rounding.  What is linear in the rows then has no sampling error at any P.
The first rows are made of scrambled Sobol points, which are even in all directions together, the others of pseudo-random ones.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri
from scipy.stats import qmc

Array = NDArray[np.float64]

# Rows that are made at once: their products are matrix products.
BLOCK = 32


def uniforms(random: np.random.Generator, size: int) -> Array:
    """A uniform number in [0, 1) for every sample, one in each of `size` equal parts, (size,)."""
    return (random.permutation(size) + random.random()) / size


def exact_rows(size: int) -> int:
    """Number of rows that are orthonormal: later ones would have to fill what directions the others leave."""
    return size // 2 - 1


class Normals:
    """Rows (count, size), made as they are needed; the same seeds give the same rows whenever they are asked for."""

    def __init__(self, size: int, even: int, seed: np.random.SeedSequence) -> None:
        points, later = seed.spawn(2)
        self.size, self._random = size, np.random.default_rng(later)
        self._most = exact_rows(size) + 1
        self._rows = np.ones((1, size))
        sobol = qmc.Sobol(even, rng=np.random.default_rng(points)).random_base2(math.ceil(math.log2(size)))[:size]
        self._add(ndtri(np.clip(sobol, 1e-12, 1 - 1e-12)).T)

    def rows(self, count: int) -> Array:
        """The first rows, as a view."""
        while len(self._rows) < count + 1:
            self._add(self._random.standard_normal((BLOCK, self.size)))
        return self._rows[1 : count + 1]

    def _add(self, rows: Array) -> None:
        """Make rows orthonormal to those that are there and to each other, in order."""
        known = self._rows[: self._most]
        for _ in range(2):
            rows = rows - (rows @ known.T / self.size) @ known
        q, r = np.linalg.qr(rows.T)
        self._rows = np.concatenate([self._rows, (q * np.sign(np.diagonal(r)) * math.sqrt(self.size)).T])
