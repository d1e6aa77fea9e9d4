"""One node in a data set of P examples, of which those count that are not satisfied.

The node has gamma and p, gamma^2 - |p|^2 = 1, and starts at p = 0.  With z = y x of the examples, N components each,

    dp/dt = (gamma/2) V,    V = (1/(alpha P)) sum_mu weight_mu z_mu,

weight 1 while the example is unsatisfied, gamma p.z < limit, and 0 once it is satisfied.  An example that would fall back
behind the limit as soon as it is satisfied is held there, with the weight between 0 and 1 that does so: of all such weights
the velocity is the shortest, as for every gradient flow of a convex function (the loss is one of gamma p, in the metric
gamma^2 + p p^T).

While the sets stay the same, everything follows from one number.  Let v be the direction of the sum of the unsatisfied
examples perpendicular to all that are held, e the vector in the span of these with e.z = 1 for each of them, and r the part
of p perpendicular to all of them.  Then V = |V_perp| v + x e, the held part of p is (limit/gamma) e, r is constant, and

    gamma^2 = 1 + |r|^2 + p_v^2 + (limit |e|/gamma)^2,    dp_v/dt = (gamma/2) |V_perp|,
    x = -limit |V_perp| p_v gamma/(gamma^4 + limit^2 |e|^2),

so the node is a function of theta, p_v = sqrt(1 + |r|^2) sinh(theta), and time is an integral over theta.  Without held
examples theta grows at the rate |V|/2: the hyperbolic rotation of the infinite data set.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

Array = NDArray[np.float64]

NODES, WEIGHTS = np.polynomial.legendre.leggauss(12)
# Steps in theta in which a change of the sets is looked for: first relative to the scale of theta, then up to the longest.
FIRST, LONGEST = 0.01, 0.1
# An example has changed its set once it is so far beyond the limit, relative to it: rounding does not bring it back.
BEYOND = 1e-11
# Iterations of Newton's method for theta as a function of time, and rounding of theta relative to its scale.
ITERATIONS, ROUNDING = 8, 1e-15
# Changes of the sets closer in time than this fraction of it are one.
SAME = 1e-12


class Sets(NamedTuple):
    """The unsatisfied examples, mask (P,), and those held at the limit, indices (k,)."""

    unsatisfied: NDArray[np.bool_]
    held: NDArray[np.intp]


class Data(NamedTuple):
    """Examples z = y x, (P, N); limit of gamma p.z; alpha P."""

    z: Array
    limit: float
    share: float

    @property
    def scale(self) -> float:
        """Theta in which something happens: small if small p satisfy."""
        return min(self.limit, 1.0)


class Arc:
    """The node while the sets stay the same, as a function of theta, from p on; several theta (n,) in the place of one."""

    def __init__(self, data: Data, p: Array, sets: Sets) -> None:
        self.data, self.sets = data, sets
        z, held = data.z, data.z[sets.held]
        inverse = np.linalg.inv(held @ held.T)
        force = sets.unsatisfied.astype(float) @ z / data.share
        self.ones, self.weights = inverse.sum(axis=1), inverse @ (held @ force)
        perpendicular = force - held.T @ self.weights
        self.speed = float(np.linalg.norm(perpendicular))
        v, e = perpendicular / self.speed, held.T @ self.ones
        rest = p - (p @ v) * v - held.T @ (inverse @ (held @ p))
        self.axes = np.array([v, rest, e])
        # The side of the limit on which an example is; those held are on neither.
        self.sides = np.where(sets.unsatisfied, -1.0, 1.0)
        self.sides[sets.held] = 0.0
        self.margins = self.sides * (self.axes @ z.T)
        self.radius = float(np.sqrt(1 + rest @ rest))
        self.stiffness = data.limit**2 * float(e @ e)
        self.start = float(np.arcsinh(p @ v / self.radius))

    def _coordinates(self, theta: Array | float) -> tuple[Array, Array]:
        """p_v and gamma."""
        free = (self.radius * np.cosh(theta)) ** 2
        gamma = np.sqrt((free + np.sqrt(free**2 + 4 * self.stiffness)) / 2)
        return self.radius * np.sinh(theta), gamma

    def node(self, theta: Array | float) -> Array:
        """p, (N,)."""
        v, rest, e = self.axes
        p_v, gamma = self._coordinates(theta)
        return p_v[..., None] * v + rest + (self.data.limit / gamma)[..., None] * e

    def slowness(self, theta: Array | float) -> Array:
        """dt/dtheta."""
        return 2 / self.speed * self.radius * np.cosh(theta) / self._coordinates(theta)[1]

    def elapsed(self, first: float, last: Array | float) -> Array:
        """Time from one theta to another not far from it."""
        way = np.asarray(last) - first
        return way / 2 * (self.slowness(first + way[..., None] * (NODES + 1) / 2) @ WEIGHTS)

    def reached(self, first: float, time: Array, guess: Array) -> Array:
        """Theta a time after `first`: Newton's method for `elapsed`."""
        theta = guess
        for _ in range(ITERATIONS):
            change = (time - self.elapsed(first, theta)) / self.slowness(theta)
            theta = theta + change
            if np.abs(change).max() < ROUNDING * self.data.scale:
                break
        return theta

    def distances(self, theta: Array | float) -> Array:
        """Distance of each example from the limit, on its side and relative to the limit, (P,); zero for those held."""
        along, rest, held = self.margins
        p_v, gamma = self._coordinates(theta)
        return (gamma / self.data.limit)[..., None] * (p_v[..., None] * along + rest) + (held - self.sides)

    def multipliers(self, theta: Array | float) -> Array:
        """Weights of the held examples, (k,)."""
        p_v, gamma = self._coordinates(theta)
        x = -self.data.limit * self.speed * p_v * gamma / (gamma**4 + self.stiffness)
        return self.data.share * (x[..., None] * self.ones - self.weights)

    def slacks(self, theta: float) -> Array:
        """Quantities that stay positive while the sets are the same: distances, of each multiplier from 0 and 1, (P + 2k,)."""
        multipliers = self.multipliers(theta)
        distances = self.distances(theta)
        distances[self.sets.held] = 1.0
        return np.concatenate([distances, multipliers, 1 - multipliers])


class Piece(NamedTuple):
    """A part of an arc between two values of theta, from a time on."""

    arc: Arc
    first: float
    last: float
    began: float


class States(NamedTuple):
    """p (n, N); fraction unsatisfied, held examples counted by their weight, and mean distance of these to the limit, (n,)."""

    p: Array
    unsatisfied: Array
    shortfall: Array


class NodeInData:
    """The whole motion, computed as far as it is asked for.

    kinks: times at which the sets change.  finished: whether all examples are satisfied, so that the node stays.
    speed, direction: |V| and V/|V| at t = 0.
    """

    def __init__(self, data: Data) -> None:
        self.data = data
        self.kinks: list[float] = []
        self.finished = False
        self._pieces: list[Piece] = []
        self._ends: list[float] = []
        self._arc = Arc(data, np.zeros(data.z.shape[1]), Sets(np.ones(len(data.z), dtype=bool), np.zeros(0, dtype=np.intp)))
        self.speed, self.direction = self._arc.speed, self._arc.axes[0]

    def next_kink(self, time: float) -> float:
        """First time after `time` at which the sets change; infinity if there is none."""
        later = time * (1 + SAME)
        while not self.finished and (not self.kinks or self.kinks[-1] <= later):
            self._follow_arc()
        place = bisect_right(self.kinks, later)
        return self.kinks[place] if place < len(self.kinks) else np.inf

    def at(self, times: Array) -> States:
        """The node and the data at some times; at a kink, before the sets change."""
        while not self.finished and not (self._ends and self._ends[-1] >= times.max()):
            self._follow_arc()
        found = States(np.empty((len(times), self.data.z.shape[1])), np.zeros(len(times)), np.zeros(len(times)))
        places = np.array([bisect_left(self._ends, time) for time in times])
        for place in np.unique(places):
            own = places == place
            arc, theta = self._on_piece(place, times[own])
            found.p[own] = arc.node(theta)
            if place < len(self._pieces):
                unsatisfied = arc.sets.unsatisfied
                shortfall = np.maximum(arc.distances(theta)[:, unsatisfied], 0.0).sum(axis=1)
                found.unsatisfied[own] = (unsatisfied.sum() + arc.multipliers(theta).sum(axis=1)) / len(unsatisfied)
                found.shortfall[own] = shortfall / len(unsatisfied)
        return found

    def _on_piece(self, place: int, times: Array) -> tuple[Arc, Array]:
        """The arc of a piece, and theta at these times; after all is satisfied, the end of the last one."""
        if place == len(self._pieces):
            return self._pieces[-1].arc, np.full(len(times), self._pieces[-1].last)
        arc, first, last, began = self._pieces[place]
        guess = first + (last - first) * (times - began) / (self._ends[place] - began)
        return arc, arc.reached(first, times - began, guess)

    @property
    def _time(self) -> float:
        """Time up to which the motion is known."""
        return self._ends[-1] if self._ends else 0.0

    def _follow_arc(self) -> None:
        """Add the pieces of the present arc, up to the next change of the sets."""
        arc, theta, step = self._arc, self._arc.start, FIRST * self.data.scale
        lowest = np.minimum(arc.slacks(theta), 0.0) - BEYOND

        def slack(theta: float) -> float:
            return float((arc.slacks(theta) - lowest).min())

        while slack(theta + step) >= 0.0:
            self._add(arc, theta, theta + step)
            theta, step = theta + step, min(2 * step, LONGEST)
        last = float(np.asarray(brentq(slack, theta, theta + step, xtol=ROUNDING * self.data.scale)))
        self._add(arc, theta, last)
        self.kinks.append(self._time)
        sets = self._changed(arc, last, int(np.argmin(arc.slacks(last) - lowest)))
        self.finished = not sets.unsatisfied.any()
        if not self.finished:
            self._arc = Arc(self.data, arc.node(last), sets)

    def _add(self, arc: Arc, first: float, last: float) -> None:
        self._pieces.append(Piece(arc, first, last, self._time))
        self._ends.append(self._time + float(arc.elapsed(first, last)))

    def _changed(self, arc: Arc, theta: float, which: int) -> Sets:
        """The sets after the slack of this index has vanished."""
        unsatisfied, held = arc.sets.unsatisfied.copy(), arc.sets.held
        examples = len(unsatisfied)
        if which >= examples:
            released = (which - examples) % len(held)
            unsatisfied[held[released]] = which >= examples + len(held)
            return Sets(unsatisfied, np.delete(held, released))
        unsatisfied[which] = False
        start = np.append(np.clip(arc.multipliers(theta), 0.0, 1.0), 1.0)
        return self._shortest(arc.node(theta), unsatisfied, np.append(held, which), start)

    def _shortest(self, p: Array, unsatisfied: NDArray[np.bool_], at_limit: NDArray[np.intp], start: Array) -> Sets:
        """Weights between 0 and 1 of the examples at the limit that make the velocity shortest; those of 0 and 1 are free."""
        vectors = np.vstack([self.data.z[at_limit], unsatisfied.astype(float) @ self.data.z])
        # |V| in the metric gamma^2 + p p^T.
        *each, force = np.column_stack([np.sqrt(1 + p @ p) * vectors, vectors @ p])
        weights = shortest(np.array(each), force, start)
        unsatisfied[at_limit[weights == 1]] = True
        return Sets(unsatisfied, at_limit[(weights > 0) & (weights < 1)])


def shortest(vectors: Array, force: Array, start: Array) -> Array:
    """Weights (k,) between 0 and 1 for which |force + weights @ vectors| is smallest, by an active-set method.

    start: weights to begin with.  The vectors (k, n) are independent.
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
            # The first that is stopped on the way stays at 0 or 1.
            weights += room[first] * way
            weights[first], free[first] = float(way[first] > 0), False
            continue
        weights += way
        inward = np.where(free, 0.0, np.where(weights == 1, 1.0, -1.0) * (g + G @ weights))
        best = int(np.argmax(inward))
        if inward[best] <= BEYOND * np.abs(g).max():
            return weights
        free[best] = True
