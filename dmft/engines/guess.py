"""First guess for the rows of a new cell, from what varies slowly.

Late in a run C(t, t') depends on the ratio t'/t and, slower, on t.  A new cell that ends at (1 + r) t_last therefore looks
like the last stretch of the history, from t_last/(1 + r) on, and that one like the stretch before it:

    C(t, t') = 2 C(t/(1+r), t'/(1+r)) - C(t/(1+r)^2, t'/(1+r)^2)      for t' in the last cells and the new one,

read off the collocation polynomials of the history.  For older t', where C and R are smooth in log t, and for one-time
functions the step in log t before is repeated.  Inside the cell M - nu is that of the previous one.

A run goes through four regimes: the first cell, which starts from constants; the second one, early cells that are long against
t, of which half a step is repeated; and late cells, for which all of the above holds.  A cell that is tried again, because a
longer one was too inaccurate, begins with the values of that.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dmft.engines.cell import Cell
from dmft.engines.nodes import of_blocks
from dmft.mathematics.tableau import lagrange, lagrange_of_each

Array = NDArray[np.float64]

# So many cells before the new one, C and R are not smooth in log t.
NEAR = 3
# Early cells, longer than this part of t, are not like those before: only half of a step is repeated, if that.
EARLY = 0.6


@dataclass(frozen=True)
class Pace:
    """The step that is repeated: the node where it begins, and how many such steps the new nodes are ahead of its end, (s,)."""

    before: int
    ahead: Array

    def repeated(self, rows: Array, last: int, width: int = 1) -> Array:
        """Rows (..., n width, columns) of the new nodes, (..., s width, columns)."""
        lead, nodes, columns = rows.shape[:-2], rows.shape[-2] // width, rows.shape[-1]
        at = rows.reshape(*lead, nodes, width, columns)
        step = at[..., last, :, :] - at[..., self.before, :, :]
        new = at[..., last, None, :, :] + self.ahead[:, None, None] * step[..., None, :, :]
        return new.reshape(*lead, len(self.ahead) * width, columns)


def extrapolated(cell: Cell) -> Array:
    """A vector for `cell`, from the rows of the cells before it."""
    x, fields = cell.empty()
    cell.watched(x)[:] = cell.history.stacked(tuple(cell.model.observables))[:, -1:]
    if cell.n == 1:
        return _first_cell(cell, x)
    late = is_late(cell)
    pace = _step_before(cell) if late else _half_a_step(cell)
    last = cell.n - 1
    for new, known in ((fields.overlap, cell.overlap), (fields.scalars, cell.scalars)):
        width = cell.stacks[0].width if new is fields.overlap else 1
        new[:] = pace.repeated(known[:, :, None], last, width)[:, :, 0]
    for place in range(len(cell.stacks)):
        fields.C[place][:] = _correlations(cell, place, pace, late)
    cell.set_responses(x, tuple(_responses(cell, place, pace, late) for place in range(len(cell.stacks))))
    return x


def shortened(longer: Cell, x: Array, cell: Cell) -> Array:
    """A vector for a cell that begins where a longer one does, which x solves: the polynomials of that on the new nodes.

    R_last + A M_BH R_HH, which stands in place of R, is smooth in t; (M - nu)_BB stays as it is.
    """
    shorter, new = cell.empty()
    old, tableau = longer.fields(x), cell.tableau
    weights = lagrange(longer.dt * tableau.with_start, cell.dt * tableau.c).T
    for place, stack in enumerate(cell.stacks):
        known, G, of_each = cell.known[place], stack.width, of_blocks(weights, stack.width)
        C_last, R_last = cell.last_rows[place]
        start = np.concatenate([C_last, old.C[place][:, :, known - G : known].transpose(0, 2, 1)], axis=2)
        rows = of_each @ np.concatenate([start, old.C[place]], axis=1)
        new.C[place][:, :, :known] = rows[:, :, :known]
        new.C[place][:, :, known:] = rows[:, :, known - G :] @ of_each.T
        new.R[place][:, :, :known] = of_each @ np.concatenate([R_last, old.R[place][:, :, :known]], axis=1)
        new.R[place][:, :, known:] = old.R[place][:, :, known:]
    observed = cell.history.stacked(tuple(cell.model.observables))[:, -1:]
    new.overlap[:] = np.hstack([cell.last_overlap, old.overlap]) @ of_blocks(weights, cell.stacks[0].width).T
    new.scalars[:] = np.hstack([cell.scalars[:, -1:], old.scalars]) @ weights.T
    cell.watched(shorter)[:] = np.hstack([observed, longer.watched(x)]) @ weights.T
    return shorter


def is_late(cell: Cell) -> bool:
    """True if the cell is short enough against t to look like those before it."""
    return cell.dt < EARLY * cell.history["time"][-1]


def _first_cell(cell: Cell, x: Array) -> Array:
    """The initial condition on all nodes, improved by two Picard steps, which give every field that leaves zero a size."""
    fields = cell.fields(x)
    for new, known, stack in zip(fields.C, cell.C, cell.stacks, strict=True):
        new[:] = np.tile(known, (1, new.shape[1] // stack.width, new.shape[2] // stack.width))
    fields.overlap[:] = np.tile(cell.overlap, (1, cell.tableau.stages))
    fields.scalars[:] = cell.scalars
    return cell(cell(x))


def _correlations(cell: Cell, place: int, pace: Pace, late: bool) -> Array:
    """C of a stack on the new nodes, (channels, s G, N G)."""
    C, known, G = cell.C[place], cell.known[place], cell.stacks[place].width
    block, time = cell.tableau.stages * G, cell.history["time"]
    new = np.empty(cell.shapes[place])
    new[:, :, :known] = pace.repeated(C, cell.n - 1, G)
    new[:, :, known:] = C[:, known - block :, known - block :]
    near = max(1, cell.n - NEAR * cell.tableau.stages)
    scale = 1.0 + cell.dt / time[-1]
    if late and time[near] > time[1] * scale**2:
        alike = _rescaled(cell, place, near, scale)
        new[:, :, near * G :] = 2 * alike - _rescaled(cell, place, near, scale**2)
    return new


def _responses(cell: Cell, place: int, pace: Pace, late: bool) -> Array:
    """R of a stack on the new nodes: shifted by one cell, since it depends mostly on t - t'; late, repeated for old t'."""
    R, known, G, s = cell.R[place], cell.known[place], cell.stacks[place].width, cell.tableau.stages
    new = np.zeros(cell.shapes[place])
    new[:, :, known:] = _own_responses(cell, place)
    new[:, :, (s + 1) * G : known] = R[:, known - s * G :, G : known - s * G]
    old = cell.n - NEAR * s
    if late and 1 < old <= pace.before - s + 1:
        new[:, :, G : old * G] = pace.repeated(R[:, :, G : old * G], cell.n - 1, G)
    return new


def _step_before(cell: Cell) -> Pace:
    """One step of the new cell in log t before the last node, in units of log t."""
    log_t = np.log(cell.history["time"][1:])
    before = 1 + int(np.argmin(np.abs(log_t[:-1] - (log_t[-1] - np.log1p(cell.dt / cell.history["time"][-1])))))
    before = min(before, cell.n - 2)
    return Pace(before, (np.log(cell.times()) - log_t[-1]) / (log_t[-1] - log_t[before - 1]))


def _half_a_step(cell: Cell) -> Pace:
    """Half of the cell before, bounded; in t itself in the second cell."""
    time, last = cell.history["time"], cell.n - 1
    before = last - cell.tableau.stages
    if before > 0:
        ahead = np.log(cell.times() / time[last]) / np.log(time[last] / time[before])
    else:
        ahead = (cell.times() - time[last]) / (time[last] - time[before])
    return Pace(before, 0.5 * np.minimum(ahead, 2.0))


def _own_responses(cell: Cell, place: int) -> Array:
    """Responses inside the cell, R_BB = (A^(-1) - (M - nu)_BB)^(-1), with the M - nu of the previous cell."""
    time, s, G = cell.history["time"], cell.tableau.stages, cell.stacks[place].width
    previous = cell.R[place][:, -s * G :, -s * G :]
    dt = time[-1] - time[-1 - s]
    change = of_blocks(cell.tableau.inverse, G) * (1 / cell.dt - 1 / dt)
    try:
        return np.asarray(np.linalg.inv(np.linalg.inv(previous) + change), dtype=float)
    except np.linalg.LinAlgError:
        return previous * (cell.dt / dt)


def _rescaled(cell: Cell, place: int, first: int, scale: float) -> Array:
    """C(t/scale, t'/scale), (channels, s G, (N - first) G), for t in the new cell and t' from node `first` to its end."""
    G, s = cell.stacks[place].width, cell.tableau.stages
    times = np.concatenate([cell.history["time"][first:], cell.times()]) / scale
    weights, start = _interpolation(cell.history["time"], s, times)
    if G > 1:
        weights = np.kron(weights, np.eye(G))
    C = cell.C[place][:, start * G :, start * G :]
    return (weights[-s * G :] @ C) @ weights.T


def _interpolation(time: Array, s: int, at: Array) -> tuple[Array, int]:
    """Weights (at, n - start) of the nodes from `start` on in the values at some later times, ascending.

    Each value is that of the collocation polynomial of its cell.
    """
    ends = np.minimum(np.searchsorted(time[s::s], at) * s + s, len(time) - 1)
    start, end = int(ends[0]) - s, time[ends]
    nodes = ends[:, None] + np.arange(-s, 1)
    weights = np.zeros((len(at), len(time) - start))
    weights[np.arange(len(at))[:, None], nodes - start] = lagrange_of_each(time[nodes] / end[:, None], at / end)
    return weights, start
