"""Sets of samples that go astray: their training error rises as that of no other set does.

The sampling errors of a set grow with its responses.  Where these grow by a factor in each step, as those of gradient descent
do beyond its stable learning rate, a set follows the others for long and then leaves them within a few steps.  Single samples
may do so too, where forces grow faster than preactivations: those of a polynomial activation far out in the tails of a set.

The rise of a set, E over the smallest E so far, says so: in units of the median rise of the other sets it exceeds RISE, or
JUMP within one step that makes means too noisy.  The set is then wrong since this ratio was above RIGHT and grew by GROWING in
every two steps, as overshooting steps turn back and forth.  All sets rise together where training itself does.

A set without others is astray where E rises by RISE after it has fallen by as much.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dmft.engines.step_control import FLOOR

Array = NDArray[np.float64]

RISE, JUMP, RIGHT, GROWING = 10.0, 3.0, 1.1, 1.05


class Astray(NamedTuple):
    """The node at which a set is astray, its number of nodes that are right, and whether E jumped: steps do not resolve it."""

    node: int
    right: int
    jumped: bool


def astray(errors: Array, noisy: NDArray[np.bool_], first: int) -> Astray | None:
    """The first set that goes astray at a node from `first` on; None if none does.

    errors: training errors of the sets, (sets, n); noisy: nodes at which their mean is known too badly, (n,).
    """
    excess = _excess(errors)
    with np.errstate(all="ignore"):
        jumped = np.pad(~(errors[:, 1:] <= JUMP * errors[:, :-1]), [(0, 0), (1, 0)])
    away = (excess > RISE) | (noisy & jumped & (excess > JUMP))
    if not (nodes := np.flatnonzero(away[:, first:].any(axis=0))).size:
        return None
    node = first + int(nodes[0])
    sets = np.flatnonzero(away[:, node])
    return Astray(node, min(_right(excess[one, :node]) for one in sets), bool(jumped[sets, node].any()))


def _excess(errors: Array) -> Array:
    """Rise of each set over the median rise of the others, (sets, n); one at the first node."""
    start = errors[:, :1]
    smallest = np.maximum(np.fmin.accumulate(errors, axis=1), FLOOR * start)
    with np.errstate(all="ignore"):
        rise = np.where(np.isfinite(errors), np.maximum(errors / smallest, 1.0), np.inf)
        if len(errors) == 1:
            return np.where(smallest < start / RISE, rise, 1.0)
        others = [np.median(np.delete(rise, one, axis=0), axis=0) for one in range(len(rise))]
        return np.nan_to_num(rise / np.array(others), nan=1.0, posinf=np.inf)


def _right(excess: Array) -> int:
    """Number of nodes that are right, of those before the one where the set is astray."""
    n = len(excess)
    while n > 1 and excess[n - 1] > max(RIGHT, GROWING * excess[max(n - 3, 0)]):
        n -= 1
    return n
