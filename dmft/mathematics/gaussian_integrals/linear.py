"""g(x) = x."""

from __future__ import annotations

from dmft.compiled import njit
from dmft.mathematics.gaussian_integrals.tables import tabulated


@njit
def two_point(C, i, k):
    """E x_i x_k."""
    return C[i, k]


@njit
def slopes(C, i, k):
    """One."""
    return 1.0


@njit
def curvature(C, i, k):
    """Zero."""
    return 0.0


pairs = tabulated(two_point, slopes, curvature)


@njit
def four_point(C, i, k, a, b):
    """E x_a x_b."""
    return C[a, b]


@njit
def back_reaction(C, e, out):
    """out_ik = sum_ab e_a e_b four_point(i, k, a, b)."""
    out[:] = e @ C @ e
