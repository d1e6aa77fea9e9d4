"""Many nodes in a data set of P examples, of which those count that are not satisfied: a step in time.

M nodes make f(x) = (1/M) sum_i a_i relu(w_i.x).  With theta the step function and z = y x of the examples, each node obeys

    da/dt = F.w,    dw/dt = a F,    F = (1/(alpha P)) sum_mu weight_mu theta(w.x_mu) z_mu,

weight 1 while an example is unsatisfied, alpha y f < h, and 0 once it is satisfied; an example that would fall back as soon as
it is satisfied is held at the limit, with the weight between 0 and 1 that does so.  In the same way a node can be held at
w.x_mu = 0, with theta between 0 and 1.  Each node is turned by a hyperbolic rotation of its own, which leaves |w|^2 - a^2 as it
is.  Weights are common to all; the distances m = alpha y f - h of the margins from the limit see them through

    dm_mu/dt = sum_nu K_mu,nu weight_nu,
    K_mu,nu = (1/(M P)) sum_i theta(w_i.x_mu) theta(w_i.x_nu) (a_i^2 z_mu.z_nu + (w_i.z_mu)(w_i.z_nu)).

A step of order 2: means of theta in its course, from the speeds at its beginning; nodes half way, and K there; means of the
weights in its course, from event to event (`events.py`); nodes turned by the forces with these means.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dmft.models.hinge.events import follow, part_active

Array = NDArray[np.float64]

# Weights change in a step only of examples that are closer to the limit than so many times the way of the fastest one.
NEAR = 2.0


class Nodes(NamedTuple):
    """a (M,) and w (M, N)."""

    a: Array
    w: Array

    def turned(self, F: Array, time: float) -> Nodes:
        """After a time with constant forces (M, N): a hyperbolic rotation of each node in the plane of its a and F.w."""
        size = np.linalg.norm(F, axis=1)
        # Nodes without a force stay.
        inverse = np.divide(1.0, size, out=np.zeros_like(size), where=size > 0)
        along = np.einsum("ij,ij->i", F, self.w) * inverse
        grown, mixed = 2 * np.sinh(size * time / 2) ** 2, np.sinh(size * time)
        change = (self.a * mixed + along * grown) * inverse
        return Nodes(self.a * (1 + grown) + along * mixed, self.w + change[:, None] * F)


class Fields(NamedTuple):
    """w.x of every example and node, and theta, (P, M)."""

    values: Array
    active: Array

    @classmethod
    def of(cls, nodes: Nodes, x: Array) -> Fields:
        """Of examples (P, N)."""
        values = x @ nodes.w.T
        return cls(values, (values > 0).astype(float))


@dataclass(frozen=True)
class DataSet:
    """Examples x (P, N), of label sign(x_1); alpha and h."""

    x: Array
    laziness: float
    threshold: float

    @cached_property
    def y(self) -> Array:
        """Labels, (P,)."""
        return np.sign(self.x[:, 0])

    @cached_property
    def z(self) -> Array:
        """y x, (P, N)."""
        return self.y[:, None] * self.x

    def margins(self, nodes: Nodes, fields: Fields) -> Array:
        """m, (P,), negative where unsatisfied."""
        f = (fields.values * fields.active) @ nodes.a / len(nodes.a)
        return self.laziness * self.y * f - self.threshold

    def forces(self, fields: Fields, weights: Array) -> Array:
        """F of every node, (M, N)."""
        some = weights > 0
        return fields.active[some].T @ (weights[some, None] * self.z[some]) / (self.laziness * len(self.x))

    def speeds(self, nodes: Nodes, fields: Fields, F: Array) -> Array:
        """dm/dt with these forces, (P,)."""
        turning = fields.values * np.einsum("ij,ij->i", F, nodes.w) + (self.x @ F.T) * nodes.a**2
        return self.laziness / len(nodes.a) * self.y * np.einsum("ij,ij->i", fields.active, turning)

    def kernel(self, nodes: Nodes, fields: Fields, some: NDArray[np.intp]) -> Array:
        """K between some examples, (k, k)."""
        z, active = self.z[some], fields.active[some]
        from_a, from_w = self.y[some, None] * fields.values[some] * active, active * nodes.a
        return (from_a @ from_a.T + (z @ z.T) * (from_w @ from_w.T)) / (len(nodes.a) * len(self.x))

    def activity(self, nodes: Nodes, fields: Fields, weights: Array, time: float) -> Array:
        """Means of theta over a step that begins with these fields, (P, M)."""
        own = weights * self.y * np.einsum("ij,ij->i", self.x, self.x) / (self.laziness * len(self.x))
        return part_active(fields.values, self.x @ self.forces(fields, weights).T, own, nodes.a, time)

    def step(self, nodes: Nodes, weights: Array, time: float) -> tuple[Nodes, Array]:
        """Nodes and weights (P,) after a time."""
        fields = Fields.of(nodes, self.x)
        m = self.margins(nodes, fields)
        held = (weights > 0) & (weights < 1)
        weights = np.where(held, weights, np.where(m < 0, 1.0, 0.0))
        active = self.activity(nodes, fields, weights, time)
        F = self.forces(fields._replace(active=active), weights)
        middle = nodes.turned(F, time / 2)
        fields = Fields(self.x @ middle.w.T, active)
        speeds = self.speeds(middle, fields, F)
        near = np.flatnonzero(held | (np.abs(m) < NEAR * time * np.abs(speeds).max()))
        K = self.kernel(middle, fields, near)
        means = weights.copy()
        weights[near], means[near] = follow(m[near], K, speeds[near] - K @ weights[near], weights[near], time)
        return nodes.turned(self.forces(fields, means), time), weights
