"""Labels of samples: y = phi(z) + tau eps, or its sign, of which some are flipped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dmft.mathematics import hermite

Array = NDArray[np.float64]
Target = str | tuple[float, ...] | Mapping[str, Any]


@dataclass(frozen=True)
class Labels:
    """The law of labels: target phi, noise tau, whether they are signs, and the part of these that is flipped."""

    target: Target
    noise: float = 0.0
    signs: bool = False
    flips: float = 0.0

    def __call__(self, z: Array, noise: Array, uniform: Array) -> Array:
        """Labels (P,) of coordinates z (r, P) along the target directions, standard normal and uniform numbers (P,)."""
        y = phi(self.target, z) + self.noise * noise
        if not self.signs:
            return y
        return np.where(y < 0, -1.0, 1.0) * np.where(uniform < self.flips, -1.0, 1.0)

    def seen(self, f: Array, y: Array) -> dict[str, Array]:
        """Margins y f of signs, residuals f - y of other labels, by name."""
        return {"margin": y * f} if self.signs else {"residual": f - y}


def phi(target: Target, z: Array) -> Array:
    """The target at coordinates (r, P), (P,)."""
    if target == "none":
        return np.zeros(z.shape[1])
    if not isinstance(target, Mapping):
        return hermite.evaluator(target)(np.ascontiguousarray(z[0]))
    if "committee" in target:
        return sum((hermite.evaluator(target["committee"])(np.ascontiguousarray(row)) for row in z), np.zeros(z.shape[1]))
    degrees = {tuple(map(int, key.split(","))): value for key, value in target.items()}
    powers = [_polynomials(row, max(index[k] for index in degrees)) for k, row in enumerate(z)]
    terms = [value * np.prod([powers[k][n] for k, n in enumerate(index)], axis=0) for index, value in degrees.items()]
    return np.sum(terms, axis=0)


def _polynomials(x: Array, degree: int) -> Array:
    """He_k(x)/sqrt(k!), (degree + 1, P)."""
    return np.array([hermite.evaluate_series(row, x)[0] for row in np.eye(degree + 1)])
