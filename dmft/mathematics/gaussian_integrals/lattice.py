"""Nodes of averages over two fields x_i and x_k, weighted by g'(x_i) g'(x_k): a square lattice in the plane.

On the real line the trapezoidal rule converges geometrically: see `hermite_series.step`.  Where x_i and x_k are parallel all
poles of the integrand coincide, and the lattice is finer.
"""

from __future__ import annotations

from math import exp, pi, sqrt

import numpy as np

from dmft.compiled import njit
from dmft.mathematics.gaussian_integrals.activations import STEEP, SYMMETRIC
from dmft.mathematics.gaussian_integrals.hermite_series import derivative, step

# Poles of higher order than one cost digits, and more where fields are parallel; and growth does.
LOST, PARALLEL, GROWTH = 3.0, 11.0, 16.0


@njit
def lattice(kind, on, i, k, parallel, sloped, digits):
    """Nodes (2, m), roots (m,) of the absolute weights, and the number of positive weights, which come first.

    on (n, 2): coefficients of all fields on the coordinates of the plane; parallel: squared correlation of x_i and x_k;
    sloped: whether g'(x_i) g'(x_k) is in the weights; exp(-digits): error that is aimed at.
    A node is left out if what it adds is smaller than that, g being no larger than x, or steep.
    """
    broadest = 0.0
    for a in range(len(on)):
        broadest = max(broadest, sqrt(on[a, 0] ** 2 + on[a, 1] ** 2))
    apart = step(kind, broadest, digits + LOST + PARALLEL * parallel)
    least, reach = exp(-digits), int(sqrt(2.0 * (digits + (GROWTH if STEEP[kind] else LOST))) / apart)
    flat = on[k, 1] == 0.0
    norm = (apart / sqrt(2.0 * pi)) ** (1 if flat else 2)
    most = 2 * reach + 1 if flat else (2 * reach + 1) ** 2
    z, roots, x_i, x_k = np.empty((2, most)), np.empty(most), np.empty(2 * reach + 1), np.empty(2 * reach + 1)
    for p in range(2 * reach + 1):
        x_i[p] = on[i, 0] * apart * (p - reach)
    slopes_i = derivative(kind, 1, x_i)
    positive, negative = 0, most
    for p in range(reach if SYMMETRIC[kind] else 0, 2 * reach + 1):
        first = apart * (p - reach)
        across = 0 if flat else int(sqrt(float(reach**2 - (p - reach) ** 2)))
        for q in range(2 * across + 1):
            x_k[q] = on[k, 0] * first + on[k, 1] * apart * (q - across)
        slopes_k = derivative(kind, 1, x_k[: 2 * across + 1])
        for q in range(2 * across + 1):
            second = apart * (q - across)
            weight = norm * exp(-0.5 * (first * first + second * second))
            if SYMMETRIC[kind] and p > reach:
                weight *= 2.0
            if sloped:
                weight *= slopes_i[p] * slopes_k[q]
            size = 1.0 + x_i[p] ** 2 + x_k[q] ** 2
            if abs(weight) * (size**4 if STEEP[kind] else size) > least:
                if weight > 0.0:
                    node, positive = positive, positive + 1
                else:
                    node, negative = negative - 1, negative - 1
                z[0, node], z[1, node], roots[node] = first, second, sqrt(abs(weight))
    found = positive
    for node in range(negative, most):
        z[0, found], z[1, found], roots[found] = z[0, node], z[1, node], roots[node]
        found += 1
    return z[:, :found], roots[:found], positive
