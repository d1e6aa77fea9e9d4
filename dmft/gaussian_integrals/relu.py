"""g(x) = max(x, 0), g' = theta.  As theta^2 = theta and g = x theta, everything is a moment over an orthant x_S > 0:

    four_point(i, k, a, b) = E[x_a x_b 1(x_S > 0)],   S = {i, k, a, b} without repetitions.

By Stein's lemma, twice, with c_bm|j = C_bm - C_bj C_jm/C_jj,

    E[x_a x_b 1_S] = C_ab P_S + sum_{j != m in S} C_aj c_bm|j D_jm,   D_jm = E[delta(x_j) delta(x_m) 1_{S without j, m}]

with the orthant probability P_S, and D_jm = P_{pq|jm}/(2 pi sqrt(C_jj C_mm - C_jm^2)), p and q the other fields of S.

Four fields in a plane, x_a = |x_a| rho cos(phi - phi_a), all vanish where two do.  There the orthant is a sector of angles,

    E[x_a x_b 1_S] = (|x_a| |x_b|/pi) int cos(phi - phi_a) cos(phi - phi_b) dphi.
"""

from __future__ import annotations

from math import atan2, cos, pi, sin, sqrt

import numba
import numpy as np

from dmft.gaussian_integrals.orthant import angle, conditional_angle, orthant, others

# Overlaps carry rounding errors of 1e-16, angles thus of 1e-8, and rates inherit them: angles below 1e-6 count as zero.
PROPORTIONAL = 1e-12
# Four fields are in a plane if less than this of their variances is out of it: what is neglected, and the rounding errors that
# grow as the inverse of it, are both 1e-8.
PLANAR = 1e-8
# Small arrays that are made once: moments, covariance, correlations, D, and the product of two of them.
WORK = 5


@numba.njit(cache=True, error_model="numpy")
def correlation(C, i, k):
    """C_ik/sqrt(C_ii C_kk), in [-1, 1]; fields are in proportion if rounding leaves no other choice."""
    r = C[i, k] / sqrt(C[i, i] * C[k, k])
    if abs(r) > 1.0 - PROPORTIONAL:
        return 1.0 if r > 0.0 else -1.0
    return r


@numba.njit(cache=True, error_model="numpy")
def two_point(C, i, k):
    """[sqrt(C_ii C_kk - C_ik^2) + C_ik (pi/2 + asin r)]/(2 pi)."""
    r = correlation(C, i, k)
    return sqrt(C[i, i] * C[k, k]) * (sqrt((1.0 - r) * (1.0 + r)) + r * (pi / 2 + angle(r))) / (2.0 * pi)


@numba.njit(cache=True, error_model="numpy")
def slopes(C, i, k):
    """1/4 + asin(r)/(2 pi)."""
    return 0.25 + angle(correlation(C, i, k)) / (2.0 * pi)


@numba.njit(cache=True, error_model="numpy")
def curvature(C, i, k):
    """E delta(x_i) g(x_k) = sqrt(C_kk - C_ik^2/C_ii)/(2 pi sqrt(C_ii))."""
    r = correlation(C, i, k)
    return sqrt(C[k, k] / C[i, i] * (1.0 - r) * (1.0 + r)) / (2.0 * pi)


@numba.njit(cache=True, error_model="numpy")
def pairs(C, students):
    """two_point, slopes and curvature of the first `students` fields with all fields, (3, students, n)."""
    found = np.empty((3, students, len(C)))
    for i in range(students):
        for a in range(len(C)):
            found[0, i, a] = two_point(C, i, a)
            found[1, i, a] = slopes(C, i, a)
            found[2, i, a] = curvature(C, i, a)
    return found


@numba.njit(cache=True, error_model="numpy")
def four_point(C, i, k, a, b):
    """E theta(x_i) theta(x_k) g(x_a) g(x_b)."""
    members = np.empty(4, np.int64)
    size = 0
    for new in (a, b, i, k):
        if new not in members[:size]:
            members[size] = new
            size += 1
    work = np.empty((WORK, 4, 4))
    second_moments(C, correlations(C), members[:size], work)
    return work[0, 0, 0 if a == b else 1]


@numba.njit(cache=True, error_model="numpy")
def correlations(C):
    """C_ik/sqrt(C_ii C_kk) of all fields."""
    R = np.eye(len(C))
    for i in range(len(C)):
        for k in range(i):
            R[i, k] = R[k, i] = correlation(C, i, k)
    return R


@numba.njit(cache=True, error_model="numpy")
def second_moments(C, R, S, work):
    """E[x_a x_b 1_S] for all a and b of S into work[0]; R are the correlations of all fields."""
    size, moments, part, block = len(S), work[0], work[1], work[2]
    for a in range(size):
        for b in range(size):
            part[a, b], block[a, b] = C[S[a], S[b]], R[S[a], S[b]]
    if size == 4 and in_a_plane(block):
        sector_moments(part, block, moments)
        return
    D, C_D = work[3], work[4]
    densities(part, block, size, D)
    probability = orthant(block[:size, :size])
    for b in range(size):
        for j in range(size):
            C_D[b, j] = 0.0
            for m in range(size):
                C_D[b, j] += part[b, m] * D[m, j]
    for a in range(size):
        for b in range(a + 1):
            total = part[a, b] * probability
            for j in range(size):
                total += part[a, j] * (C_D[b, j] - part[b, j] * C_D[j, j] / part[j, j])
            moments[a, b] = moments[b, a] = total


@numba.njit(cache=True, error_model="numpy")
def densities(C, R, size, D):
    """D_jm of so many fields with covariance C and correlations R, zero for j = m."""
    for j in range(size):
        D[j, j] = 0.0
        for m in range(j):
            determinant = C[j, j] * C[m, m] * (1.0 - R[j, m]) * (1.0 + R[j, m])
            # Fields in proportion: the terms of D_jm and D_mj cancel in all that is made from them.
            D[j, m] = D[m, j] = rest(R, size, j, m) / (2.0 * pi * sqrt(determinant)) if determinant > 0.0 else 0.0


@numba.njit(cache=True, error_model="numpy")
def rest(R, size, j, m):
    """Probability that the fields beside j and m are positive where these two vanish."""
    if size < 4:
        return 1.0 if size == 2 else 0.5
    p, q = others(j, m)
    return 0.25 + conditional_angle(R[j, m], R[j, p], R[j, q], R[m, p], R[m, q], R[p, q]) / (2.0 * pi)


@numba.njit(cache=True, error_model="numpy")
def in_a_plane(R):
    """Whether four fields with correlations R span two dimensions at most."""
    second = second_axis(R)
    for a in range(1, 4):
        x, y = R[0, a], component(R, second, a)
        if 1.0 - x * x - y * y > PLANAR:
            return False
    return True


@numba.njit(cache=True, error_model="numpy")
def second_axis(R):
    """The field that is least along the first one."""
    second = 1
    for a in range(2, 4):
        if abs(R[0, a]) < abs(R[0, second]):
            second = a
    return second


@numba.njit(cache=True, error_model="numpy")
def component(R, second, a):
    """Of field a, of unit length, across the first field, on the side of `second`; zero if all are along the first."""
    across = (1.0 - R[0, second]) * (1.0 + R[0, second])
    return (R[second, a] - R[0, second] * R[0, a]) / sqrt(across) if across > 0.0 else 0.0


@numba.njit(cache=True, error_model="numpy")
def sector_moments(C, R, moments):
    """E[x_a x_b 1_S] of four fields in a plane."""
    second, angles = second_axis(R), np.empty(4)
    first, last = -pi / 2, pi / 2
    for a in range(4):
        angles[a] = atan2(component(R, second, a), R[0, a])
        if angles[a] > 0.0:
            first = max(first, angles[a] - pi / 2)
        else:
            last = min(last, angles[a] + pi / 2)
    for a in range(4):
        for b in range(4):
            middle, between = angles[a] + angles[b], angles[a] - angles[b]
            integral = (last - first) * cos(between) + 0.5 * (sin(2.0 * last - middle) - sin(2.0 * first - middle))
            moments[a, b] = sqrt(C[a, a] * C[b, b]) * integral / (2.0 * pi) if first < last else 0.0


@numba.njit(cache=True, error_model="numpy")
def back_reaction(C, e, out):
    """out_ik = sum_ab e_a e_b four_point(i, k, a, b): each orthant once for all the sums that it is part of."""
    n, K = len(C), len(out)
    R, work, S = correlations(C), np.empty((WORK, 4, 4)), np.empty(4, np.int64)
    out[:] = 0.0
    for p in range(K):
        S[0] = p
        _add_orthant(C, R, e, out, S[:1], work)
        for q in range(p + 1, n):
            S[1] = q
            _add_orthant(C, R, e, out, S[:2], work)
            for r in range(q + 1, n):
                S[2] = r
                _add_orthant(C, R, e, out, S[:3], work)
                # Of four fields two carry a slope, and only students do.
                if q < K:
                    for last in range(r + 1, n):
                        S[3] = last
                        _add_orthant(C, R, e, out, S, work)
    for i in range(K):
        for k in range(i):
            out[i, k] = out[k, i]


@numba.njit(cache=True, error_model="numpy")
def _add_orthant(C, R, e, out, S, work):
    """Add all four-point functions of exactly the fields S, which ascend, to the upper triangle of `out`."""
    size, moments = len(S), work[0]
    second_moments(C, R, S, work)
    students = 0
    while students < size and S[students] < len(out):
        students += 1
    for i in range(students):
        for k in range(i, students):
            if size == 4:
                if i < k:
                    a, b = others(i, k)
                    out[S[i], S[k]] += 2.0 * e[S[a]] * e[S[b]] * moments[a, b]
                continue
            for a in range(size):
                for b in range(size):
                    if (1 << a | 1 << b | 1 << i | 1 << k) == (1 << size) - 1:
                        out[S[i], S[k]] += e[S[a]] * e[S[b]] * moments[a, b]
