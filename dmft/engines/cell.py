"""One cell of the march: the map x -> G(x) whose fixed point is the next s nodes.

On the nodes B of a cell, after the nodes H, with A = dt * tableau (theory, discretisation of the flow itself):

    w_B = w_last + A (M - nu) w + A (b u + zeta)
    R_B = (1 - A (M - nu)_BB)^(-1) [ R_last + A (1_BB + M_BH R_HH) ]
    C_B = (1 - A (M - nu)_BB)^(-1) [ C_last + A (M_BH C_H. + (D R^T)_B. + b_B v^T) ]

M, D and b depend on the new rows themselves; x holds them, G solves the linear system for given M, D, b.  For R it holds
what R is made from, (M - nu)_BB and the bracket over the history: of the own block, as for the resolvent of a random matrix,
the inverse is what nearly linear equations hold for, while R itself grows without bound as its spectrum reaches zero.
Cost of one evaluation: 18 s n^2 flops for two channels and their residual sector, all in matrix products.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dmft.engines.loops import history_terms, solve_own_block
from dmft.engines.nodes import append, first_rows, multiplier, new_history
from dmft.engines.step_control import FLOOR, scales
from dmft.history.history import History
from dmft.mathematics.tableau import Tableau
from dmft.models.protocol import Forces, Model, Rows

Array = NDArray[np.float64]


# Observables may change by this much more, in their own scale, than the rows in the iteration that ends a cell.
SETTLED = 50.0
# Responses, which the observables feel through sums only, are held to this much less.
LOOSE = 10.0


class Cell:
    """The fixed-point problem of one step from the last node of `history` over a time dt."""

    def __init__(self, model: Model, history: History, tableau: Tableau, dt: float) -> None:
        self.model, self.history, self.tableau, self.dt = model, history, tableau, dt
        self.A = dt * tableau.A
        self.n = history.n
        self.total = history.n + tableau.stages
        self.channels = len(model.channel_weights)
        self.multiplier = np.full(tableau.stages, history["stage_multiplier"][-1])
        self.forces: Forces | None = None
        self.P = np.empty((self.channels, tableau.stages, tableau.stages))

    def fields(self, x: Array) -> Rows:
        """View a vector as fields; in place of R stand (M - nu)_BB and A M_BH R_HH + R_last."""
        s = self.tableau.stages
        block = self.channels * s * self.total
        shape = (self.channels, s, self.total)
        rest = x[2 * block :].reshape(-1, s)
        scalars = rest[1 : 1 + len(self.model.scalars)]
        return Rows(x[:block].reshape(shape), x[block : 2 * block].reshape(shape), rest[0], scalars)

    def rows(self, x: Array) -> Rows:
        """The new rows that a vector stands for; not-a-number where the linear system of the cell is singular."""
        fields, n = self.fields(x), self.n
        R = np.empty_like(fields.R)
        try:
            P = np.linalg.inv(np.eye(self.tableau.stages) - self.A @ fields.R[:, :, n:])
        except np.linalg.LinAlgError:
            P = np.full_like(self.P, np.nan)
        R[:, :, :n] = P @ fields.R[:, :, :n]
        R[:, :, n:] = P @ self.A
        return Rows(fields.C, R, fields.overlap, fields.scalars)

    def set_responses(self, x: Array, R: Array) -> None:
        """Put rows R into a vector; the inverse of `rows`."""
        fields, n = self.fields(x), self.n
        inverse = np.linalg.inv(R[:, :, n:])
        fields.R[:, :, :n] = self.A @ inverse @ R[:, :, :n]
        fields.R[:, :, n:] = np.linalg.inv(self.A) - inverse

    @property
    def responses(self) -> slice:
        """Where in a vector the fields in place of R stand."""
        block = self.channels * self.tableau.stages * self.total
        return slice(block, 2 * block)

    def watched(self, x: Array) -> Array:
        """View the last entries of a vector as the observables (observables, s).

        G computes them but does not depend on them: they are there so that the iteration goes on until they have settled.
        """
        s = self.tableau.stages
        return x[-len(self.model.observables) * s :].reshape(-1, s)

    def empty(self) -> tuple[Array, Rows]:
        """A zero vector and its view."""
        s = self.tableau.stages
        one_time = 1 + len(self.model.scalars) + len(self.model.observables)
        x = np.zeros((2 * self.channels * self.total + one_time) * s)
        return x, self.fields(x)

    def size(self, guess: Array) -> Array:
        """Size of each entry of x: every field by its own magnitude, so that the residual is relative.

        A correlation much smaller than that of independent units only has to be known relative to the latter.
        """
        size, rows = self.empty()
        guessed = self.fields(guess)
        tiny = np.finfo(float).tiny
        own = np.abs(guessed.C[:, :, self.n :]).max(axis=(1, 2))
        rows.C[:] = np.maximum(own, FLOOR * self.model.channel_sizes)[:, None, None]
        inverse = np.linalg.inv(self.A) - guessed.R[:, :, self.n :]
        rows.R[:, :, : self.n] = LOOSE * self.dt
        rows.R[:, :, self.n :] = LOOSE * np.abs(inverse).max(axis=(1, 2))[:, None, None]
        rows.overlap[:] = max(np.abs(guessed.overlap).max(), np.sqrt(own[0]))
        rows.scalars[:] = np.abs(guessed.scalars).max(axis=1, keepdims=True)
        watched = np.column_stack([self.watched(guess), scales(self.history, observable_sizes(self.model))])
        self.watched(size)[:] = SETTLED * np.abs(watched).max(axis=1, keepdims=True)
        return np.maximum(size, tiny)

    def __call__(self, x: Array) -> Array:
        """G(x); not-a-number throughout if the linear system of the cell is singular."""
        history, n, A = self.history, self.n, self.A
        rows = self.rows(x)
        forces = self.forces = self.model.forces(history, rows)
        M_BH, D_BH = forces.M[:, :, :n], forces.D[:, :, :n]
        C, R, overlap = history["C"], history["R"], history["overlap"]

        out, new = self.empty()
        C_rhs, R_rhs = np.empty((2, self.channels, self.tableau.stages, n))
        v_rhs = np.empty(self.tableau.stages)
        history_terms(
            A, M_BH @ C, M_BH @ R, D_BH @ R.transpose(0, 2, 1), forces.drift, overlap, M_BH[0] @ overlap,
            C[:, -1], R[:, -1], C_rhs, R_rhs, v_rhs,
        )  # fmt: skip
        C_BB, R_BB = np.empty((2, *self.P.shape))
        guess = self.multiplier.copy()
        try:
            defect = solve_own_block(
                A, np.ascontiguousarray(forces.M[:, :, n:]), np.ascontiguousarray(forces.D[:, :, n:]),
                M_BH @ C_rhs.transpose(0, 2, 1), D_BH @ R_rhs.transpose(0, 2, 1), np.ascontiguousarray(C_rhs[:, :, -1]),
                forces.drift, v_rhs, self.model.channel_weights, self.multiplier, self.P, C_BB, R_BB, new.overlap,
            )  # fmt: skip
        except np.linalg.LinAlgError:
            defect = np.inf
        if not defect < 1e-6:
            self.multiplier[:] = guess
            return np.full_like(x, np.nan)
        new.C[:, :, :n] = self.P @ C_rhs
        new.R[:, :, :n] = R_rhs
        new.C[:, :, n:] = C_BB
        new.R[:, :, n:] = forces.M[:, :, n:] - np.diag(self.multiplier)
        for k, name in enumerate(self.model.scalars):
            new.scalars[k] = history[name][-1] + A @ forces.rates[k]
        self.watched(out)[:] = list(self._observe(rows).values())
        return out

    def times(self) -> Array:
        """Times of the new nodes."""
        return self.history["time"][-1] + self.dt * self.tableau.c

    def observe(self, x: Array) -> dict[str, Array]:
        """Observables on the new nodes at the vector x that G was evaluated at last."""
        return self._observe(self.rows(x))

    def _observe(self, rows: Rows) -> dict[str, Array]:
        assert self.forces is not None
        return self.model.observe(self.history, rows, self.forces, multiplier(self.model, rows, self.forces))

    def kick(self) -> Array:
        """Response (channels, s) of the new nodes to a kick of the weights at t = 0."""
        assert self.forces is not None
        kick = self.history["kick"]
        pushed = np.einsum("cij,cj->ci", self.forces.M[:, :, : self.n], kick)
        return np.einsum("cij,cj->ci", self.P, kick[:, -1:] + pushed @ self.A.T)


def observable_sizes(model: Model) -> dict[str, float]:
    """Every observable in order, with the size that counts at least; zero for most."""
    return {name: model.observable_sizes.get(name, 0.0) for name in model.observables}


def initial_node(model: Model, history: History) -> float:
    """Put node 0, the initial condition, into an empty history; returns the fastest rate there."""
    rows = first_rows(model)
    forces = model.forces(history, rows)
    nu = multiplier(model, rows, forces)
    one_time = {
        **model.observe(history, rows, forces, nu),
        **forces.values,
        "overlap": rows.overlap,
        "stage_multiplier": nu,
        "kick": np.ones((len(rows.C), 1)),
    }
    append(model, history, one_time, {"C": rows.C, "R": rows.R, **forces.kernels})
    speeds = (forces.M, np.sqrt(np.abs(forces.D)), forces.drift, nu, forces.rates / rows.scalars)
    return max(float(np.abs(speed).max(initial=0.0)) for speed in speeds)


def empty_history(model: Model, capacity: int = 128) -> History:
    """A history with every array that this model needs, without a node."""
    return new_history(model, capacity, {"stage_multiplier": (), "kick": (len(model.channel_weights),)})
