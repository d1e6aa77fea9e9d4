"""g(x) = max(x, 0), g' = theta.  As theta^2 = theta and g = x theta, everything is a moment over an orthant x_S > 0:

four_point(i, k, a, b) = E[x_a x_b 1(x_S > 0)],   S = {i, k, a, b} without repetitions.
"""

from __future__ import annotations

from math import pi, sqrt

import numpy as np

from dmft.compiled import njit
from dmft.mathematics.gaussian_integrals.orthant import angle, orthant, others
from dmft.mathematics.gaussian_integrals.orthant_moments import densities, regular_moments, second_moments, sine
from dmft.mathematics.gaussian_integrals.tables import tabulated

# Overlaps carry rounding errors of 1e-16, angles thus of 1e-8, and rates inherit them: angles below 1e-6 count as zero.
PROPORTIONAL = 1e-12
# Of a correlation, for differences.
STEP = 1.5e-8


@njit
def correlation(C, i, k):
    """C_ik/sqrt(C_ii C_kk), in [-1, 1]; fields are in proportion if rounding leaves no other choice."""
    r = C[i, k] / sqrt(C[i, i] * C[k, k])
    if abs(r) > 1.0 - PROPORTIONAL:
        return 1.0 if r > 0.0 else -1.0
    return r


@njit
def two_point(C, i, k):
    """[sqrt(C_ii C_kk - C_ik^2) + C_ik (pi/2 + asin r)]/(2 pi)."""
    r = correlation(C, i, k)
    return sqrt(C[i, i] * C[k, k]) * (sine(r) + r * (pi / 2 + angle(r))) / (2.0 * pi)


@njit
def slopes(C, i, k):
    """1/4 + asin(r)/(2 pi)."""
    return 0.25 + angle(correlation(C, i, k)) / (2.0 * pi)


@njit
def curvature(C, i, k):
    """E delta(x_i) g(x_k) = sqrt(C_kk - C_ik^2/C_ii)/(2 pi sqrt(C_ii))."""
    r = correlation(C, i, k)
    return sqrt(C[k, k] / C[i, i]) * sine(r) / (2.0 * pi)


pairs = tabulated(two_point, slopes, curvature)


@njit
def four_point(C, i, k, a, b):
    """E theta(x_i) theta(x_k) g(x_a) g(x_b)."""
    S, size = np.empty(4, np.int64), 0
    for new in (a, b, i, k):
        if new not in S[:size]:
            S[size] = new
            size += 1
    part, D, RD, moments = np.empty((4, 4)), np.empty((4, 4)), np.empty((4, 4)), np.empty((4, 4))
    of_fields(correlations(C), S, size, part)
    second_moments(part, size, D, RD, moments)
    return sqrt(C[a, a] * C[b, b]) * moments[0, 0 if a == b else 1]


@njit
def correlations(C):
    """C_ik/sqrt(C_ii C_kk) of all fields."""
    R = np.eye(len(C))
    for i in range(len(C)):
        for k in range(i):
            R[i, k] = R[k, i] = correlation(C, i, k)
    return R


@njit
def of_unit_fields(C, e):
    """e_i sqrt(C_ii), for fields divided by their standard deviations."""
    scaled = np.empty(len(e))
    for i in range(len(e)):
        scaled[i] = e[i] * sqrt(C[i, i])
    return scaled


@njit
def of_fields(R, S, size, part):
    """Correlations of the first `size` fields of S, (4, 4), zero for the others."""
    part[:] = 0.0
    for a in range(size):
        for b in range(size):
            part[a, b] = R[S[a], S[b]]


@njit
def back_reaction(C, e, out):
    """out_ik = sum_ab e_a e_b four_point(i, k, a, b): each orthant once for all the sums that it is part of."""
    R, e = correlations(C), of_unit_fields(C, e)
    part, D, RD, moments = np.empty((4, 4)), np.empty((4, 4)), np.empty((4, 4)), np.empty((4, 4))
    out[:] = 0.0
    # A plain 1 has all that follows compiled twice, for this number and for any.
    S, size = np.zeros(4, np.int64), np.int64(1)
    while size > 0:
        of_fields(R, S, size, part)
        second_moments(part, size, D, RD, moments)
        add_moments(e, S, size, moments, 1.0, out)
        size = next_set(S, size, len(C), len(out))
    symmetrise(out)


@njit
def next_set(S, size, n, students):
    """Go on to the next set of fields in ascending order, in place; its size, 0 after the last one.

    One field of a set carries a slope at least, and two of four do; only students do, the first ones.
    """
    if size < 4 and S[size - 1] + 1 < n and (size < 3 or S[1] < students):
        S[size] = S[size - 1] + 1
        return size + 1
    while size > 0:
        S[size - 1] += 1
        if S[size - 1] < (students if size == 1 else n):
            return size
        size -= 1
    return 0


@njit
def add_moments(e, S, size, moments, weight, out):
    """`weight` times sum_ab e_a e_b E[x_a x_b 1_S], a and b such that {i, k, a, b} = S, to the upper triangle of out_ik."""
    for i in range(size):
        for k in range(max(i, i + size - 3), size):
            if S[k] < len(out):
                out[S[i], S[k]] += weight * sum_of_rest(e, S, size, moments, i, k)


@njit(inline="always")
def sum_of_rest(e, S, size, moments, i, k):
    """That sum for one i <= k."""
    slopes = 1 if i == k else 2
    if size - slopes == 2:
        a, b = others(i, k if i < k else 3)
        return 2.0 * e[S[a]] * e[S[b]] * moments[a, b]
    total = 0.0
    for a in range(size):
        for b in range(a + 1):
            if size == slopes or a not in (i, k) or b not in (i, k):
                total += (1.0 if a == b else 2.0) * e[S[a]] * e[S[b]] * moments[a, b]
    return total


@njit
def sensitivity(C, e, students, digits):
    """Derivatives of back_reaction[i, k], i <= k, by C_jm = C_mj (students, students, n, n) and by e (students, students, n).

    No four fields may be in a plane.  Errors are those of differences, whatever `digits` are.
    """
    n, R = len(C), correlations(C)
    lengths = of_unit_fields(C, np.ones(n))
    by_R, by_scaled = sensitivity_of_unit_fields(R, of_unit_fields(C, e), students)
    by_C, by_e = np.zeros((students, students, n, n)), np.empty((students, students, n))
    # Loops over the entries: sums of matrices, and transposed ones, take ten times as long to compile.
    for j in range(n):
        for i in range(students):
            for k in range(students):
                by_C[i, k, j, j] += by_scaled[j, i, k] * e[j] / (2.0 * lengths[j])
                by_e[i, k, j] = by_scaled[j, i, k] * lengths[j]
                for m in range(j):
                    by_C[i, k, j, m] = by_C[i, k, m, j] = by_R[j, m, i, k] / (lengths[j] * lengths[m])
                    by_C[i, k, j, j] -= by_R[j, m, i, k] * R[j, m] / (2.0 * C[j, j])
                    by_C[i, k, m, m] -= by_R[j, m, i, k] * R[j, m] / (2.0 * C[m, m])
    return by_C, by_e


@njit
def sensitivity_of_unit_fields(R, e, students):
    """The same for fields of unit variance, by R_jm with j > m, (n, n, students, students), and by e, (n, students, students).

    By differences set by set: a step of R_jm moves those with j and m alone.
    """
    # As above, not a plain 1.
    n, S, size = len(R), np.zeros(4, np.int64), np.int64(1)
    by_R, by_e = np.zeros((n, n, students, students)), np.zeros((n, students, students))
    part, D, RD, moments = np.empty((4, 4)), np.empty((4, 4)), np.empty((4, 4)), np.empty((4, 4))
    moved, D_moved = np.empty((4, 4)), np.empty((4, 4))
    while size > 0:
        of_fields(R, S, size, part)
        densities(part, size, D)
        probability = orthant(part, size)
        regular_moments(part, probability, D, RD, moments)
        for j in range(size):
            add_derivative(e, S, size, moments, S[j], by_e[S[j]])
            for m in range(j):
                r, step = part[j, m], -STEP if part[j, m] > 0.0 else STEP
                part[j, m] = part[m, j] = r + step
                densities(part, size, D_moved)
                # dP_S = D_jm sine d(angle), by the trapezoidal rule: D_jm itself is large where fields are close.
                gained = (D[j, m] * sine(r) + D_moved[j, m] * sine(r + step)) / 2.0 * (angle(r + step) - angle(r))
                regular_moments(part, probability + gained, D_moved, RD, moved)
                part[j, m] = part[m, j] = r
                for a in range(4):
                    for b in range(4):
                        moved[a, b] = (moved[a, b] - moments[a, b]) / step
                add_moments(e, S, size, moved, 1.0, by_R[S[j], S[m]])
        size = next_set(S, size, n, students)
    return by_R, by_e


@njit
def add_derivative(e, S, size, moments, field, out):
    """The derivative of `add_moments` by e of one field; differences of a quadratic function are exact."""
    kept = e[field]
    e[field] = kept + 1.0
    add_moments(e, S, size, moments, 0.5, out)
    e[field] = kept - 1.0
    add_moments(e, S, size, moments, -0.5, out)
    e[field] = kept


@njit
def symmetrise(out):
    """The upper triangle below the diagonal too."""
    for i in range(len(out)):
        for k in range(i):
            out[i, k] = out[k, i]
