"""Solve x = G(x) by Anderson acceleration.

The solver knows a map and the size of each entry, no physics.  With f = (G(x) - x)/size it keeps an orthonormal basis q_k
of the differences of f and the matching differences u_k of x/size (Gram-Schmidt applied to both), so that

    x_new = x + size * [ beta (1 - Q Q^T) f - U Q^T f ]

is the least-squares (multi-secant) step; without a basis it is the damped Picard step x + beta (G(x) - x).
Walker & Ni, SIAM J. Numer. Anal. 49 (2011) 1715; Fang & Saad, Numer. Linear Algebra Appl. 16 (2009) 197.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class Ending(Enum):
    """How an iteration ended."""

    CONVERGED = "converged"
    STALLED = "the residual stopped falling"
    EXHAUSTED = "the iterations ran out"
    NOT_FINITE = "a value is not finite"


@dataclass
class FixedPoint:
    """Last iterate, how the iteration ended and the residual max|G(x) - x|/size of every evaluation."""

    x: Array
    ending: Ending
    residuals: list[float] = field(default_factory=list)

    @property
    def converged(self) -> bool:
        """Whether the residual met the tolerance."""
        return self.ending is Ending.CONVERGED

    @property
    def residual(self) -> float:
        """Residual of the last evaluation."""
        return self.residuals[-1] if self.residuals else np.inf


@dataclass(frozen=True)
class Anderson:
    """Anderson acceleration with at most `depth` differences, then a restart; `depth = 0` is damped Picard iteration.

    `damping` is beta above.  An iteration that in `patience` evaluations does not gain a factor two has stalled.
    """

    depth: int = 30
    damping: float = 1.0
    max_iterations: int = 80
    patience: int = 20

    def solve(self, G: Callable[[Array], Array], x: Array, size: Array, tolerance: float) -> FixedPoint:
        """Iterate from x until max|G(x) - x|/size < tolerance; the x returned is one that G was evaluated at."""
        Q, U = np.empty((2, self.depth, x.size))
        used = 0
        residuals: list[float] = []
        x_old = f_old = x
        for _ in range(self.max_iterations):
            f = (G(x) - x) / size
            residuals.append(float(np.abs(f).max()))
            if not np.isfinite(residuals[-1]):
                return FixedPoint(x, Ending.NOT_FINITE, residuals)
            if residuals[-1] < tolerance:
                return FixedPoint(x, Ending.CONVERGED, residuals)
            if self._stalled(residuals):
                return FixedPoint(x, Ending.STALLED, residuals)
            if self.depth and len(residuals) > 1:
                used %= self.depth
                used += _extend(Q, U, used, f - f_old, (x - x_old) / size)
            x_old, f_old = x, f
            in_span = Q[:used] @ f
            x = x + size * (self.damping * (f - in_span @ Q[:used]) - in_span @ U[:used])
        return FixedPoint(x, Ending.EXHAUSTED, residuals)

    def _stalled(self, residuals: list[float]) -> bool:
        recent = self.patience
        return len(residuals) > 2 * recent and min(residuals[-recent:]) > 0.5 * min(residuals[:-recent])


def _extend(Q: Array, U: Array, used: int, df: Array, dx: Array) -> bool:
    """Put df, made orthonormal to Q[:used], and dx, combined the same way, at position `used`; False if df depends on Q."""
    size = np.linalg.norm(df)
    # Twice is enough (Kahan): one pass leaves the rounding errors of nearly dependent differences.
    for _ in range(2):
        overlap = Q[:used] @ df
        df = df - overlap @ Q[:used]
        dx = dx - overlap @ U[:used]
    left = np.linalg.norm(df)
    if not left > 1e-10 * size:
        return False
    Q[used] = df / left
    U[used] = dx / left
    return True
