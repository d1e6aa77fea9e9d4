"""Probability that up to four standard normal variables with correlations R are all positive.

    P_1 = 1/2,   P_2 = 1/4 + asin(r_12)/(2 pi),   P_3 = 1/8 + (asin r_12 + asin r_13 + asin r_23)/(4 pi).

P_4 has no closed form.  The variables are split into two blocks, and the correlations across are scaled by tau from 0, where
P is a product, to 1.  As dP/dr_ij = phi(r_ij) P_{kl|ij}, phi(r) = 1/(2 pi sqrt(1 - r^2)) (Plackett 1954), and with
r_ij tau = sin(theta),

    P_4 = P_block P_block' + sum_{i, j across} 1/(2 pi) int_0^{asin r_ij} P_{kl|ij}(tau = sin(theta)/r_ij) dtheta.

The blocks, 1 + 3 or 2 + 2, are those with the weakest correlations across.  The integrand is analytic up to where the scaled R
becomes singular, tau = 1/kappa with the largest canonical correlation kappa of the blocks; in theta that is a distance
delta = (1/kappa - 1) tan(theta_1)/theta_1 beyond the end theta_1, relative to its length.  There it is a square root:

    theta = theta_1 (1 - delta sinh(v)^2)

makes it analytic however small delta is, so that Gauss-Legendre quadrature converges geometrically.
"""

from __future__ import annotations

from math import asin, asinh, atan2, pi, sin, sinh, sqrt, tan

import numpy as np

from dmft.compiled import njit


def _gauss(n: int):
    """Nodes and weights on [0, 1]."""
    x, w = np.polynomial.legendre.leggauss(n)
    return (x + 1) / 2, w / 2


# Numbers of nodes, and the largest kappa for which each keeps the error below 1e-13; the last two are for stretched intervals.
NUMBERS = (4, 6, 8, 12, 16, 28)
LARGEST = (0.14, 0.37, 0.56, 0.77, 0.93)
STRETCHED = 4
NODES, WEIGHTS = (np.concatenate(parts) for parts in zip(*map(_gauss, NUMBERS), strict=True))
SMALLEST_OTHER = np.array([[min({0, 1, 2, 3} - {i, j}) for j in range(4)] for i in range(4)])
# Distances from the end below this are not told apart.
CLOSEST = 1e-5


@njit
def angle(r):
    """asin(r), exact to rounding also next to 1."""
    return atan2(r, sqrt(max((1.0 - r) * (1.0 + r), 0.0)))


@njit
def conditional_angle(r_ij, r_ip, r_iq, r_jp, r_jq, r_pq):
    """asin of the correlation of p and q where i and j vanish."""
    left = 1.0 / ((1.0 - r_ij) * (1.0 + r_ij))
    variance = conditional_variance(r_ij, r_ip, r_jp, left) * conditional_variance(r_ij, r_iq, r_jq, left)
    if not variance > 0.0:
        return 0.0
    covariance = r_pq - r_ip * r_iq - (r_jp - r_ij * r_ip) * (r_jq - r_ij * r_iq) * left
    return asin(min(1.0, max(-1.0, covariance / sqrt(variance))))


@njit
def conditional_variance(r_ij, r_ip, r_jp, left):
    """Of p where i and j vanish, left = 1/(1 - r_ij^2).

    What is taken away first is the larger part, so that no digits of a small rest are lost.
    """
    by_i = (1.0 - r_ip) * (1.0 + r_ip) - (r_jp - r_ij * r_ip) ** 2 * left
    by_j = (1.0 - r_jp) * (1.0 + r_jp) - (r_ip - r_ij * r_jp) ** 2 * left
    return by_j if abs(r_ip) < abs(r_jp) else by_i


@njit
def orthant(R, s):
    """P_s for the first s = 1 ... 4 of correlations R, of rank three at least if s = 4."""
    if s == 1:
        return 0.5
    if s == 2:
        return 0.25 + angle(R[0, 1]) / (2.0 * pi)
    if s == 3:
        return 0.125 + (angle(R[0, 1]) + angle(R[0, 2]) + angle(R[1, 2])) / (4.0 * pi)
    alone, partner = _blocks(R)
    return _one_and_three(R, alone) if partner < 0 else _two_and_two(R, partner)


@njit
def _blocks(R):
    """The block of one, and -1; or any, and the partner of variable 0 in blocks of two, which need one integral more."""
    alone, partner, weakest = 0, -1, 2.0
    for m in range(4):
        across = 0.0
        for k in range(4):
            if k != m:
                across = max(across, abs(R[m, k]))
        if across < weakest:
            alone, weakest = m, across
    for m in range(1, 4):
        p, q = others(0, m)
        if max(abs(R[0, p]), abs(R[0, q]), abs(R[m, p]), abs(R[m, q])) < 0.75 * weakest:
            partner, weakest = m, max(abs(R[0, p]), abs(R[0, q]), abs(R[m, p]), abs(R[m, q])) / 0.75
    return alone, partner


@njit(inline="always")
def others(i, j):
    """The two of 0 ... 3 that are left, in order."""
    p = SMALLEST_OTHER[i, j]
    return p, 6 - i - j - p


@njit
def _one_and_three(R, m):
    """P_4 from the blocks {m} and the rest; kappa is the multiple correlation of m with the rest."""
    a = 0 if m > 0 else 1
    b, c = others(m, a)
    b_left = R[m, b] - R[m, a] * R[a, b]
    c_left = R[m, c] - R[m, a] * R[a, c] - _ratio(b_left * (R[b, c] - R[a, b] * R[a, c]), 1.0 - R[a, b] ** 2)
    kappa2 = R[m, a] ** 2 + _ratio(b_left**2, 1.0 - R[a, b] ** 2)
    kappa2 += _ratio(c_left**2, conditional_variance(R[a, b], R[a, c], R[b, c], _ratio(1.0, 1.0 - R[a, b] ** 2)))
    total = 0.5 * (0.125 + (angle(R[a, b]) + angle(R[a, c]) + angle(R[b, c])) / (4.0 * pi))
    for j in (a, b, c):
        p, q = others(m, j)
        total += _integral(R[m, j], R[m, p], R[m, q], R[j, p], R[j, q], R[p, q], sqrt(kappa2), False)
    return total


@njit
def _two_and_two(R, k):
    """P_4 from the blocks {0, k} and {j, m}; kappa is their largest canonical correlation, a singular value."""
    j, m = others(0, k)
    one, two = sqrt((1.0 - R[0, k]) * (1.0 + R[0, k])), sqrt((1.0 - R[j, m]) * (1.0 + R[j, m]))
    B_0m = _ratio(R[0, m] - R[j, m] * R[0, j], two)
    B_kj = _ratio(R[k, j] - R[0, k] * R[0, j], one)
    B_km = _ratio(_ratio(R[k, m] - R[0, k] * R[0, m], one) - R[j, m] * B_kj, two)
    squares, determinant = R[0, j] ** 2 + B_0m**2 + B_kj**2 + B_km**2, R[0, j] * B_km - B_0m * B_kj
    kappa = sqrt(0.5 * (squares + sqrt(max(squares**2 - 4.0 * determinant**2, 0.0))))
    total = (0.25 + angle(R[0, k]) / (2.0 * pi)) * (0.25 + angle(R[j, m]) / (2.0 * pi))
    for i in (0, k):
        p = k - i
        for across in (j, m):
            q = j + m - across
            total += _integral(R[i, across], R[i, p], R[i, q], R[across, p], R[across, q], R[p, q], kappa, True)
    return total


@njit
def _ratio(x, y):
    """x/y, zero where y vanishes, as x does then."""
    return x / y if y > 0.0 else 0.0


@njit
def _integral(r_ij, r_ip, r_iq, r_jp, r_jq, r_pq, kappa, pairs):
    """1/(2 pi) int_0^{asin r_ij} P_{pq|ij} dtheta for the blocks {i} and {j, p, q} or, `pairs`, {i, p} and {j, q}."""
    if r_ij == 0.0:
        return 0.0
    level, first = 0, 0
    while level < len(LARGEST) and kappa > LARGEST[level]:
        first += NUMBERS[level]
        level += 1
    # Far from the singularity tau itself does, with phi as a factor; dtheta = r dtau/sqrt(1 - (r tau)^2).
    stretched = level >= STRETCHED
    end, delta, longest = 0.0, 0.0, 0.0
    if stretched:
        end = angle(r_ij)
        delta = max((1.0 / kappa - 1.0) * tan(abs(end)) / abs(end), CLOSEST)
        longest = asinh(1.0 / sqrt(delta))
    total = 0.0
    for node in range(first, first + NUMBERS[level]):
        tau, weight = NODES[node], WEIGHTS[node]
        if stretched:
            v = longest * tau
            tau = sin(end * (1.0 - delta * sinh(v) ** 2)) / r_ij
            weight *= end * longest * delta * sinh(2.0 * v)
        else:
            weight *= r_ij / sqrt((1.0 - tau * r_ij) * (1.0 + tau * r_ij))
        inside, across = (1.0, tau) if pairs else (tau, 1.0)
        found = conditional_angle(tau * r_ij, inside * r_ip, tau * r_iq, across * r_jp, r_jq, across * r_pq)
        total += weight * (0.25 + found / (2.0 * pi))
    return total / (2.0 * pi)
