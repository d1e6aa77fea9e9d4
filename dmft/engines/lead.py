"""First guess of a cell from a run of similar equations: from the last node on, all fields change as they do there."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dmft.engines import guess
from dmft.engines.cell import Cell
from dmft.engines.nodes import matrices, overlaps, scalars
from dmft.history.history import History
from dmft.mathematics.tableau import cell_weights
from dmft.models.protocol import Model

Array = NDArray[np.float64]

# Relative difference of times that are the same.
SAME = 1e-9


class Lead(NamedTuple):
    """A run on its nodes (n,): C and R of each channel (n G, n G), overlaps (directions, n G), scalars (p, n)."""

    time: Array
    stages: int
    C: list[Array]
    R: list[Array]
    overlap: Array
    scalars: Array

    def guess(self, cell: Cell) -> Array:
        """A vector for the cell; that of the cells before it where the run is too short, or nothing is before."""
        x, times = guess.extrapolated(cell), np.append(cell.history["time"], cell.times())
        if cell.n == 1 or times[-1] > (1 + SAME) * self.time[-1]:
            return x
        same = cell.total <= len(self.time) and np.allclose(times, self.time[: cell.total], rtol=SAME, atol=0.0)
        if same:
            to_cell = np.eye(cell.total, len(self.time))
        else:
            to_cell = cell_weights(self.time, self.stages, np.minimum(times, self.time[-1]))
        channels = iter(range(len(self.C)))
        places = [[next(channels) for _ in range(stack.count)] for stack in cell.stacks]
        fields = cell.fields(x)
        for stack, rows, C, led in zip(cell.stacks, fields.C, cell.C, places, strict=True):
            weights = np.kron(to_cell, np.eye(stack.width))
            for new, own, channel in zip(rows, C, led, strict=True):
                there, known, s = weights @ self.C[channel] @ weights.T, len(own), cell.tableau.stages
                ahead = _to_the_end(own, known, stack.width, s) - _to_the_end(there, known, stack.width, s)
                new[:] = there[known:] + np.tile(ahead, (s, 1))
        width, known = cell.stacks[0].width, cell.known[0]
        overlap = np.kron(to_cell, np.eye(width)) @ self.overlap.T
        fields.overlap[:] = _moved(cell.overlap[:, -width:].T, overlap, known).T
        fields.scalars[:] = _moved(cell.scalars[:, -1:].T, to_cell @ self.scalars.T, cell.n).T
        if same:
            cell.set_responses(x, tuple(self._responses(cell, place, led) for place, led in enumerate(places)))
        return x

    def _responses(self, cell: Cell, place: int, led: list[int]) -> Array:
        """R of a stack on the new nodes, which are those of the run."""
        known, width, total = cell.known[place], cell.stacks[place].width, cell.shapes[place][-1]
        rows = np.zeros(cell.shapes[place])
        for new, own, channel in zip(rows, cell.R[place], led, strict=True):
            new[:] = self.R[channel][known:total, :total]
            new[:, :known] = _moved(own[-width:], self.R[channel][:total, :known], known)
        return rows


def lead(model: Model, history: History, stages: int) -> Lead:
    """The run of a model as a lead."""
    C, R = ([channel for stack in matrices(history, name, model) for channel in stack] for name in ("C", "R"))
    return Lead(history["time"], stages, C, R, overlaps(history, model), scalars(history, model))


def _to_the_end(C: Array, known: int, width: int, stages: int) -> Array:
    """The last of the known rows, its last node in place of those to come."""
    row = C[known - width : known, :known]
    return np.append(row, np.tile(row[:, known - width :], stages), axis=1)


def _moved(last: Array, led: Array, known: int) -> Array:
    """Rows of new nodes, after `known` rows: those of the last node, and by how much the lead changes from there on."""
    new = led[known:]
    return new + np.tile(last - led[known - len(last) : known], (len(new) // len(last), 1))
