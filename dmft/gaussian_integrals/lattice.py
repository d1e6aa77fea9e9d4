"""Nodes of averages over two fields x_i and x_k, weighted by g'(x_i) g'(x_k): a square lattice in the plane.

On the real line the trapezoidal rule converges geometrically: see `hermite_series.step`.  Where x_i and x_k are parallel all
poles of the integrand coincide, and the lattice is finer.
"""

from __future__ import annotations

from math import exp, pi, sqrt

import numba
import numpy as np

from dmft.gaussian_integrals import activations
from dmft.gaussian_integrals.hermite_series import step

# Odd and even functions, by the number of the activation: half of the plane is enough.
SYMMETRIC = np.array([True, False, True, True, False, False, False, False, True, True, True, True])
# Poles of higher order than one cost digits, and more where fields are parallel.
LOST, PARALLEL = 3.0, 11.0


@numba.njit(cache=True)
def lattice(kind, on, i, k, parallel, sloped, digits):
    """Nodes (2, m), roots (m,) of the absolute weights, and the number of positive weights, which come first.

    on (n, 2): coefficients of all fields on the coordinates of the plane; parallel: squared correlation of x_i and x_k;
    sloped: whether g'(x_i) g'(x_k) is in the weights; exp(-digits): error that is aimed at.
    A node is left out if what it adds is smaller than that, g being no larger than x.
    """
    broadest = 0.0
    for a in range(len(on)):
        broadest = max(broadest, sqrt(on[a, 0] ** 2 + on[a, 1] ** 2))
    apart = step(kind, broadest, digits + LOST + PARALLEL * parallel)
    least = exp(-digits)
    reach = int(sqrt(2.0 * (digits + LOST)) / apart)
    across = reach if on[k, 1] != 0.0 else 0
    norm = (apart / sqrt(2.0 * pi)) ** (2 if across else 1)
    z, weights = np.empty((2, (2 * reach + 1) * (2 * across + 1))), np.empty((2 * reach + 1) * (2 * across + 1))
    positive, negative = 0, len(weights)
    for p in range(0 if SYMMETRIC[kind] else -reach, reach + 1):
        first = apart * p
        x_i = on[i, 0] * first
        row = norm * exp(-0.5 * first * first) * (activations.slope(kind, x_i) if sloped else 1.0)
        if SYMMETRIC[kind] and p > 0:
            row *= 2.0
        for q in range(-across, across + 1):
            second = apart * q
            weight = row * exp(-0.5 * second * second)
            x_k = on[k, 0] * first + on[k, 1] * second
            largest = 1.0 + x_i * x_i + x_k * x_k
            if abs(weight) * largest > 0.1 * least:
                weight *= activations.slope(kind, x_k) if sloped else 1.0
                if abs(weight) * largest > least:
                    if weight > 0.0:
                        node, positive = positive, positive + 1
                    else:
                        node, negative = negative - 1, negative - 1
                    z[0, node], z[1, node], weights[node] = first, second, sqrt(abs(weight))
    found = positive + len(weights) - negative
    z[:, positive:found], weights[positive:found] = z[:, negative:].copy(), weights[negative:].copy()
    return z[:, :found], weights[:found], positive
