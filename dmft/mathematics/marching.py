"""Steps in time of a finite system y(t): its gradient flow to a tolerance, or gradient descent.

**Flow.**  The Jacobian of a gradient flow is symmetric and its eigenvalues are real; the largest of them, rho, is what limits
explicit steps.  A Runge-Kutta-Chebyshev step of s stages is of order 2 and stable up to dt rho = 0.65 s^2, so that the step may
grow with t at a cost that grows like its root (Sommeijer, Shampine & Verwer, J. Comput. Appl. Math. 88 (1998) 315):

    Y_1 = y + mu~_1 dt F_0,     Y_j = (1 - mu_j - nu_j) y + mu_j Y_{j-1} + nu_j Y_{j-2} + mu~_j dt F_{j-1} + gamma~_j dt F_0

with the local error 0.8 (y - y_new) + 0.4 dt (F_0 + F_new).  rho comes from a power iteration that goes on from step to step.

**Descent.**  y <- y + eta F(y), at times k eta.

After each step y is put back on its constraints.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

DAMPING = 2 / 13
# Of the power iteration: the shift of y, relative; what rho may exceed its estimate by; when it has settled or gives up.
SHIFT, MARGIN, RADIUS_CHANGE, MOST = 1e-7, 1.2, 0.03, 30
# A step grows and shrinks by so much at most, and aims a little below the tolerance.
GROWTH, SHRINKAGE, CAUTION = 5.0, 0.1, 0.8
# A step that moves y by less than this, relative, is not tried.
SMALLEST = 1e-14
TINY = 1e-300
# A flow is given up if one step to the end would take more than STAGES stages, or if, after SETTLED evaluations, more than
# STEPS steps of the present length are left.
STAGES, STEPS, SETTLED = 1e9, 1e9, 10_000


class Moving(Protocol):
    """A system in motion."""

    def rate(self, y: Array) -> Array:
        """dy/dt."""
        ...

    def constrain(self, y: Array) -> Array:
        """The y nearest to this one that obeys the constraints."""
        ...

    def size(self, change: Array, y: Array) -> float:
        """Size of a change of y relative to that of y."""
        ...


class Progress(NamedTuple):
    """All that the next step depends on.

    rate: dy/dt at y; step: dt to try next; direction: of the fastest motion, as known so far; radius: rho, margin included;
    evaluations: of the rate, so far.
    """

    time: float
    y: Array
    rate: Array
    step: float
    direction: Array
    radius: float
    evaluations: int


@dataclass(frozen=True)
class Flow:
    """Gradient flow; `tolerance` bounds the local error of a step in the sense of `Moving.size`."""

    moving: Moving
    tolerance: float

    def begin(self, y: Array) -> Progress:
        """At t = 0."""
        rate = self.moving.rate(y)
        begun = self._measured(Progress(0.0, y, rate, 0.0, rate, 0.0, 1), MOST)
        fastest = max(begun.radius, self.moving.size(rate, y), TINY)
        return begun._replace(step=self.tolerance ** (1 / 3) / fastest)

    def advance(self, begun: Progress, until: float) -> Progress:
        """A step that ends at `until` at the latest.

        Raises ArithmeticError if no step gives finite values, or steps are so short that they never get there.
        """
        if not np.isfinite(begun.radius):
            raise ArithmeticError("the rate is not finite")
        left = until - begun.time
        if left * begun.radius > STAGES**2 or (begun.evaluations > SETTLED and begun.step * STEPS < left):
            raise ArithmeticError("steps are too short to get anywhere")
        while True:
            dt = min(begun.step, until - begun.time)
            y, rate, error, used = self._try(begun, dt)
            begun = begun._replace(evaluations=begun.evaluations + used)
            if error <= 1:
                break
            begun = self._shortened(begun, dt, error)
        step = dt * min(GROWTH, CAUTION * max(error, TINY) ** (-1 / 3))
        # A step cut short by `until` says little on the next one.
        step = step if dt == begun.step else max(step, begun.step)
        time = until if dt == until - begun.time else begun.time + dt
        return self._measured(begun._replace(time=time, y=y, rate=rate, step=step), 1)

    def _shortened(self, begun: Progress, dt: float, error: float) -> Progress:
        """After a step that failed: a shorter one to try, and rho measured anew."""
        factor = max(SHRINKAGE, CAUTION * error ** (-1 / 3)) if np.isfinite(error) else SHRINKAGE
        if not factor * dt * self.moving.size(begun.rate, begun.y) > SMALLEST:
            raise ArithmeticError("no step gives finite values")
        return self._measured(begun._replace(step=factor * dt), MOST)

    def _try(self, begun: Progress, dt: float) -> tuple[Array, Array, float, int]:
        """New y and rate, error over tolerance, and evaluations."""
        y, F_0 = begun.y, begun.rate
        stages = max(2, 1 + int(np.sqrt(1 + 1.54 * dt * begun.radius)))
        first, weights = chebyshev(stages)
        before, new = y, y + first * dt * F_0
        for mu, nu, mu_F, gamma_F in weights:
            F = self.moving.rate(new)
            before, new = new, (1 - mu - nu) * y + mu * new + nu * before + dt * (mu_F * F + gamma_F * F_0)
        new = self.moving.constrain(new)
        F = self.moving.rate(new)
        error = self.moving.size(0.8 * (y - new) + 0.4 * dt * (F_0 + F), new)
        return new, F, error / self.tolerance, stages

    def _measured(self, begun: Progress, most: int) -> Progress:
        """With rho by at most so many power iterations on the Jacobian, in differences."""
        direction, radius = begun.direction, begun.radius / MARGIN
        shift, used = SHIFT * np.linalg.norm(begun.y), 0
        while used < most:
            used += 1
            direction = direction / max(float(np.linalg.norm(direction)), TINY)
            direction = (self.moving.rate(begun.y + shift * direction) - begun.rate) / shift
            last, radius = radius, float(np.linalg.norm(direction))
            if abs(radius - last) <= RADIUS_CHANGE * radius:
                break
        return begun._replace(direction=direction, radius=MARGIN * radius, evaluations=begun.evaluations + used)


@dataclass(frozen=True)
class Descent:
    """Gradient descent with learning rate eta."""

    moving: Moving
    learning_rate: float

    def begin(self, y: Array) -> Progress:
        """At t = 0."""
        return Progress(0.0, y, self.moving.rate(y), self.learning_rate, np.empty(0), 0.0, 1)

    def advance(self, begun: Progress, until: float) -> Progress:
        """One step; `until` is a multiple of eta.  Raises ArithmeticError if the weights have diverged."""
        y = self.moving.constrain(begun.y + self.learning_rate * begun.rate)
        rate = self.moving.rate(y)
        if not np.isfinite(rate).all():
            raise ArithmeticError("the weights diverge")
        steps = round(begun.time / self.learning_rate) + 1
        return begun._replace(time=steps * self.learning_rate, y=y, rate=rate, evaluations=begun.evaluations + 1)


@cache
def chebyshev(stages: int) -> tuple[float, list[tuple[float, float, float, float]]]:
    """mu~_1, and mu_j, nu_j, mu~_j, gamma~_j for j = 2 ... stages."""
    w0 = 1 + DAMPING / stages**2
    T, slope, curvature = np.zeros((3, stages + 1))
    T[:2], slope[1] = (1, w0), 1
    for j in range(2, stages + 1):
        T[j] = 2 * w0 * T[j - 1] - T[j - 2]
        slope[j] = 2 * w0 * slope[j - 1] - slope[j - 2] + 2 * T[j - 1]
        curvature[j] = 2 * w0 * curvature[j - 1] - curvature[j - 2] + 4 * slope[j - 1]
    w1 = slope[-1] / curvature[-1]
    b = np.empty(stages + 1)
    b[2:] = curvature[2:] / slope[2:] ** 2
    b[0], b[1] = b[2], 1 / w0
    a = 1 - b * T
    mu_F = 2 * b[2:] * w1 / b[1:-1]
    weights = zip(2 * b[2:] * w0 / b[1:-1], -b[2:] / b[:-2], mu_F, -a[1:-1] * mu_F, strict=True)
    return float(b[1] * w1), list(weights)
