"""Training of a finite network with the hinge loss: M units, gradient descent in small steps.

The data set of the problem, which is that of the theory, with or without mirror images -x, of label -y; or, if it is infinite,
fresh examples and their mirror images at each step.  All weights are moved by M dloss, in the time unit of the theory.

The slope is (1/2M) sum_i a_i w_i1, exactly; the loss on a fresh example is that of test examples.  Observables that the network
at t = 0, of size O(sqrt(N/M)), dominates for a while are left out: how many examples it classifies wrong, for instance.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dmft.models.experiment import BYTES, Setup, State, Trajectory, Watch, log_times
from dmft.models.hinge.parameters import HingeParameters, examples
from dmft.problem.problem import Problem
from dmft.problem.table import ProblemError

Array = NDArray[np.float64]

# Test examples; examples of a step if the data set is infinite.
TEST, BATCH = 4000, 100
# Examples whose fields are in memory at once while losses are taken.
ROWS = 250
# The first time at which observables are taken, over that of the fastest motion at the start.
FIRST_TIME = 0.1
# A step over the time of that motion and the tolerance: relative errors of observables stay below that.
STEP = 1.5
OBSERVABLES = ("generalization_error", "train_error", "slope")


class Weights(NamedTuple):
    """a (M,) and w (M, N), or their rates of change."""

    a: Array
    w: Array

    def moved(self, rate: Weights, step: float) -> Weights:
        """After a time at this rate."""
        return Weights(self.a + step * rate.a, self.w + step * rate.w)


@dataclass(frozen=True)
class Network:
    """The equations of M units at one laziness alpha and threshold h."""

    laziness: float
    threshold: float

    def rate(self, weights: Weights, x: Array) -> Weights:
        """M times the descent of the loss of the examples x, (P, N)."""
        y, fields = np.sign(x[:, 0]), x @ weights.w.T
        active = fields > 0
        outputs = np.where(active, fields, 0.0)
        unsatisfied = self.laziness * y * (outputs @ weights.a) / len(weights.a) < self.threshold
        force = np.where(unsatisfied, y, 0.0) / (self.laziness * len(x))
        return Weights(force @ outputs, weights.a[:, None] * ((active * force[:, None]).T @ x))

    def loss(self, weights: Weights, x: Array) -> float:
        """Mean hinge loss of examples x, (P, N)."""
        rows = np.split(x, range(ROWS, len(x), ROWS))
        outputs = np.concatenate([np.maximum(part @ weights.w.T, 0.0) @ weights.a for part in rows]) / len(weights.a)
        below = np.maximum(self.threshold - self.laziness * np.sign(x[:, 0]) * outputs, 0.0)
        return float(below.mean()) / self.laziness**2


def mirrored(x: Array) -> Array:
    """Examples and their mirror images."""
    return np.vstack([x, -x])


class Progress(NamedTuple):
    """A seed on its way: times taken and steps since the last of them, weights, observables (names, times), evaluations."""

    taken: int
    steps: int
    weights: Weights
    observables: Array
    evaluations: int

    def state(self) -> State:
        """As arrays."""
        counts = {name: np.array(getattr(self, name)) for name in ("taken", "steps", "evaluations")}
        return {**counts, **self.weights._asdict(), "observables": self.observables}

    @classmethod
    def of(cls, state: State) -> Progress:
        """From arrays."""
        taken, steps, evaluations = (int(state[name]) for name in ("taken", "steps", "evaluations"))
        return cls(taken, steps, Weights(state["a"], state["w"]), state["observables"].copy(), evaluations)


class HingeExperiment:
    """The simulation of one problem with N = dim inputs and the units of the problem; an `Experiment`."""

    scheme = "gradient-descent"
    lighter = "fewer units"

    def __init__(self, problem: Problem, setup: Setup) -> None:
        parameters = problem.parameters
        assert isinstance(parameters, HingeParameters)
        if parameters.dimension not in (None, setup.dim):
            raise ProblemError(f"dim = {setup.dim}: wanted the dimension of the examples, {parameters.dimension}")
        if parameters.weight_variance == 0:
            raise ProblemError("weight_variance = 0: wanted > 0, as networks at the kink of relu do not move")
        self.problem, self.setup, self.parameters = problem, setup, parameters
        self.network = Network(parameters.laziness, parameters.threshold)
        self.fresh = math.isinf(parameters.samples)
        self.rate = parameters.build().fastest_rate
        self.sizes: Mapping[str, int] = {"units": parameters.units}

    @property
    def memory(self) -> float:
        """Bytes: fields and what is made of them on the examples of a step, and weights."""
        examples_of_step = 2 * (BATCH if self.fresh else int(self.parameters.samples))
        return float(BYTES * self.parameters.units * (4 * max(examples_of_step, ROWS) + 6 * self.setup.dim))

    def times(self) -> Array:
        """Equal ratios from a fraction of the time of the fastest motion at the start."""
        return log_times(FIRST_TIME / self.rate, self.problem.solver.t_max, self.setup.times)

    def run(self, seed: int, watch: Watch) -> Trajectory:
        """See Experiment."""
        times, test = self.times(), mirrored(self._random(seed, 0).standard_normal((TEST // 2, self.setup.dim)))
        x = self._data_set()
        progress = self._begin(seed, len(times)) if watch.begun is None else Progress.of(watch.begun)
        while progress.taken < len(times):
            k = progress.taken
            span = times[k] - times[k - 1] if k else 0.0
            steps = math.ceil(span * self.rate / (STEP * self.setup.tolerance))
            while progress.steps < steps:
                x = self._fresh(seed, progress.evaluations) if self.fresh else x
                weights = progress.weights.moved(self.network.rate(progress.weights, x), span / steps)
                progress = progress._replace(weights=weights, steps=progress.steps + 1, evaluations=progress.evaluations + 1)
                watch(times[k] - span * (1 - progress.steps / steps), partial(Progress.state, progress))
            progress.observables[:, k] = self._observe(progress.weights, test if self.fresh else x, test)
            progress = progress._replace(taken=k + 1, steps=0)
        return Trajectory(dict(zip(OBSERVABLES, progress.observables, strict=True)), {}, progress.evaluations)

    def _begin(self, seed: int, times: int) -> Progress:
        random, p = self._random(seed, 1), self.parameters
        a = math.sqrt(p.output_variance) * random.standard_normal(p.units)
        w = math.sqrt(p.weight_variance) * random.standard_normal((p.units, self.setup.dim))
        return Progress(0, 0, Weights(a, w), np.full((len(OBSERVABLES), times), np.nan), 0)

    def _random(self, seed: int, stream: int) -> np.random.Generator:
        """Random numbers: stream 0 for test examples, 1 for weights, 2, 3, ... for fresh examples."""
        return np.random.default_rng(np.random.SeedSequence((seed, self.setup.dim), spawn_key=(stream,)))

    def _data_set(self) -> Array:
        """All examples of a finite data set, none of an infinite one."""
        samples = 0 if self.fresh else int(self.parameters.samples)
        x = examples(self.setup.dim, samples, self.parameters.seed)
        return mirrored(x) if self.parameters.mirrored else x

    def _fresh(self, seed: int, evaluations: int) -> Array:
        """Examples of the next step."""
        return mirrored(self._random(seed, 2 + evaluations).standard_normal((BATCH, self.setup.dim)))

    def _observe(self, weights: Weights, x: Array, test: Array) -> list[float]:
        """Values of OBSERVABLES."""
        slope = weights.a @ weights.w[:, 0] / (2 * len(weights.a))
        return [self.network.loss(weights, test), self.network.loss(weights, x), float(slope)]
