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
from dmft.models.two_layer_flow.exact.stein import Past

Array = NDArray[np.float64]

# Of covariances, relative to variances: what the fixed point of a cell leaves of them has to be smaller.
TAU = 1e-7
# Accuracy of preactivations, and Newton steps to reach it, of which the last ones may be shortened.
ACCURACY, NEWTON, SHORTENED = 1e-11, 60, 8
# Steps that are made with the responses of samples as they were in the iteration before, or at the first step.
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


class Fields(NamedTuple):
    """xi on the new nodes (s, m, P); and block by block, without what the label knows: xi, and rows of the factor."""

    xi: Array
    blocks: list[Array]
    factors: list[Rows]


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
        self._past = [Past(task.crowd.G), *(Past(1) for _ in task.crowd.several)]
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
            fields = self._fields(rows)
            seen = self._solved(rows, fields.xi, self._tried)
            if seen is None:
                return None
            averages = self._averages(rows, fields, seen)
        except np.linalg.LinAlgError:
            # Rows far from a solution may be no covariance at all.
            return None
        self._tried = seen
        return seen, averages

    def keep(self, rows: Kernels) -> bool:
        """Make new nodes part of the past; their state depends on the rows alone, not on what was tried before.

        False, and nothing kept, where the rows alone do not lead to it: close to a fold.
        """
        fields = self._fields(rows)
        seen = self._solved(rows, fields.xi, None)
        if seen is None:
            return False
        for factor, found in zip((self._mean, *self._apart), fields.factors, strict=True):
            factor.keep(found)
        for past, g, xi in zip(self._past, self._forces(seen), fields.blocks, strict=True):
            past.keep(g, xi)
        total = rows.K.shape[2]
        self._order = np.concatenate([self._order, np.arange(self.n, total)[::-1]])
        self._R, self._R_minus = _grown(self._R, rows.R, self.n, 0, 2), _grown(self._R_minus, rows.R_minus, self.n, 1, 2)
        if self.n:
            self._memory.keep(seen.T)
        self._h_last, self._xi_last, self.n, self._tried = seen.h[-1], fields.xi[-1], total, None
        self.kept = seen
        return True

    # -- fields ---------------------------------------------------------------------------------------------------------------

    def _fields(self, rows: Kernels) -> Fields:
        """The fields of the new nodes."""
        crowd, (s, G, total, _) = self.task.crowd, rows.K.shape
        order, new = np.concatenate([self._order, np.arange(self.n, total)[::-1]]), rows.v[:, self.n :]
        covariances = [rows.K - np.einsum("rsg,rnh->sgnh", new, rows.v), *rows.minus[:, :, None, :, None]]
        sizes = [float(np.abs(C).max()) for C in (rows.K, *rows.minus)]
        made = [
            in_time(factor, C, order, size)
            for factor, C, size in zip((self._mean, *self._apart), covariances, sizes, strict=True)
        ]
        means, apart = self._random(s)
        blocks = [X @ numbers for (_, X), numbers in zip(made, (means, *apart), strict=True)]
        xi = np.empty((s, crowd.m, self.size))
        for part, values in zip(self._blocks, blocks, strict=True):
            xi[:, part] = values.reshape(s, -1, self.size)
        xi[:, :G] = crowd.scale[:, None] * (xi[:, :G] + np.einsum("rsg,rp->sgp", new, self.z))
        return Fields(xi, blocks, [found for found, _ in made])

    def _forces(self, seen: Seen) -> list[Array]:
        """g block by block: means over groups (s G, P), and contrasts (s, (m_k - 1) P)."""
        s, G = len(seen.g), self.task.crowd.G
        means = (seen.g[:, :G] / self.task.crowd.scale[:, None]).reshape(s * G, -1)
        return [means, *(seen.g[:, part].reshape(s, -1) for part in self.task.crowd.apart)]

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

        Most of its steps are made with T of the samples as they were before, or in the first step.
        """
        s, m, P = fields.shape
        c = fields - self._reaction(rows)
        R = self.task.inverse_alpha * self._own(rows)
        a = self.task.crowd.of_groups(rows.a, 0).T[:, :, None]
        if before is not None and before.h.shape != fields.shape:
            before = None
        h = self._h_last + fields - self._xi_last if before is None else before.h.copy()
        active, shortened, last, step = np.arange(P), np.ones(P), np.full(P, np.inf), np.zeros_like(h)
        chord, first = (None, 0) if before is None else (before.T, 0)
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
                if chord is not None and number < first + CHORDS:
                    every_f = np.zeros((s * m, P))
                    every_f[:, forward] = f
                    T_f = applied(chord, every_f)[:, forward]
                else:
                    slopes = Slopes(*(np.ascontiguousarray(x[..., on]) for x in here.slopes))
                    T = own_responses(R, slopes, self.task.crowd.basis)
                    T_f = applied(T, np.ascontiguousarray(f))
                    if forward.size == P:
                        chord, first = T, number + 1
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
        means = rows.R[:, :, :n].reshape(s * G, -1)
        for part, past, R in zip(self._blocks, self._past, (means, *rows.R_minus[:, :, :n]), strict=True):
            found[:, part] = (R @ past.g).reshape(s, -1, self.size)
        found[:, :G] *= crowd.scale[:, None]
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

    def _averages(self, rows: Kernels, fields: Fields, seen: Seen) -> Averages:
        crowd, n, (_, G, _, _) = self.task.crowd, self.n, rows.K.shape
        R, R_minus = _grown(self._R, rows.R, n, 0, 2), _grown(self._R_minus, rows.R_minus, n, 1, 2)
        T, T_minus = self._memory.mean_responses(R, R_minus, seen.T)
        g = self._forces(seen)
        D = [self.task.inverse_alpha * past.noise(own) for past, own in zip(self._past, g, strict=True)]
        sampled = zip(self._past, (T, *T_minus[:, :, None, :, None]), g, fields.blocks, strict=True)
        M = [-past.responses(*block) for past, *block in sampled]
        drift = -np.einsum("sgnh,rnh->rsg", M[0], rows.v)
        drift -= np.einsum("sgp,rp->rsg", g[0].reshape(-1, G, self.size), self.z) / self.size
        rates = -np.einsum("sgp,sp->gs", crowd.basis[:G] @ seen.value, seen.slope) / (self.size * crowd.scale[:, None])
        several, shape = len(self._apart), T_minus.shape
        D_minus, M_minus = (np.array(X[1:]).reshape(several, *shape[1:]) for X in (D, M))
        return Averages(D[0], D_minus, M[0], M_minus, drift, rates)


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
