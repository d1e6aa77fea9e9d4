"""Training of finite networks by the algorithms of the exact theory: any loss, batches, momentum, free weights, real kinks.

n = alpha d samples x; with s_k = 1 while a sample is in the batch, a part b of all, the forces of a step are

    F_i = -(1/n) sum_mu (s_mu/b) l'(f_mu, y_mu) a_i sigma'(<w_i, x_mu>) x_mu,     da_i/dt = -(1/n) sum_mu (s_mu/b) l' sigma

and the step is that of `weights.py`.  Observables are means over the neurons that start alike.  Errors on fresh samples are
means over the law of their preactivations, which is Gaussian given the weights.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from dmft.mathematics.functions import KINK
from dmft.models.experiment import BYTES, Setup, State, Trajectory, Watch, log_times
from dmft.models.two_layer_flow.exact.activation import activation
from dmft.models.two_layer_flow.exact.loss import loss
from dmft.models.two_layer_flow.exact.model import ExactTwoLayer
from dmft.models.two_layer_flow.exact.normals import Normals
from dmft.problem.problem import Problem
from dmft.problem.table import ProblemError

Array = NDArray[np.float64]

# Fresh samples of an average, and a variance without rounding errors, over that of a neuron.
FRESH, NONE = 1 << 14, 1e-12


class Training:
    """The training of one problem in d dimensions; an `Experiment`."""

    scheme = "gradient-descent"
    lighter = "a smaller dim"

    def __init__(self, problem: Problem, setup: Setup, model: ExactTwoLayer) -> None:
        if setup.fields != "network":
            raise ProblemError(f'fields = {setup.fields}: wanted network with theory = "exact"')
        if setup.two_time:
            raise ProblemError('two_time = true: wanted false with theory = "exact"')
        self.problem, self.setup, self.model, self.dim = problem, setup, model, setup.dim
        samples = round(self.dim / model.inverse_alpha)
        if samples < 1 or self.dim < len(model.second_layer) + model.alignment.shape[1]:
            raise ProblemError(f"dim = {self.dim}: wanted more dimensions than neurons and directions, and a sample at least")
        self.sizes: Mapping[str, int] = {"samples": samples}
        self._activation, self._loss = activation(model.activation, KINK), loss(model.loss, model.loss_width)

    @property
    def memory(self) -> float:
        """Bytes: the samples, and what neurons make of them."""
        return float(BYTES * self.sizes["samples"] * (self.dim + 5 * len(self.model.second_layer)))

    def times(self) -> Array:
        """See Experiment."""
        solver = self.problem.solver
        assert solver.learning_rate is not None
        return log_times(solver.learning_rate, solver.t_max, self.setup.times, solver.learning_rate)

    def run(self, seed: int, watch: Watch) -> Trajectory:
        """See Experiment."""
        x, y, W = self._draw(seed)
        m, times, eta = len(W), self.times(), self.model.rule.learning_rate
        steps = np.rint(times / eta).astype(int)
        start, taken = W, {}
        state: State = {"W": W, "a": self.model.second_layer, "p": np.zeros_like(W), "p_a": np.zeros(m), "s": np.ones(len(y))}
        first = 0
        if watch.begun is not None:
            first, state = int(watch.begun["step"]), watch.begun
            taken = {name.removeprefix("of_"): values for name, values in watch.begun.items() if name.startswith("of_")}
        fresh = Normals(FRESH, self.model.alignment.shape[1] + 1 + m, np.random.SeedSequence((seed, self.dim, 1)))
        for step in range(first, steps[-1] + 1):
            s = self._drawn(state["s"], np.random.default_rng((seed, self.dim, step)), step)
            if step in steps:
                seen = self._observe(x, y, {**state, "s": s}, start, fresh)
                taken = {name: appended(taken.get(name), value) for name, value in seen.items()}
            if step == steps[-1] or not np.isfinite(state["W"]).all():
                break
            state = self._step(x, y, {**state, "s": s})
            now = {**state, **{f"of_{name}": values for name, values in taken.items()}, "step": np.array(step + 1)}
            watch((step + 1) * eta, lambda now=now: now)
        missing = {name: len(times) - len(values) for name, values in taken.items()}
        found = {name: np.concatenate([v, np.full((missing[name], *v.shape[1:]), np.nan)]) for name, v in taken.items()}
        return Trajectory(found, {}, int(steps[-1]) + 1)

    def _draw(self, seed: int) -> tuple[Array, Array, Array]:
        """Samples, labels and weights at the start."""
        model, n, r = self.model, self.sizes["samples"], self.model.alignment.shape[1]
        samples, labels, weights = (np.random.default_rng(child) for child in np.random.SeedSequence((seed, self.dim)).spawn(3))
        x = samples.standard_normal((n, self.dim))
        y = model.labels(x[:, :r].T, labels.standard_normal(n), labels.random(n))
        W = weights.standard_normal((len(model.second_layer), self.dim))
        W[:, :r] = 0.0
        left = np.diagonal(model.overlaps) - (model.alignment**2).sum(axis=1)
        W *= np.sqrt(left / (W**2).sum(axis=1))[:, None]
        W[:, :r] = model.alignment
        return x, y, W

    def _outputs(self, h: Array, a: Array) -> tuple[Array, Array, Array]:
        """f, sigma and sigma' of preactivations (m, n)."""
        with np.errstate(over="ignore"):
            value, slope, _ = self._activation(h)
        return a @ value / len(a), value, slope

    def _drawn(self, before: Array, random: np.random.Generator, step: int) -> Array:
        """s of a step, (n,), from that of the step before."""
        batches = self.model.batches
        if batches.part == 1:
            return before
        new = (random.random(len(before)) < batches.part).astype(float)
        return np.where(random.random(len(before)) < batches.kept, before, new) if step else new

    def _step(self, x: Array, y: Array, state: State) -> State:
        """One step of gradient descent."""
        rule = self.model.rule
        W, a, s = state["W"], state["a"], state["s"]
        f, value, slope = self._outputs(W @ x.T, a)
        pull = s / self.model.batches.part * self._loss.slope(f, y) / -len(y)
        F = (pull * a[:, None] * slope) @ x
        G = F - ((W * F).sum(axis=1)[:, None] if rule.sphere else rule.weight_decay) * W
        G_a = value @ pull if self.model.train_second_layer else np.zeros_like(a)
        p, p_a = rule.momentum * state["p"] + G, rule.momentum * state["p_a"] + G_a
        q, q_a = (G + rule.momentum * p, G_a + rule.momentum * p_a) if rule.nesterov else (p, p_a)
        W = W + rule.learning_rate * q
        if rule.sphere:
            W = W / np.linalg.norm(W, axis=1)[:, None]
        return {"W": W, "a": a + rule.learning_rate * q_a, "p": p, "p_a": p_a, "s": s}

    def _observe(self, x: Array, y: Array, state: State, start: Array, fresh: Normals) -> dict[str, Array]:
        """Observables of `ExactTwoLayer`."""
        W, a = state["W"], state["a"]
        model, kinds, r, m = self.model, self.model.kinds, self.model.alignment.shape[1], len(a)
        h = W @ x.T
        f, _, slope = self._outputs(h, a)
        v, overlaps = W[:, :r], W @ W.T
        rows = fresh.rows(r + 1 + m)
        own = np.linalg.cholesky(overlaps - v @ v.T + NONE * np.eye(m))
        unseen, _, _ = self._outputs(v @ rows[:r] + own @ rows[r + 1 :], a)
        labels = model.labels(rows[:r], rows[r], np.random.default_rng(0).random(FRESH))
        found = {"train_error": self._loss.value(f, y).mean(), "test_error": self._loss.value(unseen, labels).mean()}
        if model.labels.signs:
            found["misclassification"] = np.mean(labels * unseen <= 0)
        g = state["s"] / model.batches.part * self._loss.slope(f, y) * a[:, None] * slope
        of_neurons = {"second_layer": a, "memory_of_start": (W * start).sum(axis=1)}
        of_neurons |= {"multiplier": -(g * h).mean(axis=1)} if model.rule.sphere else {"weight_norm": np.linalg.norm(W, axis=1)}
        plain = (kinds.number, r) == (1, 1)
        found |= {name: kinds.alike(values)[kinds.first][0 if plain else slice(None)] for name, values in of_neurons.items()}
        alignment = kinds.alike(v)[kinds.first]
        found["alignment"] = alignment[0, 0] if plain else alignment
        if model.rule.sphere:
            found["complexity"] = np.abs(a).mean() * model.complexity_of_one
        if m > 1:
            entries = kinds.entries_of(kinds.alike_pairs(overlaps))[kinds.number :, 0].reshape(kinds.number, -1)
            found["neuron_overlap"] = entries[0, 0] if plain else entries
        return found


def appended(values: Array | None, value: Array) -> Array:
    """Values at some times, and that at the next one."""
    one = np.asarray(value)[None]
    return one if values is None else np.concatenate([values, one])
