"""The exact theory of the two-layer network under gradient descent, as a `SampledModel`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from dmft.mathematics.functions import KINK
from dmft.models.sampled import Dims, SampleSet, Stretch
from dmft.models.two_layer_flow.exact.activation import activation, mean_squared_slope
from dmft.models.two_layer_flow.exact.kinds import Kinds
from dmft.models.two_layer_flow.exact.labels import Labels
from dmft.models.two_layer_flow.exact.loss import loss
from dmft.models.two_layer_flow.exact.normals import exact_rows
from dmft.models.two_layer_flow.exact.process import Batches, Network, Process
from dmft.models.two_layer_flow.exact.weights import Rule, Vectors, Weights

Array = NDArray[np.float64]

ERRORS = ("train_error", "test_error", "misclassification")


@dataclass(frozen=True, eq=False)
class ExactTwoLayer:
    """Everything that a set of samples needs to know; see `process.py` for the equations.

    overlaps (m, m), alignment (m, r), second_layer (m,): at t = 0.  activation: a name or Hermite coefficients.
    """

    overlaps: Array
    alignment: Array
    second_layer: Array
    kinds: Kinds
    inverse_alpha: float
    activation: str | tuple[float, ...]
    loss: str
    loss_width: float | None
    labels: Labels
    batches: Batches
    rule: Rule
    train_second_layer: bool
    sets: tuple[SampleSet, ...]

    @property
    def axes(self) -> Mapping[str, int]:
        """Groups of neurons that start alike, entries of a matrix over neurons, directions of the target."""
        return {"group": self.kinds.number, "entry": self.kinds.entries, "direction": self.alignment.shape[1]}

    @property
    def one_time(self) -> Mapping[str, Dims]:
        """Errors; a, v and the multiplier of each group of neurons."""
        errors: dict[str, Dims] = dict.fromkeys(ERRORS if self.labels.signs else ERRORS[:2], ())
        return {**errors, "multiplier": ("group",), "second_layer": ("group",), "alignment": ("group", "direction")}

    @property
    def two_time(self) -> Mapping[str, Dims]:
        """C, R and D, the entries of each."""
        return dict.fromkeys(("C", "R", "D"), ("entry",))

    @property
    def response_kernels(self) -> tuple[str, ...]:
        """Kernels that are responses."""
        return ("R_d", "R_o") if len(self.second_layer) > 1 else ("R_d",)

    @property
    def all_time(self) -> Mapping[str, Dims]:
        """Products of the momentum with all weights, and its response."""
        return {"momentum_C": ("entry",), "momentum_R": ("entry",)} if self.rule.momentum else {}

    @property
    def latest(self) -> Mapping[str, Dims]:
        """The rest of the momentum."""
        dims: dict[str, Dims] = {
            "momentum_v": ("group", "direction"),
            "momentum_products": ("entry",),
            "momentum_a": ("group",),
        }
        return dims if self.rule.momentum else {}

    def numbers(self, nodes: float) -> float:
        """Of each sample: three numbers for each neuron, one, and its normal numbers, at each node."""
        m = len(self.second_layer)
        return sum(one.size for one in self.sets) * nodes * (4 * m + 1)

    @property
    def exact_steps(self) -> int:
        """Number of steps for which second moments are exact in all sets."""
        m, r = self.alignment.shape
        return (exact_rows(min(one.size for one in self.sets)) - r - 1) // m - 1

    def network(self, width: float) -> Network:
        """The network and its training, a kink smoothed over a width."""
        return Network(
            self.overlaps,
            self.alignment,
            self.second_layer,
            self.kinds,
            self.inverse_alpha,
            activation(self.activation, width),
            activation(self.activation, KINK),
            loss(self.loss, self.loss_width),
            self.labels,
            self.batches,
            self.rule,
            self.train_second_layer,
        )

    @property
    def groups(self) -> list[NDArray[np.int64]] | None:
        """See SampledModel."""
        plain = self.alignment.shape[1] == self.kinds.number == 1
        return None if plain else [np.flatnonzero(self.kinds.of == kind) for kind in range(self.kinds.number)]

    def looks(self, one: SampleSet, known: Stretch, instants: NDArray[np.int64]) -> list[Mapping[str, Array]]:
        """See SampledModel."""
        process = Process(self.network(one.width), one.size, np.random.SeedSequence(one.seed), known.n)
        return [process.seen() for step in process.replay(restored(self, known, known.n)) if step in instants]

    def process(self, one: SampleSet, nodes: int, known: Stretch | None) -> ExactSet:
        """See SampledModel."""
        return ExactSet(self, one, nodes, known)

    def observables(self, known: Stretch) -> dict[str, Array]:
        """Of each kind of neurons, or one number where all are alike."""
        C, kinds = known.two_time["C"], self.kinds
        G, r = kinds.number, self.alignment.shape[1]
        found = {name: known.one_time[name] for name in ERRORS if name in known.one_time}
        of_kinds = {name: known.one_time[name].T for name in ("second_layer", "multiplier")}
        if not self.rule.sphere:
            del of_kinds["multiplier"]
            of_kinds["weight_norm"] = np.sqrt(np.einsum("gtt->tg", C[:G]))
        of_kinds["memory_of_start"] = C[:G, :, 0].T
        plain = (G, r) == (1, 1)
        found |= {name: values[:, 0] if plain else values for name, values in of_kinds.items()}
        v = np.moveaxis(known.one_time["alignment"], -1, 0)
        found["alignment"] = v[:, 0, 0] if plain else v
        if len(self.second_layer) > 1:
            overlap = np.einsum("gtt->tg", C[G:]).reshape(-1, G, G)
            # A kind of one neuron has no other: its entry is that of the neuron with itself.
            found["neuron_overlap"] = overlap[:, 0, 0] if plain else overlap
        if self.rule.sphere:
            size = np.abs(known.one_time["second_layer"].T) @ (kinds.counts / len(self.second_layer))
            found["complexity"] = size * self.complexity_of_one
        return found

    @property
    def complexity_of_one(self) -> float:
        """The complexity where |a| = 1."""
        return sqrt(mean_squared_slope(self.activation) * self.inverse_alpha)

    def kernels(self, known: Stretch) -> dict[str, Array]:
        """Correlations, response densities and correlations of the noise, for each kind of neurons or for the only one."""
        G, turned = self.kinds.number, self.kinds.exchanged
        found = {}
        for name, values in (
            ("C", known.two_time["C"]),
            ("R", known.two_time["R"] / self.rule.learning_rate),
            ("D", known.two_time["D"]),
        ):
            rows = np.tril(values)
            if name != "R":
                rows = rows + np.tril(values, -1)[turned].swapaxes(-1, -2)
            found[f"{name}_d"] = np.moveaxis(rows[:G], 0, -1)
            if len(self.second_layer) > 1:
                between = np.moveaxis(rows[G:], 0, -1)
                found[f"{name}_o"] = between.reshape(*between.shape[:2], G, G)
        plain = (G, self.alignment.shape[1]) == (1, 1)
        return {name: values.reshape(values.shape[:2]) for name, values in found.items()} if plain else found


class ExactSet:
    """A set of samples on its way; a `SampledProcess`."""

    def __init__(self, model: ExactTwoLayer, one: SampleSet, nodes: int, known: Stretch | None) -> None:
        self.model = model
        self.process = Process(model.network(one.width), one.size, np.random.SeedSequence(one.seed), nodes)
        if known is not None and known.n > 1:
            for _ in self.process.replay(restored(model, known, nodes)):
                pass

    def reach(self, goal: int) -> None:
        """See SampledProcess."""
        while self.process.weights.n < goal:
            self.process.advance()

    def found(self, first: int) -> Stretch:
        """See SampledProcess."""
        process, kinds = self.process, self.model.kinds
        weights, n, neurons = process.weights, process.weights.n, kinds.first
        v = weights.v.reshape(n, -1, weights.v.shape[1])[first:, neurons]
        one_time = {name: np.array([seen[name] for seen in process.observed[first:]]) for name in process.observed[0]}
        one_time["multiplier"] = one_time["multiplier"][:, neurons].T
        one_time |= {"second_layer": weights.a[first:, neurons].T, "alignment": np.moveaxis(v, 0, -1)}
        rows = {
            name: np.stack([kinds.entries_of(of[weights.last(k)]) for k in range(first, n)], axis=1)
            for name, of in (("C", weights.C), ("R", weights.R))
            if n > first
        }
        if n > first:
            # C with later steps is that of their rows: what is found does not depend on where rounds end.
            rows["C"] = np.tril(rows["C"], first)
            # D of later steps is not there yet, and R of them is zero.
            later = [np.pad(kinds.entries_of(D), ((0, 0), (0, n - 1 - k))) for k, D in enumerate(process.noise[first:], first)]
            rows["D"] = np.stack(later, axis=1)
        all_time, latest = {}, {}
        if self.model.rule.momentum:
            all_time = {
                "momentum_C": kinds.entries_of(weights.momentum.C),
                "momentum_R": kinds.entries_of(weights.momentum.R),
            }
            latest = {
                "momentum_v": weights.momentum.v[neurons],
                "momentum_products": kinds.entries_of(weights.momentum_products)[:, 0],
                "momentum_a": weights.momentum_of_a[neurons],
            }
        return Stretch(first, n, one_time, rows, all_time, latest)


def restored(model: ExactTwoLayer, known: Stretch, nodes: int) -> Weights:
    """The weights of a set as they were, with room for a number of nodes; their momentum where it is known."""
    kinds, n = model.kinds, known.n
    weights = Weights(model.overlaps, model.alignment, model.second_layer, kinds, nodes)
    weights.n = n
    for name, of in (("C", weights.C), ("R", weights.R)):
        for k in range(n):
            row = kinds.rows_of(known.two_time[name][:, k])
            of[weights.last(k)] = row
            if name == "C":
                # The lower triangle is what counts.
                of[:, weights.last(k)] = row.T
    weights.v[:] = np.moveaxis(known.one_time["alignment"], -1, 0)[:, kinds.of].reshape(weights.v.shape)
    weights.a[:] = known.one_time["second_layer"].T[:, kinds.of]
    zeros = np.zeros((kinds.of.size, n * kinds.of.size))
    weights.momentum = Vectors(zeros, zeros, np.zeros_like(model.alignment))
    if known.latest:
        C, R = (kinds.rows_of(known.all_time[name]) for name in ("momentum_C", "momentum_R"))
        weights.momentum = Vectors(C, R, known.latest["momentum_v"][kinds.of])
        weights.momentum_products = kinds.rows_of(known.latest["momentum_products"][:, None])
        weights.momentum_of_a = known.latest["momentum_a"][kinds.of]
    return weights
