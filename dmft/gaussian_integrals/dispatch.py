"""The averages by the number of the activation, see `activations.py`."""

from __future__ import annotations

import numba

from dmft.gaussian_integrals import erf, linear, quadrature, relu
from dmft.gaussian_integrals.activations import ERF, LINEAR, RELU


@numba.njit(cache=True)
def two_point(kind, C, i, k):
    """E g(x_i) g(x_k)."""
    if kind == ERF:
        return erf.two_point(C, i, k)
    if kind == RELU:
        return relu.two_point(C, i, k)
    if kind == LINEAR:
        return linear.two_point(C, i, k)
    return quadrature.two_point(kind, C, i, k)


@numba.njit(cache=True)
def slopes(kind, C, i, k):
    """E g'(x_i) g'(x_k)."""
    if kind == ERF:
        return erf.slopes(C, i, k)
    if kind == RELU:
        return relu.slopes(C, i, k)
    if kind == LINEAR:
        return linear.slopes(C, i, k)
    return quadrature.slopes(kind, C, i, k)


@numba.njit(cache=True)
def curvature(kind, C, i, k):
    """E g''(x_i) g(x_k)."""
    if kind == ERF:
        return erf.curvature(C, i, k)
    if kind == RELU:
        return relu.curvature(C, i, k)
    if kind == LINEAR:
        return linear.curvature(C, i, k)
    return quadrature.curvature(kind, C, i, k)


@numba.njit(cache=True)
def back_reaction(kind, C, e, out):
    """out_ik = sum_ab e_a e_b four_point(i, k, a, b)."""
    if kind == ERF:
        erf.back_reaction(C, e, out)
    elif kind == RELU:
        relu.back_reaction(C, e, out)
    elif kind == LINEAR:
        linear.back_reaction(C, e, out)
    else:
        quadrature.back_reaction(kind, C, e, out)
