"""The exact theory of the two-layer network under gradient flow: a `Model` of two-time equations whose forces are sampled.

The weights obey the equations of the Gaussian theory, with the same channels (`blocks.py`).  The forces are means over samples
(`samples.py`): with g_i the force of a sample on neuron i and T = dg/dxi,

    D_ij = (1/alpha) E[g_i g_j],   M_ij = -E[T_ij],   b_i = -E[g_i z] - sum_j int M_ij v_j,   da_i/dt = -E[l' sigma(h_i)]

Weights of free length have no multiplier, and a decay -lambda in M.  Exact for n, d -> infinity at alpha = n/d and fixed width;
what is left is the statistical error of P samples.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dmft.history.fields import Field
from dmft.history.history import History
from dmft.mathematics.functions import KINK
from dmft.models.protocol import Channels, Forces, Rows, Start
from dmft.models.sampled import FOLLOWED, SampleSet
from dmft.models.two_layer_flow.blocks import MINUS, Blocks
from dmft.models.two_layer_flow.exact.activation import activation, mean_squared_slope
from dmft.models.two_layer_flow.exact.coupling import mixing
from dmft.models.two_layer_flow.exact.crowd import Crowd
from dmft.models.two_layer_flow.exact.factor import Factor
from dmft.models.two_layer_flow.exact.labels import Labels
from dmft.models.two_layer_flow.exact.loss import Loss, loss
from dmft.models.two_layer_flow.exact.samples import ENOUGH, TAU, Kernels, Samples, Seen, Task
from dmft.models.two_layer_flow.groups import GroupedFlow

Array = NDArray[np.float64]

ERRORS = ("train_error", "test_error", "misclassification")
# Followers of each sample, and what makes their random numbers others than those of the sets.
FOLLOWERS, SEED = 2, 1


@dataclass(frozen=True, eq=False)
class ExactFlow:
    """Everything that a set of samples needs to know; a `SampledFlowModel`.

    numbers_of_groups (G,); alignment (G, r), second_layer (G,), norm |w|: at t = 0.
    gaussian: the equations of the Gaussian theory of the same problem, None where it has none; closed: the same for groups,
        which have its means over fresh samples.  stages: nodes of a cell.
    mixing: of sets whose random numbers are combinations of the usual ones, see `coupling.py`.
    """

    numbers_of_groups: tuple[int, ...]
    alignment: Array
    second_layer: Array
    norm: float
    sphere: bool
    weight_decay: float
    inverse_alpha: float
    activation: str | tuple[float, ...]
    loss: str
    loss_width: float | None
    labels: Labels
    train_second_layer: bool
    gaussian: Any
    closed: GroupedFlow | None
    stages: int
    sets: tuple[SampleSet, ...]
    mixing: Mapping[SampleSet, tuple[Array, list[Array]]] = field(default_factory=dict)

    @cached_property
    def blocks(self) -> Blocks:
        """The channels of matrices over neurons."""
        numbers = np.array(self.numbers_of_groups, dtype=float)
        return Blocks(numbers / numbers.sum(), 1.0 / numbers)

    @property
    def plain(self) -> bool:
        """True if all neurons start alike, and the target has one direction."""
        return self.alignment.shape == (1, 1)

    @property
    def groups(self) -> list[NDArray[np.int64]] | None:
        """See SampledModel."""
        crowd = Crowd(self.numbers_of_groups)
        return None if self.plain else [np.arange(crowd.m)[part] for part in crowd.parts]

    @property
    def response_kernels(self) -> tuple[str, ...]:
        """Kernels that are responses."""
        return ("R_d", "R_o") if sum(self.numbers_of_groups) > 1 else ("R_d",)

    def of_set(self, one: SampleSet) -> FlowOfSamples:
        """The equations with the averages over the samples of a set."""
        return FlowOfSamples(self, one)

    def coupled(self, known: Mapping[SampleSet, History], times: Array) -> ExactFlow:
        """See `SampledFlowModel`."""
        found = {one: self._mixing(history, times) for one, history in known.items()}
        return replace(self, sets=tuple(known), mixing=found)

    def _mixing(self, history: History, times: Array) -> tuple[Array, list[Array]]:
        """Combinations of random numbers for means and for contrasts."""
        (G, r), n, time = self.alignment.shape, history.n, history["time"]
        K, v = history["C"].reshape(n, G, n, G), history["overlap"].reshape(r, n, G)
        means = mixing(time, self.stages, K - np.einsum("rsg,rnh->sgnh", v, v), self._scales(K), times, TAU)
        several = history["C" + MINUS] if len(self.blocks.channels) > 1 else np.empty((0, n, n))
        apart = [mixing(time, self.stages, C, self._scales(C), times, TAU) for C in several[:, :, None, :, None]]
        return means, apart

    def _scales(self, C: Array) -> Array:
        """Largest number in the rows of each cell."""
        ends = range(1, len(C) + 1, self.stages)
        return np.array([np.abs(C[max(end - self.stages, 0) : end, :, :end]).max() for end in ends])

    def numbers(self, nodes: float) -> float:
        """Numbers that the samples of all sets need beside the history: normal ones, forces and T of each cell."""
        m = sum(self.numbers_of_groups)
        return sum(one.size for one in self.sets) * nodes * m * (2 * (1 + FOLLOWERS) + self.stages * m)

    def observables(self, one_time: Mapping[str, Array], two_time: Mapping[str, Array]) -> dict[str, Array]:
        """See `SampledFlowModel`."""
        G, r = self.alignment.shape
        same, other = self.blocks.neurons(*_block(two_time, "C"))
        found = {name: one_time[name] for name in ERRORS if name in one_time}
        found["train_error"] = one_time[FOLLOWED]
        of_groups = {name: one_time[name].T for name in ("second_layer", "multiplier") if name in one_time}
        of_groups["memory_of_start"] = same[:, 0]
        if not self.sphere:
            of_groups["weight_norm"] = np.sqrt(np.einsum("ttg->tg", same))
        found |= {name: values[:, 0] if self.plain else values for name, values in of_groups.items()}
        v = np.moveaxis(one_time["overlap"].reshape(r, G, -1), -1, 0).transpose(0, 2, 1)
        found["alignment"] = v[:, 0, 0] if self.plain else v
        if sum(self.numbers_of_groups) > 1:
            overlap = np.einsum("ttgh->tgh", other)
            found["neuron_overlap"] = overlap[:, 0, 0] if self.plain else overlap
        if self.sphere:
            size = np.abs(one_time["second_layer"].T) @ self.blocks.fractions
            found["complexity"] = size * sqrt(mean_squared_slope(self.activation) * self.inverse_alpha)
        return found

    def energy(self, one_time: Mapping[str, Array], two_time: Mapping[str, Array]) -> tuple[Array, Array, Array]:
        """See `SampledFlowModel`."""
        fractions = self.blocks.fractions
        C = self.blocks.neurons(*_block(two_time, "C"))[0] @ fractions
        energy = one_time["train_error"] + self.weight_decay / 2 * np.diagonal(C)
        return energy, C, np.sqrt(fractions)[:, None] * one_time["second_layer"]

    def kernels(
        self, one_time: Mapping[str, Array], two_time: Mapping[str, Array]
    ) -> tuple[dict[str, Array], dict[str, tuple[Array, Array, Array]]]:
        """C_d, C_o; R_d, R_o of neurons that are all alike."""
        if not self.plain:
            return {}, {}
        e, blocks = self.blocks.inverse_numbers[0], self.blocks
        C_d, C_o = blocks.neurons(*_block(two_time, "C"))
        R_d, r = blocks.responses(*_block(two_time, "R"))
        kick, minus = one_time["kick"][0, :, None, None], one_time.get("kick" + MINUS, np.empty((0, 0)))
        kick_d, kick_o = blocks.responses(kick, minus)
        one = np.ones(len(kick))
        correlations = {name: np.tril(C) + np.tril(C, -1).T for name, C in (("C_d", C_d[..., 0]), ("C_o", C_o[..., 0, 0]))}
        responses = {
            "R_d": (R_d[..., 0], kick_d[..., 0], one),
            "R_o": (r[..., 0, 0] * e, kick_o[..., 0, 0] * e, 0 * one),
        }
        if e == 1.0:
            del correlations["C_o"], responses["R_o"]
        return correlations, responses


class FlowOfSamples:
    """The equations of one set of samples; a `Model`.  It follows the history that it is asked about."""

    kinks = frozenset[str]()
    energy = ""
    scalars = ("second_layer",)
    fields = ()
    response_kernels = ()

    def __init__(self, flow: ExactFlow, one: SampleSet) -> None:
        self.flow, self.blocks = flow, flow.blocks
        crowd = Crowd(flow.numbers_of_groups)
        self.crowd, self.directions = crowd, flow.alignment.shape[1]
        self._one = one
        self._seen: Seen | None = None
        self._followed = np.empty(0)

    @cached_property
    def samples(self) -> Samples:
        """The samples, at the last node of the history that was asked about."""
        return self._samples(self._one.size, self._one.seed)

    @cached_property
    def followers(self) -> Samples:
        """More samples, which the weights move and which do not move the weights: see `followed`."""
        followers = self._samples(FOLLOWERS * self._one.size, (*self._one.seed, SEED))
        followers.remembers, followers.accuracy = False, ENOUGH
        return followers

    def _samples(self, size: int, seed: tuple[int, ...]) -> Samples:
        """Samples of the set at the first node."""
        flow, one = self.flow, self._one
        functions = activation(flow.activation, one.width), loss(flow.loss, flow.loss_width)
        task = Task(self.crowd, self.directions, flow.inverse_alpha, *functions, flow.labels)
        samples = Samples(task, size, np.random.SeedSequence(seed))
        if one in flow.mixing:
            samples.mix(*flow.mixing[one])
        return samples

    @property
    def channels(self) -> tuple[Channels, ...]:
        """Those of `blocks.py`."""
        return self.blocks.channels

    @property
    def constraints(self) -> tuple[str, ...]:
        """The norm of a neuron of each group, of those on the sphere."""
        return self.blocks.constraints if self.flow.sphere else ()

    @cached_property
    def observables(self) -> Mapping[str, Field]:
        """Errors, the second layer and the multipliers."""
        G = self.crowd.G
        sizes = {"group": G}
        names = ERRORS if self.flow.labels.signs else ERRORS[:2]
        wide = {"second_layer": Field("second_layer", ("time", "group"), sizes)}
        if self.flow.sphere:
            wide["multiplier"] = Field("multiplier", ("time", "group"), sizes)
        return {**{name: Field(name) for name in names}, **wide}

    @property
    def observable_sizes(self) -> Mapping[str, float]:
        """None."""
        return {}

    def start(self) -> Start:
        """Independent neurons, tilted by v."""
        v, e = self.flow.alignment, self.blocks.inverse_numbers
        own = self.flow.norm**2 - np.sum(v**2, axis=1)
        K = v @ v.T + np.diag(e * own)
        C = (K[None], own[self.blocks.minus >= 0][:, None, None])
        return Start(C[: len(self.channels)], v.T.copy(), self.flow.second_layer.copy())

    def seen(self) -> dict[str, Array]:
        """Residuals or margins (s, P), preactivations and forces (s, m, P) on the nodes that the samples followed last."""
        kept, of_neurons = self.samples.kept, self.crowd.basis.T
        assert kept is not None
        shown = self.flow.labels.seen(kept.f, self.samples.y)
        return {**shown, "preactivation": of_neurons @ kept.h, "force": of_neurons @ kept.g}

    def forces(self, history: History, rows: Rows, known: Mapping[str, Array] | None = None) -> Forces:
        """M, D, b and da/dt of the module docstring."""
        self._seen = None
        if not self.follow(history):
            return _not_finite(rows)
        G, s = self.crowd.G, rows.scalars.shape[1]
        overlaps = history["overlap"].reshape(self.directions, history.n, G) if history.n else None
        found = self.samples.look(self._kernels(rows, overlaps))
        if found is None:
            return _not_finite(rows)
        self._seen, averages = found
        number, total = len(self.channels), history.n + s
        shape = (1, s * G, total * G)
        M, M_minus = averages.M.copy(), averages.M_minus.copy()
        for t in range(s):
            M[t, np.arange(G), history.n + t, np.arange(G)] -= self.flow.weight_decay
            M_minus[:, t, history.n + t] -= self.flow.weight_decay
        rates = averages.rates if self.flow.train_second_layer else np.zeros_like(averages.rates)
        return Forces(
            (M.reshape(shape), M_minus)[:number],
            (averages.D.reshape(shape), averages.D_minus)[:number],
            averages.drift.reshape(self.directions, s * G),
            rates,
            {},
            {},
        )

    def _kernels(self, rows: Rows, overlaps: Array | None) -> Kernels:
        """Rows in the shapes of `Kernels`, with the overlaps of earlier nodes (r, n, G)."""
        G, s = self.crowd.G, rows.scalars.shape[1]
        K, R = (X[0].reshape(s, G, -1, G) for X in (rows.C, rows.R))
        several = np.empty((0, s, K.shape[2]))
        minus, R_minus = (X[1] if len(X) > 1 else several for X in (rows.C, rows.R))
        new = rows.overlap.reshape(self.directions, s, G)
        v = new if overlaps is None else np.concatenate([overlaps, new], axis=1)
        return Kernels(K, minus, R, R_minus, v, rows.scalars)

    def replay(self, history: History) -> bool:
        """The same as `follow` where no forces are going to be asked for, only `seen` and `samples`."""
        self.samples.remembers = False
        return self.follow(history)

    def follow(self, history: History) -> bool:
        """Take the samples along to the last node of the history; False where they cannot be."""
        while self.samples.n < history.n:
            if not self._take_along(self.samples, history):
                return False
        return True

    def followed(self, history: History) -> Array:
        """Training errors of the followers on the nodes of a history, not-a-number from where they cannot be taken along, (n,).

        Given C, R, v and a, the mean over samples that have no part in them is the training error as well.  It has no chance
        in common with that of the set, and costs a small part of it: no responses are needed, and no cell is iterated.
        """
        followers = self.followers
        while followers.n < history.n and self._take_along(followers, history):
            assert followers.kept is not None
            self._followed = np.append(self._followed, self._losses(followers, followers.kept))
        return np.append(self._followed, np.full(history.n - followers.n, np.nan))

    def _take_along(self, samples: Samples, history: History) -> bool:
        """Take samples through one more cell; False where they cannot be."""
        G, n = self.crowd.G, history.n
        new = slice(samples.n, samples.n + self.flow.stages if samples.n else 1)
        K, R = (history[name].reshape(n, G, n, G)[new, :, : new.stop] for name in ("C", "R"))
        minus = R_minus = np.empty((0, len(K), new.stop))
        if len(self.channels) > 1:
            minus, R_minus = (history[name + MINUS][:, new, : new.stop] for name in ("C", "R"))
        v = history["overlap"].reshape(self.directions, n, G)[:, : new.stop]
        return samples.keep(Kernels(K, minus, R, R_minus, v, history["second_layer"][new].T))

    def observe(self, history: History, rows: Rows, forces: Forces, multiplier: Array) -> dict[str, Array]:
        """Observables of `observables` on the new nodes."""
        nothing = np.full(rows.scalars.shape[1], np.nan)
        found = {"second_layer": rows.scalars.T} | ({"multiplier": multiplier} if self.flow.sphere else {})
        if self._seen is None:
            return {**dict.fromkeys(ERRORS, nothing), **found}
        return {"train_error": self._losses(self.samples, self._seen), **self._fresh(rows, history.n), **found}

    def _losses(self, samples: Samples, seen: Seen) -> Array:
        """Mean losses of samples on new nodes, (s,)."""
        return self.flow_loss.value(seen.f, samples.y).mean(axis=1)

    @cached_property
    def flow_loss(self) -> Loss:
        """The loss."""
        return loss(self.flow.loss, self.flow.loss_width)

    def _fresh(self, rows: Rows, n: int) -> dict[str, Array]:
        """Errors on fresh samples: means that are known where there are such, else those of the samples' own fields."""
        G, s = self.crowd.G, rows.scalars.shape[1]
        axis = np.arange(s)
        K = rows.C[0].reshape(s, G, -1, G)[axis, :, n + axis]
        minus = rows.C[1][:, axis, n + axis] if len(rows.C) > 1 else np.empty((0, s))
        v = rows.overlap.reshape(self.directions, s, G).transpose(1, 2, 0)
        same, other = self.blocks.neurons(K, minus)
        if self.flow.closed is not None:
            return {"test_error": self.flow.closed.test_error(same, other, v, rows.scalars.T)}
        f = np.array([self._outputs(*at) for at in zip(same, other, v, rows.scalars.T, strict=True)])
        found = {"test_error": self.flow_loss.value(f, self.samples.y).mean(axis=1)}
        if self.flow.labels.signs:
            found["misclassification"] = np.mean(self.samples.y * f <= 0, axis=1)
        return found

    def _outputs(self, same: Array, other: Array, v: Array, a: Array) -> Array:
        """Outputs on fresh samples with the labels of the samples, (P,)."""
        crowd, samples = self.crowd, self.samples
        C = crowd.of_groups(crowd.of_groups(other, 0), 1)
        np.fill_diagonal(C, crowd.of_groups(same, 0))
        v, a = crowd.of_groups(v, 0), crowd.of_groups(a, 0)
        if not np.isfinite(C).all():
            return np.full(samples.size, np.nan)
        own = Factor(crowd.m).add(C - v @ v.T, float(np.diagonal(C).max()))
        # Fresh samples need no smoothed kinks.
        value, _, _ = activation(self.flow.activation, KINK)(v @ samples.z + own @ samples.fresh)
        return a @ value / crowd.m

    def kernels(self, history: History) -> dict[str, Array]:
        """None: they are means over sets."""
        return {}

    def responses(self, history: History) -> dict[str, tuple[Array, Array]]:
        """None."""
        return {}


def _not_finite(rows: Rows) -> Forces:
    """Forces where samples have no state."""
    nothing = tuple(np.full_like(C, np.nan) for C in rows.C)
    return Forces(nothing, nothing, np.full_like(rows.overlap, np.nan), np.full_like(rows.scalars, np.nan), {}, {})


def _block(two_time: Mapping[str, Array], name: str) -> tuple[Array, Array]:
    """The block (n, n', G, G) and X^- (channels, n, n') of C or R, from arrays with the axes of time last."""
    array = two_time[name][0]
    block = array[:, :, None, None] if array.ndim == 2 else np.moveaxis(array, (0, 1), (-2, -1))
    return block, two_time.get(name + MINUS, np.empty((0, *block.shape[:2])))
