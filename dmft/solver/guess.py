"""First guess for the rows of a new cell.

Correlations against old times and one-time functions go on with half their last slope in log t, and inside the cell are those
of the previous one.  Response rows are shifted by one cell, because R depends mostly on t - t'; inside the cell they follow
from the M - nu of the previous one, so that a step that was cut short starts well too.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dmft.solver.cell import Cell

Array = NDArray[np.float64]


def extrapolated(cell: Cell) -> Array:
    """A vector for `cell`, from the rows of the cells before it."""
    history, n, s = cell.history, cell.n, cell.tableau.stages
    x, rows = cell.empty()
    C, R = history["C"], history["R"]
    cell.watched(x)[:] = [[history[name][-1]] for name in cell.model.observables]
    if n == 1:
        rows.C[:] = C[:, :1, :1]
        rows.R[:, :, n:] = cell.A
        rows.overlap[:] = history["overlap"][-1]
        for k, name in enumerate(cell.model.scalars):
            rows.scalars[k] = history[name][-1]
        # Two Picard steps give every field that leaves zero a size.
        return cell(cell(x))
    time, last, before = history["time"], n - 1, n - 1 - s
    if before > 0:
        ahead = np.log(cell.times() / time[last]) / np.log(time[last] / time[before])
    else:
        ahead = (cell.times() - time[last]) / (time[last] - time[before])
    ahead = 0.5 * np.minimum(ahead, 2.0)
    rows.C[:, :, :n] = C[:, last, None, :] + ahead[:, None] * (C[:, last] - C[:, before])[:, None, :]
    rows.C[:, :, n:] = C[:, n - s :, n - s :]
    rows.R[:, :, n:] = _own_responses(R[:, n - s :, n - s :], time[last] - time[before], cell)
    rows.R[:, :, s + 1 : n] = R[:, n - s :, 1 : n - s]
    rows.overlap[:] = _ahead(history["overlap"], ahead, before)
    for k, name in enumerate(cell.model.scalars):
        rows.scalars[k] = _ahead(history[name], ahead, before)
    return x


def _own_responses(previous: Array, dt: float, cell: Cell) -> Array:
    """Responses inside the cell, R_BB = (A^(-1) - (M - nu)_BB)^(-1), with the M - nu of the previous cell."""
    change = np.linalg.inv(cell.tableau.A) * (1 / cell.dt - 1 / dt)
    try:
        return np.asarray(np.linalg.inv(np.linalg.inv(previous) + change), dtype=float)
    except np.linalg.LinAlgError:
        return previous * (cell.dt / dt)


def _ahead(values: Array, ahead: Array, before: int) -> Array:
    return values[-1] + ahead * (values[-1] - values[before])
