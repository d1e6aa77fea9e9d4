"""Identities of the gradient flow of a two-layer network."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dmft.models import identities
from dmft.problem.description import Solved

Array = NDArray[np.float64]


def of(solution: Solved, fractions: Array) -> dict[str, float]:
    """Identities of the neurons, in groups of these fractions, and of the residual."""
    found, kernels = solution.observables, solution.kernels
    C_d = _by_group(kernels["C_d"], 2)
    groups = [identities.correlation(solution, C_d[..., k]) for k in range(len(fractions))]
    defects = {
        "C_d(t,t) = 1": identities.unit(solution, C_d),
        "C_d >= 0": max(groups),
        "C_F >= 0": identities.correlation(solution, kernels["C_F"]),
    }
    if solution.problem.solver.scheme == "radau":
        train, a = found["train_error"], _by_group(found["second_layer"], 1)
        speed = (identities.squared_speed(solution, C_d) + identities.rate(solution, a) ** 2) @ fractions
        defects["d train/dt = -<|dw/dt|^2 + (da/dt)^2>"] = identities.fall(solution, train, speed)
        defects["the training error never climbs"] = identities.climb(solution, train)
    return defects


def _by_group(values: Array, times: int) -> Array:
    """A function of one or two times, with an axis of groups of neurons where there is none."""
    return values if values.ndim > times else values[..., None]
