"""Motion of one node in a data set of P examples, from event to event.

The node starts at p = 0, with all examples unsatisfied.  Between two events the same examples act on it and it follows an arc
in closed form (`geometry.py`); at an event an example reaches the limit or leaves it (`set_changes.py`).  The motion ends when
all examples are satisfied.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from dmft.models.hinge.geometry import THETA_ROUNDING, Arc, Data, Sets
from dmft.models.hinge.set_changes import changed

Array = NDArray[np.float64]

# Steps of theta in the search for an event, each twice the one before: the first, relative to the scale of theta; the longest.
FIRST_STEP, LONGEST_STEP = 0.01, 0.1
# A slack has vanished once it is below minus this: rounding does not make it positive again.
BEYOND = 1e-11
# Events whose times differ by less than this, relative to the time, count as one.
SAME_TIME = 1e-12


class Piece(NamedTuple):
    """Part of an arc between two values of theta, and the time at its beginning."""

    arc: Arc
    first: float
    last: float
    began: float


class States(NamedTuple):
    """The node and the data set at n times.

    p: (n, N).  unsatisfied: fraction of unsatisfied examples, (n,); held examples count with their weight.
    shortfall: mean over all examples of the distance by which unsatisfied ones miss the limit, relative to it, (n,).
    """

    p: Array
    unsatisfied: Array
    shortfall: Array


class NodeInData:
    """The whole motion of the node, computed up to the latest time that was asked for.

    kinks: times of the events, at which the sets change.  finished: whether the node has satisfied all examples and stays.
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
        """Time of the first event after `time`; infinity if there is none."""
        later = time * (1 + SAME_TIME)
        while not self.finished and (not self.kinks or self.kinks[-1] <= later):
            self._follow_arc()
        place = bisect_right(self.kinks, later)
        return self.kinks[place] if place < len(self.kinks) else np.inf

    def at(self, times: Array) -> States:
        """The node and the data set at the times (n,); at the time of an event, the state just before it."""
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
            if arc is not self._arc:
                arc.forget()
        return found

    def _on_piece(self, place: int, times: Array) -> tuple[Arc, Array]:
        """The arc of a piece and theta at these times; after the last piece, its arc and its end."""
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
        """Add the pieces of the present arc up to the next event, and begin the arc after it."""
        arc, theta, step = self._arc, self._arc.start, FIRST_STEP * self.data.scale
        lowest = np.minimum(arc.slacks(theta), 0.0) - BEYOND

        def slack(theta: float) -> float:
            return float((arc.slacks(theta) - lowest).min())

        while slack(theta + step) >= 0.0:
            self._add(arc, theta, theta + step)
            theta, step = theta + step, min(2 * step, LONGEST_STEP)
        last = float(np.asarray(brentq(slack, theta, theta + step, xtol=THETA_ROUNDING * self.data.scale)))
        self._add(arc, theta, last)
        self.kinks.append(self._time)
        sets = changed(arc, last, int(np.argmin(arc.slacks(last) - lowest)))
        self.finished = not sets.unsatisfied.any()
        if not self.finished:
            self._arc = Arc(self.data, arc.node(last), sets)
            arc.forget()

    def _add(self, arc: Arc, first: float, last: float) -> None:
        """Add a piece of an arc, from the time up to which the motion is known."""
        self._pieces.append(Piece(arc, first, last, self._time))
        self._ends.append(self._time + float(arc.elapsed(first, last)))
