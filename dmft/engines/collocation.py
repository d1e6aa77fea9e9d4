"""Newton's method for the stages of a Radau IIA cell of ordinary differential equations.

The stages X (s, p) of dy/dt = f(t, y) over a step h from y solve A^(-1) (X - y)/h = F(X), F the rows f(t_i, X_i).  With
A^(-1) = V diag(mu) V^(-1), and J for df/dy of all stages, a Newton step falls apart into systems of the size of y,

    (mu_k/h - J) d_k = [V^(-1) (F - A^(-1) (X - y)/h)]_k,      dX = V d,

complex for pairs of conjugate mu, one of which is enough.  J may be that of an earlier state: the iteration then converges
linearly, and Anderson acceleration takes out the few directions in which it does so slowly.  A J for each stage makes one
large system.  Hairer & Wanner, *Solving Ordinary Differential Equations II*, IV.8.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dmft.engines.fixed_point import Basis, Ending, FixedPoint
from dmft.mathematics.tableau import Tableau

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]
LinearMap = Callable[[Array], Array]


@dataclass(frozen=True)
class Stages:
    """Equations of the stages of one cell: rate f(t, y), nodes (s,), state (p,) at its start, step."""

    rate: Callable[[float, Array], Array]
    times: Array
    start: Array
    step: float

    def rates(self, X: Array) -> Array:
        """F, (s, p)."""
        return np.array([self.rate(time, y) for time, y in zip(self.times, X, strict=True)])


@dataclass(frozen=True)
class Newton:
    """Solver of the stages; an iteration that will not be done in `max_iterations` at its last pace has stalled."""

    tableau: Tableau
    max_iterations: int

    @cached_property
    def _modes(self) -> tuple[Complex, Complex, Complex]:
        """mu, V and V^(-1), of each conjugate pair the first; twice the real part of that column is both."""
        found = np.linalg.eig(np.linalg.inv(self.tableau.A))
        mu, V = np.asarray(found.eigenvalues, dtype=complex), np.asarray(found.eigenvectors, dtype=complex)
        first = np.imag(mu) >= 0
        both = np.where(np.imag(mu) > 0, 2.0, 1.0)
        return mu[first], (V * both)[:, first], np.asarray(np.linalg.inv(V), dtype=complex)[first]

    def solve(self, equations: Stages, first: Array, J: Array, size: Array, tolerance: float, enough: float) -> FixedPoint:
        """Stages (s, p) from the guess `first`, with one df/dy (p, p) for all, or one for each (s, p, p).

        To an error of `tolerance` relative to `size` (p,), or of `enough` where rounding errors of F keep it from getting
        further.  An iteration is an evaluation of F; residuals are the sizes of the Newton steps.
        """
        slope = np.asarray(np.linalg.inv(self.tableau.A), dtype=float) / equations.step
        newton_step = self._joint(J, equations.step) if J.ndim == 2 else _separate(J, slope)
        basis, X = Basis(self.max_iterations, first.size), first
        residuals: list[float] = []
        f_old = change = np.zeros(first.size)
        for _ in range(self.max_iterations):
            f = (newton_step(equations.rates(X) - slope @ (X - equations.start)) / size).ravel()
            residuals.append(float(np.abs(f).max()))
            if len(residuals) > 1 and np.isfinite(residuals[-1]):
                basis.add(f - f_old, change)
            known, left = basis.solve(f)
            f_old, change = f, known + left
            X = X + size * change.reshape(X.shape)
            ending = self._ending(residuals, tolerance, enough)
            if ending is not None:
                return FixedPoint(X, ending, residuals)
        return FixedPoint(X, Ending.EXHAUSTED, residuals)

    def _joint(self, J: Array, step: float) -> LinearMap:
        """The map from residuals to changes of the stages, (s, p), with J (p, p) for all of them."""
        mu, V, inverse = self._modes
        solvers = [_factorised(m / step * np.eye(len(J)) - J) for m in mu]
        return lambda left: (V @ np.array([solve(row) for solve, row in zip(solvers, inverse @ left, strict=True)])).real

    def _ending(self, residuals: list[float], tolerance: float, enough: float) -> Ending | None:
        """Verdict on the geometric series of the steps to come: within the tolerance, or never."""
        last = residuals[-1]
        if not np.isfinite(last):
            return Ending.NOT_FINITE
        if len(residuals) == 1:
            return Ending.CONVERGED if last == 0.0 else None
        pace = last / residuals[-2]
        if pace < 1.0 and last * pace / (1.0 - pace) < tolerance:
            return Ending.CONVERGED
        left = self.max_iterations - len(residuals)
        if pace < 1.0 and last * pace**left < tolerance:
            return None
        return Ending.CONVERGED if last < enough else Ending.STALLED


def _separate(J: Array, slope: Array) -> LinearMap:
    """The same with J (s, p, p)."""
    s, p, _ = J.shape
    matrix = np.kron(slope, np.eye(p))
    for i, stage in enumerate(np.split(np.arange(s * p), s)):
        matrix[np.ix_(stage, stage)] -= J[i]
    solve = _factorised(matrix)
    return lambda left: solve(left.ravel()).reshape(s, p)


def _factorised(matrix: Any) -> Callable[[Any], Any]:
    """The map b -> matrix^(-1) b."""
    from scipy.linalg import get_lapack_funcs  # takes a while to load, and only large steps come here

    factor, back = get_lapack_funcs(("getrf", "getrs"), (matrix,))
    lu, pivots, _ = factor(matrix)
    return lambda b: back(lu, pivots, b)[0]
