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
    S, R, D = members[:size], correlations(C), np.zeros((size, size))
    angles = np.empty(4)
    if size == 4 and in_a_plane(R, S, angles):
        return sector_moment(C, S, angles, 0, 1)
    probability = orthant_densities(C, R, S, np.empty((size, size)), D)
    return second_moment(C, S, probability, D, 0, 0 if a == b else 1)


@numba.njit(cache=True, error_model="numpy")
def correlations(C):
    """C_ik/sqrt(C_ii C_kk) of all fields."""
    R = np.eye(len(C))
    for i in range(len(C)):
        for k in range(i):
            R[i, k] = R[k, i] = correlation(C, i, k)
    return R


@numba.njit(cache=True, error_model="numpy")
def orthant_densities(C, R, S, block, D):
    """P_S and, into the first rows and columns of D, D_jm; those of `block` become the correlations of S."""
    size = len(S)
    for j in range(size):
        block[j, j] = 1.0
        for m in range(j):
            block[j, m] = block[m, j] = R[S[j], S[m]]
    for j in range(size):
        for m in range(j):
            determinant = C[S[j], S[j]] * C[S[m], S[m]] * (1.0 - block[j, m]) * (1.0 + block[j, m])
            # Fields in proportion: the terms of D_jm and D_mj cancel in all that is made from them.
            D[j, m] = D[m, j] = rest(block, size, j, m) / (2.0 * pi * sqrt(determinant)) if determinant > 0.0 else 0.0
    return orthant(block[:size, :size])


@numba.njit(cache=True, error_model="numpy")
def rest(R, size, j, m):
    """Probability that the fields beside j and m are positive where these two vanish."""
    if size < 4:
        return 1.0 if size == 2 else 0.5
    p, q = others(j, m)
    return 0.25 + conditional_angle(R[j, m], R[j, p], R[j, q], R[m, p], R[m, q], R[p, q]) / (2.0 * pi)


@numba.njit(cache=True, error_model="numpy")
def second_moment(C, S, probability, D, a, b):
    """E[x_a x_b 1_S] from P_S and D; a and b count within S."""
    total = C[S[a], S[b]] * probability
    for j in range(len(S)):
        for m in range(len(S)):
            if m != j:
                left = C[S[b], S[m]] - C[S[b], S[j]] * C[S[j], S[m]] / C[S[j], S[j]]
                total += C[S[a], S[j]] * left * D[j, m]
    return total


@numba.njit(cache=True, error_model="numpy")
def in_a_plane(R, S, angles):
    """Whether four fields with correlations R span two dimensions at most; their directions into `angles`, the first zero."""
    other = S[1]
    for a in S[2:]:
        if abs(R[S[0], a]) < abs(R[S[0], other]):
            other = a
    along = R[S[0], other]
    across = sqrt((1.0 - along) * (1.0 + along))
    for place in range(4):
        x = R[S[0], S[place]]
        y = (R[other, S[place]] - along * x) / across if across > 0.0 else 0.0
        if 1.0 - x * x - y * y > PLANAR:
            return False
        angles[place] = atan2(y, x)
    return True


@numba.njit(cache=True, error_model="numpy")
def sector_moment(C, S, angles, a, b):
    """E[x_a x_b 1_S] of four fields in a plane; a and b count within S."""
    first, last = -pi / 2, pi / 2
    for angle_of_field in angles:
        if angle_of_field > 0.0:
            first = max(first, angle_of_field - pi / 2)
        else:
            last = min(last, angle_of_field + pi / 2)
    if first >= last:
        return 0.0
    middle, between = angles[a] + angles[b], angles[a] - angles[b]
    integral = (last - first) * cos(between) + 0.5 * (sin(2.0 * last - middle) - sin(2.0 * first - middle))
    return sqrt(C[S[a], S[a]] * C[S[b], S[b]]) * integral / (2.0 * pi)


@numba.njit(cache=True, error_model="numpy")
def back_reaction(C, e, out):
    """out_ik = sum_ab e_a e_b four_point(i, k, a, b): each orthant once for all the sums that it is part of."""
    n, K = len(C), len(out)
    R, work, S = correlations(C), np.empty((3, 4, 4)), np.empty(4, np.int64)
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
    size, block, D, angles = len(S), work[0], work[1], work[2, 0]
    planar = size == 4 and in_a_plane(R, S, angles)
    probability = 0.0 if planar else orthant_densities(C, R, S, block, D)
    students = 0
    while students < size and S[students] < len(out):
        students += 1
    for a in range(size):
        for b in range(a, size):
            moment, known = 0.0, False
            for i in range(students):
                for k in range(i, students):
                    if (1 << a | 1 << b | 1 << i | 1 << k) == (1 << size) - 1:
                        if not known:
                            moment = sector_moment(C, S, angles, a, b) if planar else second_moment(C, S, probability, D, a, b)
                            moment *= (1.0 if a == b else 2.0) * e[S[a]] * e[S[b]]
                            known = True
                        out[S[i], S[k]] += moment
