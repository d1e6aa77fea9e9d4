"""Hermite series of smooth functions of one Gaussian field, and of what is left of it given two others.

A function g of a field x of standard deviation sigma is

    g(x) = sum_n c_n h_n(x/sigma),   h_n = He_n/sqrt(n!),   c_n = E[g(sigma z) h_n(z)],

and two fields with correlation rho have E g_1 g_2 = sum_n rho^n c_1n c_2n (Mehler).  If g has poles at a distance d from the
real axis, c_n falls off as exp(-sqrt(n) d/sigma).

Of a field x/sigma = on y + spread eta, y and eta independent and on^2 + spread^2 = 1,

    E[g(x) h_t(eta) | y] = sum_p B_tp h_p(y),   B_tp = c_{p+t} on^p spread^t binomial(p + t, t)^(1/2).
"""

from __future__ import annotations

from math import comb, exp, pi, sqrt

import numpy as np

from dmft.compiled import njit
from dmft.mathematics.gaussian_integrals import activations

# Terms of a series at most; fewer are exact for fields of variance below four.
MOST_TERMS = 192
# A Gaussian times any h_n is smaller than exp(-FAR^2/4).
FAR = 10.5

CHOOSE = np.array([[sqrt(comb(p + t, t)) if p + t < MOST_TERMS else 0.0 for p in range(MOST_TERMS)] for t in range(MOST_TERMS)])


@njit
def derivative(kind, order, x):
    """g at all x, or one of its first three derivatives."""
    found = np.empty_like(x)
    for s in range(len(x)):
        if order == 0:
            found[s] = activations.value(kind, x[s])
        elif order == 1:
            found[s] = activations.slope(kind, x[s])
        elif order == 2:
            found[s] = activations.curvature(kind, x[s])
        else:
            found[s] = activations.third(kind, x[s])
    return found


@njit(fastmath={"reassoc", "contract"})
def dot(a, b):
    """sum_q a_q b_q."""
    total = 0.0
    for q in range(len(a)):
        total += a[q] * b[q]
    return total


@njit
def step(kind, spread, digits):
    """Step of the trapezoidal rule for E g(spread z), with an error of exp(-digits).

    From a shift of the contour by y, to the poles at most: the error is exp(y^2/2 - 2 pi y/step).
    """
    furthest = sqrt(2.0 * digits)
    y = min(activations.POLES[kind] / spread, furthest) if spread > 0.0 else furthest
    return 2.0 * pi * y / (digits + 0.5 * y * y)


@njit
def terms(kind, C, digits):
    """Terms of the series of each field with covariance C, (n,), that leave errors of exp(-digits)."""
    numbers = np.empty(len(C), np.int64)
    for a in range(len(C)):
        numbers[a] = min(MOST_TERMS, 12 + int((0.5 * (digits + 3.0) / activations.POLES[kind]) ** 2 * max(C[a, a], 0.0)))
    return numbers


@njit
def projection(kind, broadest, number, digits):
    """Nodes z >= 0, and h_n at them times the weights of E over a standard normal variable, (number, nodes).

    The step is small enough for the waves of h_n as well.
    """
    apart = 1.0 / (1.0 / step(kind, broadest, digits + 3.0) + sqrt(number) / (2.0 * pi))
    z = np.empty(int(FAR / apart) + 1)
    rows = np.empty((number, len(z)))
    for q in range(len(z)):
        z[q] = apart * q
        below, row = 0.0, apart / sqrt(2.0 * pi) * exp(-0.5 * z[q] * z[q]) * (0.5 if q == 0 else 1.0)
        for n in range(number):
            rows[n, q] = row
            below, row = row, (z[q] * row - sqrt(n) * below) / sqrt(n + 1)
    return z, rows


@njit
def series(kind, order, C, numbers, nodes, c):
    """Fills c_n of a derivative of g for all fields with covariance C, (n, terms); `nodes` from `projection`."""
    z, rows = nodes
    both, even, odd = np.empty(2 * len(z)), np.empty(len(z)), np.empty(len(z))
    for a in range(len(C)):
        sigma = sqrt(max(C[a, a], 0.0))
        for q in range(len(z)):
            both[2 * q], both[2 * q + 1] = sigma * z[q], -sigma * z[q]
        g = derivative(kind, order, both)
        for q in range(len(z)):
            even[q], odd[q] = g[2 * q] + g[2 * q + 1], g[2 * q] - g[2 * q + 1]
        for n in range(numbers[a]):
            c[a, n] = dot(odd if n % 2 else even, rows[n])
        c[a, numbers[a] :] = 0.0


@njit
def largest_left(c, left):
    """Fills the largest of all coefficients from c_n on, for every n."""
    largest = 0.0
    for n in range(len(c) - 1, -1, -1):
        largest = max(largest, abs(c[n]))
        left[n] = largest


@njit
def conditional(series_left, others, least, parts, a, space):
    """Fills row a of a space: B (t, p), the norm of each row, and the number of its columns that count.

    series_left: the coefficients c and, from each one on, the largest; others: the largest from each one on of the series that
    it meets.  parts: `on` and `spread` of the field.
    """
    (c, left), (on, spread), base = series_left, parts, 1.0
    B, sizes, reach = space.B[a], space.sizes[a], space.reach[a]
    for t in range(len(c)):
        total, factor, reach[t] = 0.0, base, len(c) - t
        for p in range(len(c) - t):
            chosen = CHOOSE[t, p] * factor
            if p >= (p + t) * on * on and chosen * left[p + t] * (others[t] if t > 0 else 1.0) < 0.1 * least:
                reach[t] = p
                break
            B[t, p] = c[p + t] * chosen
            total += B[t, p] ** 2
            factor *= on
        sizes[t] = sqrt(total)
        base *= spread
