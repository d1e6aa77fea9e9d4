"""Power laws y = c x^p: least squares of log y on log x, with the standard error that the scatter of the points gives."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class PowerLaw:
    """y = prefactor x^exponent; error: standard error of the exponent."""

    prefactor: float
    exponent: float
    error: float

    def __call__(self, x: ArrayLike) -> Array:
        """Value of the law at x."""
        return self.prefactor * np.asarray(x, dtype=float) ** self.exponent

    def __str__(self) -> str:
        return f"{self.exponent:.4f} +- {self.error:.4f}"


def power_law(x: ArrayLike, y: ArrayLike) -> PowerLaw:
    """Fit of a power law to three points or more.  Raises ValueError for fewer, or values that are not positive."""
    given = np.asarray([x, y], dtype=float)
    if given.shape[1] < 3 or not (given > 0).all():
        raise ValueError(f"x = {x}, y = {y}: wanted three points or more, all positive")
    log_x, log_y = np.log(given)
    centred = log_x - log_x.mean()
    exponent = float(centred @ log_y / (centred @ centred))
    offset = float(log_y.mean() - exponent * log_x.mean())
    scatter = log_y - offset - exponent * log_x
    error = float(np.sqrt(scatter @ scatter / (log_x.size - 2) / (centred @ centred)))
    return PowerLaw(float(np.exp(offset)), exponent, error)


def local_exponents(x: ArrayLike, y: ArrayLike) -> Array:
    """Exponents between neighbouring points: d log y / d log x, one fewer than points."""
    return np.diff(np.log(np.asarray(y, dtype=float))) / np.diff(np.log(np.asarray(x, dtype=float)))
