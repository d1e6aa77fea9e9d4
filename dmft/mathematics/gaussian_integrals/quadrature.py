"""Any smooth g: Hermite series for two fields; for four, a lattice for two of them and series for the others.

Given the coordinates z of the plane of x_i and x_k, x_a = m_a(z) + s_a eta_a with the eta_a of covariance rho, and

    E[g(x_a) g(x_b) | z] = sum_t rho_ab^t u_at(z) u_bt(z),   u_at(z) = sum_p B_a,tp h_p(y_a),

y_a the component of z along the gradient of m_a, h_p and B as in `hermite_series`.  Averages over z of a product are sums over
nodes of u_at u_bt, or of h_p(y_a) h_q(y_b) if p and q take fewer values than t.  Differences of fields that are nearly equal
keep their digits: their series end at the same term.

Errors for tanh are 1e-9 at variances up to 2 and, for want of terms, 1e-6 up to 8; smaller for poles further away or none.
"""

from __future__ import annotations

from math import exp, sqrt
from typing import NamedTuple

import numpy as np

from dmft.compiled import njit
from dmft.mathematics.gaussian_integrals.hermite_series import (
    conditional,
    derivative,
    dot,
    largest_left,
    projection,
    series,
    terms,
)
from dmft.mathematics.gaussian_integrals.lattice import lattice

# Natural logarithm of one over the error that is aimed at.
DIGITS = 24.0
# Variance beyond which there are too few terms for any activation, and the average is not a number.
BROADEST = 100.0
# Less than this of a variance is rounding.
ROUNDING = 1e-14
# Nodes that are worked on at a time.
CHUNK = 512


class Fields(NamedTuple):
    """The series of g, or of a derivative, for all n fields, and space for what is made of them for each plane.

    order: that of the derivative of g that is meant; exp(-digits): terms that are smaller are left out.
    numbers (n,), c (n, terms), left (n, terms): terms, coefficients and the largest of those to come.
    B (n, t, p), sizes (n, t), reach (n, t): see `conditional`.
    basis (n, p, CHUNK), u (n, t, CHUNK): h_p(y_a) and u_at on some nodes, times the root of the weights.
    """

    order: int
    digits: float
    numbers: np.ndarray
    c: np.ndarray
    left: np.ndarray
    B: np.ndarray
    sizes: np.ndarray
    reach: np.ndarray
    least: np.ndarray
    basis: np.ndarray
    u: np.ndarray


@njit
def too_broad(C):
    """True if any variance is too large or not a number."""
    broad = False
    for a in range(len(C)):
        broad = broad or not C[a, a] < BROADEST
    return broad


@njit
def nodes(kind, C, numbers, digits):
    """Those of `projection` for all fields with covariance C."""
    broadest, number = 0.0, 0
    for a in range(len(C)):
        broadest, number = max(broadest, C[a, a]), max(number, numbers[a])
    return projection(kind, sqrt(broadest), number, digits)


@njit
def pairs(kind, C, students):
    """two_point, slopes and curvature of the first `students` fields with all fields, (3, students, n)."""
    found = np.empty((3, students, len(C)))
    if too_broad(C):
        found[:] = np.nan
        return found
    numbers = terms(kind, C, DIGITS)
    at = nodes(kind, C, numbers, DIGITS)
    c = np.empty((3, len(C), len(at[1])))
    for order in range(3):
        series(kind, order, C, numbers, at, c[order])
    for i in range(students):
        for a in range(len(C)):
            rho, power = correlation(C, i, a), 1.0
            found[:, i, a] = 0.0
            for n in range(min(numbers[i], numbers[a])):
                found[0, i, a] += power * c[0, i, n] * c[0, a, n]
                found[1, i, a] += power * c[1, i, n] * c[1, a, n]
                found[2, i, a] += power * c[2, i, n] * c[0, a, n]
                power *= rho
    return found


@njit
def correlation(C, i, a):
    """C_ia/sqrt(C_ii C_aa)."""
    both = C[i, i] * C[a, a]
    return min(1.0, max(-1.0, C[i, a] / sqrt(both))) if both > 0.0 else 0.0


@njit
def back_reaction(kind, C, e, out):
    """out_ik = sum_ab e_a e_b four_point(i, k, a, b)."""
    if too_broad(C):
        out[:] = np.nan
        return
    fields = prepared(kind, C, 0, DIGITS)
    for i in range(len(out)):
        for k in range(i, len(out)):
            out[i, k] = out[k, i] = squared_error(kind, C, e, fields, i, k)


@njit
def four_point(kind, C, i, k, a, b):
    """E g'(x_i) g'(x_k) g(x_a) g(x_b)."""
    at, part = (i, k, a, b), np.empty((4, 4))
    for row in range(4):
        for column in range(4):
            part[row, column] = C[at[row], at[column]]
    plus, minus = np.array((0.0, 0.0, 0.5, 0.5)), np.array((0.0, 0.0, 0.5, -0.5))
    fields = prepared(kind, part, 0, DIGITS)
    return squared_error(kind, part, plus, fields, 0, 1) - squared_error(kind, part, minus, fields, 0, 1)


@njit
def prepared(kind, C, order, digits):
    """The fields with covariance C, for a derivative of g."""
    n, numbers = len(C), terms(kind, C, digits)
    at = nodes(kind, C, numbers, digits)
    most = len(at[1])
    c, left = np.empty((n, most)), np.empty((n, most))
    series(kind, order, C, numbers, at, c)
    for a in range(n):
        largest_left(c[a], left[a])
    B, basis, u = np.empty((n, most, most)), np.empty((n, most, CHUNK)), np.empty((n, most, CHUNK))
    return Fields(
        order, digits, numbers, c, left, B, np.empty((n, most)), np.empty((n, most), np.int64), np.empty(most), basis, u
    )


@njit
def squared_error(kind, C, e, fields, i, k):
    """E g'(x_i) g'(x_k) [sum_a e_a g(x_a)]^2."""
    on, spread = regressions(C, i, k)
    z, roots, positive = lattice(kind, on, i, k, correlation(C, i, k) ** 2, True, fields.digits)
    rows, columns = np.empty(len(C), np.int64), np.empty((2, len(C)), np.int64)
    expanded(C, on, spread, fields, rows, columns)
    rho, number, by_values = products(C, on, spread, rows, columns, fields)
    total = 0.0
    for sign, begin, end in ((1.0, 0, positive), (-1.0, positive, len(roots))):
        for start in range(begin, end, CHUNK):
            stop = min(start + CHUNK, end)
            error = evaluated(kind, e, on, spread, z[:, start:stop], roots[start:stop], columns, number, by_values, fields)
            total += sign * dot(error, error)
            total += sign * correlated(e, rho, number, by_values, columns, stop - start, fields)
    return total


@njit
def regressions(C, i, k):
    """Coefficients (n, 2) of all fields on z_1 and z_2 that make up x_i (the first alone) and x_k, and what is left, (n,)."""
    on, spread = np.zeros((len(C), 2)), np.zeros(len(C))
    first = sqrt(C[i, i]) if C[i, i] > 0.0 else np.inf
    left = C[k, k] - (C[i, k] / first) ** 2
    second = sqrt(left) if left > ROUNDING * C[k, k] else np.inf
    for a in range(len(C)):
        on[a, 0] = C[i, a] / first
        on[a, 1] = (C[k, a] - C[i, k] / first * on[a, 0]) / second if a != i else 0.0
        left = C[a, a] - on[a, 0] ** 2 - on[a, 1] ** 2
        spread[a] = sqrt(left) if left > ROUNDING * C[a, a] else 0.0
    return on, spread


@njit
def expanded(C, on, spread, fields, rows, columns):
    """Fills B, sizes, reach and least; and the rows t of each field that count, and the columns p of row 0 and of others."""
    most = fields.sizes.shape[1]
    others = np.empty(most)
    rows[:], columns[:], fields.sizes[:] = 1, 1, 0.0
    for t in range(most):
        others[t] = largest(fields.left, t)
    fields.sizes[:] = 0.0
    for a in range(len(C)):
        if spread[a] > 0.0:
            along, left = sqrt((on[a, 0] ** 2 + on[a, 1] ** 2) / C[a, a]), spread[a] / sqrt(C[a, a])
            c = fields.c[a, : fields.numbers[a]]
            conditional(
                c, fields.left[a], others, exp(-fields.digits), along, left, fields.B[a], fields.sizes[a], fields.reach[a]
            )
    for t in range(most):
        size = largest(fields.sizes, t)
        fields.least[t] = exp(-fields.digits) / (size if t > 0 and size > 0.0 else 1.0)
        for a in range(len(C)):
            if spread[a] > 0.0 and t < fields.numbers[a]:
                while fields.reach[a, t] > 0 and abs(fields.B[a, t, fields.reach[a, t] - 1]) < fields.least[t]:
                    fields.reach[a, t] -= 1
                if fields.sizes[a, t] > fields.least[t]:
                    rows[a] = t + 1
                    columns[min(t, 1), a] = max(columns[min(t, 1), a], fields.reach[a, t])


@njit
def largest(table, t):
    """The largest entry of a column."""
    found = table[0, t]
    for a in range(len(table)):
        found = max(found, table[a, t])
    return found


@njit
def products(C, on, spread, rows, columns, fields):
    """rho_ab, the terms t that a and b need, and whether they are summed over values u_at u_bt on the nodes; a >= b."""
    n, least = len(C), exp(-fields.digits)
    rho, number, by_values = np.ones((n, n)), np.zeros((n, n), np.int64), np.ones((n, n), np.bool_)
    for a in range(n):
        for b in range(a + 1):
            if spread[a] > 0.0 and spread[b] > 0.0:
                if a != b:
                    left = C[a, b] - on[a, 0] * on[b, 0] - on[a, 1] * on[b, 1]
                    rho[a, b] = min(1.0, max(-1.0, left / (spread[a] * spread[b])))
                power = 1.0
                for t in range(1, min(rows[a], rows[b])):
                    power *= abs(rho[a, b])
                    if power < 1e-4 * least:
                        break
                    if power * fields.sizes[a, t] * fields.sizes[b, t] > least:
                        number[a, b] = t + 1
                by_values[a, b] = columns[1, a] * columns[1, b] > 8 * number[a, b]
    return rho, number, by_values


@njit
def evaluated(kind, e, on, spread, z, roots, columns, number, by_values, fields):
    """Fills basis and u on the nodes z; returns sum_a e_a u_a0.  See `products` for `number`."""
    size = len(roots)
    error = np.zeros(size)
    for a in range(len(e)):
        u, mean, length = fields.u[a], np.empty(size), sqrt(on[a, 0] ** 2 + on[a, 1] ** 2)
        scale = length if spread[a] > 0.0 and length > 0.0 else 1.0
        for s in range(size):
            mean[s] = (on[a, 0] * z[0, s] + on[a, 1] * z[1, s]) / scale
        if spread[a] > 0.0:
            polynomials(mean, roots, fields.basis[a, : max(columns[0, a], columns[1, a])])
            needed = 1
            for b in range(len(e)):
                high, low = max(a, b), min(a, b)
                if by_values[high, low]:
                    needed = max(needed, number[high, low])
            for t in range(needed):
                u[t, :size] = 0.0
                for p in range(fields.reach[a, t]):
                    if abs(fields.B[a, t, p]) > fields.least[t]:
                        add(fields.B[a, t, p], fields.basis[a, p], u[t, :size])
        else:
            g = derivative(kind, fields.order, mean)
            for s in range(size):
                u[0, s] = roots[s] * g[s]
        add(e[a], u[0], error)
    return error


@njit(fastmath={"contract"})
def add(factor, row, out):
    """out += factor * row, as far as out goes."""
    for s in range(len(out)):
        out[s] += factor * row[s]


@njit
def polynomials(y, roots, out):
    """Rows h_p(y), times `roots`."""
    for s in range(len(roots)):
        out[0, s] = roots[s]
    if len(out) > 1:
        for s in range(len(roots)):
            out[1, s] = y[s] * roots[s]
    for p in range(2, len(out)):
        recurrence(p, y, out[p - 1], out[p - 2], out[p])


@njit(fastmath={"contract"})
def recurrence(p, y, last, below, out):
    """h_p = (y h_{p-1} - sqrt(p - 1) h_{p-2})/sqrt(p), as far as y goes."""
    up, down = 1.0 / sqrt(p), sqrt((p - 1.0) / p)
    for s in range(len(y)):
        out[s] = up * y[s] * last[s] - down * below[s]


@njit
def correlated(e, rho, number, by_values, columns, size, fields):
    """sum_ab e_a e_b sum_t>0 rho_ab^t of u_at u_bt, summed over the nodes."""
    total, least = 0.0, exp(-fields.digits)
    for a in range(len(e)):
        for b in range(a + 1):
            both = 0.0
            if by_values[a, b]:
                power = 1.0
                for t in range(1, number[a, b]):
                    power *= rho[a, b]
                    both += power * dot(fields.u[a, t, :size], fields.u[b, t, :size])
            else:
                weights = contracted(rho[a, b], number[a, b], columns, a, b, fields)
                for p in range(columns[1, a]):
                    for q in range(p + 1 if a == b else columns[1, b]):
                        if abs(weights[p, q]) > least:
                            term = weights[p, q] * dot(fields.basis[a, p, :size], fields.basis[b, q, :size])
                            both += 2.0 * term if a == b and p != q else term
            total += e[a] * e[b] * both * (1.0 if a == b else 2.0)
    return total


@njit
def contracted(rho, number, columns, a, b, fields):
    """sum_t>0 rho^t B_a,tp B_b,tq for all p and q that count."""
    weights, power = np.zeros((columns[1, a], columns[1, b])), 1.0
    for t in range(1, number):
        power *= rho
        for p in range(fields.reach[a, t]):
            factor = power * fields.B[a, t, p]
            # Every other one of an odd or even function.
            if factor != 0.0:
                add(factor, fields.B[b, t], weights[p, : fields.reach[b, t]])
    return weights
