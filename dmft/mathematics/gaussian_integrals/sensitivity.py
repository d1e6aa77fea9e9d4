"""Derivatives of the back-reaction of a smooth g with respect to covariances and weights, by Price's theorem:

    d E F/dC_lm = E d^2 F/dx_l dx_m (half of it for l = m),   F = g'(x_i) g'(x_k) Delta^2,   Delta = sum_a e_a g(x_a).

On the nodes of a plane, as in `quadrature`, E[Delta g^(r)(x_a) | z] for r = 0, 1, 2 and E[g'(x_a) g'(x_b) | z].
"""

from __future__ import annotations

from math import exp

import numpy as np

from dmft.compiled import njit
from dmft.mathematics.gaussian_integrals.hermite_series import derivative, dot
from dmft.mathematics.gaussian_integrals.lattice import lattice
from dmft.mathematics.gaussian_integrals.quadrature import (
    CHUNK,
    add,
    conditioned,
    correlation,
    evaluated,
    expanded,
    prepared,
    products,
    too_broad,
)

# Derivatives of g at x_i and at x_k that make up d^2/dx^2 g'(x_i) g'(x_k).
ORDERS = np.array([[1, 2, 1, 3, 1, 2], [1, 1, 2, 1, 3, 2]])


@njit
def sensitivity(kind, C, e, students, digits):
    """Derivatives of back_reaction[i, k], i <= k, by C_lm = C_ml (students, students, n, n) and by e (students, students, n).

    digits: natural logarithm of one over the error that is aimed at.
    """
    n = len(C)
    by_covariance, by_weight = np.zeros((students, students, n, n)), np.zeros((students, students, n))
    if too_broad(C):
        by_covariance[:], by_weight[:] = np.nan, np.nan
        return by_covariance, by_weight
    order = np.arange(3)
    g, slope, curvature = (
        prepared(kind, C, order[0], digits),
        prepared(kind, C, order[1], digits),
        prepared(kind, C, order[2], digits),
    )
    for i in range(students):
        for k in range(i, students):
            differentiate(kind, C, e, (g, slope, curvature), i, k, by_covariance[i, k], by_weight[i, k])
            for a in range(n):
                by_covariance[i, k, a, a] *= 0.5
    return by_covariance, by_weight


@njit
def differentiate(kind, C, e, orders, i, k, by_covariance, by_weight):
    """Adds d/dC_lm and d/de_a of E g'(x_i) g'(x_k) Delta^2."""
    n, plane = len(C), conditioned(C, i, k)
    z, roots, _ = lattice(kind, plane.on, i, k, correlation(C, i, k) ** 2, False, orders[0].digits)
    for order in range(3):
        expanded(C, plane, orders[order])
    pairs_of_fields = products(C, plane, orders[0])
    rho, number, by_values = pairs_of_fields
    for a in range(n):
        for b in range(a + 1):
            rho[b, a], by_values[a, b] = rho[a, b], a == b
    for start in range(0, len(roots), CHUNK):
        stop = min(start + CHUNK, len(roots))
        at, root = z[:, start:stop], roots[start:stop]
        for order in range(3):
            for a in range(n):
                number[a, a] = orders[order].space.rows[a]
            evaluated(kind, e, plane, (at, root), pairs_of_fields, orders[order])
        factors = prefactors(kind, plane.on, i, k, at)
        with_error = conditional_error(e, rho, orders, factors[0], by_covariance)
        collected(e, factors, with_error, i, k, by_covariance, by_weight)


@njit
def prefactors(kind, on, i, k, z):
    """Products of derivatives of g at x_i and x_k on the nodes, (6, nodes), in the order of ORDERS."""
    x_i, x_k, found = np.empty(z.shape[1]), np.empty(z.shape[1]), np.ones((6, z.shape[1]))
    for s in range(len(x_i)):
        x_i[s], x_k[s] = on[i, 0] * z[0, s], on[k, 0] * z[0, s] + on[k, 1] * z[1, s]
    for order in range(1, 4):
        g_i, g_k = derivative(kind, order, x_i), derivative(kind, order, x_k)
        for row in range(6):
            for s in range(len(x_i)):
                found[row, s] *= g_i[s] if ORDERS[0, row] == order else 1.0
                found[row, s] *= g_k[s] if ORDERS[1, row] == order else 1.0
    return found


@njit
def conditional_error(e, rho, orders, weight, by_covariance):
    """E[Delta g^(r)(x_a) | z] on the nodes, (3, n, nodes); adds 2 e_a e_b E g'_i g'_k g'_a g'_b to d/dC_ab."""
    n, size = len(e), len(weight)
    found, left, weighted, power = np.zeros((3, n, size)), np.empty(size), np.empty(size), np.ones((n, n))
    g, slope, curvature = orders[0].space, orders[1].space, orders[2].space
    least = exp(-orders[0].digits)
    for t in range(g.sizes.shape[1]):
        for a in range(n):
            size_of_a = max(g.sizes[a, t], slope.sizes[a, t], curvature.sizes[a, t]) if t > 0 else 1.0
            left[:], weighted[:] = 0.0, 0.0
            for b in range(n):
                if t < g.rows[b] and (t == 0 or abs(power[a, b]) * size_of_a * g.sizes[b, t] > least):
                    add(e[b] * power[a, b], g.u[b, t], left)
            for order in range(3):
                if t < orders[order].space.rows[a]:
                    multiply(orders[order].space.u[a, t], left, found[order, a])
            if t < slope.rows[a]:
                multiply(weight, slope.u[a, t], weighted)
                for b in range(a + 1):
                    size_of_both = abs(power[a, b]) * slope.sizes[a, t] * slope.sizes[b, t] if t > 0 else 1.0
                    if t < slope.rows[b] and size_of_both > least:
                        term = 2.0 * e[a] * e[b] * power[a, b] * dot(weighted, slope.u[b, t])
                        by_covariance[a, b] += term
                        if a != b:
                            by_covariance[b, a] += term
            for b in range(n):
                power[a, b] *= rho[a, b]
    return found


@njit(fastmath={"contract"})
def multiply(row, other, out):
    """out += row * other, as far as out goes."""
    for s in range(len(out)):
        out[s] += row[s] * other[s]


@njit
def collected(e, factors, with_error, i, k, by_covariance, by_weight):
    """Adds all terms with Delta."""
    squared = np.zeros(factors.shape[1])
    for a in range(len(e)):
        add(e[a], with_error[0, a], squared)
        by_weight[a] += 2.0 * dot(factors[0], with_error[0, a])
        by_covariance[a, a] += 2.0 * e[a] * dot(factors[0], with_error[2, a])
        for place in range(2):
            field, term = (k if place else i), 2.0 * e[a] * dot(factors[1 + place], with_error[1, a])
            by_covariance[field, a] += term
            by_covariance[a, field] += term
    by_covariance[i, i] += dot(factors[3], squared)
    by_covariance[k, k] += dot(factors[4], squared)
    cross = dot(factors[5], squared)
    by_covariance[i, k] += cross
    by_covariance[k, i] += cross
