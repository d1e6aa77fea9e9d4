"""Activations with their first two derivatives, as functions of preactivations.

A kink is smoothed by convolution with a Gaussian of standard deviation w, for example max(0, x) to x Phi(x/w) + w Phi'(x/w):
the second derivative of the activation itself is a delta function, which no sample of a process ever meets.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import pi, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, ndtr

from dmft.mathematics import hermite
from dmft.models.two_layer_flow.exact.loss import bell

Array = NDArray[np.float64]
Derivatives = tuple[Array, Array, Array]
Activation = Callable[[Array], Derivatives]


def _tanh(x: Array) -> Derivatives:
    value = np.tanh(x)
    slope = 1 - value**2
    return value, slope, -2 * value * slope


def _sigmoid(x: Array) -> Derivatives:
    value = expit(x)
    slope = value * (1 - value)
    return value, slope, slope * (1 - 2 * value)


def _softplus(x: Array) -> Derivatives:
    return np.logaddexp(0.0, x), *_sigmoid(x)[:2]


def _silu(x: Array) -> Derivatives:
    value, slope, curvature = _sigmoid(x)
    return x * value, value + x * slope, 2 * slope + x * curvature


def _erf(x: Array) -> Derivatives:
    slope = 2 * bell(x)
    return 2 * ndtr(x) - 1, slope, -x * slope


def _gelu(x: Array) -> Derivatives:
    value, slope = ndtr(x), bell(x)
    return x * value, value + x * slope, (2 - x**2) * slope


def _sin(x: Array) -> Derivatives:
    value = np.sin(x)
    return value, np.cos(x), -value


def _cos(x: Array) -> Derivatives:
    value = np.cos(x)
    return value, -np.sin(x), -value


SMOOTH: dict[str, Activation] = {
    "linear": lambda x: (x, np.ones_like(x), np.zeros_like(x)),
    "quadratic": lambda x: ((x**2 - 1) / sqrt(2), sqrt(2) * x, np.full_like(x, sqrt(2))),
    "cubic": lambda x: ((x**3 - 3 * x) / sqrt(6), (x**2 - 1) * sqrt(1.5), x * sqrt(6)),
    "erf": _erf,
    "tanh": _tanh,
    "sigmoid": _sigmoid,
    "softplus": _softplus,
    "gelu": _gelu,
    "silu": _silu,
    "sin": _sin,
    "cos": _cos,
}


def _smooth_relu(x: Array, width: float) -> Derivatives:
    z = x / width
    slope, density = ndtr(z), np.exp(-(z**2) / 2) / sqrt(2 * pi)
    return x * slope + width * density, slope, density / width


def _smooth_abs(x: Array, width: float) -> Derivatives:
    value, slope, curvature = _smooth_relu(x, width)
    return 2 * value - x, 2 * slope - 1, 2 * curvature


KINKED: dict[str, Callable[[Array, float], Derivatives]] = {"relu": _smooth_relu, "abs": _smooth_abs}
# A width that is none.
KINK = 1e-12
NAMES = (*SMOOTH, *KINKED)


def activation(given: str | Sequence[float], width: float) -> Activation:
    """The activation of a name or of normalised Hermite coefficients; a kink is smoothed over `width`."""
    if isinstance(given, str):
        return SMOOTH[given] if given in SMOOTH else lambda x: KINKED[given](x, width)
    series = np.asarray(given, dtype=float)
    # He_k'/sqrt(k!) = sqrt(k) He_{k-1}/sqrt((k-1)!).
    slopes = np.append(series[1:] * np.sqrt(np.arange(1, len(series))), 0.0)
    return lambda x: (hermite.evaluate_series(series, x)[0], *hermite.evaluate_series(slopes, x))
