"""Gradient descent with a finite learning rate eta: the exact equations of its steps, t = eta k after step k.

A step moves every unit along its force and puts it back on the sphere,

    w_{k+1} = [w_k + eta (F_k - lambda_k w_k)]/z_k,   F_k = sum_j M_kj w_j + b_k u + zeta_k,   <zeta zeta> = D,

with lambda_k = <w_k, F_k> and z_k from |w_{k+1}| = 1, one of each for every constraint.  The cavity argument holds for these
steps as it does for the flow: M, D and b are those of the model, made from the response R_kj = dw_k/dzeta_j, which is zero for
j >= k.  Row k+1 follows from row k:

    z_k R_{k+1,j} = (1 - eta lambda_k) R_kj + eta [delta_kj + (M R)_kj],                              j <= k
    z_k C_{k+1,j} = (1 - eta lambda_k) C_kj + eta [(M C)_kj + (D R^T)_kj + b_k v_j],                  j <= k
    z_k v_{k+1}   = (1 - eta lambda_k) v_k  + eta [(M v)_k + b_k],     lambda_k = [M C + D R^T]_kk + b_k v_k

and C_{k+1,k+1}, hence z_k, from the second line with j = k+1, once the rest of its row is known.  In channels of width G all of
these are blocks of G x G, with rows and columns (node, group).

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
from dmft.engines.nodes import append, first_rows, matrices, multiplier, new_history, overlaps, scalars
from dmft.engines.outcome import Outcome
from dmft.engines.step_control import FLOOR
from dmft.history.history import History
from dmft.mathematics.triangular import times_causal, times_transposed
from dmft.models.protocol import Channels, Forces, Model, Rows
from dmft.problem.settings import SolverSettings

Array = NDArray[np.float64]

# Most rows of a block.  Lengths are powers of two: an oscillation from step to step is extrapolated with the right sign.
LONGEST = 64
# A block is predicted by the polynomial through this many rows before it, one block apart.
PREDICTOR = 10
ZONES = 8
# A sweep that changes no entry by more than this, relative to the largest of its row, is the last one.
SETTLED_CHANGE = 1e-13
# The next block is twice as long after FEW sweeps, half as long after more than MANY; after MOST half the rows are tried.
FEW, MANY, MOST = 3, 5, 8
# An energy that ends as many times its first value has diverged: steps that overshoot for a while come back below it.
DIVERGED = 10.0


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
        return new_history(model, capacity, continuous=False)

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
                self.outcome = Outcome.DIVERGED if self._diverges() else Outcome.NOT_FINITE
                return
            before = self.history.n
            self._append(block.rows, block.forces)
            n = self.history.n
            yield AcceptedCell(n - 1, self.time, (n - before) * self.eta, n, block.sweeps, 0.0, {"change": self.residual})
        self.outcome = Outcome.DIVERGED if self._diverges() else Outcome.DONE

    def _diverges(self) -> bool:
        """True if the energy, which small steps never raise, has grown far beyond its first value."""
        if not self.model.energy:
            return False
        energy = self.history[self.model.energy]
        return bool(energy[-1] > DIVERGED * energy[0] > 0.0)

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
                previous, rows = rows, descended(self.eta, self.model, past, rows, forces)
                forces = self.model.forces(past, rows)
                change = self._change(previous, rows)
                if not np.isfinite(change + sum(kernel.sum() for kernel in forces.kernels.values())):
                    return None
                # The next sweep would change less in proportion; rows of which the first sweep shows nothing count as they are.
                self.residual, last = change**2 / max(change, last, np.finfo(float).tiny), change
                if self.residual <= SETTLED_CHANGE:
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
        worst = np.zeros(most)
        for stack, C in zip(self.model.channels, matrices(self.history, "C", self.model), strict=True):
            G = stack.width
            differences = C.reshape(stack.count, n, G, n * G)[:, last, :, : (last[-1] + 1) * G]
            size = np.maximum(np.diagonal(C[:, -G:, -G:], axis1=1, axis2=2).max(axis=1), np.finfo(float).tiny)
            for q in range(most):
                differences = np.diff(differences, axis=1)
                worst[q] = np.maximum(worst[q], (np.abs(differences[:, 0]).max(axis=(1, 2)) / size).max())
        return 1 + int(np.argmin(worst))

    def _predicted(self, length: int) -> Rows:
        """The last known row, and those of the next block from the rows 1, 2, ... blocks before."""
        points, history, model = self._points(length), self.history, self.model
        C = (
            self._predicted_C(known, stack.width, length, points)
            for known, stack in zip(matrices(history, "C", model), model.channels, strict=True)
        )
        R = (
            self._predicted_R(known, stack.width, length, points)
            for known, stack in zip(matrices(history, "R", model), model.channels, strict=True)
        )
        v, a = (
            self._predicted_values(known, width, length, points)
            for known, width in ((overlaps(history, model), model.channels[0].width), (scalars(history, model), 1))
        )
        return Rows(tuple(C), tuple(R), v, a)

    def _predicted_values(self, known: Array, width: int, length: int, points: int) -> Array:
        """One-time functions (p, n width) of the last node and of the next block, (p, (length + 1) width)."""
        n, new = self.history.n, np.zeros((len(known), (length + 1) * width))
        for weight, shift in predictor(points, length):
            new[:, width:] += weight * known[:, (n - shift) * width : (n + length - shift) * width]
        new[:, :width] = known[:, -width:]
        return new

    def _predicted_C(self, known: Array, width: int, length: int, points: int) -> Array:
        """C at fixed t', the block's own square at fixed t - t'."""
        n, total, G = self.history.n, self.history.n + length, width
        C = np.zeros((len(known), (length + 1) * G, total * G))
        for weight, shift in predictor(points, length):
            back = slice((n - shift) * G, (total - shift) * G)
            C[:, G:, : n * G] += weight * known[:, back]
            C[:, G:, n * G :] += weight * known[:, back, back]
        C[:, :G, : n * G] = known[:, -G:]
        C[:, :G, n * G :] = C[:, G:, (n - 1) * G : n * G].transpose(0, 2, 1)
        return C

    def _predicted_R(self, known: Array, width: int, length: int, points: int) -> Array:
        """R in zones of t', see `zones`."""
        n, total, G = self.history.n, self.history.n + length, width
        R, parts = np.zeros((len(known), (length + 1) * G, total * G)), zones(n, length, points)
        for q, (weight, shift) in enumerate(predictor(points, length), start=1):
            back = slice((n - shift) * G, (total - shift) * G)
            for start, end, slope in parts:
                along = slope * q
                R[:, G:, start * G : end * G] += weight * known[:, back, (start - along) * G : (end - along) * G]
        R[:, :G, : n * G] = known[:, -G:]
        return R

    def _change(self, old: Rows, new: Rows) -> float:
        """Largest change of an entry, relative to the largest of its row; not a number if a row is not finite."""
        tiny, changes = np.finfo(float).tiny, []
        for place, stack in enumerate(self.model.channels):
            C, R = (np.abs(rows[place]).max(axis=2) for rows in (new.C, new.R))
            C = np.maximum(C, np.maximum(FLOOR * np.tile(stack.sizes, (1, C.shape[1] // stack.width)), tiny))
            changes.append(np.abs(new.C[place] - old.C[place]).max(axis=2) / C)
            changes.append(np.abs(new.R[place] - old.R[place]).max(axis=2) / np.maximum(R, tiny))
            if place == 0:
                changes.append(np.abs(new.overlap - old.overlap) / np.sqrt(C[0]))
        known = np.maximum.accumulate(np.abs(new.scalars), axis=1)
        changes.append(np.abs(new.scalars - old.scalars) / np.maximum(known, tiny))
        return float(np.max([change.max() for change in changes if change.size]))

    def _append(self, rows: Rows, forces: Forces) -> None:
        """Add those rows that are not known yet.  A force at the last node has acted on none: its weight is zero."""
        known = self.history.n
        past = self.history.before(max(known - 1, 0))
        nu = multiplier(self.model, rows, forces)
        steps = np.arange(known, past.n + len(nu))
        time = np.where(steps == self.settings.steps, self.settings.t_max, steps * self.eta)
        values = {**self.model.observe(past, rows, forces, nu), **forces.values, **forces.kernels}
        new = known - past.n
        values = {name: array[self.history.fields[name].index(slice(new, None))] for name, array in values.items()}
        widths = [stack.width for stack in self.model.channels]
        C, R = (tuple(X[:, new * G :] for X, G in zip(XX, widths, strict=True)) for XX in (rows.C, rows.R))
        added = Rows(C, R, rows.overlap[:, new * widths[0] :], rows.scalars[:, new:])
        append(self.model, self.history, {"time": time, "weights": np.zeros(len(time)), **values}, added, {})
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


def predictor(points: int, length: int) -> list[tuple[int, int]]:
    """Weights of the rows 1, 2, ... blocks before in the polynomial through them, and by how many nodes they are earlier."""
    return [((-1) ** (q + 1) * comb(points, q), q * length) for q in range(1, points + 1)]


def descended(eta: float, model: Model, past: History, rows: Rows, forces: Forces) -> Rows:
    """The rows of a block once more, one after the other from the first of them, for given forces on all.

    past: the nodes before the first of the rows.
    """
    stacks, on_C, on_R = model.channels, [], []
    for place, (C, R) in enumerate(zip(matrices(past, "C", model), matrices(past, "R", model), strict=True)):
        G = stacks[place].width
        M, D = (X[place][:, :-G, : past.n * G] for X in (forces.M, forces.D))
        on_C.append(M @ C + times_transposed(D, R))
        on_R.append(times_causal(M, R))
    v = np.concatenate([overlaps(past, model), rows.overlap], axis=1)
    new = Rows(tuple(C.copy() for C in rows.C), tuple(R.copy() for R in rows.R), v, rows.scalars)
    for i in range(rows.scalars.shape[1] - 1 if len(rows.scalars) else rows.C[0].shape[1] // stacks[0].width - 1):
        _step(eta, model, i, past.n, forces, on_C, on_R, new)
    moved = rows.scalars[:, :1] + eta * np.cumsum(forces.rates[:, :-1], axis=1)
    return Rows(new.C, new.R, v[:, past.n * stacks[0].width :], np.column_stack([rows.scalars[:, :1], moved]))


@dataclass(frozen=True)
class Step:
    """A step of a stack before the constraints: keep w_k + eta F_k in <., w_j>, d./dzeta_j, and with itself.

    For all channels (count, G, n G), (count, G, n G) and (count, G, G).
    """

    correlation: Array
    response: Array
    own: Array


def _step(eta: float, model: Model, i: int, h: int, forces: Forces, on_C: list[Array], on_R: list[Array], rows: Rows) -> None:
    """Row i + 1 of a block from row i, in place; on_C = M C + D R^T and on_R = M R are sums over the h nodes before it."""
    stacks = model.channels
    forced = [_forced(place, stack, i, h, forces, on_C[place], rows) for place, stack in enumerate(stacks)]
    last = [np.diagonal(force[:, :, -stack.width :], axis1=1, axis2=2) for force, stack in zip(forced, stacks, strict=True)]
    keep = 1.0 - eta * constrained(model, last)
    G, b = stacks[0].width, forces.drift[:, i * stacks[0].width : (i + 1) * stacks[0].width]
    kept, end = per_group(stacks[0], keep)[0], (h + i + 1) * G
    v, M = rows.overlap, forces.M[0][0, i * G : (i + 1) * G, :end]
    pushed = np.array([[row @ direction[:end] for row in M] for direction in v]).reshape(b.shape)
    overlap = kept * v[:, end - G : end] + eta * (pushed + b)
    steps = [
        _stepped(eta, stack, i, h, per_group(stack, keep), forced[place], on_R[place], forces, place, rows)
        for place, stack in enumerate(stacks)
    ]
    for direction, drift in zip(overlap, b, strict=True):
        steps[0].own[0] += (eta * drift)[:, None] * direction
    z = np.sqrt(constrained(model, [np.diagonal(step.own, axis1=1, axis2=2) for step in steps]))
    for place, (stack, step) in enumerate(zip(stacks, steps, strict=True)):
        _put(stack, i, h, per_group(stack, z), step, rows.C[place], rows.R[place])
    v[:, end : end + G] = overlap / per_group(stacks[0], z)[0]


def constrained(model: Model, values: list[Array]) -> Array:
    """sum_c weight_c X_c for each constraint, from X (channels, G) of each stack."""
    found = np.zeros(len(model.constraints))
    for k in range(len(found)):
        for stack, X in zip(model.channels, values, strict=True):
            weights = np.where(stack.constraint == k, stack.weights, 0.0)
            found[k] += sum(weights[:, g] @ X[:, g] for g in range(stack.width))
    return found


def per_group(stack: Channels, values: Array) -> Array:
    """The value of the constraint in which each group is, (channels, G); one where nothing is constrained."""
    return values[stack.constraint] if len(values) else np.ones(stack.weights.shape)


def _forced(place: int, stack: Channels, i: int, h: int, forces: Forces, on_C: Array, rows: Rows) -> Array:
    """<F, w_j> = M C + D R^T + b v, (channels, G, (h + i + 1) G)."""
    G = stack.width
    new, known, end = slice(i * G, (i + 1) * G), h * G, (h + i + 1) * G
    M, D = (X[place][:, new, :end] for X in (forces.M, forces.D))
    C, R = (X[place][:, : new.stop, :end] for X in (rows.C, rows.R))
    force = np.empty_like(M)
    force[:, :, :known] = on_C[:, new] + M[:, :, known:] @ C[:, :, :known]
    force[:, :, known:] = (C @ M.transpose(0, 2, 1) + R @ D.transpose(0, 2, 1)).transpose(0, 2, 1)
    if place == 0:
        for drift, overlap in zip(forces.drift[:, new], rows.overlap[:, :end], strict=True):
            force[0] += drift[:, None] * overlap
    return force


def _stepped(
    eta: float, stack: Channels, i: int, h: int, keep: Array, force: Array, on_R: Array, forces: Forces, place: int, rows: Rows
) -> Step:
    """The new rows of a stack before the constraints; the drift is missing in `own`."""
    G = stack.width
    new, known, end = slice(i * G, (i + 1) * G), h * G, (h + i + 1) * G
    M, D = (X[place][:, new, :end] for X in (forces.M, forces.D))
    C, R = (X[place][:, : new.stop, :end] for X in (rows.C, rows.R))
    response = M[:, :, known:] @ R
    response[:, :, :known] += on_R[:, new]
    correlation = keep[:, :, None] * C[:, new] + eta * force
    response = keep[:, :, None] * R[:, new] + eta * response
    response[:, :, -G:] += eta * np.eye(G)
    own = keep[:, :, None] * correlation[:, :, -G:].transpose(0, 2, 1)
    own = own + eta * (M[:, :, None] * correlation[:, None] + D[:, :, None] * response[:, None]).sum(axis=3)
    return Step(correlation, response, own)


def _put(stack: Channels, i: int, h: int, z: Array, step: Step, C: Array, R: Array) -> None:
    """Write the new rows of a stack, back on the sphere, and the new columns of C."""
    G = stack.width
    row, column, end = slice((i + 1) * G, (i + 2) * G), slice((h + i + 1) * G, (h + i + 2) * G), (h + i + 1) * G
    C[:, row, :end] = step.correlation / z[:, :, None]
    C[:, : row.start, column] = C[:, row, h * G : end].transpose(0, 2, 1)
    C[:, row, column] = step.own / (z[:, :, None] * z[:, None, :])
    R[:, row, :end] = step.response / z[:, :, None]
