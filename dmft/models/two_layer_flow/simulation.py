"""Training of a finite two-layer network, or of its Gaussian fields, on exactly the problem of the theory.

n = alpha d samples, m neurons on the sphere in d dimensions, risk (1/2n) sum_mu F_mu^2 with F = (1/m) sum_i a_i g(w_i) - y:

    da_i/dt = -(1/n) sum_mu F_mu g_mu(w_i),     dw_i/dt = P_perp f_i,     f_i = -(a_i/n) sum_mu F_mu grad g_mu(w_i)

in the time unit of the theory, P_perp = 1 - w_i w_i^T.  Gradient descent makes steps of learning_rate along these, and puts
each w_i back on the sphere.  Observables at a time are those of the theory, averaged over neurons:

    second_layer = mean a_i            alignment = mean <w_i, u>            multiplier = mean <w_i, f_i>
    complexity = mean |a_i| sqrt(h'(1)/alpha)                               memory_of_start = mean <w_i(t), w_i(0)>
    neuron_overlap = mean <w_i, w_j> over i != j, none for one neuron       train_error = (1/2n) sum_mu F_mu^2
    test_error = (1/2) [ (1/m^2) sum_ij a_i a_j h(<w_i, w_j>) - (2/m) sum_i a_i phat(<w_i, u>) + E y^2 ]

With groups of neurons and several directions, means are over the neurons of each group, alignments are with each direction, and
overlaps are those of each pair of groups; complexity is still that of all neurons.

A network has the activation of the theory: where `activation_degree` cuts the series of a named activation, a polynomial.  A
real network has the named activation itself, kinks included.

The test error is exact for all kinds of fields: it needs their covariances only, of a kink the series to degree 400.

The multiplier is that of Gaussian fields; a network has none to compare with, as the radial force depends on how fields are
continued off the sphere, and sigma(r <w, x>) is not sum_k r^k s_k He_k(<w, x>)/sqrt(k!).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dmft.mathematics import functions, hermite
from dmft.mathematics.marching import Descent, Flow, Progress
from dmft.models.experiment import BYTES, Setup, State, Trajectory, Watch, log_times
from dmft.models.two_layer_flow import target as targets
from dmft.models.two_layer_flow.fields import Activation, Fields, NetworkFields, gaussian_fields, monomials
from dmft.models.two_layer_flow.groups import GroupedFlow
from dmft.models.two_layer_flow.parameters import TwoLayerFlowParameters
from dmft.problem.problem import Problem
from dmft.problem.table import ProblemError

Array = NDArray[np.float64]

# The first time at which observables are taken, over that of the fastest motion at the start.
FIRST_TIME = 0.03


class Forces(NamedTuple):
    """Forces on the weights: f (m, d), da/dt (m,); the training error."""

    f: Array
    a: Array
    train_error: float


@dataclass(frozen=True)
class Network:
    """m neurons on a fixed data set, a `Moving` of `marching.py`: y is all w_i, then all a_i, (m d + m,)."""

    fields: Fields
    labels: Array
    width: int
    train_second_layer: bool

    def split(self, y: Array) -> tuple[Array, Array]:
        """W (m, d) and a (m,), as views."""
        return y[: -self.width].reshape(self.width, -1), y[-self.width :]

    def forces(self, y: Array) -> Forces:
        """The equations of the module docstring, without the projection."""
        W, a = self.split(y)
        g, pull = self.fields(W)
        F = a @ g / self.width - self.labels
        f = pull(np.multiply.outer(a / -F.size, F))
        on_a = g @ F / -F.size if self.train_second_layer else np.zeros_like(a)
        return Forces(f, on_a, float(F @ F) / (2 * F.size))

    def rate(self, y: Array) -> Array:
        """dy/dt."""
        W, _ = self.split(y)
        f, on_a, _ = self.forces(y)
        return np.append(f - along(W, f)[:, None] * W, on_a)

    def constrain(self, y: Array) -> Array:
        """With every w_i on the sphere."""
        W, a = self.split(y)
        length = np.sqrt(along(W, W))
        # A length that overflows has no direction, and would leave a neuron that is zero and at rest.
        length[np.isinf(length)] = np.nan
        return np.append(W / length[:, None], a)

    def size(self, change: Array, y: Array) -> float:
        """The larger of the root mean squares of |dw_i|, and of da_i relative to that of a_i."""
        dW, da = self.split(change)
        _, a = self.split(y)
        return math.sqrt(max(np.mean(along(dW, dW)), da @ da / (a @ a)))


def along(X: Array, Y: Array) -> Array:
    """<x_i, y_i> of the rows, (m,)."""
    return np.einsum("id,id->i", X, Y)


@dataclass(frozen=True)
class Groups:
    """Groups of neurons: `members` (G, m) has a one where a neuron is in a group; neurons stand in the order of the groups."""

    members: Array

    @classmethod
    def of(cls, numbers: Sequence[int]) -> Groups:
        """Groups of these numbers of neurons."""
        return cls(np.repeat(np.eye(len(numbers)), numbers, axis=1))

    def mean(self, values: Array) -> Array:
        """Means over the neurons of each group: (m, ...) to (..., G)."""
        return np.moveaxis(np.tensordot(self.members / self.members.sum(axis=1, keepdims=True), values, 1), 0, -1)

    def mean_of_pairs(self, values: Array) -> Array:
        """Means over pairs of different neurons of two groups: (..., m, m) to (..., G, G); of one neuron, with itself."""
        members, numbers = self.members, self.members.sum(axis=1)
        total = members @ values @ members.T
        own = np.einsum("gi,...ii->...g", members, values)
        axis = np.arange(len(numbers))
        pairs = np.outer(numbers, numbers)
        total[..., axis, axis] -= np.where(numbers > 1, own, 0.0)
        pairs[axis, axis] -= np.where(numbers > 1, numbers, 0.0)
        return total / pairs


@dataclass
class Record:
    """Records at the times of a seed: observables (entries, times), and W (times, m, d) if two-time kernels are wanted."""

    observables: Array
    weights: Array
    taken: int = 0

    def kernels(self, groups: Groups | None) -> dict[str, Array]:
        """C_d and C_o, (times, times, ...), the latter if there are several neurons; none without weights."""
        times, m, _ = self.weights.shape
        if times == 0:
            return {}
        if groups is not None:
            pairs = np.einsum("kid,ljd->klij", self.weights, self.weights, optimize=True)
            found = {"C_d": groups.mean(np.einsum("klii->ikl", pairs))}
            if m > 1:
                found["C_o"] = groups.mean_of_pairs(pairs)
            return found
        same = np.einsum("kid,lid->kl", self.weights, self.weights)
        found = {"C_d": same / m}
        if m > 1:
            total = self.weights.sum(axis=1)
            found["C_o"] = (total @ total.T - same) / (m * (m - 1))
        return found


class TwoLayerExperiment:
    """The simulation of one problem in d dimensions; an `Experiment`."""

    def __init__(self, problem: Problem, setup: Setup) -> None:
        parameters = problem.parameters
        assert isinstance(parameters, TwoLayerFlowParameters)
        if math.isinf(parameters.width):
            raise ProblemError("width = inf: wanted a finite width to simulate")
        self.problem, self.setup, self.parameters = problem, setup, parameters
        self.drawn = setup.fields != "gaussian"
        try:
            self.observed = parameters.real if setup.fields == "real-network" else parameters
        except ValueError as error:
            raise ProblemError(f"fields = {setup.fields}: {error}") from None
        self.model = self.observed.build()
        self.width, self.dim = int(parameters.width), setup.dim
        self.groups = parameters.groups()
        self.grouped = Groups.of([int(group.number) for group in self.groups]) if parameters.axes else None
        samples = round(self.dim / self.model.inverse_alpha)
        if samples < 1:
            raise ProblemError(f"dim = {self.dim}: wanted enough for n = alpha d >= 1 samples")
        self.sizes: Mapping[str, int] = {"samples": samples}
        # The multiplier depends on the fields off the sphere, where those of a network are others than the theory's.
        unknown = ("multiplier",) if self.drawn else ()
        if self.observed is not parameters:
            # That of the theory is about its own activation.
            unknown += ("complexity",)
        self.fields = {name: field for name, field in self.model.observables.items() if name not in unknown}

    @property
    def _degrees(self) -> list[int]:
        """Those of the tensors of Gaussian fields; of the samples alone, 1, for a network."""
        if self.drawn:
            return [1]
        series = self.parameters.activation_series()
        return [k for k in range(1, len(series)) if series[k] != 0]

    @property
    def scheme(self) -> str:
        """See Experiment."""
        return "runge-kutta-chebyshev" if self.problem.solver.learning_rate is None else "gradient-descent"

    @property
    def memory(self) -> float:
        """Bytes: tensors; monomials of the weights and what is pulled back on them; fields and slopes."""
        n, m = self.sizes["samples"], self.width
        numbers = sum(monomials(self.dim, k) for k in self._degrees)
        return float(BYTES * (n * numbers + 3 * m * numbers + 5 * m * n))

    @property
    def lighter(self) -> str:
        """Advice that would need less memory."""
        return "a smaller dim" + (f", or an activation of degree < {max(self._degrees)}" if max(self._degrees) > 1 else "")

    def times(self) -> Array:
        """Equal ratios from a fraction of the time of the fastest motion at the start; for gradient descent, whole steps."""
        solver = self.problem.solver
        fastest = 1 / max(1.0, *(group.second_layer**2 for group in self.groups))
        return log_times(FIRST_TIME * min(fastest, solver.t_max), solver.t_max, self.setup.times, solver.learning_rate)

    def run(self, seed: int, watch: Watch) -> Trajectory:
        """See Experiment."""
        network, start = self.draw(seed)
        times, march = self.times(), self._march(network)
        if watch.begun is None:
            record, progress = self._empty_record(len(times)), march.begin(start)
        else:
            record, progress = restored(watch.begun)
        try:
            for k in range(record.taken, len(times)):
                while progress.time < times[k]:
                    progress = march.advance(progress, times[k])
                    watch(progress.time, partial(kept, record, progress))
                self._take(record, network, progress.y, start)
        except ArithmeticError:
            pass  # What has not been taken is not a number.
        return Trajectory(self._observables(record), record.kernels(self.grouped), progress.evaluations)

    def _observables(self, record: Record) -> dict[str, Array]:
        """Records of each observable, (times, ...)."""
        found, first = {}, 0
        for name, field in self.fields.items():
            rows = record.observables[first : first + field.entries]
            found[name] = np.moveaxis(rows, 0, -1).reshape(field.shape(rows.shape[1]))
            first += field.entries
        return found

    def _march(self, network: Network) -> Flow | Descent:
        eta = self.problem.solver.learning_rate
        # A step errs as dt^3, all of them together as dt^2, times one to two in all that was measured.
        return Flow(network, self.setup.tolerance**1.5) if eta is None else Descent(network, eta)

    def _empty_record(self, times: int) -> Record:
        kept = (times, self.width, self.dim) if self.setup.two_time else (0, self.width, self.dim)
        entries = sum(field.entries for field in self.fields.values())
        return Record(np.full((entries, times), np.nan), np.full(kept, np.nan))

    def draw(self, seed: int) -> tuple[Network, Array]:
        """Data set and start of one seed; the start is the same for both kinds of fields."""
        samples, labels, weights = (np.random.default_rng(child) for child in np.random.SeedSequence((seed, self.dim)).spawn(3))
        data = self._network_data if self.drawn else self._gaussian_data
        fields, y = data(samples, labels)
        m, r = self.width, self.parameters.directions
        numbers = [int(group.number) for group in self.groups]
        v = np.repeat([group.alignment for group in self.groups], numbers, axis=0)
        W = weights.standard_normal((m, self.dim))
        W[:, :r] = 0.0
        W *= (np.sqrt(1 - along(v, v)) / np.sqrt(along(W, W)))[:, None]
        W[:, :r] = v
        network = Network(fields, y, m, self.parameters.train_second_layer)
        return network, np.append(W, np.repeat([group.second_layer for group in self.groups], numbers))

    def _network_data(self, random: np.random.Generator, noise: np.random.Generator) -> tuple[Fields, Array]:
        """sigma(<w, x>) and phi(<u, x>) + tau eps on n samples."""
        p, n = self.parameters, self.sizes["samples"]
        x = random.standard_normal((n, self.dim))
        real = self.setup.fields == "real-network"
        return NetworkFields(x, activation(p, real=real)), label(p, x[:, : p.directions]) + p.noise * noise.standard_normal(n)

    def _gaussian_data(self, random: np.random.Generator, noise: np.random.Generator) -> tuple[Fields, Array]:
        """Gaussian fields, and labels in which all that the fields do not know of the target is noise."""
        n, s = self.sizes["samples"], self.parameters.activation_series()
        known = self.parameters.target_by_index(len(s) - 1)
        degrees = known.indices.sum(axis=1)
        # The fields know nothing of a target beyond the degree of the activation.
        kept = np.append(s, np.zeros(max(degrees.max(initial=0) + 1 - len(s), 0)))[degrees] != 0
        indices, p = known.indices[kept], known.coefficients[kept]
        fields, labels = gaussian_fields(random, n, self.dim, s, indices, p)
        unknown = max(self.model.label_variance - float(p @ p), 0.0)
        return fields, labels + math.sqrt(unknown) * noise.standard_normal(n)

    def _take(self, record: Record, network: Network, y: Array, start: Array) -> None:
        """Observables and weights at the next time."""
        k = record.taken
        observed = self.observe(network, y, start)
        record.observables[:, k] = np.concatenate([np.ravel(observed[name]) for name in self.fields])
        if len(record.weights):
            record.weights[k], _ = network.split(y)
        record.taken = k + 1

    def observe(self, network: Network, y: Array, start: Array) -> dict[str, Array | float]:
        """Observables of the module docstring."""
        m, model, r = self.width, self.model, self.parameters.directions
        (W, a), (W_0, _) = network.split(y), network.split(start)
        overlaps, v = W @ W.T, W[:, :r]
        h, _, _ = model.covariance.evaluate(overlaps)
        forces = network.forces(y)
        found = {
            "train_error": forces.train_error,
            "test_error": max(a @ h @ a / m**2 - 2 * (a @ self._overlap_of_outputs(v)) / m + model.label_variance, 0.0) / 2,
            "complexity": np.abs(a).mean() * math.sqrt(model.covariance.slope_at_one * model.inverse_alpha),
        }
        each = {"second_layer": a, "alignment": v, "multiplier": along(W, forces.f), "memory_of_start": along(W, W_0)}
        if self.grouped is not None:
            found |= {name: self.grouped.mean(values) for name, values in each.items()}
            return found | {"alignment": found["alignment"].T, "neuron_overlap": self.grouped.mean_of_pairs(overlaps)}
        between = (overlaps.sum() - np.trace(overlaps)) / (m * (m - 1)) if m > 1 else math.nan
        return found | {name: values.mean() for name, values in each.items()} | {"neuron_overlap": between}

    def _overlap_of_outputs(self, v: Array) -> Array:
        """E g(w_i) y at overlaps v (m, r)."""
        if isinstance(self.model, GroupedFlow):
            return self.model.signal(v)[0]
        return hermite.power_series(self.model.signal, v[:, 0])[0]


def kept(record: Record, progress: Progress) -> State:
    """A seed on its way as arrays."""
    state = {**vars(record), **progress._asdict()}
    return {name: np.asarray(value) for name, value in state.items()}


def restored(state: State) -> tuple[Record, Progress]:
    """The same as it was."""
    values: dict[str, Any] = {name: value if value.ndim else value.item() for name, value in state.items()}
    progress = Progress(**{name: values[name] for name in Progress._fields})
    return Record(values["observables"], values["weights"], values["taken"]), progress


def activation(parameters: TwoLayerFlowParameters, *, real: bool = False) -> Activation:
    """sigma and sigma'; of a named activation whose series is cut, of the series unless the real one is wanted."""
    if isinstance(parameters.activation, str) and (real or parameters.activation_degree is None):
        return partial(_value_and_slope, functions.NAMED[parameters.activation])
    return partial(hermite.evaluate_series, parameters.activation_series())


def _value_and_slope(named: functions.NamedFunction, x: Array) -> tuple[Array, Array]:
    if named.slope is None:
        value, slope, _ = named.derivatives(x, functions.KINK)
        return value, slope
    values = named.evaluate(x)
    return values, named.slope(x, values)


def label(parameters: TwoLayerFlowParameters, z: Array) -> Array:
    """phi(z), z (n, r)."""
    if parameters.target == "none":
        return np.zeros(len(z))
    if isinstance(parameters.target, dict):
        return targets.evaluate(parameters.target, z)
    return hermite.evaluator(parameters.target)(z[:, 0])
