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
from dmft.models.two_layer_flow.exact.newton import Equations
from dmft.models.two_layer_flow.exact.normals import Normals, uniforms
from dmft.models.two_layer_flow.exact.states import State, states
from dmft.models.two_layer_flow.exact.stein import Past

Array = NDArray[np.float64]

# Of covariances, relative to variances: what the fixed point of a cell leaves of them has to be smaller.
TAU = 1e-7
# Accuracy of preactivations; in the iterations of a cell, relative to what the change of fields has moved them by; and where no
# equations of a cell hang on them.
ACCURACY, RELATIVE, ENOUGH = 1e-11, 1e-4, 1e-8


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
    """State of the samples on the new nodes: h, g, and sigma(h) of neurons (s, m, P); f, l' (s, P)."""

    h: Array
    g: Array
    f: Array
    slope: Array
    value: Array


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
        # False where no means over new nodes are going to be asked for, which need the responses of all nodes before.
        self.remembers = True
        # Of states that follow from the rows alone.
        self.accuracy = ACCURACY
        # State on the nodes that were kept last.
        self.kept: Seen | None = None
        self._columns: tuple[Array, list[Array]] = (np.empty((0, size)), [np.empty((0, 0)) for _ in self._apart])
        # State of the samples in a cell that was tried last, and their T.
        self._tried: tuple[Seen, Array] | None = None

    def mix(self, means: Array, apart: Sequence[Array]) -> None:
        """Before the first node: take combinations of the random numbers of all N nodes.

        Matrices (N G, N G) for means, (N, N) for contrasts.
        """
        numbers, contrasts = self._random(len(means) // self.task.crowd.G)
        self._columns = means @ numbers, [Q @ block for Q, block in zip(apart, contrasts, strict=True)]

    def look(self, rows: Kernels) -> tuple[Seen, Averages] | None:
        """The samples on new nodes, and means over them; None where they have no state that is finite."""
        try:
            found = self._followed(rows, self._tried, responding=True)
            if found is None:
                return None
            fields, seen, T = found
            averages = self._averages(rows, fields, seen, T)
        except np.linalg.LinAlgError:
            # Rows far from a solution may be no covariance at all.
            return None
        self._tried = seen, T
        return seen, averages

    def keep(self, rows: Kernels) -> bool:
        """Make new nodes part of the past; their state depends on the rows alone, not on what was tried before.

        False, and nothing kept, where the rows alone do not lead to it: close to a fold, or where they are no covariance.
        """
        remembers = self.n > 0 and self.remembers
        try:
            found = self._followed(rows, None, responding=remembers)
        except np.linalg.LinAlgError:
            return False
        if found is None:
            return False
        fields, seen, T = found
        for factor, new in zip((self._mean, *self._apart), fields.factors, strict=True):
            factor.keep(new)
        for past, g, xi in zip(self._past, self._forces(seen), fields.blocks, strict=True):
            past.keep(g, xi if self.remembers else None)
        total = rows.K.shape[2]
        self._order = np.concatenate([self._order, np.arange(self.n, total)[::-1]])
        self._R, self._R_minus = _grown(self._R, rows.R, self.n, 0, 2), _grown(self._R_minus, rows.R_minus, self.n, 1, 2)
        if remembers:
            self._memory.keep(T)
        self.n, self._tried, self.kept = total, None, seen
        return True

    def _followed(
        self, rows: Kernels, before: tuple[Seen, Array] | None, responding: bool
    ) -> tuple[Fields, Seen, Array] | None:
        """Fields and states of the samples on new nodes, and their T if `responding`; None where some have no finite state."""
        if not all(np.isfinite(array).all() for array in rows):
            return None
        fields = self._fields(rows)
        equations = self._equations(rows, fields.xi)
        found = self._solved(equations, before)
        if found is None:
            return None
        seen, state = found
        return fields, seen, equations.responses(state) if responding else np.empty(0)

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

    def _equations(self, rows: Kernels, fields: Array) -> Equations:
        """Those of the samples on the new nodes."""
        task, basis = self.task, self.task.crowd.basis
        a = np.ascontiguousarray(task.crowd.of_groups(rows.a, 0).T)
        at = states(task.activation, task.loss, a, self.y, basis)
        return Equations(task.inverse_alpha * self._own(rows), fields - self._reaction(rows), at, basis)

    def _solved(self, equations: Equations, before: tuple[Seen, Array] | None) -> tuple[Seen, State] | None:
        """States of the samples, None if some have none; from those before, if there are any, and only as well as needed."""
        if before is None or before[0].h.shape != equations.c.shape:
            found = equations.solved(self._guess(equations), None, self.accuracy)
        else:
            found = equations.solved(before[0].h, before[1], ACCURACY, RELATIVE)
        if found is None:
            return None
        h, state = found
        return Seen(h, state.g, state.f, state.slope, state.value), state

    def _guess(self, equations: Equations) -> Array:
        """Preactivations where forces are those of the last node."""
        if self.kept is None:
            return equations.c
        s = len(equations.c)
        g = np.tile(self.kept.g[-1], (s, 1))
        return equations.c - (equations.R @ g).reshape(equations.c.shape)

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

    # -- means ----------------------------------------------------------------------------------------------------------------

    def _averages(self, rows: Kernels, fields: Fields, seen: Seen, T: Array) -> Averages:
        crowd, n, (_, G, _, _) = self.task.crowd, self.n, rows.K.shape
        R, R_minus = _grown(self._R, rows.R, n, 0, 2), _grown(self._R_minus, rows.R_minus, n, 1, 2)
        T, T_minus = self._memory.mean_responses(R, R_minus, T)
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
