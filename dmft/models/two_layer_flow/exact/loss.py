"""Losses l(f, y) of an output and a label, with their first two derivatives by the output.

square    (f - y)^2/2
huber     the same where |f - y| < w, and w (|f - y| - w/2) beyond
logistic  log(1 + exp(-y f)),                        y = 1 or -1
hinge     max(0, 1 - y f) convolved with a Gaussian of standard deviation w:   w [x Phi(x) + Phi'(x)],  x = (1 - y f)/w
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from dmft.mathematics import special
from dmft.mathematics.functions import bell

Array = NDArray[np.float64]
Function = Callable[[Array, Array], Array]

# Widths w that are used unless another one is given.
WIDTHS = {"huber": 1.0, "hinge": 0.1}
# Losses of labels that are signs.
OF_SIGNS = ("logistic", "hinge")


@dataclass(frozen=True)
class Loss:
    """l, dl/df and d^2 l/df^2, each a function of outputs and labels."""

    value: Function
    slope: Function
    curvature: Function


def loss(name: str, width: float | None = None) -> Loss:
    """The loss of a name; the width counts for those that have one."""
    if name in WIDTHS:
        w = WIDTHS[name] if width is None else width
        return Loss(*(partial(function, w) for function in SHAPED[name]))
    return PLAIN[name]


def _huber(w: float, f: Array, y: Array) -> Array:
    far = np.abs(f - y)
    return np.where(far < w, far**2 / 2, w * (far - w / 2))


def _huber_slope(w: float, f: Array, y: Array) -> Array:
    return np.clip(f - y, -w, w)


def _huber_curvature(w: float, f: Array, y: Array) -> Array:
    return (np.abs(f - y) < w).astype(float)


def _hinge(w: float, f: Array, y: Array) -> Array:
    x = (1 - y * f) / w
    return w * (x * special.ndtr(x) + bell(x))


def _hinge_slope(w: float, f: Array, y: Array) -> Array:
    return -y * special.ndtr((1 - y * f) / w)


def _hinge_curvature(w: float, f: Array, y: Array) -> Array:
    return y**2 * bell((1 - y * f) / w) / w


SHAPED: dict[str, tuple[Callable[[float, Array, Array], Array], ...]] = {
    "huber": (_huber, _huber_slope, _huber_curvature),
    "hinge": (_hinge, _hinge_slope, _hinge_curvature),
}
PLAIN = {
    "square": Loss(lambda f, y: (f - y) ** 2 / 2, lambda f, y: f - y, lambda f, y: np.ones_like(f)),
    "logistic": Loss(
        lambda f, y: np.logaddexp(0.0, -y * f),
        lambda f, y: -y * special.expit(-y * f),
        lambda f, y: y**2 * special.expit(f) * special.expit(-f),
    ),
}
LOSSES = (*PLAIN, *SHAPED)
