"""Named functions of one variable: activations and targets, each declared once.

`NAMED` holds them for NumPy arrays.  Functions with `traits` also exist as compiled code, in
`gaussian_integrals.activations`, where they have a third derivative and averages over Gaussian fields.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import pi, sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dmft.mathematics import special

Array = NDArray[np.float64]
Function = Callable[[Array], Array]


class Traits(NamedTuple):
    """Properties of a function that decide how many nodes and terms its averages take.

    pole: distance of its poles from the real axis; without poles, a number that gives enough terms.
    symmetric: odd or even.  steep: grows faster than x.
    """

    pole: float
    symmetric: bool = False
    steep: bool = False


@dataclass(frozen=True)
class NamedFunction:
    """A scalar function: its values, its slopes from x and the values at x (None if it has a kink or jump), its traits."""

    evaluate: Function
    slope: Callable[[Array, Array], Array] | None
    traits: Traits | None = None

    @property
    def smooth(self) -> bool:
        """True if it has neither kink nor jump."""
        return self.slope is not None


def _gelu_slope(x: Array, _: Array) -> Array:
    return special.ndtr(x) + x * np.exp(-(x**2) / 2) / sqrt(2 * pi)


NAMED: dict[str, NamedFunction] = {
    "linear": NamedFunction(lambda x: x, lambda x, _: np.ones_like(x), Traits(2.0, symmetric=True)),
    "quadratic": NamedFunction(
        lambda x: (x**2 - 1) / sqrt(2), lambda x, _: sqrt(2) * x, Traits(2.2, symmetric=True, steep=True)
    ),
    "cubic": NamedFunction(
        lambda x: (x**3 - 3 * x) / sqrt(6), lambda x, _: (x**2 - 1) * sqrt(1.5), Traits(2.2, symmetric=True, steep=True)
    ),
    "erf": NamedFunction(
        lambda x: special.erf(x / sqrt(2)), lambda x, _: sqrt(2 / pi) * np.exp(-(x**2) / 2), Traits(2.0, symmetric=True)
    ),
    "tanh": NamedFunction(np.tanh, lambda _, s: 1 - s**2, Traits(pi / 2, symmetric=True)),
    "sigmoid": NamedFunction(lambda x: special.expit(x), lambda _, s: s * (1 - s), Traits(3.3)),
    "softplus": NamedFunction(lambda x: np.logaddexp(0.0, x), lambda x, _: special.expit(x), Traits(3.6)),
    "gelu": NamedFunction(lambda x: x * special.ndtr(x), _gelu_slope, Traits(2.3)),
    "silu": NamedFunction(lambda x: x * special.expit(x), lambda x, s: special.expit(x) * (1 - s) + s, Traits(pi)),
    "sin": NamedFunction(np.sin, lambda x, _: np.cos(x), Traits(2.2, symmetric=True)),
    "cos": NamedFunction(np.cos, lambda x, _: -np.sin(x), Traits(2.2, symmetric=True)),
    "relu": NamedFunction(lambda x: np.maximum(x, 0.0), None, Traits(1.0)),
    "abs": NamedFunction(np.abs, None),
    "sign": NamedFunction(np.sign, None),
}
