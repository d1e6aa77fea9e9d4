"""Activations for compiled code, by number: value, three derivatives, and the traits that `functions` declares.

The functions are those of `dmft.mathematics.functions`, and so is the order of their numbers.
"""

from __future__ import annotations

from math import cos, erf, exp, log1p, pi, sin, sqrt, tanh

import numpy as np

from dmft.compiled import njit
from dmft.mathematics.functions import NAMED

TRAITS = {name: function.traits for name, function in NAMED.items() if function.traits}
NUMBERS: dict[str, int] = {name: number for number, name in enumerate(TRAITS)}
LINEAR, QUADRATIC, CUBIC, ERF, TANH, SIGMOID, SOFTPLUS, GELU, SILU, SIN, COS, RELU = NUMBERS.values()

# The traits, by number.
POLES = np.array([traits.pole for traits in TRAITS.values()])
SYMMETRIC = np.array([traits.symmetric for traits in TRAITS.values()])
STEEP = np.array([traits.steep for traits in TRAITS.values()])


@njit
def logistic(x):
    """1/(1 + exp(-x)) without overflow."""
    return 0.5 + 0.5 * tanh(0.5 * x)


@njit
def value(kind, x):
    """g(x)."""
    if kind == ERF:
        return erf(x / sqrt(2.0))
    if kind == RELU:
        return max(x, 0.0)
    if kind == LINEAR:
        return x
    if kind == TANH:
        return tanh(x)
    if kind == SIGMOID:
        return logistic(x)
    if kind == SOFTPLUS:
        return max(x, 0.0) + log1p(exp(-abs(x)))
    if kind == GELU:
        return 0.5 * x * (1.0 + erf(x / sqrt(2.0)))
    if kind == SILU:
        return x * logistic(x)
    if kind == SIN:
        return sin(x)
    if kind == COS:
        return cos(x)
    if kind == QUADRATIC:
        return (x * x - 1.0) / sqrt(2.0)
    return (x * x * x - 3.0 * x) / sqrt(6.0)


@njit
def slope(kind, x):
    """g'(x)."""
    if kind == ERF:
        return sqrt(2.0 / pi) * exp(-0.5 * x * x)
    if kind == RELU:
        return 1.0 if x > 0.0 else 0.0
    if kind == LINEAR:
        return 1.0
    if kind == TANH:
        return 1.0 - tanh(x) ** 2
    if kind == SIGMOID:
        return logistic(x) * logistic(-x)
    if kind == SOFTPLUS:
        return logistic(x)
    if kind == GELU:
        return 0.5 * (1.0 + erf(x / sqrt(2.0))) + x * exp(-0.5 * x * x) / sqrt(2.0 * pi)
    if kind == SILU:
        return logistic(x) * (1.0 + x * logistic(-x))
    if kind == SIN:
        return cos(x)
    if kind == COS:
        return -sin(x)
    if kind == QUADRATIC:
        return sqrt(2.0) * x
    return (3.0 * x * x - 3.0) / sqrt(6.0)


@njit
def curvature(kind, x):
    """g''(x), of ReLU without its delta."""
    if kind == ERF:
        return -x * sqrt(2.0 / pi) * exp(-0.5 * x * x)
    if kind in (RELU, LINEAR):
        return 0.0
    if kind == TANH:
        return -2.0 * tanh(x) * (1.0 - tanh(x) ** 2)
    if kind == SIGMOID:
        return -logistic(x) * logistic(-x) * tanh(0.5 * x)
    if kind == SOFTPLUS:
        return logistic(x) * logistic(-x)
    if kind == GELU:
        return (2.0 - x * x) * exp(-0.5 * x * x) / sqrt(2.0 * pi)
    if kind == SILU:
        return logistic(x) * logistic(-x) * (2.0 - x * tanh(0.5 * x))
    if kind == SIN:
        return -sin(x)
    if kind == COS:
        return -cos(x)
    if kind == QUADRATIC:
        return sqrt(2.0)
    return sqrt(6.0) * x


@njit
def third(kind, x):
    """The third derivative of g at x, of ReLU without what its delta becomes."""
    if kind == ERF:
        return (x * x - 1.0) * sqrt(2.0 / pi) * exp(-0.5 * x * x)
    if kind in (RELU, LINEAR, QUADRATIC):
        return 0.0
    if kind == TANH:
        return -2.0 * (1.0 - tanh(x) ** 2) * (1.0 - 3.0 * tanh(x) ** 2)
    if kind == SIGMOID:
        return logistic(x) * logistic(-x) * (1.0 - 6.0 * logistic(x) * logistic(-x))
    if kind == SOFTPLUS:
        return -logistic(x) * logistic(-x) * tanh(0.5 * x)
    if kind == GELU:
        return (x * x * x - 4.0 * x) * exp(-0.5 * x * x) / sqrt(2.0 * pi)
    if kind == SILU:
        return logistic(x) * logistic(-x) * (x * (1.0 - 6.0 * logistic(x) * logistic(-x)) - 3.0 * tanh(0.5 * x))
    if kind == SIN:
        return -cos(x)
    if kind == COS:
        return sin(x)
    return sqrt(6.0)
