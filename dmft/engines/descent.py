"""Gradient descent with a finite learning rate eta: the exact equations of its steps, t = eta k after step k.

A step moves every unit along its force and puts it back on the sphere,

    w_{k+1} = [w_k + eta (F_k - lambda_k w_k)]/z_k,   F_k = sum_j M_kj w_j + b_k u + zeta_k,   <zeta zeta> = D,

with lambda_k = <w_k, F_k> and z_k from |w_{k+1}| = 1.  The cavity argument holds for these steps as it does for the flow: M, D
and b are those of the model, made from the response R_kj = dw_k/dzeta_j, which is zero for j >= k.  Row k+1 follows from row k:

    z_k R_{k+1,j} = (1 - eta lambda_k) R_kj + eta [delta_kj + (M R)_kj],                              j <= k
    z_k C_{k+1,j} = (1 - eta lambda_k) C_kj + eta [(M C)_kj + (D R^T)_kj + b_k v_j],                  j <= k
    z_k v_{k+1}   = (1 - eta lambda_k) v_k  + eta [(M v)_k + b_k],     lambda_k = [M C + D R^T]_kk + b_k v_k

and C_{k+1,k+1}, hence z_k, from the second line with j = k+1, once the rest of its row is known.

One row costs 12 n^2 flops for two channels and their residual sector: row by row as slow as memory.  Therefore rows come in
blocks, predicted by extrapolation and then corrected in sweeps.  In a sweep M, D and b are those of the rows so far, their
products with the history are matrix products, and the recursion is run through the block.  As nothing is implicit, the first
row is exact after one sweep, the second after two; a good prediction makes all of them exact to rounding after a few.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from math import comb
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from dmft.engines.base import AcceptedCell, Results
from dmft.engines.nodes import append, first_rows, multiplier, new_history
from dmft.engines.outcome import Outcome
from dmft.engines.step_control import FLOOR
from dmft.history.history import History
from dmft.mathematics.triangular import times_causal, times_transposed
from dmft.models.protocol import Forces, Model, Rows
from dmft.problem.settings import SolverSettings

Array = NDArray[np.float64]

# Most rows of a block.  Lengths are powers of two: an oscillation from step to step is extrapolated with the right sign.
LONGEST = 64
# A block is predicted by the polynomial through so many rows before it, one block apart.
PREDICTOR = 10
ZONES = 8
# A sweep that changes no entry by more than this, relative to the largest of its row, is the last one.
SETTLED = 1e-13
# The next block is twice as long after FEW sweeps, half as long after more than MANY; after MOST half the rows are tried.
FEW, MANY, MOST = 3, 5, 8


@dataclass(frozen=True)
class Block:
    """The last known row and those after it, the forces on all of them, and the sweeps that took."""

    rows: Rows
    forces: Forces
    sweeps: int


class Descent:
    """Solver of one problem; iterate over it to advance by blocks.  `residual` is what the last sweep changed."""

    power: ClassVar[int] = 3
    adaptive: ClassVar[bool] = False

    def __init__(self, model: Model, settings: SolverSettings, history: History | None = None, next_step: float = 0.0) -> None:
        assert settings.learning_rate is not None
        self.model, self.settings, self.eta = model, settings, settings.learning_rate
        self.outcome = Outcome.RUNNING
        self.residual = np.nan
        if history is None:
            history, next_step = self.empty_history(model), self.eta
            rows = first_rows(model)
            self.history, self.next_step = history, next_step
            self._append(rows, model.forces(history, rows))
        self.history, self.next_step = history, next_step

    @staticmethod
    def empty_history(model: Model, capacity: int = 128) -> History:
        """A history with every array that this model needs, without a node."""
        return new_history(model, capacity, {})

    @staticmethod
    def clock(time: float) -> float:
        """Steps are equal."""
        return time

    @staticmethod
    def expected_nodes(model: Model, settings: SolverSettings) -> float:
        """Nodes of a run, exactly."""
        return settings.steps + 1

    @property
    def time(self) -> float:
        """Time of the last node."""
        return float(self.history["time"][-1])

    def __iter__(self) -> Iterator[AcceptedCell]:
        """Accept blocks until t_max or until a value overflows; `outcome` says which."""
        self.history.reserve(self.settings.steps + 1)
        while self.history.n <= self.settings.steps:
            block = self._next_block()
            if block is None:
                self.outcome = Outcome.NOT_FINITE
                return
            before = self.history.n
            self._append(block.rows, block.forces)
            n = self.history.n
            yield AcceptedCell(n - 1, self.time, (n - before) * self.eta, n, block.sweeps, 0.0, {"change": self.residual})
        self.outcome = Outcome.DONE

    def _next_block(self) -> Block | None:
        """The next block, as long as the sweeps converge on; None if not even one row of it is finite."""
        left = self.settings.steps + 1 - self.history.n
        wanted = round(self.next_step / self.eta)
        length = min(wanted, 1 << (left.bit_length() - 1))
        while length > 0:
            block = self._swept(length)
            if block is not None:
                following = 2 * length if block.sweeps <= FEW else length // 2 if block.sweeps > MANY else length
                # A block cut short to end on t_max says nothing against the length that was wanted.
                if 2 * length <= left:
                    self.next_step = self.eta * min(max(following, 1), LONGEST)
                return block
            length //= 2
        return None

    def _swept(self, length: int) -> Block | None:
        """The next rows, after sweeps until they are exact to rounding; None if they do not converge or are not finite."""
        past, rows, last = self.history.before(self.history.n - 1), self._predicted(length), 0.0
        try:
            forces = self.model.forces(past, rows)
            for sweep in range(1, MOST + 1):
                previous, rows = rows, descended(self.eta, self.model.channel_weights, past, rows, forces)
                forces = self.model.forces(past, rows)
                change = self._change(previous, rows)
                if not np.isfinite(change + sum(kernel.sum() for kernel in forces.kernels.values())):
                    return None
                # The next sweep would change less in proportion; rows of which the first sweep shows nothing count as they are.
                self.residual, last = change**2 / max(change, last, np.finfo(float).tiny), change
                if self.residual <= SETTLED:
                    return Block(rows, forces, sweep)
        except np.linalg.LinAlgError:
            pass
        return None

    def _points(self, length: int) -> int:
        """Number of rows that predict best: their last difference, the error of the prediction, is smallest."""
        n, most = self.history.n, min(PREDICTOR, self.history.n // (2 * length))
        if most < 2:
            return 1
        last = [n - 1 - q * length for q in range(most + 1)]
        differences = self.history["C"][:, last, : last[-1] + 1]
        errors = []
        for _ in range(most):
            differences = np.diff(differences, axis=1)
            errors.append(np.abs(differences[:, 0]).max(axis=1) / self.history["C"][:, -1, -1])
        return 1 + int(np.argmin(np.max(errors, axis=1)))

    def _predicted(self, length: int) -> Rows:
        """The last known row, and those of the next block from the rows 1, 2, ... blocks before.

        C at fixed t', the block's own square at fixed t - t'; R in zones of t', see `zones`.
        """
        history, n, total = self.history, self.history.n, self.history.n + length
        points = self._points(length)
        known = np.array([history["overlap"], *(history[name] for name in self.model.scalars)])
        C, R = np.zeros((2, len(self.model.channel_weights), length + 1, total))
        one_time = np.zeros((len(known), length + 1))
        for q in range(1, points + 1):
            weight, shift = (-1) ** (q + 1) * comb(points, q), q * length
            back = slice(n - shift, total - shift)
            one_time[:, 1:] += weight * known[:, back]
            C[:, 1:, :n] += weight * history["C"][:, back]
            C[:, 1:, n:] += weight * history["C"][:, back, back]
            for start, end, slope in zones(n, length, points):
                along = slope * q
                R[:, 1:, start:end] += weight * history["R"][:, back, start - along : end - along]
        C[:, 0, :n], R[:, 0, :n], one_time[:, 0] = history["C"][:, -1], history["R"][:, -1], known[:, -1]
        C[:, 0, n:] = C[:, 1:, n - 1]
        return Rows(C, R, one_time[0], one_time[1:])

    def _change(self, old: Rows, new: Rows) -> float:
        """Largest change of an entry, relative to the largest of its row; not a number if a row is not finite."""
        C, R = (np.abs(rows).max(axis=2) for rows in (new.C, new.R))
        C = np.maximum(C, FLOOR * self.model.channel_sizes[:, None])
        scalars, tiny = np.maximum.accumulate(np.abs(new.scalars), axis=1), np.finfo(float).tiny
        changes = [
            np.abs(new.C - old.C).max(axis=2) / C,
            np.abs(new.R - old.R).max(axis=2) / np.maximum(R, tiny),
            [np.abs(new.overlap - old.overlap) / np.sqrt(C[0])],
            np.abs(new.scalars - old.scalars) / np.maximum(scalars, tiny),
        ]
        return float(np.max(np.concatenate(changes)))

    def _append(self, rows: Rows, forces: Forces) -> None:
        """Add those rows that are not known yet.  A force at the last node has acted on none: its weight is zero."""
        known = self.history.n
        past = self.history.before(max(known - 1, 0))
        nu = multiplier(self.model, rows, forces)
        steps = np.arange(known, past.n + len(nu))
        time = np.where(steps == self.settings.steps, self.settings.t_max, steps * self.eta)
        one_time = {**self.model.observe(past, rows, forces, nu), **forces.values, "overlap": rows.overlap}
        new = slice(known - past.n, None)
        append(
            self.model,
            self.history,
            {"time": time, "weights": np.zeros(len(time)), **{name: values[new] for name, values in one_time.items()}},
            {"C": rows.C[:, new], "R": rows.R[:, new], **{name: values[new] for name, values in forces.kernels.items()}},
        )
        self.history["weights"][:-1] = self.eta

    def results(self) -> Results:
        """Observables and kernels of the steps so far; the density of a response is the response over eta."""
        kernels = self.model.kernels(self.history)
        for name in self.model.response_kernels:
            kernels[name] = kernels[name] / self.eta
        return Results({name: self.history[name].copy() for name in self.model.observables}, kernels)


def zones(n: int, length: int, points: int) -> list[tuple[int, int, int]]:
    """Zones of columns t' for the prediction of R after n nodes: first, end, and by how much t' goes back with a block of t.

    R varies fast along both times; late in a run it varies least on rays of constant t'/t.  The first quarter of the zones is
    at fixed t', the others follow the ray at their end, the last one the diagonal.
    """
    number = min(max(length, 2), ZONES)
    still = max(number // 4, 1)
    starts = [max(zone * n, (zone + 1) * points * length) // number for zone in range(still, number)]
    slopes = [0, *((zone + 1) * length // number for zone in range(still, number))]
    return [(start, end, slope) for (start, end), slope in zip(pairwise([0, *starts, n + length]), slopes, strict=True)]


def descended(eta: float, weights: Array, past: History, rows: Rows, forces: Forces) -> Rows:
    """The rows of a block once more, one after the other from the first of them, for given forces on all.

    past: the nodes before the first of the rows.  weights: of the channels in the norm of a unit.
    """
    h = past.n
    M, D = forces.M[:, :-1, :h], forces.D[:, :-1, :h]
    on_C = M @ past["C"] + times_transposed(D, past["R"])
    on_R = times_causal(M, past["R"])
    v = np.concatenate([past["overlap"], rows.overlap])
    C, R = rows.C.copy(), rows.R.copy()
    for i in range(M.shape[1]):
        _step(eta, weights, i, h, forces, on_C[:, i], on_R[:, i], v, C, R)
    moved = rows.scalars[:, :1] + eta * np.cumsum(forces.rates[:, :-1], axis=1)
    return Rows(C, R, v[h:], np.column_stack([rows.scalars[:, :1], moved]))


def _step(
    eta: float, weights: Array, i: int, h: int, forces: Forces, on_C: Array, on_R: Array, v: Array, C: Array, R: Array
) -> None:
    """Row i + 1 of a block from row i, in place; on_C = M C + D R^T and on_R = M R are sums over the h nodes before it."""
    g = h + i + 1
    M, D, b = forces.M[:, i, :g], forces.D[:, i, :g], forces.drift[i]
    C_known, R_known = C[:, : i + 1, :g], R[:, : i + 1, :g]
    from_block = M[:, None, h:]

    force = np.empty_like(M)
    force[:, :h] = on_C + (from_block @ C_known[:, :, :h])[:, 0]
    force[:, h:] = (C_known @ M[:, :, None] + R_known @ D[:, :, None])[:, :, 0]
    force[0] += b * v[:g]
    keep = 1.0 - eta * (weights @ force[:, -1])
    response = (from_block @ R_known)[:, 0]
    response[:, :h] += on_R
    correlation = keep * C_known[:, i] + eta * force
    response = keep * R_known[:, i] + eta * response
    response[:, -1] += eta
    overlap = keep * v[g - 1] + eta * (M[0] @ v[:g] + b)

    own = keep * correlation[:, -1] + eta * (M * correlation + D * response).sum(axis=1)
    own[0] += eta * b * overlap
    z = np.sqrt(weights @ own)
    C[:, i + 1, :g] = correlation / z
    C[:, : i + 1, g] = C[:, i + 1, h:g]
    C[:, i + 1, g] = own / z**2
    R[:, i + 1, :g] = response / z
    v[g] = overlap / z
