"""Geometry of one node while the same examples act on it: its path in closed form, and time along the path.

The node has gamma and p, gamma^2 - |p|^2 = 1.  With z = y x of the P examples, N components each,

    dp/dt = (gamma/2) V,    V = (1/(alpha P)) sum_mu weight_mu z_mu.

The weight is 1 for an unsatisfied example, gamma p.z < limit, and 0 for a satisfied one.  A held example stays at the limit,
with a weight between 0 and 1.

Let v be the direction of the sum of the unsatisfied examples perpendicular to all held ones, e the vector in the span of the
held examples with e.z = 1 for each of them, and r the part of p perpendicular to v and to the held examples.  Then
V = |V_perp| v + x e, the part of p in the span of the held examples is (limit/gamma) e, r is constant, and

    gamma^2 = 1 + |r|^2 + p_v^2 + (limit |e|/gamma)^2,    dp_v/dt = (gamma/2) |V_perp|,
    x = -limit |V_perp| p_v gamma/(gamma^4 + limit^2 |e|^2).

The node is therefore a function of theta, p_v = sqrt(1 + |r|^2) sinh(theta), and time is an integral over theta.  Without
held examples theta grows at the rate |V|/2: this is the hyperbolic rotation of the infinite data set.
"""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# Gauss-Legendre rule for time as an integral over theta.
NODES, WEIGHTS = np.polynomial.legendre.leggauss(12)
# Newton's method for theta as a function of time takes at most this number of iterations.
ITERATIONS = 8
# Rounding error of theta, relative to its scale.
THETA_ROUNDING = 1e-15


class Sets(NamedTuple):
    """The unsatisfied examples as a mask (P,), and the indices (k,) of the examples that are held at the limit."""

    unsatisfied: NDArray[np.bool_]
    held: NDArray[np.intp]


class Data(NamedTuple):
    """The data set: examples z = y x, (P, N); the limit of gamma p.z; alpha P."""

    z: Array
    limit: float
    share: float

    @property
    def scale(self) -> float:
        """Scale of theta on which examples become satisfied; it is small if a small p satisfies them."""
        return min(self.limit, 1.0)


class Arc:
    """The path of the node from p on while the sets stay the same, as a function of theta.

    Methods that take theta also take an array (n,); their results then have n as the first axis.
    """

    def __init__(self, data: Data, p: Array, sets: Sets) -> None:
        self.data, self.sets = data, sets
        held = data.z[sets.held]
        inverse = np.linalg.inv(held @ held.T)
        force = sets.unsatisfied.astype(float) @ data.z / data.share
        self.ones, self.weights = inverse.sum(axis=1), inverse @ (held @ force)
        perpendicular = force - held.T @ self.weights
        self.speed = float(np.linalg.norm(perpendicular))
        v, e = perpendicular / self.speed, held.T @ self.ones
        rest = p - (p @ v) * v - held.T @ (inverse @ (held @ p))
        self.axes = np.array([v, rest, e])
        self.radius = float(np.sqrt(1 + rest @ rest))
        self.stiffness = data.limit**2 * float(e @ e)
        self.start = float(np.arcsinh(p @ v / self.radius))

    @cached_property
    def sides(self) -> Array:
        """The side of the limit on which each example lies, -1 or 1, (P,); 0 if held."""
        sides = np.where(self.sets.unsatisfied, -1.0, 1.0)
        sides[self.sets.held] = 0.0
        return sides

    @cached_property
    def margins(self) -> Array:
        """z.v, z.r and z.e of each example, positive on its own side of the limit, (3, P)."""
        return self.sides * (self.axes @ self.data.z.T)

    def forget(self) -> None:
        """Give back the memory of what is known of every example; it is computed again if it is asked for."""
        for name in ("sides", "margins"):
            self.__dict__.pop(name, None)

    def _coordinates(self, theta: Array | float) -> tuple[Array, Array]:
        """p_v and gamma."""
        free = (self.radius * np.cosh(theta)) ** 2
        gamma = np.sqrt((free + np.sqrt(free**2 + 4 * self.stiffness)) / 2)
        return self.radius * np.sinh(theta), gamma

    def node(self, theta: Array | float) -> Array:
        """p, (N,)."""
        v, rest, e = self.axes
        p_v, gamma = self._coordinates(theta)
        return p_v[..., None] * v + rest + (self.data.limit / gamma)[..., None] * e

    def slowness(self, theta: Array | float) -> Array:
        """dt/dtheta."""
        return 2 / self.speed * self.radius * np.cosh(theta) / self._coordinates(theta)[1]

    def elapsed(self, first: float, last: Array | float) -> Array:
        """Time between two values of theta, by one Gauss-Legendre panel; the values must be close to each other."""
        way = np.asarray(last) - first
        return way / 2 * (self.slowness(first + way[..., None] * (NODES + 1) / 2) @ WEIGHTS)

    def reached(self, first: float, time: Array, guess: Array) -> Array:
        """Theta that is reached a time after `first`, from a guess, by Newton's method for `elapsed`."""
        theta = guess
        for _ in range(ITERATIONS):
            change = (time - self.elapsed(first, theta)) / self.slowness(theta)
            theta = theta + change
            if np.abs(change).max() < THETA_ROUNDING * self.data.scale:
                break
        return theta

    def distances(self, theta: Array | float) -> Array:
        """Distance of each example from the limit, (P,), relative to the limit; positive on its own side, 0 if held."""
        along, rest, held = self.margins
        p_v, gamma = self._coordinates(theta)
        return (gamma / self.data.limit)[..., None] * (p_v[..., None] * along + rest) + (held - self.sides)

    def multipliers(self, theta: Array | float) -> Array:
        """Weights of the held examples, (k,)."""
        p_v, gamma = self._coordinates(theta)
        x = -self.data.limit * self.speed * p_v * gamma / (gamma**4 + self.stiffness)
        return self.data.share * (x[..., None] * self.ones - self.weights)

    def slacks(self, theta: float) -> Array:
        """Quantities that are positive while the sets stay the same, (P + 2k,).

        They are the distances of all examples, then the weights of the held ones, then 1 minus these weights.
        """
        multipliers = self.multipliers(theta)
        distances = self.distances(theta)
        distances[self.sets.held] = 1.0
        return np.concatenate([distances, multipliers, 1 - multipliers])
