"""Events in the course of a step: examples cross the limit that satisfies them, nodes cross the kinks of relu.

**Examples.**  With m the distance of each margin beyond the limit, negative while the example is unsatisfied, and a
kernel K >= 0 that is constant during the step,

    dm/dt = drift + K weight,     weight = 1 where m < 0,  0 where m > 0,  between 0 and 1 where m = 0.

The motion is followed from event to event, each the arrival of one example at the limit.  The weights of the examples there
solve a linear complementarity problem: dm/dt = 0 and 0 < weight < 1 for those that stay, which are *held*; weight 0 for those
that go on, weight 1 for those that turn back.  Projected Gauss-Seidel iteration finds them.

**Nodes.**  w.x of a node and an example moves at one speed while it is positive, where the example acts on the node, and at
another while it is negative.  If both lead to zero it stays there: the example acts for that part of the time for which the
speeds cancel.

Filippov, *Differential Equations with Discontinuous Righthand Sides*; Cottle, Pang & Stone, *The Linear Complementarity
Problem*.
"""

from __future__ import annotations

import numpy as np

from dmft.compiled import njit

# Loops over elements compile in a fraction of the time that array expressions take.
# The iteration ends with a sweep that changes all weights by less than this; smaller weights are zero.  Most sweeps.
WEIGHT_CHANGE, SWEEPS = 1e-12, 500
# Speeds across the limit that are rounding, relative to what an example's own weight makes.
SPEED_ROUNDING = 1e-9
# Events per example after which the rest of the step is made with the weights that there are.
EVENTS = 20


@njit
def follow(m, K, drift, weights, step):
    """Weights at the end of a step, and their means over it, both (k,).

    m, drift, weights: (k,), the weights those of the beginning; K: (k, k), symmetric.  Examples with a weight between 0 and 1
    are held from the beginning, and where they are a little off the limit, they are brought to it by the end of the step.
    """
    m, weights, speed = m.copy(), weights.copy(), K @ weights
    held, wanted, mean, left = np.empty(len(m), np.bool_), np.zeros(len(m)), np.zeros(len(m)), step
    for j in range(len(m)):
        speed[j] += drift[j]
        held[j] = 0.0 < weights[j] < 1.0
        if held[j]:
            wanted[j] = -m[j] / step
    settle(K, speed, weights, held, wanted)
    for _ in range(EVENTS * (len(m) + 1)):
        time, first = next_arrival(m, K, speed, weights, held, left)
        add(m, time, speed)
        add(mean, time / step, weights)
        left -= time
        if first < 0:
            break
        m[first], held[first] = 0.0, True
        settle(K, speed, weights, held, wanted)
    add(mean, left / step, weights)
    return weights, mean


@njit
def add(out, factor, values):
    """out += factor values."""
    for j in range(len(out)):
        out[j] += factor * values[j]


@njit
def next_arrival(m, K, speed, weights, held, left):
    """Time to the next arrival at the limit, and the example; `left` and -1 if there is none before that."""
    first = -1
    for j in range(len(m)):
        if not held[j]:
            way, toward = (-m[j], speed[j]) if weights[j] == 1.0 else (m[j], -speed[j])
            if toward > SPEED_ROUNDING * K[j, j] and way < left * toward:
                left, first = max(way, 0.0) / toward, j
    return left, first


# Division by zero gives infinity: an example that no node sees.
@njit
def settle(K, speed, weights, held, wanted):
    """Weights with which the held examples move as wanted; those with weight 0 or 1 are released.  Changes all but K."""
    for _ in range(SWEEPS):
        change = 0.0
        for j in range(len(held)):
            if not held[j]:
                continue
            old = weights[j]
            weights[j] = min(max(old - (speed[j] - wanted[j]) / K[j, j], 0.0), 1.0)
            if weights[j] != old:
                add(speed, weights[j] - old, K[j])
                change = max(change, abs(weights[j] - old))
        if change < WEIGHT_CHANGE:
            break
    for j in range(len(held)):
        if held[j] and weights[j] < WEIGHT_CHANGE:
            weights[j] = 0.0
        if held[j] and (weights[j] == 0.0 or weights[j] == 1.0):
            held[j], wanted[j] = False, 0.0


@njit
def part_active(fields, forces, own, a, step):
    """The part of a step for which w.x is positive, (P, M).

    fields: w.x at the beginning; forces (P, M): F.x there, with dw.x/dt = a F.x; own (P,): how much of F.x this example makes
    while it acts.
    """
    part = np.empty_like(fields)
    for mu in range(fields.shape[0]):
        for i in range(fields.shape[1]):
            inside = fields[mu, i] > 0.0
            speed, change = a[i] * forces[mu, i], a[i] * own[mu]
            toward, back = (-speed, speed - change) if inside else (speed, -speed - change)
            spent = 1.0
            if toward * step > abs(fields[mu, i]):
                arrival = abs(fields[mu, i]) / (toward * step)
                stays = back / (toward + back) if back > 0.0 else 0.0
                spent = arrival + (1.0 - arrival) * stays
            part[mu, i] = spent if inside else 1.0 - spent
    return part
