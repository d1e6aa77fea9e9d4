"""One cell of the march: the map x -> G(x) whose fixed point is the next s nodes.

On the nodes B of a cell, after the nodes H, with A = dt * tableau (theory, discretisation of the flow itself):

    w_B = w_last + A (M - nu) w + A (b u + zeta)
    R_B = (1 - A (M - nu)_BB)^(-1) [ R_last + A (1_BB + M_BH R_HH) ]
    C_B = (1 - A (M - nu)_BB)^(-1) [ C_last + A (M_BH C_H. + (D R^T)_B. + b_B v^T) ]

M, D and b depend on the new rows themselves; x holds them, G solves the linear system for given M, D, b.  For R it holds
what R is made from, (M - nu)_BB and the bracket over the history: of the own block, as for the resolvent of a random matrix,
the inverse is what nearly linear equations hold for, while R itself grows without bound as its spectrum reaches zero.
In a stack of channels of width G a node stands for its G groups, and A for A (x) 1_G.
Cost of one evaluation: 18 s n^2 flops for two scalar channels and their residual sector, all in matrix products.
"""

from __future__ import annotations

from itertools import accumulate
from math import prod
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dmft.engines.loops import history_terms, overlap_terms, response_rows, solve_own_block
from dmft.engines.nodes import (
    append,
    first_rows,
    kicked,
    matrices,
    multiplier,
    new_history,
    of_blocks,
    overlaps,
    rows_of,
    scalars,
)
from dmft.engines.step_control import FLOOR, scales
from dmft.history.history import History
from dmft.mathematics.tableau import Tableau
from dmft.models.protocol import Forces, Model, Rows

Array = NDArray[np.float64]
Arrays = tuple[Array, ...]


# Observables may change by this much more, in their own scale, than the rows in the iteration that ends a cell.
OBSERVABLE_CHANGE = 50.0
# Responses, which the observables feel through sums only, are held to this much less.
LOOSE = 10.0


class Evaluation(NamedTuple):
    """The rows that a vector stands for, and the forces and observables that they have."""

    rows: Rows
    forces: Forces
    observed: dict[str, Array]


class Cell:
    """The fixed-point problem of one step from the last node of `history` over a time dt."""

    def __init__(self, model: Model, history: History, tableau: Tableau, dt: float) -> None:
        self.model, self.history, self.tableau, self.dt = model, history, tableau, dt
        s, self.n, self.total = tableau.stages, history.n, history.n + tableau.stages
        self.stacks = model.channels
        self.C, self.R = matrices(history, "C", model), matrices(history, "R", model)
        # One layout of arrays in memory: for each other one, loops would be compiled once more.
        self.overlap, self.scalars = np.ascontiguousarray(overlaps(history, model)), scalars(history, model)
        self.last_overlap = np.ascontiguousarray(self.overlap[:, -self.stacks[0].width :])
        # Rows of the last node, in C and in R.
        self.last_rows = [
            tuple(np.ascontiguousarray(rows[:, -stack.width :]) for rows in both)
            for stack, *both in zip(self.stacks, self.C, self.R, strict=True)
        ]
        self.A_nodes = dt * tableau.A
        self.A = tuple(of_blocks(self.A_nodes, stack.width) for stack in self.stacks)
        self.inverse_A = tuple(of_blocks(tableau.inverse / dt, stack.width) for stack in self.stacks)
        self.shapes = [(stack.count, s * stack.width, self.total * stack.width) for stack in self.stacks]
        # Number of nodes, in rows or columns of each stack.
        self.known = [self.n * stack.width for stack in self.stacks]
        self.weights, self.constraints = (
            tuple(getattr(stack, name) for stack in self.stacks) for name in ("weights", "constraint")
        )
        self.guess = self._last_multiplier()
        self.multiplier = self.guess.copy()
        self._last: Evaluation | None = None
        self.observables = sum(field.entries for field in model.observables.values())
        # Places and shapes of the fields in a vector.
        shapes = [*self.shapes, *self.shapes, (len(self.overlap), self.shapes[0][1]), (len(self.scalars), s)]
        ends = accumulate(map(prod, shapes))
        self.parts = [(slice(end - prod(shape), end), shape) for end, shape in zip(ends, shapes, strict=True)]
        # Numbers of C, and of R, in a vector; and numbers of a node beside them: overlaps, scalars, observables.
        self.two_time = sum(map(prod, self.shapes))
        self.one_time = len(self.overlap) * self.stacks[0].width + len(self.scalars) + self.observables
        # M, D, M C^T, D R^T as given and P, C, R as found, of the own nodes of the cell.
        self.blocks = tuple(np.empty((7, count, rows, rows)) for count, rows, _ in self.shapes)
        self.M_BB, self.P, self.C_BB = (tuple(blocks[k] for blocks in self.blocks) for k in (0, 4, 5))
        self.diagonals = tuple(np.einsum("caa->ca", M) for M in self.M_BB)

    def _last_multiplier(self) -> Array:
        """Guess of the multipliers, (s, constraints): those of the last node."""
        constraints = len(self.model.constraints)
        last = self.history["stage_multiplier"][..., -1] if constraints else np.zeros(0)
        return np.tile(last, (self.tableau.stages, 1)).reshape(self.tableau.stages, constraints)

    def fields(self, x: Array) -> Rows:
        """View a vector as fields; in place of R stand (M - nu)_BB and A M_BH R_HH + R_last."""
        parts = [x[part].reshape(shape) for part, shape in self.parts]
        number = len(self.stacks)
        return Rows(tuple(parts[:number]), tuple(parts[number:-2]), parts[-2], parts[-1])

    def rows(self, x: Array) -> Rows:
        """The new rows that a vector stands for; not finite where the linear system of the cell is singular."""
        fields = self.fields(x)
        responses = tuple(map(response_rows, self.A, fields.R, self.known))
        return Rows(fields.C, responses, fields.overlap, fields.scalars)

    def set_responses(self, x: Array, responses: Arrays) -> None:
        """Put rows R into a vector; the inverse of `rows`."""
        for place, (given, R) in enumerate(zip(self.fields(x).R, responses, strict=True)):
            known = self.known[place]
            inverse = np.linalg.inv(R[:, :, known:])
            given[:, :, :known] = self.A[place] @ inverse @ R[:, :, :known]
            given[:, :, known:] = self.inverse_A[place] - inverse

    @property
    def responses(self) -> slice:
        """Part of a vector in which the fields in place of R stand."""
        return slice(self.two_time, 2 * self.two_time)

    def watched(self, x: Array) -> Array:
        """View the last entries of a vector as the observables (observables, s).

        G computes them but does not depend on them: they are there so that the iteration goes on until they have settled.
        """
        s = self.tableau.stages
        return x[-self.observables * s :].reshape(-1, s)

    def empty(self) -> tuple[Array, Rows]:
        """A zero vector and its view."""
        x = np.zeros(2 * self.two_time + self.one_time * self.tableau.stages)
        return x, self.fields(x)

    def size(self, guess: Array) -> Array:
        """Size of each entry of x: every field by its own magnitude, so that the residual is relative.

        A correlation much smaller than that of independent units only has to be known relative to the latter.
        """
        size, rows = self.empty()
        guessed = self.fields(guess)
        for place, stack in enumerate(self.stacks):
            own = self._own_size(place, guessed.C[place])
            least = np.maximum(own, FLOOR * stack.sizes)
            each = np.sqrt(least[:, :, None] * least[:, None, :]) if stack.width > 1 else least[:, None]
            rows.C[place].reshape(stack.count, -1, stack.width, self.total, stack.width)[:] = each[:, None, :, None]
            known = self.known[place]
            inverse = self.inverse_A[place] - guessed.R[place][:, :, known:]
            rows.R[place][:, :, :known] = LOOSE * self.dt
            rows.R[place][:, :, known:] = LOOSE * np.abs(inverse).max(axis=(1, 2))[:, None, None]
            if place == 0 and len(self.overlap):
                largest = np.abs(guessed.overlap).reshape(len(self.overlap), -1, stack.width).max(axis=1)
                each = np.maximum(largest, np.sqrt(own[0]))
                rows.overlap.reshape(len(each), -1, stack.width)[:] = each[:, None]
        rows.scalars[:] = np.abs(guessed.scalars).max(axis=1, keepdims=True)
        watched = np.maximum(np.abs(self.watched(guess)).max(axis=1), scales(self.history, observable_sizes(self.model)))
        self.watched(size)[:] = OBSERVABLE_CHANGE * watched[:, None]
        return np.maximum(size, np.finfo(float).tiny)

    def _own_size(self, place: int, C: Array) -> Array:
        """Largest |C| between nodes of the cell of each group with itself, (channels, G)."""
        stack, s = self.stacks[place], self.tableau.stages
        own = np.abs(C[:, :, self.known[place] :])
        if stack.width == 1:
            return own.max(axis=(1, 2))[:, None]
        return np.einsum("cigjg->cgij", own.reshape(stack.count, s, stack.width, s, stack.width)).max(axis=(2, 3))

    def __call__(self, x: Array) -> Array:
        """G(x); not-a-number throughout if the linear system of the cell is singular."""
        rows = self.rows(x)
        forces = self.model.forces(self.history, rows)
        drift = np.ascontiguousarray(forces.drift)
        C_rhs, R_rhs, v_rhs = self._from_history(forces, drift)
        C_last = tuple(
            np.ascontiguousarray(C[:, :, -stack.width :].transpose(0, 2, 1))
            for C, stack in zip(C_rhs, self.stacks, strict=True)
        )
        v_B = np.empty(drift.shape)
        # From the same guess at each x: there are other roots, and an iterate far off must not leave its own to the next.
        self.multiplier[:] = self.guess
        defect = solve_own_block(
            self.A, self.blocks, C_last, drift, v_rhs, self.weights, self.constraints, self.multiplier, v_B
        )
        if not defect < 1e-6:
            return np.full_like(x, np.nan)
        observed = self.model.observe(self.history, rows, forces, multiplier(self.model, rows, forces))
        self._last = Evaluation(rows, forces, observed)
        out, new = self.empty()
        for place, known in enumerate(self.known):
            np.matmul(self.P[place], C_rhs[place], out=new.C[place][:, :, :known])
            new.R[place][:, :, :known] = R_rhs[place]
            new.C[place][:, :, known:] = self.C_BB[place]
            self._subtract_multipliers(place)
            new.R[place][:, :, known:] = self.M_BB[place]
        new.overlap[:] = v_B
        new.scalars[:] = self.scalars[:, -1:] + forces.rates @ self.A_nodes.T
        rows_of(self.model.observables, observed, self.watched(out))
        return out

    def _from_history(self, forces: Forces, all_drift: Array) -> tuple[Arrays, Arrays, Array]:
        """Contributions of the history: C_rhs, R_rhs of each stack; v_rhs.  Fills what is given of the own blocks."""
        A, terms, v_rhs = self.A_nodes, [], np.empty(all_drift.shape)
        for place, (stack, known) in enumerate(zip(self.stacks, self.known, strict=True)):
            M_BH, D_BH, G = forces.M[place][:, :, :known], forces.D[place][:, :, :known], stack.width
            C, R = self.C[place], self.R[place]
            C_rhs, R_rhs = np.empty(M_BH.shape), np.empty(M_BH.shape)
            drift = all_drift if place == 0 else all_drift[:0]
            MC, MR, DR = M_BH @ C, M_BH @ R, D_BH @ R.transpose(0, 2, 1)
            history_terms(A, G, MC, MR, DR, drift, self.overlap, *self.last_rows[place], C_rhs, R_rhs)
            if place == 0 and len(drift):
                overlap_terms(A, G, (M_BH[0] @ self.overlap[:, :, None])[:, :, 0], drift, self.last_overlap, v_rhs)
            own = self.blocks[place]
            own[0], own[1] = forces.M[place][:, :, known:], forces.D[place][:, :, known:]
            np.matmul(M_BH, C_rhs.transpose(0, 2, 1), out=own[2])
            np.matmul(D_BH, R_rhs.transpose(0, 2, 1), out=own[3])
            terms.append((C_rhs, R_rhs))
        right_sides, responses = zip(*terms, strict=True)
        return right_sides, responses, v_rhs

    def _subtract_multipliers(self, place: int) -> None:
        """Subtract nu from the diagonal of M_BB, over (node, group), of each channel of a stack."""
        if self.multiplier.size:
            nu = self.multiplier[:, self.constraints[place]]
            self.diagonals[place][:] -= nu.transpose(1, 0, 2).reshape(len(nu[0]), -1)

    def times(self) -> Array:
        """Times of the new nodes."""
        return self.history["time"][-1] + self.dt * self.tableau.c

    @property
    def last(self) -> Evaluation:
        """Rows, forces and observables of the vector that G was evaluated at last."""
        assert self._last is not None
        return self._last

    def constraint_error(self, rows: Rows) -> Array:
        """Largest violation of each constraint on the new nodes, (constraints,)."""
        found = np.full((self.tableau.stages, len(self.model.constraints)), -1.0)
        for place, stack in enumerate(self.stacks):
            own = np.diagonal(rows.C[place][:, :, self.known[place] :], axis1=1, axis2=2)
            own = own.reshape(stack.count, -1, stack.width)
            for k in range(found.shape[1]):
                found[:, k] += np.einsum("cg,csg->s", np.where(stack.constraint == k, stack.weights, 0.0), own)
        return np.abs(found).max(axis=0)

    def kick(self) -> dict[str, Array]:
        """Responses of the new nodes to a kick of the weights at t = 0, by name, with the shapes of their fields."""
        found = {}
        for place, (stack, past) in enumerate(zip(self.stacks, matrices(self.history, "kick", self.model), strict=True)):
            columns = past[:, :, None] if stack.width == 1 else past
            new = kicked(self.A[place], self.P[place], self.last.forces.M[place][:, :, : self.known[place]], columns)
            field = self.history.fields[f"kick{stack.name}"]
            found[field.name] = new.reshape(field.shape(self.tableau.stages))
        return found


def observable_sizes(model: Model) -> dict[str, float]:
    """Every observable in order, with the size that counts at least; zero for most."""
    return {name: model.observable_sizes.get(name, 0.0) for name in model.observables}


def initial_node(model: Model, history: History) -> float:
    """Put node 0, the initial condition, into an empty history; returns the fastest rate there."""
    rows = first_rows(model)
    forces = model.forces(history, rows)
    nu = multiplier(model, rows, forces)
    one_time = {**model.observe(history, rows, forces, nu), **forces.values, "time": np.zeros(1), "weights": np.zeros(1)}
    if nu.shape[1]:
        one_time["stage_multiplier"] = nu.T.reshape(history.fields["stage_multiplier"].shape(1))
    for stack in model.channels:
        field = history.fields[f"kick{stack.name}"]
        one_time[field.name] = np.tile(np.eye(stack.width), (stack.count, 1, 1)).reshape(field.shape(1))
    append(model, history, one_time, rows, forces.kernels)
    speeds = [nu, forces.drift, *forces.M, *(np.sqrt(np.abs(D)) for D in forces.D), growth(forces.rates, rows.scalars)]
    return max(float(np.abs(speed).max(initial=0.0)) for speed in speeds)


def growth(rates: Array, values: Array) -> Array:
    """Rates relative to values; a value of zero counts as one."""
    return rates / np.where(values == 0.0, 1.0, values)


def empty_history(model: Model, capacity: int = 128) -> History:
    """A history with every array that this model needs, without a node."""
    return new_history(model, capacity, continuous=True)
