"""Discrete responses, which hold their quadrature weights, as densities R(t, t')."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def densities(response: Array, kick: Array, equal_time: Array, time: Array, weights: Array, stages: int) -> Array:
    """Turn discrete responses (n, n, ...), quadrature weight included, into densities R(t, t'); see `density`.

    kick, equal_time: R(t, 0), R(t, t), (n, ...).
    """
    n = len(time)
    found = np.empty((response[0, 0].size, n, n))
    for k, density_of_one in enumerate(found):
        one, from_start, at_end = (
            array.reshape(*array.shape[:axes], -1)[..., k] for array, axes in ((response, 2), (kick, 1), (equal_time, 1))
        )
        density_of_one[:] = density(one, from_start, at_end, time, weights, stages)
    return np.moveaxis(found, 0, -1).reshape(response.shape)


def density(response: Array, kick: Array, equal_time: Array, time: Array, weights: Array, stages: int) -> Array:
    """Turn discrete responses, quadrature weight included, into densities R(t, t'), shape (n, n).

    R_ij = int R(t_i, s) L_j(s) ds with L_j the Lagrange polynomials of the cell of node j.  For the cells before that of
    node i, R_ij/weight_j is the projection of R(t_i, .) on polynomials, as Gauss-Radau quadrature is exact for the products
    L_j L_k.  Inside its own cell R(t_i, .) goes from its value at the last node before to R(t_i, t_i) as a power of time that
    gives it the right integral: it may fall much faster than the cell is long.  Where that integral lies outside of what a
    monotone function can have, it is the parabola with it.  Column 0 is the response to a kick at t = 0.
    """
    density = np.zeros_like(response)
    density[:, 1:] = response[:, 1:] / weights[1:]
    density[:, 0] = kick
    for first in range(1, len(time), stages):
        own = slice(first, first + stages)
        span = time[own] - time[first - 1]
        x = np.minimum(span[None, :] / span[:, None], 1.0)
        mean = response[own, own].sum(axis=1, keepdims=True) / span[:, None]
        start, end = density[own, first - 1, None], equal_time[own, None]
        with np.errstate(divide="ignore", invalid="ignore"):
            power = (end - start) / (mean - start) - 1
        monotone = start + (end - start) * x ** np.maximum(power, 0.0)
        parabola = start + (end - start) * x + 6 * x * (1 - x) * (mean - (start + end) / 2)
        density[own, own] = np.tril(np.where(power >= 0, monotone, parabola))
    return density
