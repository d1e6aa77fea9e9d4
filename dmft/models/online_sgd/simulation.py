"""Online SGD of a finite student on a finite teacher, one fresh sample a step.

Teacher and student are drawn with exactly the overlaps of the problem: w_k and B_n are sqrt(N) times the rows of a root of
[[Q, R], [R^T, T]], along the first axes, which is no restriction as samples have no preferred direction.  Observables are those
of the theory at the overlaps of the student, so that there is no noise of test samples; times are those of the nearest step.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dmft.compiled import njit
from dmft.mathematics.gaussian_integrals.activations import NUMBERS, slope, value
from dmft.models.experiment import Setup, State, Trajectory, Watch, log_times
from dmft.models.online_sgd.parameters import OnlineSGDParameters
from dmft.problem.problem import Problem
from dmft.problem.table import ProblemError

Array = NDArray[np.float64]

# Samples that are drawn at once, each block with random numbers of its own; a seed can go on from the end of one.
BLOCK = 512
# The first time at which observables are taken, relative to the inverse of the learning rate.
FIRST_TIME = 0.1
BYTES = 8


@dataclass
class Progress:
    """A student w (K, N), v (K,) after so many blocks, and the observables (names, times) taken so far."""

    w: Array
    v: Array
    record: Array
    taken: int = 0
    blocks: int = 0

    def kept(self) -> State:
        """All of it as arrays."""
        return {name: np.array(value) for name, value in self.__dict__.items()}

    @classmethod
    def restored(cls, state: State) -> Progress:
        """From what `kept` gave."""
        w, v, record = (np.array(state[name]) for name in ("w", "v", "record"))
        return cls(w, v, record, int(state["taken"]), int(state["blocks"]))


class OnlineSGDExperiment:
    """The simulation of one problem with N = dim; an `Experiment`."""

    sizes: Mapping[str, int] = {}
    scheme = "online-sgd"
    lighter = "a smaller dim"

    def __init__(self, problem: Problem, setup: Setup) -> None:
        parameters = problem.parameters
        assert isinstance(parameters, OnlineSGDParameters)
        self.t_max, self.setup, self.model = problem.solver.t_max, setup, parameters.build()
        self.units = sum(self.model.R.shape)
        if setup.dim < self.units:
            raise ProblemError(f"dim = {setup.dim}: wanted at least K + M = {self.units}")

    @property
    def memory(self) -> float:
        """Bytes: student, teacher and a block of samples."""
        return float(BYTES * self.setup.dim * (self.units + BLOCK))

    def times(self) -> Array:
        """Equal ratios from a fraction of the time in which the first layer learns; the same for all N."""
        first = FIRST_TIME * min(1.0 / self.model.learning_rate, self.t_max)
        return log_times(first, self.t_max, self.setup.times)

    def run(self, seed: int, watch: Watch) -> Trajectory:
        """See Experiment."""
        steps = np.rint(self.times() * self.setup.dim).astype(int)
        students, teachers = self._units()
        if watch.begun is None:
            record = np.full((len(self.model.observables), len(steps)), np.nan)
            progress = Progress(students, self.model.v.copy(), record)
        else:
            progress = Progress.restored(watch.begun)
        while progress.taken < len(steps) and np.isfinite(progress.w).all():
            self._block(progress, seed, steps, teachers)
            watch(progress.blocks * BLOCK / self.setup.dim, progress.kept)
        observables = dict(zip(self.model.observables, progress.record, strict=True))
        return Trajectory(observables, {}, progress.blocks * BLOCK)

    def _units(self) -> tuple[Array, Array]:
        """w (K, N), and the first components of B, (M, K + M), beyond which they vanish."""
        model, K = self.model, len(self.model.v)
        values, vectors = np.linalg.eigh(np.block([[model.Q, model.R], [model.R.T, model.T]]))
        root = math.sqrt(self.setup.dim) * vectors * np.sqrt(np.maximum(values, 0.0))
        return np.pad(root[:K], ((0, 0), (0, self.setup.dim - self.units))), root[K:]

    def _block(self, progress: Progress, seed: int, steps: NDArray[np.intp], teachers: Array) -> None:
        """One block of samples; observables are taken in between."""
        model, N = self.model, self.setup.dim
        random = np.random.default_rng(np.random.SeedSequence((seed, N), spawn_key=(progress.blocks,)))
        x, noise = random.standard_normal((BLOCK, N)), model.noise * random.standard_normal(BLOCK)
        learning = np.array([model.learning_rate, model.second_layer_learning_rate, model.weight_decay])
        done = 0
        while done < BLOCK:
            while progress.taken < len(steps) and steps[progress.taken] == progress.blocks * BLOCK + done:
                self._take(progress, teachers)
            left = BLOCK if progress.taken == len(steps) else min(steps[progress.taken] - progress.blocks * BLOCK, BLOCK)
            part = slice(done, left)
            learn(
                NUMBERS[model.activation],
                progress.w,
                progress.v,
                teachers,
                model.A,
                x[part],
                noise[part],
                learning,
                model.train_second_layer,
            )
            done = left
        progress.blocks += 1

    def _take(self, progress: Progress, teachers: Array) -> None:
        """Observables at the next time."""
        w, N = progress.w, self.setup.dim
        y = self.model.packed(w @ w.T / N, w[:, : self.units] @ teachers.T / N, progress.v)
        progress.record[:, progress.taken] = np.concatenate(list(self.model.observe(y[:, None]).values()))
        progress.taken += 1


@njit
def learn(kind, w, v, teachers, A, x, noise, learning, both):
    """Steps of SGD on the samples x (samples, N) in turn; w and v are changed; `learning` is lr, lr2, wd."""
    K, N = w.shape
    first, second, decay = learning
    root = np.sqrt(N)
    fields = np.empty(K)
    for step in range(len(x)):
        error = noise[step]
        for m in range(len(A)):
            error += A[m] * value(kind, np.dot(teachers[m], x[step, : teachers.shape[1]]) / root)
        for k in range(K):
            fields[k] = np.dot(w[k], x[step]) / root
            error -= v[k] * value(kind, fields[k])
        for k in range(K):
            change = first / root * v[k] * slope(kind, fields[k]) * error
            for j in range(N):
                w[k, j] += change * x[step, j] - decay / N * w[k, j]
            if both:
                v[k] += (second * value(kind, fields[k]) * error - decay * v[k]) / N
