"""Online SGD of a finite network with random hidden units, and its exact generalisation error.

K = round(beta N) hidden units, one fresh sample a step, c_i -= (eta/sqrt K) (f - y) g_i, time t = steps/K.  The error needs no
test samples: with the covariances Phi_ij = E g_i g_j and psi_i = E g_i y of the features at hand,

    eps = (1/2) (c.Phi c/K - 2 c.psi/sqrt K + E y^2).

For fields of variances v, w and correlation rho, E g g' = sum_k s_k(v) s_k(w) rho^k with the Hermite coefficients s_k(v) of
g(sqrt(v) z); different hidden units have correlations O(1/sqrt N), for which the series is short.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dmft.mathematics import hermite
from dmft.mathematics.functions import Function
from dmft.models.experiment import BYTES, Setup, State, Trajectory, Watch, log_times
from dmft.models.random_features.parameters import RandomFeaturesParameters
from dmft.problem.problem import Problem

Array = NDArray[np.float64]

# What the series of a covariance leaves out, and the largest degree.
LEFT_OUT, LARGEST_DEGREE = 1e-13, 200
# Samples drawn at a time; each block has random numbers of its own.
BLOCK = 256
# The mean of the labels is learned to e^-10.
LEARNED = 10.0
# The first time at which the error is taken, over that of the fastest mode.
FIRST_TIME = 0.1


@dataclass(frozen=True)
class Network:
    """Hidden units U/sqrt N, (K, N), of a student, and those of the teacher, B/sqrt N, (M, N)."""

    parameters: RandomFeaturesParameters
    hidden: Array
    teacher: Array

    @classmethod
    def drawn(cls, parameters: RandomFeaturesParameters, dimension: int, random: np.random.Generator) -> Network:
        """Standard normal U, and a teacher with the overlaps of the problem, along the first axes."""
        values, vectors = np.linalg.eigh(parameters.overlaps)
        teacher = np.zeros((len(values), dimension))
        teacher[:, : len(values)] = vectors * np.sqrt(np.maximum(values, 0.0))
        hidden = random.standard_normal((width(parameters, dimension), dimension))
        return cls(parameters, hidden / math.sqrt(dimension), teacher)

    def covariances(self) -> tuple[Array, Array, float]:
        """Phi (K, K), psi (K,), and E y^2, label noise included."""
        p, K = self.parameters, len(self.hidden)
        units = np.vstack([self.hidden, self.teacher])
        variances = np.einsum("ij,ij->i", units, units)
        correlations = self.hidden @ units.T / np.sqrt(np.outer(variances[:K], np.where(variances > 0, variances, 1.0)))
        np.fill_diagonal(correlations, 0.0)
        degree = min(math.ceil(math.log(LEFT_OUT) / math.log(np.abs(correlations).max())), LARGEST_DEGREE)
        series, squares = series_at_scales(hermite.evaluator(p.activation), np.sqrt(variances), degree)
        means = np.zeros_like(correlations)
        for coefficients in series[::-1]:
            means = means * correlations + np.outer(coefficients[:K], coefficients)
        np.fill_diagonal(means, squares)
        teacher = p.teacher
        return means[:, :K], means[:, K:] @ p.teacher_output, teacher.variance + teacher.powers[0]

    def features(self, x: Array) -> Array:
        """g_i(x), (samples, K)."""
        return hermite.evaluator(self.parameters.activation)(x @ self.hidden.T)

    def labels(self, x: Array, random: np.random.Generator) -> Array:
        """y, (samples,)."""
        outputs = hermite.evaluator(self.parameters.activation)(x @ self.teacher.T)
        return outputs @ self.parameters.teacher_output + self.parameters.noise * random.standard_normal(len(x))


def width(parameters: RandomFeaturesParameters, dimension: int) -> int:
    """K."""
    return max(round(parameters.hidden_ratio * dimension), 1)


def series_at_scales(function: Function, scales: Array, degree: int) -> tuple[Array, Array]:
    """Hermite coefficients (degree + 1, n) of x -> function(scale x) for n scales, and E function(scale z)^2, (n,)."""
    series = [hermite.project(lambda x, scale=scale: function(scale * x), degree) for scale in scales]
    squares = [hermite.project(lambda x, scale=scale: function(scale * x) ** 2, 0)[0] for scale in scales]
    return np.array(series).T, np.array(squares)


class Progress(NamedTuple):
    """A seed on its way: steps made, output weights c (K,), and errors (times,), not a number where not taken yet."""

    steps: int
    c: Array
    errors: Array

    def state(self) -> State:
        """As arrays."""
        return {name: np.asarray(value) for name, value in self._asdict().items()}


class RandomFeaturesExperiment:
    """The simulation of one problem with N = dim inputs; an `Experiment`."""

    scheme = "online-sgd"
    lighter = "a smaller dim"

    def __init__(self, problem: Problem, setup: Setup) -> None:
        assert isinstance(problem.parameters, RandomFeaturesParameters)
        self.problem, self.setup, self.parameters = problem, setup, problem.parameters
        self.sizes: Mapping[str, int] = {"hidden": width(self.parameters, setup.dim)}

    @property
    def memory(self) -> float:
        """Bytes: hidden units, covariances while they are made, and a block of samples."""
        K, N = self.sizes["hidden"], self.setup.dim
        return float(BYTES * (K * N + 5 * K * K + BLOCK * (2 * K + N)))

    def times(self) -> Array:
        """Equal ratios from a fraction of the time of the fastest mode, in whole steps.

        Features with a mean k_0 learn that of the labels at a rate eta k_0^2 a step: the theory begins after those steps.
        """
        K, t_max = self.sizes["hidden"], self.problem.solver.t_max
        times = log_times(FIRST_TIME / self.parameters.build().fastest_rate, t_max, self.setup.times)
        steps, mean = np.unique(np.ceil(times * K - 0.5)), self.parameters.features.mean
        return steps[(mean == 0) | (steps * self.parameters.learning_rate * mean**2 > LEARNED)] / K

    def run(self, seed: int, watch: Watch) -> Trajectory:
        """See Experiment."""
        network = self.draw(seed)
        phi, psi, square = network.covariances()
        K, marks = len(psi), np.rint(self.times() * len(psi)).astype(int)
        progress = Progress(0, np.zeros(K), np.full(len(marks), np.nan))
        if watch.begun is not None:
            progress = Progress(int(watch.begun["steps"]), watch.begun["c"].copy(), watch.begun["errors"].copy())
        for k in range(int(np.isfinite(progress.errors).sum()), len(marks)):
            while progress.steps < marks[k]:
                progress = self._advance(network, seed, progress, marks[k])
                watch(progress.steps / K, partial(Progress.state, progress))
            c = progress.c
            progress.errors[k] = (c @ phi @ c / K - 2 * c @ psi / math.sqrt(K) + square) / 2
            if not np.isfinite(progress.errors[k]):
                break
        return Trajectory({"generalization_error": progress.errors}, {}, progress.steps)

    def draw(self, seed: int) -> Network:
        """The network of one seed."""
        return Network.drawn(self.parameters, self.setup.dim, self._random(seed, 0))

    def _random(self, seed: int, stream: int) -> np.random.Generator:
        """Random numbers: stream 0 for the network, 1, 2, ... for blocks of samples."""
        return np.random.default_rng(np.random.SeedSequence((seed, self.setup.dim), spawn_key=(stream,)))

    def _advance(self, network: Network, seed: int, begun: Progress, until: int) -> Progress:
        """Steps to the end of a block, or to `until` if that comes first."""
        block, first = divmod(begun.steps, BLOCK)
        last = min(BLOCK, until - block * BLOCK)
        random = self._random(seed, 1 + block)
        x = random.standard_normal((BLOCK, self.setup.dim))
        y = network.labels(x, random)
        c, root = begun.c.copy(), math.sqrt(len(begun.c))
        rate = self.parameters.learning_rate / root
        for g, label in zip(network.features(x[first:last]), y[first:last], strict=True):
            c -= rate * (g @ c / root - label) * g
        return begun._replace(steps=block * BLOCK + last, c=c)
