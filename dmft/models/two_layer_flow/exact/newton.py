"""Newton's method for the states of samples on the nodes of a cell: h + R g(h) = c, sample by sample, see `own.py`.

At first all samples go together, with responses T that are not made anew (chords): a step costs a product for each sample, and
no copies.  The few that are not there after that, or are led away, go on by themselves: with T at each of their steps, of which
those that lead away are taken in part.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dmft.models.two_layer_flow.exact.own import Slopes, applied, own_responses
from dmft.models.two_layer_flow.exact.states import Defect, Part, State, States, defect

Array = NDArray[np.float64]

# Steps of all samples together, at most, and the part of them that is left to go on by itself.
CHORDS, FEW = 6, 0.1
# Steps of the others, of which those that lead away may be halved several times.
NEWTON, SHORTENED = 60, 8


class Equations(NamedTuple):
    """R (s m, s m), with 1/alpha; c (s, m, P); states of samples at their h, of all or of some; coordinates, see `own.py`."""

    R: Array
    c: Array
    state: States
    basis: Array

    def defect(self, h: Array, state: State, part: Part | None = None) -> Defect:
        """Defects of all samples, or of some."""
        return defect(self.R, state, h, self.c if part is None else self.c.take(part, axis=2))

    def responses(self, state: State) -> Array:
        """T of each sample, transposed."""
        return own_responses(self.R, state.slopes, self.basis)

    def step(self, T: Array, defect: Array) -> Array:
        """Change of h, -(1 - R T) defect."""
        f = defect.reshape(len(self.R), -1)
        return (self.R @ applied(T, f) - f).reshape(defect.shape)

    def solved(self, h: Array, T: Array | None, accuracy: float, relative: float = 0.0) -> tuple[Array, State] | None:
        """States from a guess h; None if some samples have none that is found.

        Defects are smaller than `accuracy` times 1 + |h|, or `relative` times those of the guess, if this is more.
        T: responses to begin with, those of the guess if None.
        """
        h, last, step, number = h.copy(), np.full(h.shape[2], np.inf), np.zeros_like(h), 0
        while True:
            state = self.state(h, None)
            f, size, scale = self.defect(h, state)
            if number == 0:
                accuracy = max(accuracy, relative * float(np.sqrt(np.mean(size**2))))
            left = ~(size <= accuracy * (1 + scale))
            if not (few := np.count_nonzero(left)):
                return h, state
            worse = np.flatnonzero(left & ~(size <= last))
            if number == CHORDS or few < FEW * len(left):
                break
            T, back = self.responses(state) if T is None else T, -step[:, :, worse]
            step = self.step(T, f)
            # Those that were led away return to where they were.
            step[:, :, worse], size[worse] = back, last[worse]
            h += step
            last, number = size, number + 1
        h[:, :, worse] -= step[:, :, worse]
        return self._alone(h, state, np.flatnonzero(left), accuracy)

    def _alone(self, h: Array, states: State, active: Part, accuracy: float) -> tuple[Array, State] | None:
        """The same for some samples, with their own T at each step; `states` are those of all others."""
        samples = h.shape[2]
        shortened, last, step = np.ones(samples), np.full(samples, np.inf), np.zeros_like(h)
        for _ in range(NEWTON):
            here = h.take(active, axis=2)
            state = self.state(here, active)
            states.put(active, state)
            f, size, scale = self.defect(here, state, active)
            left = ~(size <= accuracy * (1 + scale))
            if not left.any():
                return h, states
            worse = left & ~(size <= last[active]) & (shortened[active] > 0.5**SHORTENED)
            back, on = active[worse], np.flatnonzero(left & ~worse)
            h[:, :, back] -= 0.5 * step[:, :, back]
            step[:, :, back] *= 0.5
            shortened[back] *= 0.5
            if (forward := active[on]).size:
                slopes = Slopes(*(x.take(on, axis=-1) for x in state.slopes))
                change = self.step(own_responses(self.R, slopes, self.basis), f.take(on, axis=2))
                h[:, :, forward] += change
                step[:, :, forward], shortened[forward], last[forward] = change, 1.0, size[on]
            active = active[left]
        return None
