"""First guess for the rows of a new cell, from what varies slowly.

Late in a run C(t, t') depends on the ratio t'/t and, slower, on t.  A new cell that ends at (1 + r) t_last therefore looks
like the last stretch of the history, from t_last/(1 + r) on, and that one like the stretch before it:

    C(t, t') = 2 C(t/(1+r), t'/(1+r)) - C(t/(1+r)^2, t'/(1+r)^2)      for t' in the last cells and the new one,

read off the collocation polynomials of the history.  For older t', where C and R are smooth in log t, and for one-time
functions the step in log t before is repeated.  Inside the cell M - nu is that of the previous one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dmft.engines.cell import Cell
from dmft.mathematics.tableau import lagrange

Array = NDArray[np.float64]

# So many cells before the new one, C and R are not smooth in log t.
NEAR = 3
# Early cells, longer than this part of t, are not like those before: only half of a step is repeated, if that.
EARLY = 0.6


def extrapolated(cell: Cell) -> Array:
    """A vector for `cell`, from the rows of the cells before it."""
    history, n, s = cell.history, cell.n, cell.tableau.stages
    x, fields = cell.empty()
    C, R, time, last = history["C"], history["R"], history["time"], n - 1
    cell.watched(x)[:] = [[history[name][-1]] for name in cell.model.observables]
    if n == 1:
        fields.C[:] = C[:, :1, :1]
        fields.overlap[:] = history["overlap"][-1]
        for k, name in enumerate(cell.model.scalars):
            fields.scalars[k] = history[name][-1]
        # Two Picard steps give every field that leaves zero a size.
        return cell(cell(x))
    late = cell.dt < EARLY * time[last]
    before, ahead = _step_before(cell) if late else _half_a_step(cell)

    def repeated(rows: Array) -> Array:
        return rows[..., last, None, :] + ahead[:, None] * (rows[..., last, :] - rows[..., before, :])[..., None, :]

    fields.C[:, :, :n] = repeated(C)
    fields.C[:, :, n:] = C[:, n - s :, n - s :]
    fields.overlap[:] = repeated(history["overlap"][:, None])[:, 0]
    for k, name in enumerate(cell.model.scalars):
        fields.scalars[k] = repeated(history[name][:, None])[:, 0]

    responses = np.zeros_like(fields.R)
    responses[:, :, n:] = _own_responses(cell)
    # R depends mostly on t - t': shifted by one cell.
    responses[:, :, s + 1 : n] = R[:, n - s :, 1 : n - s]
    old = n - NEAR * s
    if late and 1 < old <= before - s + 1:
        responses[:, :, 1:old] = repeated(R[:, :, 1:old])
    cell.set_responses(x, responses)

    near = max(1, old)
    scale = 1.0 + cell.dt / time[last]
    if late and time[near] > time[1] * scale**2:
        alike = _rescaled(cell, near, scale)
        fields.C[:, :, near:] = 2 * alike - _rescaled(cell, near, scale**2)
    return x


def _step_before(cell: Cell) -> tuple[int, Array]:
    """Node one step of the new cell in log t before the last, and log t of the new nodes in units of the step from there."""
    log_t = np.log(cell.history["time"][1:])
    before = 1 + int(np.argmin(np.abs(log_t[:-1] - (log_t[-1] - np.log1p(cell.dt / cell.history["time"][-1])))))
    before = min(before, cell.n - 2)
    return before, (np.log(cell.times()) - log_t[-1]) / (log_t[-1] - log_t[before - 1])


def _half_a_step(cell: Cell) -> tuple[int, Array]:
    """The same from the cell before, halved and bounded; in t itself in the second cell."""
    time, last = cell.history["time"], cell.n - 1
    before = last - cell.tableau.stages
    if before > 0:
        ahead = np.log(cell.times() / time[last]) / np.log(time[last] / time[before])
    else:
        ahead = (cell.times() - time[last]) / (time[last] - time[before])
    return before, 0.5 * np.minimum(ahead, 2.0)


def _own_responses(cell: Cell) -> Array:
    """Responses inside the cell, R_BB = (A^(-1) - (M - nu)_BB)^(-1), with the M - nu of the previous cell."""
    time, s = cell.history["time"], cell.tableau.stages
    previous = cell.history["R"][:, -s:, -s:]
    dt = time[-1] - time[-1 - s]
    change = np.linalg.inv(cell.tableau.A) * (1 / cell.dt - 1 / dt)
    try:
        return np.asarray(np.linalg.inv(np.linalg.inv(previous) + change), dtype=float)
    except np.linalg.LinAlgError:
        return previous * (cell.dt / dt)


def _rescaled(cell: Cell, first: int, scale: float) -> Array:
    """C(t/scale, t'/scale), (channels, s, N - first), for t in the new cell and t' from node `first` to the end of it."""
    times = np.concatenate([cell.history["time"][first:], cell.times()]) / scale
    weights, start = _interpolation(cell.history["time"], cell.tableau.stages, times)
    C = cell.history["C"][:, start:, start:]
    return (weights[-cell.tableau.stages :] @ C) @ weights.T


def _interpolation(time: Array, s: int, at: Array) -> tuple[Array, int]:
    """Weights (at, n - start) of the nodes from `start` on in the values at some later times, ascending.

    Each value is that of the collocation polynomial of its cell.
    """
    ends = np.searchsorted(time[s::s], at) * s + s
    ends = np.minimum(ends, len(time) - 1)
    start = int(ends[0]) - s
    weights = np.zeros((len(at), len(time) - start))
    for end in np.unique(ends):
        nodes, rows = np.arange(end - s, end + 1), ends == end
        weights[np.ix_(rows, nodes - start)] = lagrange(time[nodes] / time[end], at[rows] / time[end]).T
    return weights, start
