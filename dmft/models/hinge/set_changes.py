"""Changes of the sets of examples that act on a node, each at an event: an example reaches the limit or leaves it.

An example that becomes satisfied may be driven back behind the limit at once.  It is then held there, with the weight between
0 and 1 that keeps it at the limit.  Of all weights of the examples at the limit, the right ones make the velocity shortest,
as in every gradient flow of a convex function: the loss is a convex function of gamma p, in the metric gamma^2 + p p^T.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dmft.models.hinge.geometry import Arc, Sets

Array = NDArray[np.float64]

# A derivative with respect to a weight that is smaller than this, relative to the largest one, is rounding.
DERIVATIVE_ROUNDING = 1e-11


def changed(arc: Arc, theta: float, which: int) -> Sets:
    """Sets after the event at which the slack of this index, as in `Arc.slacks`, vanishes."""
    unsatisfied, held = arc.sets.unsatisfied.copy(), arc.sets.held
    examples = len(unsatisfied)
    if which >= examples:
        released = (which - examples) % len(held)
        unsatisfied[held[released]] = which >= examples + len(held)
        return Sets(unsatisfied, np.delete(held, released))
    unsatisfied[which] = False
    start = np.append(np.clip(arc.multipliers(theta), 0.0, 1.0), 1.0)
    return _settled(arc, arc.node(theta), unsatisfied, np.append(held, which), start)


def _settled(arc: Arc, p: Array, unsatisfied: NDArray[np.bool_], at_limit: NDArray[np.intp], start: Array) -> Sets:
    """Sets after the examples at the limit have the weights of the shortest velocity; examples of weight 0 or 1 are not held.

    start: weights of the examples at the limit from which the search begins.  Changes `unsatisfied`.
    """
    vectors = np.vstack([arc.data.z[at_limit], unsatisfied.astype(float) @ arc.data.z])
    # |V| in the metric gamma^2 + p p^T.
    *each, force = np.column_stack([np.sqrt(1 + p @ p) * vectors, vectors @ p])
    weights = shortest(np.array(each), force, start)
    unsatisfied[at_limit[weights == 1]] = True
    return Sets(unsatisfied, at_limit[(weights > 0) & (weights < 1)])


def shortest(vectors: Array, force: Array, start: Array) -> Array:
    """Weights (k,) between 0 and 1 that minimise |force + weights @ vectors|, by an active-set method.

    start: initial weights.  The vectors (k, n) must be linearly independent.
    """
    G, g, weights, free = vectors @ vectors.T, vectors @ force, start.copy(), np.ones(len(start), dtype=bool)
    while True:
        way = np.zeros_like(weights)
        if free.any():
            way[free] = np.linalg.solve(G[np.ix_(free, free)], -(g + G @ weights)[free])
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            room = np.where(way > 0, (1 - weights) / way, np.where(way < 0, -weights / way, np.inf))
        first = int(np.argmin(room))
        if room[first] <= 1:
            # The first weight that meets 0 or 1 on the way stays there.
            weights += room[first] * way
            weights[first], free[first] = float(way[first] > 0), False
            continue
        weights += way
        inward = np.where(free, 0.0, np.where(weights == 1, 1.0, -1.0) * (g + G @ weights))
        best = int(np.argmax(inward))
        if inward[best] <= DERIVATIVE_ROUNDING * np.abs(g).max():
            return weights
        free[best] = True
