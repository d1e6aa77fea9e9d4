"""Online SGD of a finite network with random hidden units, and its exact generalisation error.

K = round(beta N) hidden units, one fresh sample a step, c_i -= (eta/sqrt K) (f - y) g_i, time t = steps/K.  The error needs no
test samples: with the covariances Phi_ij = E g_i g_j and psi_i = E g_i y of the features at hand,

    eps = (1/2) (c.Phi c/K - 2 c.psi/sqrt K + E y^2).

For fields of variances v, w and correlation rho, E g g' = sum_k s_k(v) s_k(w) rho^k with the Hermite coefficients s_k(v) of
g(sqrt(v) z); different hidden units have correlations O(1/sqrt N), for which the series is short.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from dmft import hermite
from dmft.models.random_features import RandomFeaturesParameters
from dmft.problem import Problem
from dmft.simulation.experiment import Experiment, Setup, Uninterrupted, register

Array = NDArray[np.float64]

# What the series of a covariance leaves out, and the largest degree.
LEFT_OUT, LARGEST_DEGREE = 1e-13, 200
# Samples drawn at a time.
BLOCK = 256


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
        width = max(round(parameters.hidden_ratio * dimension), 1)
        return cls(parameters, random.standard_normal((width, dimension)) / math.sqrt(dimension), teacher)

    def covariances(self) -> tuple[Array, Array, float]:
        """Phi (K, K), psi (K,), and E y^2, label noise included."""
        p, width = self.parameters, len(self.hidden)
        units = np.vstack([self.hidden, self.teacher])
        variances = np.einsum("ij,ij->i", units, units)
        correlations = self.hidden @ units.T / np.sqrt(np.outer(variances[:width], np.where(variances > 0, variances, 1.0)))
        np.fill_diagonal(correlations, 0.0)
        degree = min(math.ceil(math.log(LEFT_OUT) / math.log(np.abs(correlations).max())), LARGEST_DEGREE)
        series, squares = hermite_series(hermite.evaluator(p.activation), np.sqrt(variances), degree)
        means = np.zeros_like(correlations)
        for coefficients in series[::-1]:
            means = means * correlations + np.outer(coefficients[:width], coefficients)
        np.fill_diagonal(means, squares)
        teacher = p.teacher
        return means[:, :width], means[:, width:] @ p.teacher_output, teacher.variance + teacher.powers[0]

    def features(self, x: Array) -> Array:
        """g_i(x), (samples, K)."""
        return hermite.evaluator(self.parameters.activation)(x @ self.hidden.T)

    def labels(self, x: Array, random: np.random.Generator) -> Array:
        """y, (samples,)."""
        outputs = hermite.evaluator(self.parameters.activation)(x @ self.teacher.T)
        return outputs @ self.parameters.teacher_output + self.parameters.noise * random.standard_normal(len(x))


def hermite_series(function: hermite.Function, scales: Array, degree: int) -> tuple[Array, Array]:
    """Hermite coefficients (degree + 1, n) of x -> function(scale x) for n scales, and E function(scale z)^2, (n,)."""
    series = [hermite.project(lambda x, scale=scale: function(scale * x), degree) for scale in scales]
    squares = [hermite.project(lambda x, scale=scale: function(scale * x) ** 2, 0)[0] for scale in scales]
    return np.array(series).T, np.array(squares)


def simulate(
    parameters: RandomFeaturesParameters, dimension: int, seed: int | np.random.SeedSequence, times: Array
) -> dict[str, Array]:
    """Generalisation error of one network with N = dimension at these times, ascending, to the nearest step."""
    random = np.random.default_rng(seed)
    network = Network.drawn(parameters, dimension, random)
    phi, psi, square = network.covariances()
    width, c = len(psi), np.zeros(len(psi))
    rate, root = parameters.learning_rate / math.sqrt(width), math.sqrt(width)
    errors, done = [], 0
    for steps in np.rint(np.asarray(times) * width).astype(int):
        while done < steps:
            x = random.standard_normal((min(BLOCK, steps - done), dimension))
            for g, y in zip(network.features(x), network.labels(x, random), strict=True):
                c -= rate * (g @ c / root - y) * g
            done += len(x)
        errors.append((c @ phi @ c / width - 2 * c @ psi / root + square) / 2)
    return {"generalization_error": np.array(errors)}


@register("random-features")
def experiment(problem: Problem, setup: Setup) -> Experiment:
    """Seeds of `simulate`."""
    parameters = problem.parameters
    assert isinstance(parameters, RandomFeaturesParameters)
    width = max(round(parameters.hidden_ratio * setup.dim), 1)
    return Uninterrupted(
        problem,
        setup,
        partial(simulate, parameters, setup.dim),
        scheme="stochastic-gradient-descent",
        sizes={"hidden_units": width},
        memory=8.0 * width * (setup.dim + 6 * width),
        evaluations=round(problem.solver.t_max * width),
    )
