"""Second moments over an orthant, E[x_a x_b 1_S] with 1_S = 1(x_j > 0 for all j in S), a and b in S.

S are up to four Gaussian fields of unit variance, with correlations R.  By Stein's lemma, twice,

    E[x_a x_b 1_S] = R_ab P_S + sum_{j != m in S} R_aj (R_bm - R_bj R_jm) D_jm

with the orthant probability P_S, D_jm = E[delta(x_j) delta(x_m) 1_{S without j, m}] = P_{pq|jm}/(2 pi sqrt(1 - R_jm^2)), p and
q the other fields of S.

Four fields in a plane, x_a = rho cos(phi - phi_a), all vanish where two do.  There the orthant is a sector of angles,

    E[x_a x_b 1_S] = (1/pi) int cos(phi - phi_a) cos(phi - phi_b) dphi.

Arrays are 4 x 4, with zeros for fields that are not there; D and RD are room to work in.
"""

from __future__ import annotations

from math import atan2, cos, pi, sin, sqrt

import numpy as np

from dmft.compiled import njit
from dmft.mathematics.gaussian_integrals.orthant import conditional_angle, orthant, others

# Four fields are in a plane if less than this of their variances is out of it: what is neglected, and the rounding errors that
# grow as the inverse of it, are both 1e-8.
PLANAR = 1e-8


@njit
def second_moments(R, size, D, RD, moments):
    """E[x_a x_b 1_S] of so many fields into `moments`."""
    if size == 4 and in_a_plane(R):
        sector_moments(R, moments)
    else:
        densities(R, size, D)
        regular_moments(R, orthant(R, size), D, RD, moments)


@njit
def regular_moments(R, probability, D, RD, moments):
    """The same of fields that are in no plane, from P_S and D_jm."""
    for b in range(4):
        for j in range(4):
            RD[b, j] = 0.0
        for m in range(4):
            for j in range(4):
                RD[b, j] += R[b, m] * D[m, j]
    for a in range(4):
        for b in range(4):
            total = R[a, b] * probability
            for j in range(4):
                total += R[a, j] * (RD[b, j] - R[b, j] * RD[j, j])
            moments[a, b] = total


@njit
def densities(R, size, D):
    """D_jm, zero for j = m."""
    D[:] = 0.0
    for j in range(size):
        for m in range(j):
            # Fields in proportion: the terms of D_jm and D_mj cancel in all that is made from them.
            across = sine(R[j, m])
            D[j, m] = D[m, j] = rest(R, size, j, m) / (2.0 * pi * across) if across > 0.0 else 0.0


@njit
def sine(r):
    """Of the angle between two fields, sqrt(1 - r^2)."""
    return sqrt((1.0 - r) * (1.0 + r))


@njit(inline="always")
def rest(R, size, j, m):
    """Probability that the fields beside j and m are positive where these two vanish."""
    if size < 4:
        return 1.0 if size == 2 else 0.5
    p, q = others(j, m)
    return 0.25 + conditional_angle(R[j, m], R[j, p], R[j, q], R[m, p], R[m, q], R[p, q]) / (2.0 * pi)


@njit
def in_a_plane(R):
    """True if four fields with correlations R span two dimensions at most."""
    second = second_axis(R)
    for a in range(1, 4):
        x, y = R[0, a], component(R, second, a)
        if 1.0 - x * x - y * y > PLANAR:
            return False
    return True


@njit
def second_axis(R):
    """The field that is least along the first one."""
    second = 1
    for a in range(2, 4):
        if abs(R[0, a]) < abs(R[0, second]):
            second = a
    return second


@njit
def component(R, second, a):
    """Of field a, of unit length, across the first field, on the side of `second`; zero if all are along the first."""
    across = (1.0 - R[0, second]) * (1.0 + R[0, second])
    return (R[second, a] - R[0, second] * R[0, a]) / sqrt(across) if across > 0.0 else 0.0


@njit
def sector_moments(R, moments):
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
            moments[a, b] = integral / (2.0 * pi) if first < last else 0.0
