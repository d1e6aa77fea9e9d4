"""P training samples that follow gradient flow together, cell by cell of a collocation scheme.

A sample sees its m preactivations.  With z its coordinates along the target directions they obey, on the nodes of all cells,

    h = xi - (1/alpha) R g(h),     g_i = l'(f, y) a_i sigma'(h_i),     f = (1/m) sum_i a_i sigma(h_i)

with xi Gaussian, <xi xi> = C, <xi z> = v, y the label.  The fields of a group are their mean, of covariance K - v v, and
contrasts, of covariance C^- (see `blocks.py`); each is made of independent normal numbers by a growing factor of its
covariance.  All arrays of samples are in these coordinates (see `crowd.py`), unless they are said to be of neurons.

The factor is regularised, as neighbouring times of a smooth process determine each other.  Within a cell the last node comes
first: it has nearly all that is new.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dmft.models.two_layer_flow.exact.activation import Activation
from dmft.models.two_layer_flow.exact.crowd import Crowd
from dmft.models.two_layer_flow.exact.factor import Factor, Rows, in_time
from dmft.models.two_layer_flow.exact.labels import Labels
from dmft.models.two_layer_flow.exact.loss import Loss
from dmft.models.two_layer_flow.exact.memory import Memory
from dmft.models.two_layer_flow.exact.normals import Normals, uniforms
from dmft.models.two_layer_flow.exact.own import Slopes, applied, own_responses

Array = NDArray[np.float64]

# Of covariances, relative to variances: what the fixed point of a cell leaves of them has to be smaller.
TAU = 1e-7
# Accuracy of preactivations, and Newton steps to reach it, of which the last ones may be shortened.
ACCURACY, NEWTON, SHORTENED = 1e-11, 60, 8
# Steps that are made with the responses of samples as they were in the iteration before.
CHORDS = 6


class Kernels(NamedTuple):
    """Rows of the new nodes over all N nodes: K, R (s, G, N, G); C^-, R^- (groups of several neurons, s, N).

    v (r, N, G) on all nodes, a (G, s) on the new ones.
    """

    K: Array
    minus: Array
    R: Array
    R_minus: Array
    v: Array
    a: Array


class Seen(NamedTuple):
    """State of the samples on the new nodes: h, g, and sigma(h) of neurons (s, m, P); f, l' (s, P); T."""

    h: Array
    g: Array
    f: Array
    slope: Array
    value: Array
    T: Array


class Averages(NamedTuple):
    """Means over samples that make forces: D, M of blocks (s, G, N, G) and of contrasts; drift (r, s, G); rates (G, s)."""

    D: Array
    D_minus: Array
    M: Array
    M_minus: Array
    drift: Array
    rates: Array


@dataclass(frozen=True, eq=False)
class Task:
    """Kinds of the samples and of the network: neurons in groups, d/n, activation, loss and labels."""

    crowd: Crowd
    directions: int
    inverse_alpha: float
    activation: Activation
    loss: Loss
    labels: Labels


class Samples:
    """P samples on the nodes so far, and on those of a cell that is tried; see the module docstring."""

    def __init__(self, task: Task, size: int, seed: np.random.SeedSequence) -> None:
        self.task, self.size, m, r = task, size, task.crowd.m, task.directions
        normals, rest = seed.spawn(2)
        self._before = r + 1
        self._normals = Normals(size, r + 1 + m, normals)
        first = self._normals.rows(r + 1 + m)
        self.z, self.fresh = first[:r].copy(), first[r + 1 :].copy()
        self.y = task.labels(self.z, first[r], uniforms(np.random.default_rng(rest), size))
        self._mean, self._apart = Factor(0, TAU), [Factor(0, TAU) for _ in task.crowd.several]
        # Blocks of coordinates: sums of groups, contrasts of each group.
        self._blocks = [slice(task.crowd.G), *task.crowd.apart]
        self.n, self._order = 0, np.empty(0, dtype=np.int64)
        # Forces on all nodes, block by block.
        self._g = [np.empty((0, block.stop - (block.start or 0), size)) for block in self._blocks]
        self._R, self._R_minus = np.empty((0, task.crowd.G, 0, task.crowd.G)), np.empty((len(self._apart), 0, 0))
        self._memory = Memory(task.crowd, task.inverse_alpha)
        self._h_last = self._xi_last = np.zeros((m, size))
        # State on the nodes that were kept last.
        self.kept: Seen | None = None
        self._columns: tuple[Array, list[Array]] = (np.empty((0, size)), [np.empty((0, 0)) for _ in self._apart])
        # State of the samples in a cell that was tried last.
        self._tried: Seen | None = None

    def mix(self, means: Array, apart: Sequence[Array]) -> None:
        """Before the first node: take combinations of the random numbers of all N nodes.

        Matrices (N G, N G) for means, (N, N) for contrasts.
        """
        numbers, contrasts = self._random(len(means) // self.task.crowd.G)
        self._columns = means @ numbers, [Q @ block for Q, block in zip(apart, contrasts, strict=True)]

    def look(self, rows: Kernels) -> tuple[Seen, Averages] | None:
        """The samples on new nodes, and means over them; None where they have no state that is finite."""
        if not all(np.isfinite(array).all() for array in rows):
            return None
        try:
            fields, _ = self._fields(rows)
        except np.linalg.LinAlgError:
            # Rows far from a solution may be no covariance at all.
            return None
        seen = self._solved(rows, fields, self._tried)
        if seen is None:
            return None
        self._tried = seen
        return seen, self._averages(rows, seen)

    def keep(self, rows: Kernels) -> None:
        """Make new nodes part of the past; their state depends on the rows alone, not on what was tried before."""
        fields, factors = self._fields(rows)
        seen = self._solved(rows, fields, None)
        assert seen is not None
        for factor, found in zip((self._mean, *self._apart), factors, strict=True):
            factor.keep(found)
        total = rows.K.shape[2]
        self._order = np.concatenate([self._order, np.arange(self.n, total)[::-1]])
        self._g = [np.concatenate([known, seen.g[:, block]]) for known, block in zip(self._g, self._blocks, strict=True)]
        self._R, self._R_minus = _grown(self._R, rows.R, self.n, 0, 2), _grown(self._R_minus, rows.R_minus, self.n, 1, 2)
        if self.n:
            self._memory.keep(seen.T)
        self._h_last, self._xi_last, self.n, self._tried = seen.h[-1], fields[-1], total, None
        self.kept = seen

    # -- fields ---------------------------------------------------------------------------------------------------------------

    def _fields(self, rows: Kernels) -> tuple[Array, list[Rows]]:
        """xi on the new nodes, (s, m, P), and rows of the factors."""
        crowd, (s, G, total, _) = self.task.crowd, rows.K.shape
        order, new = np.concatenate([self._order, np.arange(self.n, total)[::-1]]), rows.v[:, self.n :]
        K = rows.K - np.einsum("rsg,rnh->sgnh", new, rows.v)
        means, apart = self._random(s)
        found, X = in_time(self._mean, K, order, float(np.abs(rows.K).max()))
        fields, factors = np.empty((s, crowd.m, self.size)), [found]
        fields[:, :G] = crowd.scale[:, None] * ((X @ means).reshape(s, G, -1) + np.einsum("rsg,rp->sgp", new, self.z))
        for place, part in enumerate(crowd.apart):
            C = rows.minus[place]
            found, X = in_time(self._apart[place], C[:, None, :, None], order, float(np.abs(C).max()))
            fields[:, part] = (X @ apart[place]).reshape(s, -1, self.size)
            factors.append(found)
        return fields, factors

    def _random(self, s: int) -> tuple[Array, list[Array]]:
        """Normal numbers of all nodes up to the new ones: for means (N G, P), for contrasts (N, (m_k - 1) P)."""
        crowd, (means, apart) = self.task.crowd, self._columns
        if len(means) >= (total := self.n + s) * crowd.G:
            return means[: total * crowd.G], [block[:total] for block in apart]
        known, m = len(means) // crowd.G, crowd.m
        wanted = self._before + m * total
        new = self._normals.rows(wanted)[self._before + m * known :].reshape(-1, m, self.size)
        grown = []
        for place, part in enumerate(crowd.apart):
            block = new[:, part].reshape(len(new), -1)
            grown.append(np.concatenate([apart[place], block]) if known else block)
        self._columns = np.concatenate([means, new[:, : crowd.G].reshape(-1, self.size)]), grown
        return self._columns

    # -- states ---------------------------------------------------------------------------------------------------------------

    def _solved(self, rows: Kernels, fields: Array, before: Seen | None) -> Seen | None:
        """Newton's method for all samples, of which those that are not there yet go on; None if some do not get there.

        Its first steps are made with T of the samples as they were before.
        """
        s, m, P = fields.shape
        c = fields - self._reaction(rows)
        R = self.task.inverse_alpha * self._own(rows)
        a = self.task.crowd.of_groups(rows.a, 0).T[:, :, None]
        if before is not None and before.h.shape != fields.shape:
            before = None
        h = self._h_last + fields - self._xi_last if before is None else before.h.copy()
        active, shortened, last, step = np.arange(P), np.ones(P), np.full(P, np.inf), np.zeros_like(h)
        for number in range(NEWTON):
            every = len(active) == P
            here = self._state(h if every else h[:, :, active], a, active)
            defect = (h - c if every else h[:, :, active] - c[:, :, active]) + (R @ here.g.reshape(s * m, -1)).reshape(s, m, -1)
            size = np.abs(defect).max(axis=(0, 1))
            left = ~(size <= ACCURACY * (1 + np.abs(h if every else h[:, :, active]).max(axis=(0, 1))))
            if not left.any():
                break
            worse = left & ~(size <= last[active]) & (shortened[active] > 0.5**SHORTENED)
            back = active[worse]
            # A step that leads away is taken in part.
            h[:, :, back] -= 0.5 * step[:, :, back]
            step[:, :, back] *= 0.5
            shortened[back] *= 0.5
            on = left & ~worse
            forward = active[on]
            if forward.size:
                f = defect[:, :, on].reshape(s * m, -1)
                if before is not None and number < CHORDS:
                    every_f = np.zeros((s * m, P))
                    every_f[:, forward] = f
                    T_f = applied(before.T, every_f)[:, forward]
                else:
                    slopes = Slopes(*(np.ascontiguousarray(x[..., on]) for x in here.slopes))
                    T_f = applied(own_responses(R, slopes, self.task.crowd.basis), np.ascontiguousarray(f))
                change = (R @ T_f - f).reshape(s, m, -1)
                h[:, :, forward] += change
                step[:, :, forward], shortened[forward], last[forward] = change, 1.0, size[on]
            active = active[left]
        else:
            return None
        if not every:
            here = self._state(h, a, np.arange(P))
        return Seen(h, here.g, here.f, here.slope, here.value, own_responses(R, here.slopes, self.task.crowd.basis))

    def _reaction(self, rows: Kernels) -> Array:
        """(1/alpha) sum_j R_ij g_j over the past, (s, m, P)."""
        crowd, n, (s, G, _, _) = self.task.crowd, self.n, rows.R.shape
        found = np.zeros((s, crowd.m, self.size))
        if n == 0:
            return found
        block = crowd.block(rows.R[:, :, :n]).reshape(s * G, -1)
        for part, known, R in zip(self._blocks, self._g, (block, *rows.R_minus[:, :, :n]), strict=True):
            found[:, part] = (R @ known.reshape(R.shape[1], -1)).reshape(s, -1, self.size)
        return self.task.inverse_alpha * found

    def _own(self, rows: Kernels) -> Array:
        """R between the new nodes, (s m, s m)."""
        crowd, (s, G, _, _) = self.task.crowd, rows.R.shape
        found = np.zeros((s, crowd.m, s, crowd.m))
        found[:, :G, :, :G] = crowd.block(rows.R[:, :, self.n :])
        for part, R in zip(crowd.apart, rows.R_minus[:, :, self.n :], strict=True):
            for i in range(part.start, part.stop):
                found[:, i, :, i] = R
        return found.reshape(s * crowd.m, -1)

    def _state(self, h: Array, a: Array, part: NDArray[np.int64]) -> State:
        """Forces and losses of some samples at preactivations h (s, m, samples); a (s, m, 1) of neurons."""
        basis = self.task.crowd.basis
        value, slope, curvature = self.task.activation(basis.T @ h)
        f, y = (a * value).mean(axis=1), self.y if len(part) == self.size else self.y[part]
        loss_slope, q = self.task.loss.slope(f, y), a * slope
        slopes = Slopes(self.task.loss.curvature(f, y) / h.shape[1], q, loss_slope[:, None] * a * curvature)
        return State(loss_slope[:, None] * (basis @ q), f, loss_slope, value, slopes)

    # -- means ----------------------------------------------------------------------------------------------------------------

    def _averages(self, rows: Kernels, seen: Seen) -> Averages:
        crowd, n, (s, G, total, _) = self.task.crowd, self.n, rows.K.shape
        P, inverse_alpha = self.size, self.task.inverse_alpha
        new = seen.g[:, :G].reshape(s * G, P)
        D = inverse_alpha / P * (new @ np.concatenate([self._g[0].reshape(n * G, P), new]).T).reshape(s, G, total, G)
        D /= np.multiply.outer(crowd.scale, crowd.scale)[:, None]
        D_minus = np.empty((len(self._apart), s, total))
        for place, part in enumerate(crowd.apart):
            new, number = seen.g[:, part].reshape(s, -1), part.stop - part.start
            D_minus[place, :, :n], D_minus[place, :, n:] = new @ self._g[1 + place].reshape(n, new.shape[1]).T, new @ new.T
            D_minus[place] *= inverse_alpha / (P * number)
        R, R_minus = _grown(self._R, rows.R, n, 0, 2), _grown(self._R_minus, rows.R_minus, n, 1, 2)
        T, T_minus = self._memory.mean_responses(R, R_minus, seen.T)
        drift = np.einsum("sgnh,rnh->rsg", T, rows.v) - np.einsum("sgp,rp->rsg", seen.g[:, :G], self.z) / (P * crowd.scale)
        rates = -np.einsum("sgp,sp->gs", crowd.basis[:G] @ seen.value, seen.slope) / (P * crowd.scale[:, None])
        return Averages(D, D_minus, -T, -T_minus, drift, rates)


class State(NamedTuple):
    """Forces, outputs, slopes of the loss, values of the activation, and slopes of the forces."""

    g: Array
    f: Array
    slope: Array
    value: Array
    slopes: Slopes


def _grown(known: Array, rows: Array, n: int, time: int, time_prime: int) -> Array:
    """A matrix over n nodes with new rows over all nodes."""
    shape = list(rows.shape)
    total = shape[time_prime]
    shape[time] = total
    found = np.zeros(shape)
    place: list[slice] = [slice(None)] * rows.ndim
    place[time], place[time_prime] = slice(n), slice(n)
    found[tuple(place)] = known
    place[time], place[time_prime] = slice(n, total), slice(None)
    found[tuple(place)] = rows
    return found
