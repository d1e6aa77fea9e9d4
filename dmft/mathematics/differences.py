"""Derivatives by differences."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# Step relative to the size of an entry: half of the digits.
STEP = 1.5e-8


def jacobian(f: Callable[[Array], Array], y: Array, size: Array) -> Array:
    """df/dy (p, p) at y (p,), to about eight digits, by steps in proportion to `size` (p,) > 0."""
    here, J = f(y), np.empty((y.size, y.size))
    for j, step in enumerate(STEP * size):
        moved = y.copy()
        moved[j] += step
        J[:, j] = (f(moved) - here) / (moved[j] - y[j])
    return J
