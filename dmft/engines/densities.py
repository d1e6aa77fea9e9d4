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
    L_j L_k.  Inside its own cell R(t_i, .) may fall much faster than the cell is long, and depends mostly on t - t':
    it is read off the responses of the nodes of the cell to its start, which the projection gives, as a function of log(t - t')
    relative to R(t, t), where that does not vanish.  Column 0 is the response to a kick at t = 0.
    """
    density = np.zeros_like(response)
    density[:, 1:] = response[:, 1:] / weights[1:]
    density[:, 0] = kick
    relative_to = equal_time if np.all(equal_time) else np.ones_like(equal_time)
    for first in range(1, len(time), stages):
        own = slice(first, first + stages)
        to_start = density[own, first - 1] / relative_to[own]
        log_lag = np.log(np.maximum(time[own, None] - time[None, own], np.finfo(float).tiny))
        known = np.interp(log_lag, np.log(time[own] - time[first - 1]), to_start)
        density[own, own] = np.tril(relative_to[own, None] * known, -1) + np.diag(equal_time[own])
    return density
