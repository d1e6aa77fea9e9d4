"""Responses R(t, s) to a force at any time s, at any later times, from a run.

On the nodes of a run a response holds the weights of a quadrature, as it falls much faster than cells are long; nothing can be
read off between them.  What is smooth can: C(t, t'), the model's own correlations, one-time functions.  Given these, R on times
after s obeys an equation of its own,

    (d/dt + nu) R(t, s) = int_s^t M(t, u) R(u, s) du,     R(s, s) = 1,

with M made from R and C after s alone; in a channel of blocks, R(s, s) = 1_G.  It is solved by the scheme of the run on cells
that begin at s and grow from there, in which R is resolved as the response to a kick at t = 0 is in the run.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dmft.engines.fixed_point import Anderson
from dmft.engines.loops import response_rows
from dmft.engines.nodes import append, kicked, matrices, new_history, of_blocks, overlaps, scalars
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
        """At times with the bases `new`, against those with the bases `whole`: rows without R, nu, own correlations.

        nu: (times, constraints).
        """
        history, model = self.history, self.model
        C = tuple(
            of_blocks(new, stack.width) @ known @ of_blocks(whole, stack.width).T
            for stack, known in zip(model.channels, matrices(history, "C", model), strict=True)
        )
        v = overlaps(history, model) @ of_blocks(new, model.channels[0].width).T
        rows = Rows(C, tuple(map(np.zeros_like, C)), v, scalars(history, model) @ new.T)
        own = {field.name: new @ history[field.name] @ whole.T for field in model.fields if field.two_time and field.symmetric}
        return rows, (new @ history["multiplier"]).reshape(len(new), -1), own


class Kick:
    """The response to a kick at time s: `history` on nodes from s on, with the arrays `kick` of every stack of channels."""

    def __init__(self, smooth: Smooth, s: float, tolerance: float) -> None:
        self.smooth, self.model, self.tolerance = smooth, smooth.model, tolerance
        self.tableau, self.stacks = radau(smooth.stages), smooth.model.channels
        self.history = new_history(self.model, 64, continuous=True)
        self.bases = smooth.basis(np.array([s]))
        rows, nu, known = smooth.rows(self.bases, self.bases)
        forces = self.model.forces(self.history, rows, known)
        kick = tuple(np.tile(np.eye(stack.width), (stack.count, 1, 1)) for stack in self.stacks)
        self._append(np.array([s]), np.zeros(1), rows, forces, self._by_name(kick, 1), known)
        self.control = StepControl(self.tableau, tolerance, {f"kick{stack.name}": 0.0 for stack in self.stacks})
        noise = max(float(np.sqrt(np.abs(D)).max()) for D in forces.D)
        rate = max(float(np.abs(nu).max()), noise, 1.0 / max(s, 1.0))
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
        times = self.time + dt * self.tableau.c
        new = self.smooth.basis(np.minimum(times, self.smooth.history["time"][-1]))
        bases = np.vstack([self.bases, new])
        rows, nu, known = self.smooth.rows(new, bases)
        cell = KickedCell(self, dt, rows, nu, known)
        found = SOLVER.solve(cell, cell.start(), cell.size(), max(RESIDUAL * self.tolerance, 1e-13))
        if not found.converged or cell.forces is None:
            return np.inf
        kick = self._by_name(cell.kick(found.x), self.tableau.stages)
        error = self.control.error(self.history, dt, kick)
        if error <= 1.0:
            self._append(times, dt * self.tableau.b, cell.rows_with(found.x), cell.forces, kick, known)
            self.bases = bases
        return error

    def _by_name(self, kick: Iterable[Array], nodes: int) -> dict[str, Array]:
        """Arrays (channels, nodes G, G) of each stack by the names and in the shapes of their fields."""
        names = [f"kick{stack.name}" for stack in self.stacks]
        return {name: one.reshape(self.history.fields[name].shape(nodes)) for name, one in zip(names, kick, strict=True)}

    def _append(
        self,
        times: Array,
        weights: Array,
        rows: Rows,
        forces: Forces,
        kick: Mapping[str, Array],
        known: Mapping[str, Array],
    ) -> None:
        """Add nodes; observables and stage multipliers are not needed."""
        fields = self.history.fields
        values = {name: np.zeros(field.shape(len(times))) for name, field in fields.items() if field.one_time}
        values |= {"time": times, "weights": weights, **kick, **forces.values}
        first = 0
        for name in self.model.scalars:
            entries = rows.scalars[first : first + fields[name].entries]
            values[name], first = entries.T.reshape(fields[name].shape(len(times))), first + len(entries)
        own = {name: known.get(name, found) for name, found in forces.kernels.items()}
        append(self.model, self.history, values, rows, own)


class KickedCell:
    """The fixed-point problem of one cell after a kick, for the responses of all stacks of channels.

    A vector holds, for each stack, the sum over the history and M - nu inside the cell.
    """

    def __init__(self, kick: Kick, dt: float, rows: Rows, nu: Array, known: Mapping[str, Array]) -> None:
        self.model, self.history, self.given, self.known = kick.model, kick.history, rows, known
        self.dt, self.stages, self.stacks = dt, len(nu), kick.stacks
        self.A = [of_blocks(dt * kick.tableau.A, stack.width) for stack in self.stacks]
        self.earlier = [self.history.n * stack.width for stack in self.stacks]
        self.old = matrices(self.history, "R", self.model)
        self.damping = [np.stack([np.diag(nu[:, of].ravel()) for of in stack.constraint]) for stack in self.stacks]
        self.fastest = max(1.0 / dt, float(np.abs(nu).max()))
        self.forces: Forces | None = None

    def _parts(self, x: Array) -> list[tuple[Array, Array]]:
        """Views of a vector for each stack: the sums over the history, and M - nu inside the cell."""
        found, first = [], 0
        for C, earlier in zip(self.given.C, self.earlier, strict=True):
            whole = x[first : first + C.size].reshape(C.shape)
            found.append((whole[:, :, :earlier], whole[:, :, earlier:]))
            first += C.size
        return found

    def _vector(self) -> Array:
        return np.zeros(sum(C.size for C in self.given.C))

    def _last(self, place: int) -> Array:
        """The rows of the last node before the cell, for every node of it."""
        return np.tile(self.old[place][:, -self.stacks[place].width :, :], (1, self.stages, 1))

    def start(self) -> Array:
        """First guess: no memory."""
        x = self._vector()
        for place, (sums, own) in enumerate(self._parts(x)):
            sums[:], own[:] = self._last(place), -self.damping[place]
        return x

    def size(self) -> Array:
        """Size of each entry."""
        x = self._vector()
        for sums, own in self._parts(x):
            sums[:], own[:] = self.dt, self.fastest
        return x

    def rows_with(self, x: Array) -> Rows:
        """The rows with the responses that a vector stands for."""
        wholes = [np.concatenate(parts, axis=2) for parts in self._parts(x)]
        R = tuple(map(response_rows, self.A, wholes, self.earlier))
        return Rows(self.given.C, R, self.given.overlap, self.given.scalars)

    def __call__(self, x: Array) -> Array:
        """The vector that follows from the responses of another one."""
        self.forces, out = self.model.forces(self.history, self.rows_with(x), self.known), self._vector()
        for place, (sums, own) in enumerate(self._parts(out)):
            M, earlier = self.forces.M[place], self.earlier[place]
            sums[:] = self._last(place) + self.A[place] @ M[:, :, :earlier] @ self.old[place]
            own[:] = M[:, :, earlier:] - self.damping[place]
        return out

    def kick(self, x: Array) -> list[Array]:
        """Responses of the new nodes to the kick, (channels, s G, G) for each stack."""
        assert self.forces is not None
        found, kicks = [], matrices(self.history, "kick", self.model)
        for place, (_, own) in enumerate(self._parts(x)):
            A, M, past = self.A[place], self.forces.M[place], kicks[place]
            P = np.asarray(np.linalg.inv(np.eye(len(A)) - A @ own), dtype=np.float64)
            found.append(kicked(A, P, M[:, :, : self.earlier[place]], past if past.ndim == 3 else past[:, :, None]))
        return found


def response(smooth: Smooth, name: str, shape: tuple[int, ...], t: Array, s: Array, tolerance: float) -> Array:
    """R(t, s) of one of the model's responses at pairs of times, (pairs, *shape); zero for t < s.

    shape: that of the response at a pair of times, such as (groups,).
    """
    found = np.zeros((len(t), *shape))
    for start in np.unique(s):
        pairs = (s == start) & (t >= start)
        if not pairs.any():
            continue
        kick = Kick(smooth, float(start), tolerance)
        kick.reach(float(t[pairs].max()))
        along, _ = smooth.model.responses(kick.history)[name]
        found[pairs] = np.tensordot(cell_weights(kick.history["time"], smooth.stages, t[pairs]), along, 1)
    return found
