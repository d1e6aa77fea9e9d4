"""Rows of C and R on evenly spaced nodes, predicted from earlier ones by polynomial extrapolation.

Row k is predicted by the polynomial through rows k - s, k - 2s, ..., k - ps: its error is the p-th difference, which falls with
p until it shows the rounding errors of the rows, 2^p times as large.  C is extrapolated at fixed t', its last columns at fixed
t - t'.  R varies fast along both; late in a run it varies least on the rays of constant t'/t.
"""

from __future__ import annotations

from itertools import pairwise
from functools import cache

import numpy as np
from numpy.polynomial.legendre import legvander
from numpy.typing import NDArray

from dmft.kernels import History
from dmft.models.base import Rows

Array = NDArray[np.float64]

# Zones of t'/t in which R is extrapolated along one direction each; those of the first quarter are one, at fixed t'.
ZONES = 8
FACTOR = 2


def predicted(history: History, one_time: Array, first: int, count: int, stride: int, degree: int) -> Rows:
    """The rows of `count` nodes from `first` on.

    one_time: overlap and scalars on all nodes, (1 + p, n).  The nodes before `first` are at least points * stride, a power of two.
    """
    total = first + count
    C, R = np.zeros((2, len(history["C"]), count, total))
    values = np.zeros((len(one_time), count))
    for q, weight in enumerate(weights(degree), 1):
        back = slice(first - q * stride, total - q * stride)
        C[:, :, :first] += weight * history["C"][:, back, :first]
        C[:, :, first:] += weight * history["C"][:, back, back]
        for start, end, step in _zones(first, total, stride, degree):
            R[:, :, start:end] += weight * history["R"][:, back, start - q * step : end - q * step]
        values += weight * one_time[:, back]
    return Rows(C, R, values[0], values[1:])


@cache
def weights(degree: int) -> tuple[float, ...]:
    """Weights of the 2 (degree + 1) values before a new one in the polynomial through them in the sense of least squares."""
    points = FACTOR * (degree + 1)
    V = legvander(np.linspace(-1.0, 1.0, points + 1), degree)
    return tuple(V[-1] @ np.linalg.pinv(V[:-1]))[::-1]


def _zones(first: int, total: int, stride: int, degree: int) -> list[tuple[int, int, int]]:
    """First column and end of each zone, and how far its direction goes back in t' when it goes back by the stride in t.

    A zone follows the ray at its end, the last one the diagonal.
    """
    zones = min(max(stride // 2, 2), ZONES)
    moving = range(max(zones // 4, 1), zones)
    starts = [max(zone * first, FACTOR * (zone + 1) * (degree + 1) * stride) // zones for zone in moving]
    steps = [0, *((zone + 1) * stride // zones for zone in moving)]
    return [(start, end, step) for (start, end), step in zip(pairwise([0, *starts, total]), steps, strict=True)]
