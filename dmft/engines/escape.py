"""Amplification of errors where a run speeds up, as where it leaves a saddle.

An error along the trajectory is a shift in time, and as the equations know no time of their own, nothing takes it back.  Where
the state changes at the relative rate S, an error e makes a shift e/S; at a later rate S', observables are off by e S'/S.  With
one error e in each factor e of time,

    error(t) = e E(t),     E(t) = S(t) int_0^t dt'/(t' S(t')).

S is the largest rate of all observables, each relative to its largest value so far.  Where things slow down as S ~ 1/t, E is 1;
on the way out of a saddle it is the ratio of the fast rate to those of the plateau, times the logarithm of how long that takes.
No error is larger than the change from which it comes.  Cells may err by more or less than the tolerance that they are held to:
E says where errors grow, and by about how much, and a second run how large they are.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# Larger amplifications of errors than this are worth a second run; where nothing speeds up, they are 0.5 to 2.5, mostly.
LARGE = 3.0


class Amplification(NamedTuple):
    """The time by which earlier errors have grown most, and about how many tolerances they may be there."""

    time: float
    factor: float

    def __str__(self) -> str:
        return f"errors may grow {self.factor:.0f}-fold up to t = {self.time:.4g}"

    @property
    def large(self) -> bool:
        """True if errors of the observables may be well beyond the tolerance."""
        return self.factor > LARGE


@np.errstate(over="ignore", divide="ignore", invalid="ignore")
def amplified(time: Array, values: Array, stages: int, tolerance: float) -> Array:
    """E at every node, (n,), for errors of the tolerance.

    values: observables (observables, n), on the node t = 0 and those of cells of `stages` nodes; a damaged file may hold any.
    """
    found = np.zeros(len(time))
    if len(time) <= stages:
        return found
    ends, cell = slice(0, None, stages), np.arange(len(time) - 1) // stages
    size = np.maximum.accumulate(np.abs(values), axis=1)
    changes, spans = _relative(values[:, ends], size[:, ends]), np.diff(time[ends])
    rate = np.maximum(changes.max(axis=0), np.finfo(float).eps) / spans
    # Up to the beginning of each cell; the first one has its own length for t.
    shift = np.append(0.0, np.cumsum(spans / time[ends][1:] / rate))[cell]
    rates = _relative(values, size) / np.diff(time)
    found[1:] = np.minimum(rates * shift, changes[:, cell] / tolerance).max(axis=0)
    return found


def _relative(values: Array, size: Array) -> Array:
    """Changes from one time to the next, relative to a size at the later one; zero where all was zero so far."""
    return np.abs(np.diff(values, axis=1)) / np.where(size[:, 1:] > 0.0, size[:, 1:], np.inf)
