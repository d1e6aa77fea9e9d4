"""States at rest of ordinary differential equations dy/dt = f(y), by Newton's method, and their stability."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

MAX_ITERATIONS = 50
# A step that changes y by less than this, relative to its largest entry, is the last.
LAST_CHANGE = 1e-11
# Newton's method that goes further than this finds some other state.
FARTHEST = 0.5
# Directions of the Jacobian that are weaker than this, relative to the strongest, are neutral: there y stays where it is.
NEUTRAL = 1e-9
# Errors of its eigenvalues by differences.
RESOLUTION = 1e-7


@dataclass(frozen=True)
class SteadyState:
    """A state y (p,) with f(y) = 0, and the eigenvalues (p,) of df/dy there, the one that grows fastest first.

    distance: how far y is from where the search began, relative to its largest entry.
    """

    y: Array
    eigenvalues: NDArray[np.complex128]
    distance: float

    @property
    def growth(self) -> float:
        """Rate of the direction that grows fastest, or decays slowest."""
        return float(self.eigenvalues[0].real)

    @property
    def stable(self) -> bool:
        """True if every direction decays, as far as differences can tell."""
        return self.growth < -RESOLUTION

    @property
    def verdict(self) -> str:
        """The same in words."""
        if self.stable:
            return f"stable: what decays slowest does so at the rate {-self.growth:.4g}"
        if self.growth > RESOLUTION:
            return f"unstable: what grows fastest does so at the rate {self.growth:.4g}"
        return "marginal: a direction neither grows nor decays"


def steady_state(rate: Callable[[Array], Array], jacobian: Callable[[Array], Array], y: Array) -> SteadyState | None:
    """Newton's method from y (p,); None if it does not settle, or goes far away."""
    begin, size = y, float(np.abs(y).max()) or 1.0
    with np.errstate(all="ignore"):
        for _ in range(MAX_ITERATIONS):
            f, J = rate(y), jacobian(y)
            if not (np.isfinite(f).all() and np.isfinite(J).all()):
                return None
            change = np.linalg.lstsq(J, -f, rcond=NEUTRAL)[0]
            y = y + change
            distance = float(np.abs(y - begin).max()) / size
            if not distance < FARTHEST:
                return None
            if np.abs(change).max() < LAST_CHANGE * size:
                values = np.asarray(np.linalg.eigvals(jacobian(y)), dtype=complex)
                return SteadyState(y, values[np.argsort(-np.real(values))], distance)
    return None
