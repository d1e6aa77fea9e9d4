"""Solve x = G(x): Anderson acceleration, Newton-Krylov, and a controller that picks.

The solvers know a map and the size of each entry, no physics; f = (G(x) - x)/size is the residual, y = x/size.

Both keep an orthonormal basis q_k of changes of f and the matching changes u_k of y (Gram-Schmidt applied to both), so that
d = -U Q^T f is the least-squares solution of J d = -f within the span.  Anderson acceleration takes the pairs from its own
iterates and goes on from there,

    y_new = y + beta (1 - Q Q^T) f - U Q^T f;

without a basis it is the damped Picard step.  Newton-Krylov makes the pairs by differences of f along the residual that is
left (generalised conjugate residuals), anew for each step: those of the steps before precondition it, so that only what is
new has to be found.  Anderson acceleration is cheap where it works; Newton's method does not need that J is the same for all
iterates.

Walker & Ni, SIAM J. Numer. Anal. 49 (2011) 1715; Fang & Saad, Numer. Linear Algebra Appl. 16 (2009) 197;
Knoll & Keyes, J. Comput. Phys. 193 (2004) 357; Eisenstat, Elman & Schultz, SIAM J. Numer. Anal. 20 (1983) 345.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import partial
from math import isfinite, sqrt

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Map = Callable[[Array], Array]


class Ending(Enum):
    """Result of an iteration."""

    CONVERGED = "converged"
    STALLED = "the residual stopped falling"
    EXHAUSTED = "the iterations ran out"
    NOT_FINITE = "a value is not finite"


@dataclass
class FixedPoint:
    """Last iterate, how the iteration ended and the residual max|G(x) - x|/size of every evaluation.

    Where the iteration has converged: `go_on` iterates on to a smaller tolerance with what is known of the map by then, and
    `ahead` is what x is off by, estimated, much more than the residual along soft directions.  Newton's method has none:
    its steps, each solved roughly, find soft directions last.
    """

    x: Array
    ending: Ending
    residuals: list[float] = field(default_factory=list)
    go_on: Callable[[float], FixedPoint] | None = None
    ahead: Array | None = None

    @property
    def converged(self) -> bool:
        """True if the residual met the tolerance."""
        return self.ending is Ending.CONVERGED

    @property
    def residual(self) -> float:
        """Residual of the last evaluation."""
        return self.residuals[-1] if self.residuals else np.inf


class Basis:
    """Changes of f, orthonormal, and the changes of y that made them: at most `depth` pairs (q_k, u_k), a row each."""

    def __init__(self, depth: int, size: int) -> None:
        self.pairs, self.size = np.empty((depth, 2 * size)), size
        self.used = 0

    def add(self, df: Array, dy: Array) -> bool:
        """Add a pair, after a restart if the basis is full; False if df depends on those that are there, or none can be."""
        if not len(self.pairs):
            return False
        self.used %= len(self.pairs)
        pairs, pair = self.pairs[: self.used], np.concatenate([df, dy])
        Q, q = pairs[:, : self.size], pair[: self.size]
        size = sqrt(q @ q)
        # Twice is enough (Kahan): one pass leaves the rounding errors of nearly dependent differences.
        for _ in range(2):
            pair -= (Q @ q) @ pairs
        left = sqrt(q @ q)
        if not left > 1e-10 * size:
            return False
        np.divide(pair, left, out=self.pairs[self.used])
        self.used += 1
        return True

    def solve(self, f: Array) -> tuple[Array, Array]:
        """d = -U Q^T f, and what it leaves of f, (1 - Q Q^T) f."""
        pairs = self.pairs[: self.used]
        found = (pairs[:, : self.size] @ f) @ pairs
        return -found[self.size :], f - found[: self.size]


@dataclass(frozen=True)
class Anderson:
    """Anderson acceleration with at most `depth` differences, then a restart; `depth = 0` is damped Picard iteration.

    `damping` is beta above.  An iteration that will not be done in `max_iterations` at the pace of its last `patience`
    evaluations has stalled.
    """

    depth: int = 30
    damping: float = 1.0
    max_iterations: int = 80
    patience: int = 20

    def solve(self, G: Map, x: Array, size: Array, tolerance: float) -> FixedPoint:
        """Iterate from x until max|G(x) - x|/size < tolerance; the x returned is one that G was evaluated at."""
        return self._iterate(tolerance, G, size, Basis(self.depth, x.size), x, x, None)

    def _iterate(
        self, tolerance: float, G: Map, size: Array, basis: Basis, x: Array, x_old: Array, f_old: Array | None
    ) -> FixedPoint:
        residuals: list[float] = []
        for _ in range(self.max_iterations):
            f = (G(x) - x) / size
            residuals.append(float(np.abs(f).max()))
            if not isfinite(residuals[-1]):
                return FixedPoint(x, Ending.NOT_FINITE, residuals)
            if f_old is not None:
                basis.add(f - f_old, (x - x_old) / size)
            converged = residuals[-1] < tolerance
            if not converged and self._stalled(residuals, tolerance):
                return FixedPoint(x, Ending.STALLED, residuals)
            step, left = basis.solve(f)
            following = x + size * (self.damping * left + step)
            if converged:
                go_on = partial(self._iterate, G=G, size=size, basis=basis, x=following, x_old=x, f_old=f)
                return FixedPoint(x, Ending.CONVERGED, residuals, go_on, following - x)
            x_old, f_old, x = x, f, following
        return FixedPoint(x_old, Ending.EXHAUSTED, residuals)

    def _stalled(self, residuals: list[float], tolerance: float) -> bool:
        if len(residuals) <= self.patience:
            return False
        gained = np.log(residuals[-1 - self.patience] / min(residuals[-self.patience :]))
        wanted = np.log(min(residuals) / tolerance)
        left = self.max_iterations - len(residuals)
        return bool(gained * left < wanted * self.patience)


@dataclass(frozen=True)
class NewtonKrylov:
    """Newton's method, each step solved to the relative residual `forcing` within `krylov` products.

    Steps are taken whole although the residual may grow: soft directions are curved, and a step along one raises the
    residual of stiff ones, which the next step takes away.  Only growth beyond `growth` is refused.  Where `patience` steps
    have not halved the smallest residual, there is no solution, and the iteration has stalled.  The products of the last
    `recycled` steps precondition the next.
    """

    krylov: int = 100
    forcing: float = 0.01
    max_iterations: int = 300
    growth: float = 1e3
    patience: int = 4
    recycled: int = 3

    def solve(self, G: Map, x: Array, size: Array, tolerance: float) -> FixedPoint:
        """As `Anderson.solve`; every product with the Jacobian counts as an iteration."""

        def f(y: Array) -> Array:
            return G(y * size) / size - y

        return self._iterate(tolerance, f, x / size, size, None, [])

    def _iterate(self, tolerance: float, f: Map, y: Array, size: Array, here: Array | None, known: list[Basis]) -> FixedPoint:
        residuals: list[float] = []

        def counted(y: Array) -> Array:
            value = f(y)
            residuals.append(float(np.abs(value).max()))
            return value

        here = counted(y) if here is None else here
        residual = float(np.abs(here).max())
        smallest = [residual]
        while True:
            if not np.isfinite(residual):
                return FixedPoint(y * size, Ending.NOT_FINITE, residuals)
            if residual < tolerance:
                go_on = partial(self._iterate, f=f, y=y, size=size, here=here, known=known)
                return FixedPoint(y * size, Ending.CONVERGED, residuals, go_on)
            if len(residuals) >= self.max_iterations:
                return FixedPoint(y * size, Ending.EXHAUSTED, residuals)
            if len(smallest) > self.patience and smallest[-1] > 0.5 * smallest[-1 - self.patience]:
                return FixedPoint(y * size, Ending.STALLED, residuals)
            # No closer than the tolerance asks for.
            step = self._step(counted, y, here, max(self.forcing, 0.3 * tolerance / residual), known)
            for shorter in SHORTER:
                there = counted(y + shorter * step)
                residual = residuals[-1]
                if residual < self.growth * smallest[-1]:
                    break
            else:
                return FixedPoint(y * size, Ending.STALLED, residuals)
            y, here = y + shorter * step, there
            smallest.append(min(smallest[-1], residual))

    def _step(self, f: Map, y: Array, here: Array, forcing: float, known: list[Basis]) -> Array:
        """Solve J d = -f(y) with J d = [f(y + h d) - f(y)]/h; not-a-number if a product is.

        known: bases of the steps before, newest first; each direction is a step of theirs.  That of this step is put first.
        """
        basis = Basis(self.krylov, y.size)
        h = DIFFERENCE * max(float(np.linalg.norm(y)), 1.0)
        wanted = forcing * np.linalg.norm(here)
        step, left = np.zeros_like(y), here
        for _ in range(self.krylov):
            direction = _guessed(left, known)
            direction /= np.linalg.norm(direction)
            change = (f(y + h * direction) - here) / h
            if not np.isfinite(change).all():
                return np.full_like(y, np.nan)
            if not basis.add(change, direction):
                break
            step, left = basis.solve(here)
            if not np.linalg.norm(left) > wanted:
                break
        known.insert(0, basis)
        del known[self.recycled :]
        return step


def _guessed(f: Array, known: list[Basis]) -> Array:
    """Approximate solution of J d = -f: by each basis in turn for what the ones before leave, as for J = -1 in the end."""
    d = np.zeros_like(f)
    for basis in known:
        step, f = basis.solve(f)
        d += step
    return d + f


# Step of the finite differences relative to |y|: rounding and curvature both stay far below what a Newton step needs.
DIFFERENCE = 1e-7
# Parts of a Newton step that are tried in turn.
SHORTER = (1.0, 0.5, 0.25, 0.125, 0.0625)


@dataclass(frozen=True)
class Controller:
    """Anderson acceleration; where it stalls, Newton-Krylov from the same start after a part of x is solved for first.

    The part is solved with all else held fixed, and roughly: to bring it into the basin of Newton's method.
    """

    easy: Anderson = Anderson(max_iterations=50, patience=10)
    part: Anderson = Anderson(max_iterations=25)
    hard: NewtonKrylov = NewtonKrylov()
    roughly: float = 1e-4

    def solve(self, G: Map, x: Array, size: Array, tolerance: float, part: slice) -> FixedPoint:
        """As `Anderson.solve`."""
        found = self.easy.solve(G, x, size, tolerance)
        if found.converged:
            return replace(found, go_on=partial(self._go_on, G=G, found=found, size=size))

        def held(z: Array) -> Array:
            return G(np.concatenate([x[: part.start], z, x[part.stop :]]))[part]

        near = self.part.solve(held, x[part], size[part], self.roughly)
        if near.converged:
            x = np.concatenate([x[: part.start], near.x, x[part.stop :]])
        solved = self.hard.solve(G, x, size, tolerance)
        return replace(solved, residuals=found.residuals + near.residuals + solved.residuals)

    def _go_on(self, tolerance: float, G: Map, found: FixedPoint, size: Array) -> FixedPoint:
        """Anderson acceleration goes on; where it stalls, Newton's method from where it had converged."""
        assert found.go_on is not None
        finer = found.go_on(tolerance)
        if finer.converged:
            return finer
        solved = self.hard.solve(G, found.x, size, tolerance)
        return replace(solved, residuals=finer.residuals + solved.residuals)
