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
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from dmft.kernels import History
from dmft.models.base import Forces, Model, Rows
from dmft.problem import SolverSettings
from dmft.solver.base import AcceptedCell, Results
from dmft.solver.nodes import append, first_rows, multiplier, new_history
from dmft.solver.outcome import Outcome
from dmft.solver.prediction import FACTOR, predicted
from dmft.solver.step_control import FLOOR
from dmft.triangular import times_causal, times_transposed

Array = NDArray[np.float64]

# Most rows of a block.  Lengths are powers of two: an oscillation from step to step is extrapolated with the right sign.
LONGEST = 32
BLOCK = 64
TRACE = 0
UP, DOWN = 0.4, 0.1
# A block is predicted by the polynomial through so many rows before it, one block apart.
DEGREES = (0, 1, 2, 3, 5, 7, 9)
PREDICTABLE = 3e-11
PREDICTOR = 18
# A sweep that changes no entry by more than this, relative to the largest of its field, is the last one.
SETTLED = 1e-13
# The next block is twice as long after FEW sweeps, half as long after more than MANY; after MOST it starts again with half the rows.
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
    clock = staticmethod(float)
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
            self._append(rows, model.forces(history, rows), 1)
        self.history, self.next_step = history, next_step

    @staticmethod
    def empty_history(model: Model, capacity: int = 128) -> History:
        """A history with every array that this model needs, without a node."""
        return new_history(model, capacity, {})

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
            before = self.history.n
            end = min(before + BLOCK, self.settings.steps + 1)
            passes = 0
            width = round(self.next_step / self.eta)
            rows = None
            while self.history.n < end:
                n = self.history.n
                w = min(width, end - n)
                if rows is None:
                    degree, error = self._best_degree(width)
                rows = self._window(rows, width, w, degree)
                past = self.history.before(n - 1)
                try:
                    forces = self.model.forces(past, rows)
                    new = descended(self.eta, self.model.channel_weights, past, rows, forces)
                    good = self._settled(rows, new, forces)
                except np.linalg.LinAlgError:
                    good = -1
                passes += 1
                if TRACE: print(n, w, degree, good)
                if good < 0:
                    if width == 1:
                        self.outcome = Outcome.NOT_FINITE
                        return
                    width //= 2
                    rows = None
                    continue
                self._append(new, forces, good)
                rows = Rows(new.C[:, good:], new.R[:, good:], new.overlap[good:], new.scalars[:, good:])
            n = self.history.n
            a = (n - before) / passes
            if end - before == BLOCK: self.next_step = self.eta * (min(2 * width, LONGEST) if a >= UP * width else max(width // 2, 1) if a < DOWN * width else width)
            yield AcceptedCell(n - 1, self.time, (n - before) * self.eta, n, passes, 0.0, {"change": self.residual})
        self.outcome = Outcome.DONE

    def _window(self, rows, width, w, degree):
        fresh = self._predicted(width, degree) 
        n = self.history.n
        if w < width:
            fresh = Rows(fresh.C[:, :w+1, :n+w], fresh.R[:, :w+1, :n+w], fresh.overlap[:w+1], fresh.scalars[:, :w+1])
        if rows is None: return fresh
        k, total = len(rows.overlap), rows.C.shape[2]
        fresh.C[:, :k, :total] = rows.C; fresh.R[:, :k, :total] = rows.R; fresh.overlap[:k] = rows.overlap; fresh.scalars[:, :k] = rows.scalars
        fresh.C[:, :k, total:] = fresh.C[:, k:, total-k:total].swapaxes(1, 2)
        return fresh

    def _settled(self, old, new, forces):
        """Number of leading rows that are settled; -1 if not finite."""
        C, R = (np.abs(rows).max(axis=(1, 2))[:, None] for rows in (new.C, new.R))
        C = np.maximum(C, FLOOR * self.model.channel_sizes[:, None])
        scalars = np.abs(new.scalars).max(axis=1)[:, None]
        changes = np.max(np.concatenate([
            np.tril(np.abs(new.C - old.C), self.history.n - 1).max(axis=2) / C,
            np.abs(new.R - old.R).max(axis=2) / R,
            np.abs(new.overlap - old.overlap)[None] / np.sqrt(C[0]),
            np.abs(new.scalars - old.scalars) / np.maximum(scalars, np.finfo(float).tiny),
        ]), axis=0)
        if not np.isfinite(changes.sum() + sum(kernel.sum() for kernel in forces.kernels.values())): return -1
        if TRACE: print(" ".join(f"{c:.0e}" for c in changes[1:]))
        good = int(np.argmax(np.append(changes[1:] > SETTLED, True)))
        self.residual = float(changes[good])
        return good

    def _best_degree(self, length: int):
        history, n = self.history, self.history.n
        one_time = np.array([history["overlap"], *(history[name] for name in self.model.scalars)])
        known = Rows(history["C"][:, -1:], history["R"][:, -1:], one_time[0, -1:], one_time[1:, -1:])
        best = 0, np.inf
        for degree in DEGREES:
            if 2 * FACTOR * (degree + 1) * length < n:
                error = self._change(predicted(history, one_time, n - 1, 1, length, degree), known)
                if error < best[1]: best = degree, error
        return best

    def _swept(self, length: int, degree: int) -> Block | None:
        """The next rows, after sweeps until they are exact to rounding; None if they do not converge or are not finite."""
        past, rows, last = self.history.before(self.history.n - 1), self._predicted(length, degree), 0.0
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

    def _predicted(self, length: int, degree: int) -> Rows:
        """The last known row, and the next ones from those 1, 2, ... blocks before: from as many as predict the last one best."""
        history, n = self.history, self.history.n
        if n < FACTOR * (degree + 1) * length:
            last = lambda a: np.repeat(a[..., -1:, :], length+1, axis=-2)
            C = np.zeros((len(history["C"]), length + 1, n + length)); R = np.zeros_like(C)
            C[:, :, :n] = history["C"][:, -1:]; R[:, :, :n] = history["R"][:, -1:]
            C[:, :, n:] = history["C"][:, -1:, -1:]
            return Rows(C, R, np.repeat(history["overlap"][-1:], length + 1), np.array([np.repeat(history[name][-1:], length + 1) for name in self.model.scalars]).reshape(-1, length + 1))
        one_time = np.array([history["overlap"], *(history[name] for name in self.model.scalars)])
        known = Rows(history["C"][:, -1:], history["R"][:, -1:], one_time[0, -1:], one_time[1:, -1:])
        new = predicted(history, one_time, n, length, length, degree)
        C = np.concatenate([known.C, new.C[:, :, n - 1, None].swapaxes(1, 2)], axis=2)
        R = np.pad(known.R, ((0, 0), (0, 0), (0, length)))
        return Rows(
            np.concatenate([C, new.C], axis=1),
            np.concatenate([R, new.R], axis=1),
            np.append(known.overlap, new.overlap),
            np.concatenate([known.scalars, new.scalars], axis=1),
        )

    def _change(self, old: Rows, new: Rows) -> float:
        """Largest change of an entry, relative to the largest of its field; not a number if a row is not finite."""
        C, R = (np.abs(rows).max(axis=(1, 2)) for rows in (new.C, new.R))
        C = np.maximum(C, FLOOR * self.model.channel_sizes)
        scalars = np.abs(new.scalars).max(axis=1)
        changes = [
            np.abs(new.C - old.C).max(axis=(1, 2)) / C,
            np.abs(new.R - old.R).max(axis=(1, 2)) / R,
            [np.abs(new.overlap - old.overlap).max() / np.sqrt(C[0])],
            np.abs(new.scalars - old.scalars).max(axis=1) / np.maximum(scalars, np.finfo(float).tiny),
        ]
        return float(np.max(np.concatenate(changes)))

    def _append(self, rows: Rows, forces: Forces, count: int) -> None:
        """Add those rows that are not known yet.  A force at the last node has acted on none: its weight is zero."""
        known = self.history.n
        past = self.history.before(max(known - 1, 0))
        nu = multiplier(self.model, rows, forces)
        steps = np.arange(known, known + count)
        time = steps * self.eta
        time[steps == self.settings.steps] = self.settings.t_max
        one_time = {**self.model.observe(past, rows, forces, nu), **forces.values, "overlap": rows.overlap}
        new = slice(known - past.n, known - past.n + count)
        append(
            self.model,
            self.history,
            {"time": time, "weights": np.zeros_like(time), **{name: values[new] for name, values in one_time.items()}},
            {"C": rows.C[:, new, : known + count], "R": rows.R[:, new, : known + count], **{name: values[new, : known + count] for name, values in forces.kernels.items()}},
        )
        self.history["weights"][:-1] = self.eta

    def results(self) -> Results:
        """Observables and kernels of the steps so far; the density of a response is the response over eta."""
        kernels = self.model.kernels(self.history)
        for name in self.model.response_kernels:
            kernels[name] = kernels[name] / self.eta
        return Results({name: self.history[name].copy() for name in self.model.observables}, kernels)


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
