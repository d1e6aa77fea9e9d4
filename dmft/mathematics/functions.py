"""Named functions of one variable: activations and targets, each declared once.

`NAMED` holds them for NumPy arrays.  Functions with `traits` also exist as compiled code, in
`gaussian_integrals.activations`, where they have a third derivative and averages over Gaussian fields.

A kink has derivatives once it is smoothed, by convolution with a Gaussian of standard deviation w: max(0, x) becomes
x Phi(x/w) + w Phi'(x/w).  The second derivative of the kink itself is a delta function, which no sample of a process meets.
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
Derivatives = tuple[Array, Array, Array]

# A width of kinks that is none.
KINK = 1e-12


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
    """A scalar function: its values, its derivatives and its traits.

    slope: from x and the values at x.  curvature: from x, values and slopes; both None for a kink or a jump.
    smoothed: of a kink, value, slope and curvature at x when it is smoothed over a width.
    """

    evaluate: Function
    slope: Callable[[Array, Array], Array] | None
    curvature: Callable[[Array, Array, Array], Array] | None
    traits: Traits | None = None
    smoothed: Callable[[Array, float], Derivatives] | None = None

    @property
    def smooth(self) -> bool:
        """True if it has neither kink nor jump."""
        return self.slope is not None

    def derivatives(self, x: Array, width: float) -> Derivatives:
        """Value, slope and curvature; of a kink, smoothed over a width.  ValueError for a jump."""
        if self.smoothed is not None:
            return self.smoothed(x, width)
        if self.slope is None or self.curvature is None:
            raise ValueError("a jump has no slope: wanted a continuous function")
        value = self.evaluate(x)
        slope = self.slope(x, value)
        return value, slope, self.curvature(x, value, slope)


def bell(x: Array) -> Array:
    """Density of the normal law."""
    return np.exp(-(x**2) / 2) / sqrt(2 * pi)


def _gelu_slope(x: Array, _: Array) -> Array:
    # In this order, so that simulations give the same numbers to the last bit as they always have.
    return special.ndtr(x) + x * np.exp(-(x**2) / 2) / sqrt(2 * pi)


def _silu_curvature(x: Array, s: Array, _: Array) -> Array:
    gate = special.expit(x)
    return gate * (1 - gate) * (2 + x * (1 - 2 * gate))


def _smooth_relu(x: Array, width: float) -> Derivatives:
    z = x / width
    slope, density = special.ndtr(z), bell(z)
    return x * slope + width * density, slope, density / width


def _smooth_abs(x: Array, width: float) -> Derivatives:
    value, slope, curvature = _smooth_relu(x, width)
    return 2 * value - x, 2 * slope - 1, 2 * curvature


NAMED: dict[str, NamedFunction] = {
    "linear": NamedFunction(
        lambda x: x, lambda x, _: np.ones_like(x), lambda x, *_: np.zeros_like(x), Traits(2.0, symmetric=True)
    ),
    "quadratic": NamedFunction(
        lambda x: (x**2 - 1) / sqrt(2),
        lambda x, _: sqrt(2) * x,
        lambda x, *_: np.full_like(x, sqrt(2)),
        Traits(2.2, symmetric=True, steep=True),
    ),
    "cubic": NamedFunction(
        lambda x: (x**3 - 3 * x) / sqrt(6),
        lambda x, _: (x**2 - 1) * sqrt(1.5),
        lambda x, *_: x * sqrt(6),
        Traits(2.2, symmetric=True, steep=True),
    ),
    "erf": NamedFunction(
        lambda x: special.erf(x / sqrt(2)),
        lambda x, _: sqrt(2 / pi) * np.exp(-(x**2) / 2),
        lambda x, _, slope: -x * slope,
        Traits(2.0, symmetric=True),
    ),
    "tanh": NamedFunction(np.tanh, lambda _, s: 1 - s**2, lambda _, s, slope: -2 * s * slope, Traits(pi / 2, symmetric=True)),
    "sigmoid": NamedFunction(
        lambda x: special.expit(x), lambda _, s: s * (1 - s), lambda _, s, slope: slope * (1 - 2 * s), Traits(3.3)
    ),
    "softplus": NamedFunction(
        lambda x: np.logaddexp(0.0, x), lambda x, _: special.expit(x), lambda _x, _s, slope: slope * (1 - slope), Traits(3.6)
    ),
    "gelu": NamedFunction(lambda x: x * special.ndtr(x), _gelu_slope, lambda x, *_: (2 - x**2) * bell(x), Traits(2.3)),
    "silu": NamedFunction(
        lambda x: x * special.expit(x), lambda x, s: special.expit(x) * (1 - s) + s, _silu_curvature, Traits(pi)
    ),
    "sin": NamedFunction(np.sin, lambda x, _: np.cos(x), lambda _, s, __: -s, Traits(2.2, symmetric=True)),
    "cos": NamedFunction(np.cos, lambda x, _: -np.sin(x), lambda _, s, __: -s, Traits(2.2, symmetric=True)),
    "relu": NamedFunction(lambda x: np.maximum(x, 0.0), None, None, Traits(1.0), _smooth_relu),
    "abs": NamedFunction(np.abs, None, None, None, _smooth_abs),
    "sign": NamedFunction(np.sign, None, None),
}
# Names of those with a kink, and of all that have derivatives, once it is smoothed.
KINKED = tuple(name for name, function in NAMED.items() if function.smoothed is not None)
DIFFERENTIABLE = tuple(name for name, function in NAMED.items() if function.smooth or name in KINKED)
