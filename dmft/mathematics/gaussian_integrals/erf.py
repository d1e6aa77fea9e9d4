"""g(x) = erf(x/sqrt 2), g'(x) = sqrt(2/pi) exp(-x^2/2).

A factor g'(x_i) g'(x_k) turns the Gaussian measure of all other fields into another one, that of their covariance given
noisy observations x_i + xi_i and x_k + xi_k with xi standard normal,

    C~_ab = C_ab - c_a^T (1 + C)_{ik}^(-1) c_b,   c_a = (C_ia, C_ka),

so that four_point(i, k, a, b) = slopes(i, k) * two_point(a, b) with C~ in place of C.  Saad & Solla 1995.
"""

from __future__ import annotations

from math import asin, pi, sqrt

import numpy as np

from dmft.compiled import njit
from dmft.mathematics.gaussian_integrals.tables import tabulated


@njit
def two_point(C, i, k):
    """(2/pi) asin[C_ik/sqrt((1 + C_ii)(1 + C_kk))]."""
    return 2.0 / pi * asin(C[i, k] / sqrt((1.0 + C[i, i]) * (1.0 + C[k, k])))


@njit
def slopes(C, i, k):
    """(2/pi)/sqrt((1 + C_ii)(1 + C_kk) - C_ik^2)."""
    return 2.0 / pi / sqrt((1.0 + C[i, i]) * (1.0 + C[k, k]) - C[i, k] ** 2)


@njit
def curvature(C, i, k):
    """-slopes(i, k) C_ik/(1 + C_ii)."""
    return -slopes(C, i, k) * C[i, k] / (1.0 + C[i, i])


pairs = tabulated(two_point, slopes, curvature)


@njit
def four_point(C, i, k, a, b):
    """(4/pi^2) asin(L0/sqrt(L1 L2))/sqrt(L4), in the form of Saad & Solla."""
    ii, kk, ik = 1.0 + C[i, i], 1.0 + C[k, k], C[i, k]
    L4 = ii * kk - ik * ik
    L0 = L4 * C[a, b] - C[k, a] * C[k, b] * ii - C[i, a] * C[i, b] * kk + ik * (C[i, a] * C[k, b] + C[i, b] * C[k, a])
    L1 = L4 * (1.0 + C[a, a]) - C[k, a] ** 2 * ii - C[i, a] ** 2 * kk + 2.0 * ik * C[i, a] * C[k, a]
    L2 = L4 * (1.0 + C[b, b]) - C[k, b] ** 2 * ii - C[i, b] ** 2 * kk + 2.0 * ik * C[i, b] * C[k, b]
    return 4.0 / pi**2 * asin(L0 / sqrt(L1 * L2)) / sqrt(L4)


@njit
def back_reaction(C, e, out):
    """out_ik = sum_ab e_a e_b four_point(i, k, a, b), by conditioning on i and k once for all a and b."""
    n, K = len(C), len(out)
    # Regression of the field a on the two observations, and 1/sqrt(1 + C~_aa).
    on_i, on_k, scale = np.empty(n), np.empty(n), np.empty(n)
    for i in range(K):
        for k in range(i, K):
            ii, kk, ik = 1.0 + C[i, i], 1.0 + C[k, k], C[i, k]
            determinant = ii * kk - ik * ik
            for a in range(n):
                on_i[a] = (kk * C[i, a] - ik * C[k, a]) / determinant
                on_k[a] = (ii * C[k, a] - ik * C[i, a]) / determinant
                scale[a] = 1.0 / sqrt(1.0 + C[a, a] - on_i[a] * C[i, a] - on_k[a] * C[k, a])
            total = 0.0
            for a in range(n):
                for b in range(a, n):
                    c = C[a, b] - on_i[a] * C[i, b] - on_k[a] * C[k, b]
                    term = e[a] * e[b] * asin(c * scale[a] * scale[b])
                    total += term if a == b else 2.0 * term
            out[i, k] = out[k, i] = slopes(C, i, k) * 2.0 / pi * total
