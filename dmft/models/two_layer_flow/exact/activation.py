"""Activations with their first two derivatives, as functions of preactivations: by name, or by Hermite coefficients."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from dmft.mathematics import functions, hermite
from dmft.mathematics.functions import Derivatives

Array = NDArray[np.float64]
Activation = Callable[[Array], Derivatives]


def activation(given: str | Sequence[float], width: float) -> Activation:
    """The activation of a name or of normalised Hermite coefficients; a kink is smoothed over `width`."""
    if isinstance(given, str):
        named = functions.NAMED[given]
        return lambda x: named.derivatives(x, width)
    series = np.asarray(given, dtype=float)
    # He_k'/sqrt(k!) = sqrt(k) He_{k-1}/sqrt((k-1)!).
    slopes = np.append(series[1:] * np.sqrt(np.arange(1, len(series))), 0.0)
    return lambda x: (hermite.evaluate_series(series, x)[0], *hermite.evaluate_series(slopes, x))


@cache
def mean_squared_slope(given: str | tuple[float, ...]) -> float:
    """E[sigma'(g)^2] for standard normal g; kinks weigh nothing."""
    x, w = np.polynomial.hermite_e.hermegauss(100)
    return float(w @ activation(given, functions.KINK)(x)[1] ** 2 / w.sum())
