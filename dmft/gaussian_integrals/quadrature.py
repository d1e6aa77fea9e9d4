"""Any smooth g: the trapezoidal rule for two fields, and Mehler's series for two more.

On the real line the trapezoidal rule converges geometrically: for fields of standard deviation s and g with poles at a distance
d from the real axis the error is exp(-2 pi d/(s STEP)), for tanh (d = pi/2) 1e-12 at s = 1 and 1e-6 at s = 2.

Given z_1 and z_2, which x_i and x_k are linear functions of, x_a has a mean m_a and a standard deviation s_a, and

    E[g(x_a) g(x_b) | z] = sum_n rho_ab^n u_an u_bn,   u_an = E[g(m_a + s_a z) He_n(z)]/sqrt(n!),

rho_ab the correlation of what is left of x_a and x_b.  What is left out after TERMS is at most exp(-2 d sqrt(2 TERMS)/s).
For each a the coefficients depend on m_a alone: they are tabulated, and interpolated by polynomials.
"""

from __future__ import annotations

from math import comb, sqrt

import numba
import numpy as np

from dmft.gaussian_integrals import activations

STEP = 0.35
TERMS = 32
# Distance of tabulated means, and the points of an interpolating polynomial.
GRID = 0.125
POINTS = 10
# Variance beyond which the nodes are too far apart for any activation, and the average is not a number.
BROADEST = 100.0
# Nodes with less weight than this are left out.
LEAST = 1e-14
# Less than this of a variance is rounding.
ROUNDING = 1e-14


def _trapezoidal(largest: int):
    """Nodes -largest ... largest times STEP, and weights of E over a standard normal variable."""
    z = STEP * np.arange(-largest, largest + 1)
    w = np.exp(-(z**2) / 2)
    return z, w / w.sum()


def _hermite(z, terms: int):
    """He_n(z)/sqrt(n!), (terms, len(z))."""
    rows = np.empty((terms, len(z)))
    below, row = np.zeros_like(z), np.ones_like(z)
    for n in range(terms):
        rows[n] = row
        below, row = row, (z * row - sqrt(n) * below) / sqrt(n + 1)
    return rows


Z, W = _trapezoidal(21)
# He_n is large far out.
Z_FAR, W_FAR = _trapezoidal(32)
# Of the barycentric formula on equidistant points: (-1)^l binomial(POINTS - 1, l).
BARYCENTRIC = np.array([(-1.0) ** point * comb(POINTS - 1, point) for point in range(POINTS)])
PROJECTION = np.ascontiguousarray((_hermite(Z_FAR, TERMS) * W_FAR).T)


@numba.njit(cache=True, error_model="numpy")
def regression(C, i, k, a):
    """Coefficients of x_a on z_1 and z_2 that make up x_i (the first alone) and x_k."""
    on_first = C[i, a] / sqrt(C[i, i]) if C[i, i] > 0.0 else 0.0
    k_first = C[i, k] / sqrt(C[i, i]) if C[i, i] > 0.0 else 0.0
    left = C[k, k] - k_first**2
    if left <= ROUNDING * C[k, k]:
        return on_first, 0.0
    return on_first, (C[k, a] - k_first * on_first) / sqrt(left)


@numba.njit(cache=True)
def derivative(kind, order, x):
    """g, g' or g'' at x."""
    if order == 0:
        return activations.value(kind, x)
    return activations.slope(kind, x) if order == 1 else activations.curvature(kind, x)


@numba.njit(cache=True)
def pair(kind, C, i, k, first, second):
    """E first(x_i) second(x_k); a function is named by the order of its derivative."""
    i_first, _ = regression(C, i, k, i)
    k_first, k_second = regression(C, i, k, k)
    total = 0.0
    for p in range(len(Z)):
        inner = 0.0
        for q in range(len(Z)):
            if W[p] * W[q] > LEAST:
                inner += W[q] * derivative(kind, second, k_first * Z[p] + k_second * Z[q])
        total += W[p] * derivative(kind, first, i_first * Z[p]) * inner
    return total


@numba.njit(cache=True)
def two_point(kind, C, i, k):
    """E g(x_i) g(x_k)."""
    return pair(kind, C, i, k, 0, 0)


@numba.njit(cache=True)
def slopes(kind, C, i, k):
    """E g'(x_i) g'(x_k)."""
    return pair(kind, C, i, k, 1, 1)


@numba.njit(cache=True)
def curvature(kind, C, i, k):
    """E g''(x_i) g(x_k)."""
    return pair(kind, C, i, k, 2, 0)


@numba.njit(cache=True)
def pairs(kind, C, students):
    """two_point, slopes and curvature of the first `students` fields with all fields, (3, students, n)."""
    found = np.empty((3, students, len(C)))
    for i in range(students):
        for a in range(len(C)):
            found[0, i, a] = two_point(kind, C, i, a)
            found[1, i, a] = slopes(kind, C, i, a)
            found[2, i, a] = curvature(kind, C, i, a)
    return found


@numba.njit(cache=True)
def four_point(kind, C, i, k, a, b):
    """E g'(x_i) g'(x_k) g(x_a) g(x_b)."""
    part = C[np.array((i, k, a, b))][:, np.array((i, k, a, b))]
    plus, minus = np.array((0.0, 0.0, 0.5, 0.5)), np.array((0.0, 0.0, 0.5, -0.5))
    return squared_error(kind, part, plus, 0, 1) - squared_error(kind, part, minus, 0, 1)


@numba.njit(cache=True)
def back_reaction(kind, C, e, out):
    """out_ik = sum_ab e_a e_b four_point(i, k, a, b)."""
    for i in range(len(out)):
        for k in range(i, len(out)):
            out[i, k] = out[k, i] = squared_error(kind, C, e, i, k)


@numba.njit(cache=True)
def squared_error(kind, C, e, i, k):
    """E g'(x_i) g'(x_k) [sum_a e_a g(x_a)]^2."""
    n = len(C)
    on_first, on_second, spread, rho = np.empty(n), np.empty(n), np.zeros(n), np.zeros((n, n))
    for a in range(n):
        on_first[a], on_second[a] = regression(C, i, k, a)
        left = C[a, a] - on_first[a] ** 2 - on_second[a] ** 2
        spread[a] = sqrt(left) if left > ROUNDING * C[a, a] else 0.0
        for b in range(a):
            if spread[a] > 0.0 and spread[b] > 0.0:
                left = C[a, b] - on_first[a] * on_first[b] - on_second[a] * on_second[b]
                rho[a, b] = min(1.0, max(-1.0, left / (spread[a] * spread[b])))
    powers, largest = np.ones((n, n, TERMS)), 0.0
    for a in range(n):
        largest = max(largest, C[a, a])
        for b in range(a):
            for term in range(1, TERMS):
                powers[a, b, term] = powers[a, b, term - 1] * rho[a, b]
    if not largest < BROADEST:
        return np.nan
    reach = Z[-1] * sqrt(largest)
    tables = np.empty((n, 2 * int(reach / GRID) + 2 * POINTS, TERMS + 1))
    for a in range(n):
        if spread[a] > 0.0:
            tabulate(kind, spread[a], tables[a])
    u, total = np.zeros((n, TERMS + 1)), 0.0
    for p in range(len(Z)):
        for q in range(len(Z)):
            if W[p] * W[q] > LEAST:
                for a in range(n):
                    mean = on_first[a] * Z[p] + on_second[a] * Z[q]
                    if spread[a] > 0.0:
                        interpolate(tables[a], mean, u[a])
                    else:
                        u[a, 0] = activations.value(kind, mean)
                        u[a, TERMS] = u[a, 0] ** 2
                slope_i = activations.slope(kind, on_first[i] * Z[p])
                slope_k = activations.slope(kind, on_first[k] * Z[p] + on_second[k] * Z[q])
                total += W[p] * W[q] * slope_i * slope_k * mehler(e, powers, u)
    return total


@numba.njit(cache=True)
def tabulate(kind, spread, table):
    """u_n, and E g^2, of g(mean + spread z) for means GRID apart, the middle of the table at zero."""
    for row in range(len(table)):
        for term in range(TERMS + 1):
            table[row, term] = 0.0
        mean = GRID * (row - len(table) // 2)
        for node in range(len(Z_FAR)):
            g = activations.value(kind, mean + spread * Z_FAR[node])
            table[row, TERMS] += W_FAR[node] * g * g
            for term in range(TERMS):
                table[row, term] += g * PROJECTION[node, term]


@numba.njit(cache=True)
def interpolate(table, mean, u):
    """The row of a mean between those of the table."""
    place = mean / GRID + len(table) // 2
    first = int(place) - POINTS // 2 + 1
    weights, norm = np.empty(POINTS), 0.0
    for point in range(POINTS):
        # On a point of the table its weight outdoes all others.
        weights[point] = BARYCENTRIC[point] / (place - first - point + 1e-200)
        norm += weights[point]
    u[:] = 0.0
    for point in range(POINTS):
        for term in range(TERMS + 1):
            u[term] += weights[point] / norm * table[first + point, term]


@numba.njit(cache=True, fastmath=True)
def mehler(e, powers, u):
    """E[sum_a e_a g(x_a)]^2 from the coefficients of every field and the powers of their correlations."""
    total = 0.0
    for a in range(len(e)):
        total += e[a] * e[a] * u[a, TERMS]
        for b in range(a):
            series = 0.0
            for term in range(TERMS):
                series += powers[a, b, term] * u[a, term] * u[b, term]
            total += 2.0 * e[a] * e[b] * series
    return total
