"""Error of the clock of a run: whether the state moves at the right rate, from the energy identity.

Where dynamics ages, nothing brings back a state that is late or early: errors of the rate add up, and an observable that moves
with log t is off by as much as the clock.  In a cell the estimate of `step_control.py`, made for smooth observables, does not
see the error of a rate: motions on all times between those of the fast modes and the cell's length are polynomials in it.
The energy does.  Along the exact flow, with the speed of all weights and of the scalars a of the model,

    E(end) - E(start) + int |dw/dt|^2 + (da/dt)^2 dt = 0,     |dw/dt|^2 = sum_c weight_c d_t d_t' C_c(t, t') at t' = t,

where groups have shares in both.  For the polynomials of a cell it is the `excess`.  In units of the change of E it is in
proportion to the relative error of the rate; what an observable is off by then is that times its change in the cell.  Where the
polynomials are too rough, more energy is lost than E falls.  A small E may be off at the node before the cell: the excess then
counts as far as it is there from the first node of the cell on, too.

An observable that passes through zero counts relative to a thousandth of its largest value there, and is off by the clock times
a rate of 10 to 1000 in log t: the clock is held to less from a factor e of time before.

It is the motion of the weights that is rough.  Where scalars take most of the energy, as they do while a network learns noise
by heart, the weights have a clock of their own, which may be off by much more: by the excess in units of what they lose alone.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dmft.engines.step_control import FLOOR
from dmft.mathematics.tableau import Tableau
from dmft.models.protocol import Channels

Array = NDArray[np.float64]

# Relative error of the rate over the relative excess; measured in p-spin glasses and networks that age, for 6 stages, over
# decades of time and of the tolerance.
RATE = 0.065
# Part of the tolerance that the clock may be off by in each factor e of time: what runs over ten decades add up.
SHARE = 0.2
# What residuals of the fixed point make of the square of what the weights move by in a cell, about.
ROUGH = 100.0
# Rounding errors, as residuals.
ROUNDING = 1e-14
# Of sampled forces: what the fall of the energy in a cell may differ by from that of the weights, and what it may rise by, as a
# part of it; and the same as a part of the larger fall.  A set beyond both is wrong since it was beyond EARLIER of them.
UNBALANCED, OF_FALL, EARLIER = 0.2, 0.5, 0.25


def weighted(stack: Channels, past: Array, block: Array, last: int) -> Array:
    """One stack's part of sum_c weight_c C_c on the last node and those of the cell, (s+1, s+1).

    past: C before the cell; block: its new rows.
    """
    G, weights = stack.width, stack.speeds
    s = block.shape[1] // G
    C = np.empty((s + 1, s + 1))
    C[0, 0] = np.einsum("cg,cgg->", weights, past[:, last * G :, last * G :])
    C[1:] = np.einsum("cg,cigjg->ij", weights, block[:, :, last * G :].reshape(len(block), s, G, s + 1, G))
    C[0, 1:] = C[1:, 0]
    return C


def roots(first: Channels, scalars: int) -> Array:
    """Square roots of the shares of the scalars' groups, (scalars, 1); one without groups."""
    if first.shares is None or scalars == 0:
        return np.ones((scalars, 1))
    return np.sqrt(np.tile(first.shares[0], scalars // first.width))[:, None]


def squared_speeds(tableau: Tableau, dt: float, C: Array, scalars: Array) -> tuple[Array, Array]:
    """|dw/dt|^2 and (da/dt)^2 on the node before a cell and those of the cell, (s+1,); arguments as those of `excess`."""
    D = tableau.derivative / dt
    return np.einsum("ij,jk,ik->i", D, C, D), ((scalars @ D.T) ** 2).sum(axis=0)


class Excess(NamedTuple):
    """Energy that a cell loses and that does not fall, beyond what other errors explain; never negative.

    of_all: relative to what falls.  of_weights: relative to what the weights lose, if that is less.
    """

    of_all: float
    of_weights: float


def excess(tableau: Tableau, dt: float, C: Array, scalars: Array, energy: Array, unresolved: float, residual: float) -> Excess:
    """Defect of the energy identity in a cell of length dt.

    unresolved: error that the energy may have; residual: of the fixed point of the cell, negative to find the most it may hide.

    On the node before the cell and those of the cell: C (s+1, s+1), sum_c weight_c C_c; scalars (p, s+1); energy (s+1,).
    """
    own, others = squared_speeds(tableau, dt, C, scalars)
    speed = own + others
    explained = unresolved + (residual + ROUNDING) * (np.abs(energy).max() + ROUGH / dt)
    of_all, of_weights, tiny = [], [], np.finfo(float).tiny
    for first, weights in ((0, tableau.b), (1, tableau.after_first)):
        fall, lost = float(energy[first] - energy[-1]), dt * float(weights @ own[1:])
        more = max(dt * float(weights @ speed[1:]) - fall - explained, 0.0)
        of_all.append(more / max(abs(fall), tiny))
        of_weights.append(more / max(min(abs(fall), lost), tiny))
    return Excess(min(of_all), min(of_weights))


def forgotten(stack: Channels, past: Array, block: Array) -> float:
    """Largest change of one of a stack's C_c(t, 0) over a cell, relative to its value or to FLOOR of that at t = 0.

    past: C before the cell; block: its new rows.
    """
    G = stack.width
    start, before, after = (
        np.diagonal(rows, axis1=1, axis2=2) for rows in (past[:, :G, :G], past[:, -G:, :G], block[:, -G:, :G])
    )
    return changed(before, after, FLOOR * np.abs(start))


def changed(before: Array, after: Array, floor: Array) -> float:
    """Largest change, relative to the smaller of two values or to a floor; 0 of what is 0 throughout."""
    scale = np.maximum(np.minimum(np.abs(before), np.abs(after)), np.maximum(floor, np.finfo(float).tiny))
    return float((np.abs(after - before) / scale).max(initial=0.0))


def error(relative_excess: float, moved: float, span: float, crossing: float = 0.0) -> float:
    """Error of a clock, as the tolerance counts it, of a cell that spans log t = `span` and moves by `moved` what it times.

    moved: largest change relative to what the tolerance is relative to.  crossing: the same in a unit of log t, of what passes
    through zero soon, where it counts relative to a small number.
    """
    return RATE * relative_excess * max(min(moved / span, 1.0), crossing) / SHARE


def left_flow(tableau: Tableau, lengths: Array, C: Array, scalars: Array, energy: Array, first: int) -> tuple[int, int] | None:
    """The cell in which a set of samples left the flow, and how many cells before are right; None if not from cell `first` on.

    Its energy then differs by more than chance from what the motion of its weights takes of it, or rises, which no flow does.
    On all nodes of cells of these lengths: C (n, n), of which the lower triangle counts, scalars (p, n), energy (n,).
    """
    s, ends = tableau.stages, energy[:: tableau.stages]
    lost = np.empty(len(lengths))
    for cell, dt in enumerate(lengths):
        nodes = slice(cell * s, (cell + 1) * s + 1)
        own = np.tril(C[nodes, nodes])
        of_weights, of_scalars = squared_speeds(tableau, dt, own + np.tril(own, -1).T, scalars[:, nodes])
        lost[cell] = dt * tableau.b @ (of_weights + of_scalars)[1:]
    fall, smallest = -np.diff(ends), np.minimum.accumulate(ends)
    off, resolved = np.abs(fall - lost), UNBALANCED * np.maximum(smallest[1:], FLOOR * ends[0])
    excess = np.minimum(off / resolved, off / (OF_FALL * np.maximum(np.abs(fall), lost)))
    excess = np.maximum(excess, (ends[1:] - smallest[1:]) / resolved)
    wrong = np.flatnonzero(excess > 1)
    if not (wrong >= first).any():
        return None
    right = int(wrong[0])
    while right > 0 and excess[right - 1] > EARLIER:
        right -= 1
    return int(wrong[0]), right
