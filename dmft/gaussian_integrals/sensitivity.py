"""Derivatives of the back-reaction of a smooth g with respect to covariances and weights, by Price's theorem:

    d E F/dC_lm = E d^2 F/dx_l dx_m (half of it for l = m),   F = g'(x_i) g'(x_k) Delta^2,   Delta = sum_a e_a g(x_a).

On the nodes of a plane, as in `quadrature`, E[Delta g^(r)(x_a) | z] for r = 0, 1, 2 and E[g'(x_a) g'(x_b) | z].
"""

from __future__ import annotations

from math import exp

import numba
import numpy as np

from dmft.gaussian_integrals.hermite_series import derivative, dot
from dmft.gaussian_integrals.lattice import lattice
from dmft.gaussian_integrals.quadrature import (
    CHUNK,
    add,
    correlation,
    evaluated,
    expanded,
    prepared,
    products,
    regressions,
    too_broad,
)


@numba.njit(cache=True)
def sensitivity(kind, C, e, students, digits):
    """Derivatives of back_reaction[i, k]: d/dC_lm (students, students, n, n), C_lm and C_ml one by one; d/de (.., n).

    digits: natural logarithm of one over the error that is aimed at.
    """
    n = len(C)
    by_covariance, by_weight = np.zeros((students, students, n, n)), np.zeros((students, students, n))
    if too_broad(C):
        by_covariance[:], by_weight[:] = np.nan, np.nan
        return by_covariance, by_weight
    orders = (prepared(kind, C, 0, digits), prepared(kind, C, 1, digits), prepared(kind, C, 2, digits))
    for i in range(students):
        for k in range(i, students):
            differentiate(kind, C, e, orders, i, k, by_covariance[i, k], by_weight[i, k])
            by_covariance[k, i], by_weight[k, i] = by_covariance[i, k], by_weight[i, k]
    return by_covariance, by_weight


@numba.njit(cache=True)
def differentiate(kind, C, e, orders, i, k, by_covariance, by_weight):
    """Adds d/dC_lm and d/de_a of E g'(x_i) g'(x_k) Delta^2."""
    on, spread = regressions(C, i, k)
    z, roots, _ = lattice(kind, on, i, k, correlation(C, i, k) ** 2, False, orders[0].digits)
    rows = np.empty((3, len(C)), np.int64)
    columns = np.empty((3, 2, len(C)), np.int64)
    for order in range(3):
        rows[order], columns[order] = expanded(C, on, spread, orders[order])
    rho, _, _ = products(C, on, spread, rows[0], columns[0], orders[0])
    for a in range(len(C)):
        rho[: a + 1, a] = rho[a, : a + 1]
    for start in range(0, len(roots), CHUNK):
        stop = min(start + CHUNK, len(roots))
        for order in range(3):
            evaluated(
                kind, e, on, spread, z[:, start:stop], roots[start:stop], columns[order], np.diag(rows[order]), orders[order]
            )
        slopes = np.ones((2, 3, stop - start))
        for field, place in ((i, 0), (k, 1)):
            for s in range(stop - start):
                x = on[field, 0] * z[0, start + s] + on[field, 1] * z[1, start + s]
                for order in range(3):
                    slopes[place, order, s] = derivative(kind, order + 1, x)
        with_error = conditional_error(e, rho, rows, orders, slopes, by_covariance)
        collected(e, slopes, with_error, i, k, by_covariance, by_weight)


@numba.njit(cache=True)
def conditional_error(e, rho, rows, orders, slopes, by_covariance):
    """E[Delta g^(r)(x_a) | z] on the nodes, (3, n, nodes); adds 2 e_a e_b E g'_i g'_k g'_a g'_b to d/dC_ab."""
    n, size = len(e), slopes.shape[2]
    found, left, weighted, power = np.zeros((3, n, size)), np.empty(size), np.empty(size), np.ones((n, n))
    g, slope, _ = orders
    least = exp(-g.digits)
    for t in range(rows.max()):
        for a in range(n):
            largest = max(g.sizes[a, t], slope.sizes[a, t], orders[2].sizes[a, t]) if t > 0 else 1.0
            left[:] = 0.0
            for b in range(n):
                if t < rows[0, b] and (t == 0 or abs(power[a, b]) * largest * g.sizes[b, t] > least):
                    add(e[b] * power[a, b], g.u[b, t], left)
            for order in range(3):
                if t < rows[order, a]:
                    multiply(orders[order].u[a, t], left, found[order, a])
            if t < rows[1, a]:
                weighted[:] = 0.0
                multiply(slopes[0, 0] * slopes[1, 0], slope.u[a, t], weighted)
                for b in range(a + 1):
                    size_of_both = abs(power[a, b]) * slope.sizes[a, t] * slope.sizes[b, t] if t > 0 else 1.0
                    if t < rows[1, b] and size_of_both > least:
                        term = 2.0 * e[a] * e[b] * power[a, b] * dot(weighted, slope.u[b, t])
                        by_covariance[a, b] += term
                        if a != b:
                            by_covariance[b, a] += term
        power *= rho
    return found


@numba.njit(cache=True, fastmath={"contract"})
def multiply(row, other, out):
    """out += row * other, as far as out goes."""
    for s in range(len(out)):
        out[s] += row[s] * other[s]


@numba.njit(cache=True)
def collected(e, slopes, with_error, i, k, by_covariance, by_weight):
    """Adds all terms with Delta."""
    size = slopes.shape[2]
    squared = np.zeros(size)
    for a in range(len(e)):
        add(e[a], with_error[0, a], squared)
    both = slopes[0, 0] * slopes[1, 0]
    moved = (slopes[0, 1] * slopes[1, 0], slopes[0, 0] * slopes[1, 1])
    for a in range(len(e)):
        by_weight[a] += 2.0 * dot(both, with_error[0, a])
        by_covariance[a, a] += 2.0 * e[a] * dot(both, with_error[2, a])
        for field, factor in ((i, moved[0]), (k, moved[1])):
            term = 2.0 * e[a] * dot(factor, with_error[1, a])
            by_covariance[field, a] += term
            by_covariance[a, field] += term
    by_covariance[i, i] += dot(slopes[0, 2] * slopes[1, 0], squared)
    by_covariance[k, k] += dot(slopes[0, 0] * slopes[1, 2], squared)
    cross = dot(slopes[0, 1] * slopes[1, 1], squared)
    by_covariance[i, k] += cross
    by_covariance[k, i] += cross
