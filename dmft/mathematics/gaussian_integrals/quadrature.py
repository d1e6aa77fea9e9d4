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
# A variance left that is smaller than this part of the whole is rounding.
NEGLIGIBLE = 1e-14
# Nodes that are worked on at a time.
CHUNK = 512


class Space(NamedTuple):
    """Arrays that are filled anew for each plane: the expansion of every field in the coordinates of the plane.

    B (n, t, p), sizes (n, t), reach (n, t): see `conditional`; least (t,): the smallest entry of a row of B that counts.
    rows (n,): number of rows t of each field; columns (2, n): number of columns p of row 0, and of the other rows.
    basis (n, p, CHUNK), u (n, t, CHUNK): h_p(y_a) and u_at on some nodes, times the root of the weights.
    """

    B: np.ndarray
    sizes: np.ndarray
    reach: np.ndarray
    least: np.ndarray
    rows: np.ndarray
    columns: np.ndarray
    basis: np.ndarray
    u: np.ndarray


class Fields(NamedTuple):
    """The series of g, or of a derivative of g, for all n fields.

    order: order of the derivative; exp(-digits): smaller terms are left out.
    numbers (n,), c (n, terms), left (n, terms): number of terms, coefficients, and the largest coefficient from each one on.
    """

    order: int
    digits: float
    numbers: np.ndarray
    c: np.ndarray
    left: np.ndarray
    space: Space


class Plane(NamedTuple):
    """The fields given the coordinates z of a plane: x_a = on_a.z + spread_a eta_a, on (n, 2), spread (n,)."""

    on: np.ndarray
    spread: np.ndarray


class Products(NamedTuple):
    """Sums over t of rho_ab^t u_at u_bt for pairs of fields a >= b, (n, n) each.

    number: terms t that a pair needs; by_values: True if they are summed over values on the nodes, not over pairs h_p h_q.
    """

    rho: np.ndarray
    number: np.ndarray
    by_values: np.ndarray


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
    return Fields(order, digits, numbers, c, left, working_space(n, most))


@njit
def working_space(n, most):
    """Arrays for n fields with at most so many terms."""
    B, sizes, reach, least = np.empty((n, most, most)), np.empty((n, most)), np.empty((n, most), np.int64), np.empty(most)
    rows, columns = np.empty(n, np.int64), np.empty((2, n), np.int64)
    return Space(B, sizes, reach, least, rows, columns, np.empty((n, most, CHUNK)), np.empty((n, most, CHUNK)))


@njit
def squared_error(kind, C, e, fields, i, k):
    """E g'(x_i) g'(x_k) [sum_a e_a g(x_a)]^2."""
    plane = conditioned(C, i, k)
    z, roots, positive = lattice(kind, plane.on, i, k, correlation(C, i, k) ** 2, True, fields.digits)
    expanded(C, plane, fields)
    pairs_of_fields = products(C, plane, fields)
    total = 0.0
    for sign, begin, end in ((1.0, 0, positive), (-1.0, positive, len(roots))):
        for start in range(begin, end, CHUNK):
            stop = min(start + CHUNK, end)
            error = evaluated(kind, e, plane, (z[:, start:stop], roots[start:stop]), pairs_of_fields, fields)
            total += sign * dot(error, error)
            total += sign * correlated(e, pairs_of_fields, stop - start, fields)
    return total


@njit
def conditioned(C, i, k):
    """The plane of x_i, which is along the first coordinate, and x_k."""
    on, spread = np.zeros((len(C), 2)), np.zeros(len(C))
    first = sqrt(C[i, i]) if C[i, i] > 0.0 else np.inf
    left = C[k, k] - (C[i, k] / first) ** 2
    second = sqrt(left) if left > NEGLIGIBLE * C[k, k] else np.inf
    for a in range(len(C)):
        on[a, 0] = C[i, a] / first
        on[a, 1] = (C[k, a] - C[i, k] / first * on[a, 0]) / second if a != i else 0.0
        left = C[a, a] - on[a, 0] ** 2 - on[a, 1] ** 2
        spread[a] = sqrt(left) if left > NEGLIGIBLE * C[a, a] else 0.0
    return Plane(on, spread)


@njit
def expanded(C, plane, fields):
    """Fills B, sizes, reach, least, rows and columns of the fields' space."""
    space, least = fields.space, exp(-fields.digits)
    most = space.sizes.shape[1]
    others = np.empty(most)
    space.rows[:], space.columns[:], space.sizes[:] = 1, 1, 0.0
    for t in range(most):
        others[t] = largest(fields.left, t)
    for a in range(len(C)):
        if plane.spread[a] > 0.0:
            along = sqrt((plane.on[a, 0] ** 2 + plane.on[a, 1] ** 2) / C[a, a])
            series_left = (fields.c[a, : fields.numbers[a]], fields.left[a])
            conditional(series_left, others, least, (along, plane.spread[a] / sqrt(C[a, a])), a, space)
    for t in range(most):
        size = largest(space.sizes, t)
        space.least[t] = least / (size if t > 0 and size > 0.0 else 1.0)
        for a in range(len(C)):
            if plane.spread[a] > 0.0 and t < fields.numbers[a]:
                cut_row(space, a, t)


@njit
def cut_row(space, a, t):
    """Ends row t of a field at its last entry that counts, and counts the row."""
    while space.reach[a, t] > 0 and abs(space.B[a, t, space.reach[a, t] - 1]) < space.least[t]:
        space.reach[a, t] -= 1
    if space.sizes[a, t] > space.least[t]:
        space.rows[a] = t + 1
        space.columns[min(t, 1), a] = max(space.columns[min(t, 1), a], space.reach[a, t])


@njit
def largest(table, t):
    """The largest entry of a column."""
    found = table[0, t]
    for a in range(len(table)):
        found = max(found, table[a, t])
    return found


@njit
def products(C, plane, fields):
    """The products of all pairs of fields that are not functions of the plane alone."""
    n, space = len(C), fields.space
    rho, number, by_values = np.ones((n, n)), np.zeros((n, n), np.int64), np.ones((n, n), np.bool_)
    for a in range(n):
        for b in range(a + 1):
            if plane.spread[a] > 0.0 and plane.spread[b] > 0.0:
                if a != b:
                    left = C[a, b] - plane.on[a, 0] * plane.on[b, 0] - plane.on[a, 1] * plane.on[b, 1]
                    rho[a, b] = min(1.0, max(-1.0, left / (plane.spread[a] * plane.spread[b])))
                number[a, b] = terms_of_product(rho[a, b], a, b, fields)
                by_values[a, b] = space.columns[1, a] * space.columns[1, b] > 8 * number[a, b]
    return Products(rho, number, by_values)


@njit
def terms_of_product(rho, a, b, fields):
    """Number of terms t of sum_t rho^t u_at u_bt that count."""
    space, least, number, power = fields.space, exp(-fields.digits), 0, 1.0
    for t in range(1, min(space.rows[a], space.rows[b])):
        power *= abs(rho)
        if power < 1e-4 * least:
            break
        if power * space.sizes[a, t] * space.sizes[b, t] > least:
            number = t + 1
    return number


@njit
def evaluated(kind, e, plane, nodes, products, fields):
    """Fills basis and u on some nodes, coordinates (2, m) and roots of weights (m,); returns sum_a e_a u_a0."""
    z, roots = nodes
    space, error, mean = fields.space, np.zeros(len(roots)), np.empty(len(roots))
    for a in range(len(e)):
        length = sqrt(plane.on[a, 0] ** 2 + plane.on[a, 1] ** 2)
        scale = length if plane.spread[a] > 0.0 and length > 0.0 else 1.0
        for s in range(len(roots)):
            mean[s] = (plane.on[a, 0] * z[0, s] + plane.on[a, 1] * z[1, s]) / scale
        if plane.spread[a] > 0.0:
            polynomials(mean, roots, space.basis[a, : max(space.columns[0, a], space.columns[1, a])])
            for t in range(terms_by_values(products, a)):
                combined(space, a, t, len(roots))
        else:
            g = derivative(kind, fields.order, mean)
            for s in range(len(roots)):
                space.u[a, 0, s] = roots[s] * g[s]
        add(e[a], space.u[a, 0], error)
    return error


@njit
def terms_by_values(products, a):
    """Number of terms u_at of a field whose values on the nodes are needed."""
    needed = 1
    for b in range(len(products.number)):
        high, low = max(a, b), min(a, b)
        if products.by_values[high, low]:
            needed = max(needed, products.number[high, low])
    return needed


@njit
def combined(space, a, t, size):
    """Fills u_at = sum_p B_a,tp h_p(y_a) on the nodes."""
    space.u[a, t, :size] = 0.0
    for p in range(space.reach[a, t]):
        if abs(space.B[a, t, p]) > space.least[t]:
            add(space.B[a, t, p], space.basis[a, p], space.u[a, t, :size])


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
def correlated(e, products, size, fields):
    """sum_ab e_a e_b sum_t>0 rho_ab^t of u_at u_bt, summed over the nodes."""
    total = 0.0
    for a in range(len(e)):
        for b in range(a + 1):
            rho, number = products.rho[a, b], products.number[a, b]
            if products.by_values[a, b]:
                both = sum_by_values(rho, number, a, b, size, fields)
            else:
                both = sum_by_columns(rho, number, a, b, size, fields)
            total += e[a] * e[b] * both * (1.0 if a == b else 2.0)
    return total


@njit
def sum_by_values(rho, number, a, b, size, fields):
    """sum_t>0 rho^t u_at u_bt, from values on the nodes."""
    total, power = 0.0, 1.0
    for t in range(1, number):
        power *= rho
        total += power * dot(fields.space.u[a, t, :size], fields.space.u[b, t, :size])
    return total


@njit
def sum_by_columns(rho, number, a, b, size, fields):
    """The same from sums over the nodes of h_p(y_a) h_q(y_b)."""
    space, total, least = fields.space, 0.0, exp(-fields.digits)
    weights = contracted(rho, number, a, b, space)
    for p in range(space.columns[1, a]):
        for q in range(p + 1 if a == b else space.columns[1, b]):
            if abs(weights[p, q]) > least:
                term = weights[p, q] * dot(space.basis[a, p, :size], space.basis[b, q, :size])
                total += 2.0 * term if a == b and p != q else term
    return total


@njit
def contracted(rho, number, a, b, space):
    """sum_t>0 rho^t B_a,tp B_b,tq for all p and q that count."""
    weights, power = np.zeros((space.columns[1, a], space.columns[1, b])), 1.0
    for t in range(1, number):
        power *= rho
        for p in range(space.reach[a, t]):
            factor = power * space.B[a, t, p]
            # Every other one of an odd or even function.
            if factor != 0.0:
                add(factor, space.B[b, t], weights[p, : space.reach[b, t]])
    return weights
