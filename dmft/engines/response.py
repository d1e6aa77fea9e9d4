"""Responses R(t, s) to a force at any time s, at any later times, from a run.

On the nodes of a run a response holds the weights of a quadrature, as it falls much faster than cells are long; nothing can be
read off between them.  What is smooth can: C(t, t'), the model's own correlations, one-time functions.  Given these, R on times
after s obeys an equation of its own,

    (d/dt + nu) R(t, s) = int_s^t M(t, u) R(u, s) du,     R(s, s) = 1,

with M made from R and C after s alone.  It is solved by the scheme of the run on cells that begin at s and grow from there, in
which R is resolved as the response to a kick at t = 0 is in the run.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dmft.engines.fixed_point import Anderson
from dmft.engines.loops import response_rows
from dmft.engines.nodes import append, matrices, new_history, overlaps, scalars
from dmft.engines.step_control import StepControl
from dmft.history.history import History
from dmft.mathematics.tableau import cell_weights, radau
from dmft.models.protocol import Forces, Model, Rows

Array = NDArray[np.float64]

SOLVER = Anderson(max_iterations=60)
# Residual of a cell relative to the tolerance; the first step relative to the inverse of the fastest rate.
RESIDUAL, FIRST_STEP = 1e-3, 0.03
SHORTEST = 1e-12


@dataclass(frozen=True)
class Smooth:
    """The smooth parts of a run at any times, by the polynomials of its cells of `stages` nodes."""

    model: Model
    history: History
    stages: int

    def basis(self, times: Array) -> Array:
        """Weights (times, n) of the nodes in the value at each time."""
        return cell_weights(self.history["time"], self.stages, times)

    def rows(self, new: Array, whole: Array) -> tuple[Rows, Array, dict[str, Array]]:
        """At times with the bases `new`, against those with the bases `whole`: rows without R, nu, own correlations."""
        history, model = self.history, self.model
        C = tuple(new @ known @ whole.T for known in matrices(history, "C", model))
        v, p = (function(history, model) @ new.T for function in (overlaps, scalars))
        rows = Rows(C, tuple(map(np.zeros_like, C)), v, p)
        own = {field.name: new @ history[field.name] @ whole.T for field in model.fields if field.two_time and field.symmetric}
        return rows, new @ history["multiplier"], own


class Kick:
    """The response to a kick at time s: `history` on nodes from s on, with `kick` (channels, n)."""

    def __init__(self, smooth: Smooth, s: float, tolerance: float) -> None:
        self.smooth, self.model, self.tolerance = smooth, smooth.model, tolerance
        self.tableau, self.kick = radau(smooth.stages), "kick" + smooth.model.channels[0].name
        self.history = new_history(self.model, 64, continuous=True)
        self.bases = smooth.basis(np.array([s]))
        rows, nu, known = smooth.rows(self.bases, self.bases)
        forces = self.model.forces(self.history, rows, known)
        self._append(np.array([s]), np.zeros(1), rows, forces, np.ones((self.model.channels[0].count, 1)), known)
        self.control = StepControl(self.tableau, tolerance, {self.kick: 0.0})
        rate = max(float(np.abs(nu).max()), float(np.sqrt(np.abs(forces.D[0])).max()), 1.0 / max(s, 1.0))
        self.step = FIRST_STEP / rate

    @property
    def time(self) -> float:
        """Time of the last node."""
        return float(self.history["time"][-1])

    def reach(self, end: float) -> None:
        """Go on to a time."""
        while self.time < end:
            left = end - self.time
            step = left if self.step >= left else min(self.step, left / 2)
            error = self._advance(step)
            factor = self.control.factor(error) if np.isfinite(error) else 0.5
            self.step = max(step * factor, self.step if error <= 1.0 and step < self.step else 0.0)
            if self.step < SHORTEST * self.time:
                raise ArithmeticError(f"the response at t = {self.time:g} did not converge")

    def _advance(self, dt: float) -> float:
        """Solve a cell, append it if its estimated error, which is returned, is within the tolerance."""
        A, n, stages = dt * self.tableau.A, self.history.n, self.tableau.stages
        times = self.time + dt * self.tableau.c
        new = self.smooth.basis(np.minimum(times, self.smooth.history["time"][-1]))
        bases = np.vstack([self.bases, new])
        rows, nu, known = self.smooth.rows(new, bases)
        R_old, damping = matrices(self.history, "R", self.model)[0], np.eye(stages) * nu
        shape = rows.C[0].shape
        forces: list[Forces] = []

        def responses(x: Array) -> Rows:
            """x holds M - nu inside the cell, and the sum over the history."""
            return Rows(rows.C, (response_rows(A, x.reshape(shape), n),), rows.overlap, rows.scalars)

        def G(x: Array) -> Array:
            forces[:] = [self.model.forces(self.history, responses(x), known)]
            M = forces[0].M[0]
            sums = R_old[:, -1:, :] + A @ M[:, :, :n] @ R_old
            return np.concatenate([sums, M[:, :, n:] - damping], axis=2).ravel()

        size = np.ones(shape)
        size[:, :, :n], size[:, :, n:] = dt, max(1.0 / dt, float(np.abs(nu).max()))
        start = np.zeros(shape)
        start[:, :, :n] = R_old[:, -1:, :]
        start[:, :, n:] = -damping
        found = SOLVER.solve(G, start.ravel(), size.ravel(), max(RESIDUAL * self.tolerance, 1e-13))
        if not found.converged:
            return np.inf
        past = self.history[self.kick]
        M, P = forces[0].M[0], np.linalg.inv(np.eye(stages) - A @ found.x.reshape(shape)[:, :, n:])
        pushed = np.einsum("csj,cj->cs", M[:, :, 1:n], past[:, 1:])
        kick = np.einsum("cij,cj->ci", P, past[:, -1:] + pushed @ A.T)
        error = self.control.error(self.history, dt, {self.kick: kick})
        if error <= 1.0:
            self._append(times, dt * self.tableau.b, responses(found.x), forces[0], kick, known)
            self.bases = bases
        return error

    def _append(self, times: Array, weights: Array, rows: Rows, forces: Forces, kick: Array, known: dict[str, Array]) -> None:
        """Add nodes; observables and stage multipliers are not needed."""
        unused = {name: np.zeros(field.shape(len(times))) for name, field in self.history.fields.items() if field.one_time}
        scalars = dict(zip(self.model.scalars, rows.scalars, strict=True))
        one_time = {**unused, "time": times, "weights": weights, self.kick: kick, **scalars, **forces.values}
        own = {name: known.get(name, values) for name, values in forces.kernels.items()}
        append(self.model, self.history, one_time, rows, own)


def response(smooth: Smooth, name: str, t: Array, s: Array, tolerance: float) -> Array:
    """R(t, s) of one of the model's responses at pairs of times, (pairs,); zero for t < s.

    Raises ValueError for several groups of neurons.
    """
    if [stack.width for stack in smooth.model.channels] != [1]:
        raise ValueError("responses at any times: wanted a single group of neurons")
    found = np.zeros(len(t))
    for start in np.unique(s):
        pairs = (s == start) & (t >= start)
        if not pairs.any():
            continue
        kick = Kick(smooth, float(start), tolerance)
        kick.reach(float(t[pairs].max()))
        along, _ = smooth.model.responses(kick.history)[name]
        found[pairs] = cell_weights(kick.history["time"], smooth.stages, t[pairs]) @ along
    return found
