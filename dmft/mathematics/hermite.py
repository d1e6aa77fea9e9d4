"""Activations and targets as normalised Hermite series.

A function of one standard normal variable is written sigma(x) = sum_k s_k He_k(x)/sqrt(k!), so that
s_k = E[sigma(g) He_k(g)]/sqrt(k!) and sum_k s_k^2 = E[sigma(g)^2].  Two networks see it only through

    h(q)    = sum_k s_k^2 q^k       = E[sigma(g) sigma(g')]  at correlation q,
    phat(v) = sum_k s_k p_k v^k     = E[sigma(g) phi(g')]    at correlation v.

The equations need h, h' and h'' on [-1, 1]; h''(1) = E[sigma''(g)^2] must be finite, which excludes
functions with a kink (O'Donnell, *Analysis of Boolean Functions*, ch. 11, for the expansion itself).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from math import pi, sqrt

import numpy as np
from numpy.typing import NDArray

from dmft.compiled import njit
from dmft.mathematics.functions import NAMED, Function

Array = NDArray[np.float64]

MAX_DEGREE = 400
# Largest coefficient: its square is a number still.
LARGEST = 1e100
# What may be left out of a named series: variance of the second derivative, which bounds the variance itself.
TAIL = 1e-12


def _gaussian_quadrature() -> tuple[Array, Array]:
    """Nodes and weights of E[.] sqrt-weighted: composite Gauss-Legendre on [-40, 40], split at the origin.

    The panels of width 1/2 with 24 nodes resolve He_400 to rounding; the origin is a panel boundary, so a
    kink there costs nothing.
    """
    x, w = np.polynomial.legendre.leggauss(24)
    left = np.arange(-40.0, 40.0, 0.5)
    nodes = (left[:, None] + 0.25 * (x + 1)).ravel()
    return nodes, np.tile(0.25 * w, left.size)


@cache
def series(name: str, degree: int | None = None) -> Array:
    """Normalised Hermite coefficients s_0 ... s_K of a named function.

    Without a degree, K is the smallest one whose omitted tail sum_{k>K} k(k-1) s_k^2 is below `TAIL`; this is only
    possible for smooth functions.  With a degree, the series is cut there.

    Raises ValueError for an unknown name, or a function with a kink and no degree.
    """
    if name not in NAMED:
        raise ValueError(f"unknown function {name!r}; wanted one of {', '.join(sorted(NAMED))}")
    function = NAMED[name]
    if degree is None and not function.smooth:
        raise ValueError(
            f"{name!r} has a kink, so E[sigma''^2] is infinite and the equations are singular at t' -> t; "
            "give activation_degree to use its Hermite series cut at that degree"
        )
    top = MAX_DEGREE if degree is None else degree
    coefficients = project(function.evaluate, top)
    if degree is None:
        k = np.arange(top + 1)
        tail = np.cumsum((np.maximum(k * (k - 1), 1) * coefficients**2)[::-1])[::-1]
        if tail[-1] > TAIL:
            raise ArithmeticError(f"the Hermite series of {name!r} has not converged at degree {MAX_DEGREE}")
        coefficients = coefficients[: max(2, int(np.searchsorted(-tail, -TAIL)))]
    coefficients.setflags(write=False)
    return coefficients


def variance(name: str) -> float:
    """E[phi(g)^2] of a named function, by quadrature: the whole of it, not only of a truncated series."""
    x, w = _gaussian_quadrature()
    return float(w @ (NAMED[name].evaluate(x) ** 2 * np.exp(-(x**2) / 2)) / sqrt(2 * pi))


def project(function: Function, degree: int) -> Array:
    """s_k = int sigma(x) psi_k(x) gamma(x)^(1/2) dx with psi_k = He_k gamma^(1/2)/sqrt(k!), gamma the normal density.

    The functions psi_k stay of order one, so their three-term recurrence is stable for every degree used here.
    """
    x, w = _gaussian_quadrature()
    root = np.exp(-(x**2) / 4) / (2 * pi) ** 0.25
    weighted = w * function(x) * root
    below, psi = np.zeros_like(x), root
    coefficients = np.empty(degree + 1)
    for k in range(degree + 1):
        coefficients[k] = weighted @ psi
        below, psi = psi, (x * psi - sqrt(k) * below) / sqrt(k + 1)
    coefficients[np.abs(coefficients) < 1e-15 * np.abs(coefficients).max()] = 0.0
    return coefficients


def checked(function: str | tuple[float, ...]) -> str | tuple[float, ...]:
    """The given function, a known name or coefficients; ValueError for anything else."""
    if isinstance(function, str):
        if function not in NAMED:
            raise ValueError(f"wanted one of {', '.join(sorted(NAMED))}, or normalised Hermite coefficients")
    elif not function or not all(abs(c) <= LARGEST for c in function):
        raise ValueError(f"wanted at least one coefficient, all finite and at most {LARGEST:g}")
    return function


def evaluator(function: str | Sequence[float]) -> Function:
    """The function itself, of its name or of its normalised Hermite coefficients."""
    if isinstance(function, str):
        return NAMED[function].evaluate
    coefficients = np.asarray(function, dtype=float)
    return lambda x: evaluate_series(coefficients, x)[0]


@cache
def scaled_series(function: str | tuple[float, ...], scale: float, degree: int) -> Array:
    """Normalised Hermite coefficients s_0 ... s_degree of x -> function(scale x)."""
    evaluate = evaluator(function)
    coefficients = project(lambda x: evaluate(scale * x), degree)
    coefficients.setflags(write=False)
    return coefficients


@cache
def pair_mean(function: str | tuple[float, ...], first: float, second: float, overlap: float) -> float:
    """E[f(x) f(y)] for x, y jointly Gaussian of mean zero, variances `first` and `second`, and covariance `overlap`.

    For functions with, at most, a kink or jump at the origin: in polar coordinates x = sqrt(first) r cos(theta),
    y = sqrt(second) r cos(theta - angle), those are four rays, and the sectors between them are smooth.
    """
    scale = sqrt(first * second)
    angle = np.arccos(np.clip(overlap / scale, -1.0, 1.0)) if scale > 0 else pi / 2
    rays = np.sort([-pi / 2, pi / 2, angle - pi / 2, angle + pi / 2])
    arcs = np.diff(rays, append=rays[0] + 2 * pi)
    x, w = np.polynomial.legendre.leggauss(48)
    theta = (rays[:, None] + arcs[:, None] * (x + 1) / 2).ravel()[:, None]
    around = (arcs[:, None] * w).ravel()
    nodes, along = _gaussian_quadrature()
    inside = (nodes > 0) & (nodes < 16)
    r = nodes[inside]
    along = along[inside] * r * np.exp(-(r**2) / 2)
    evaluate = evaluator(function)
    values = evaluate(sqrt(first) * r * np.cos(theta)) * evaluate(sqrt(second) * r * np.cos(theta - angle))
    return float(around @ values @ along / (around.sum() * along.sum()))


def signal_series(activation: Array, target: Array) -> Array:
    """Power series s_k p_k of phat(v) = E[sigma(g) phi(g')] at overlap v."""
    length = min(len(activation), len(target))
    return np.asarray(activation[:length]) * np.asarray(target[:length])


@njit
def evaluate_series(coefficients, x):
    """Value and slope of sum_k coefficients_k He_k(x)/sqrt(k!) at each x.

    psi_k = He_k/sqrt(k!) obeys sqrt(k+1) psi_{k+1} = x psi_k - sqrt(k) psi_{k-1} and psi_k' = sqrt(k) psi_{k-1}.
    """
    value, slope = np.empty(x.shape), np.empty(x.shape)
    points, values, slopes = np.ascontiguousarray(x).ravel(), value.ravel(), slope.ravel()
    roots = np.sqrt(np.arange(coefficients.size))
    for i in range(points.size):
        below, psi = 0.0, 1.0
        total, rise = coefficients[0], 0.0
        for k in range(1, coefficients.size):
            rise += coefficients[k] * roots[k] * psi
            below, psi = psi, (points[i] * psi - roots[k - 1] * below) / roots[k]
            total += coefficients[k] * psi
        values[i], slopes[i] = total, rise
    return value, slope


@dataclass(frozen=True)
class Covariance:
    """h(q) = E[sigma(g) sigma(g')] of one activation, with its first two derivatives.

    `powers` are the s_k^2; `closed_form` marks erf(x/sqrt 2), whose h(q) = (2/pi) asin(q/2) is used instead of its series.
    """

    powers: Array
    closed_form: bool = False

    def __call__(self, q: Array, h: Array, h1: Array, h2: Array) -> None:
        """Write h(q), h'(q), h''(q) into the given arrays, all of the shape of q and contiguous."""
        if self.closed_form:
            _erf_covariance(q.ravel(), h.ravel(), h1.ravel(), h2.ravel())
        else:
            _series_covariance(q.ravel(), self.powers, h.ravel(), h1.ravel(), h2.ravel())

    def evaluate(self, q: Array) -> Array:
        """h, h', h'' stacked, shape (3, *q.shape)."""
        out = np.empty((3, *q.shape))
        self(np.ascontiguousarray(q), out[0], out[1], out[2])
        return out

    @cached_property
    def slope_at_one(self) -> float:
        """h'(1) = E[sigma'^2], without compiled code."""
        if self.closed_form:
            return 2.0 / pi * (1.0 / sqrt(3.0))
        value = slope = 0.0
        for power in self.powers[::-1].tolist():
            value, slope = value + power, slope + value
        return slope


@njit(fastmath=True)
def power_series(coefficients, x):
    """Value and slope of sum_k coefficients_k x^k at each x."""
    value = np.zeros_like(x)
    slope = np.zeros_like(x)
    for k in range(coefficients.size - 1, -1, -1):
        slope = slope * x + value
        value = value * x + coefficients[k]
    return value, slope


# The error model: beyond |q| = 2 an infinity, which the solver knows how to refuse, not an exception.
@njit(fastmath=True)
def _erf_covariance(q, h, h1, h2):
    for i in range(q.size):
        r = 1.0 / np.sqrt(4.0 - q[i] * q[i])
        h[i] = 2.0 / np.pi * np.arcsin(0.5 * q[i])
        h1[i] = 2.0 / np.pi * r
        h2[i] = 2.0 / np.pi * q[i] * r * r * r


@njit(fastmath=True)
def _series_covariance(q, powers, h, h1, h2):
    """Horner's rule for a polynomial and its derivatives; the inner loop runs over the points, which vectorises."""
    top = powers.size - 1
    h[:] = powers[top]
    h1[:] = 0.0
    h2[:] = 0.0
    for k in range(top - 1, -1, -1):
        for i in range(q.size):
            h2[i] = h2[i] * q[i] + 2.0 * h1[i]
            h1[i] = h1[i] * q[i] + h[i]
            h[i] = h[i] * q[i] + powers[k]
