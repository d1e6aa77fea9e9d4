"""Identities of online learning with random features."""

from __future__ import annotations

import numpy as np

from dmft.mathematics.tableau import lagrange
from dmft.models import identities
from dmft.models.random_features.equations import RandomFeatures
from dmft.problem.description import Solved

# Gauss-Legendre quadrature within a cell, and the decay of a mode in half a cell that it resolves to rounding.
POINTS, WEIGHTS = np.polynomial.legendre.leggauss(24)
RESOLVED = 8.0


def of(solution: Solved, model: RandomFeatures) -> dict[str, float]:
    """Identities of the two errors."""
    error, mean = solution.observables["generalization_error"], solution.observables["mean_error"]
    return {
        "the noise of SGD adds to the error": identities.defect(solution, np.maximum(mean - error, 0.0), float(error.max())),
        "the error of the mean never climbs": identities.climb(solution, mean),
        "the error obeys its integral equation": _renewal(solution, model),
    }


def _renewal(solution: Solved, model: RandomFeatures) -> float:
    """Defect of (1 - eta k0^2/2) eps(t) = e_0(t) + eta^2 int_0^t sum_k mu_k lambda_k^2 e^(-2 eta lambda_k (t - s)) eps(s) ds.

    At the ends of cells, up to the first that is too long to resolve the fastest mode in it.
    """
    eta, (rates, fractions, _) = model.learning_rate, model.modes
    error, mean = solution.observables["generalization_error"], solution.observables["mean_error"]
    times, noises, missing = np.empty(0), np.empty(0), [0.0]
    for nodes, *_ in identities.cells(solution):
        cell = solution.time[nodes]
        half, last = (cell[-1] - cell[0]) / 2, nodes.stop - 1
        if half * model.fastest_rate > RESOLVED:
            break
        inside = cell[0] + half * (1 + POINTS)
        times = np.append(times, inside)
        noises = np.concatenate([noises, eta**2 * half * WEIGHTS * (error[nodes] @ lagrange(cell, inside))])
        memory = np.exp(-2 * eta * np.outer(cell[-1] - times, rates)) @ (fractions * rates**2)
        missing.append(float((1 - eta * model.features.mean**2 / 2) * error[last] - mean[last] - noises @ memory))
    return identities.defect(solution, missing, float(error.max()))
