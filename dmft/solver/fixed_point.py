"""Solve x = G(x): Anderson acceleration, Newton-Krylov, and the first followed by the second.

The solvers know a map and the size of each entry, no physics; f = (G(x) - x)/size is the residual.

Anderson acceleration keeps an orthonormal basis q_k of the differences of f and the matching differences u_k of x/size
(Gram-Schmidt applied to both), so that

    x_new = x + size * [ beta (1 - Q Q^T) f - U Q^T f ]

is the least-squares (multi-secant) step; without a basis it is the damped Picard step x + beta (G(x) - x).
Walker & Ni, SIAM J. Numer. Anal. 49 (2011) 1715; Fang & Saad, Numer. Linear Algebra Appl. 16 (2009) 197.

Newton-Krylov solves J d = -f by GMRES with products J d from differences of f; it forgets what it learned far from the
solution, which Anderson acceleration does not.  Knoll & Keyes, J. Comput. Phys. 193 (2004) 357.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.linalg import LinearOperator, gmres

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


@dataclass(frozen=True)
class NewtonKrylov:
    """Newton's method with GMRES of at most `krylov` vectors, each step solved to the relative residual `forcing`."""

    krylov: int = 60
    forcing: float = 0.03
    max_iterations: int = 250

    def solve(self, G: Callable[[Array], Array], x: Array, size: Array, tolerance: float) -> FixedPoint:
        """As `Anderson.solve`; every product with the Jacobian counts as an iteration."""
        residuals: list[float] = []

        def f(y: Array) -> Array:
            value = G(y * size) / size - y
            residuals.append(float(np.abs(value).max()))
            return value

        y = x / size
        here = f(y)
        while True:
            residual = float(np.abs(here).max())
            if not np.isfinite(residual):
                return FixedPoint(y * size, Ending.NOT_FINITE, residuals)
            if residual < tolerance:
                return FixedPoint(y * size, Ending.CONVERGED, residuals)
            if len(residuals) >= self.max_iterations:
                return FixedPoint(y * size, Ending.EXHAUSTED, residuals)
            # No closer than the tolerance asks for.
            direction = self._direction(f, y, here, max(self.forcing, 0.3 * tolerance / residual))
            found = _shortened(f, y, here, direction)
            if found is None:
                return FixedPoint(y * size, Ending.STALLED, residuals)
            y, here = found

    def _direction(self, f: Callable[[Array], Array], y: Array, here: Array, forcing: float) -> Array:
        """Solve J d = -f(y) with J d = [f(y + h d) - f(y)]/h."""
        h = DIFFERENCE * max(float(np.linalg.norm(y)), 1.0)
        product = _Products(y.size, lambda d: (f(y + h * d) - here) / h)
        direction, _ = gmres(product, -here, rtol=forcing, restart=self.krylov, maxiter=1)
        return direction


class _Products(LinearOperator):
    """A square matrix known by its products."""

    def __init__(self, size: int, product: Callable[[Array], Array]) -> None:
        super().__init__(np.dtype(float), (size, size))
        self.product = product

    def _matvec(self, x: Array) -> Array:
        return self.product(x)


# Step of the finite differences relative to |y|: rounding and curvature both stay far below what a Newton step needs.
DIFFERENCE = 1e-8


def _shortened(f: Callable[[Array], Array], y: Array, here: Array, direction: Array) -> tuple[Array, Array] | None:
    """The point on the way along the direction, halved at most six times, where |f| has fallen; None if there is none."""
    for halvings in range(7):
        there = y + 0.5**halvings * direction
        value = f(there)
        if np.linalg.norm(value) < np.linalg.norm(here):
            return there, value
    return None


@dataclass(frozen=True)
class AndersonThenNewton:
    """Anderson acceleration, the cheaper one where it works; then Newton-Krylov from where it got to."""

    first: Anderson
    then: NewtonKrylov

    def solve(self, G: Callable[[Array], Array], x: Array, size: Array, tolerance: float) -> FixedPoint:
        """As `Anderson.solve`."""
        accelerated = self.first.solve(G, x, size, tolerance)
        if accelerated.converged:
            return accelerated
        reached = x if accelerated.ending is Ending.NOT_FINITE else accelerated.x
        found = self.then.solve(G, reached, size, tolerance)
        return FixedPoint(found.x, found.ending, accelerated.residuals + found.residuals)


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
