"""Radau IIA collocation with any number of stages.

A cell [t, t + dt] has nodes t + c_i dt, i = 1..s, the last one its end (c_s = 1).  With L_j the Lagrange polynomials
of the nodes c,

    A_ij = int_0^{c_i} L_j(x) dx,      b_j = A_sj,

so w_i = w(t) + dt sum_j A_ij f(w_j).  The order at the end of a cell is 2s - 1, inside it s + 1; the scheme is L-stable.
Hairer & Wanner, *Solving Ordinary Differential Equations II*, IV.5.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
from numpy.polynomial import Polynomial
from numpy.typing import NDArray

Array = NDArray[np.float64]

# Nodes c_1 ... c_(s-1) for s = 1 ... 9: zeros of the Jacobi polynomials P^(1, 0) on [0, 1].  To find them takes SciPy, which
# takes longer to load than many a run.
INNER_NODES: tuple[tuple[float, ...], ...] = (
    (),
    (0.33333333333333337,),
    (0.15505102572168217, 0.6449489742783179),
    (0.08858795951270393, 0.40946686444073477, 0.787659461760847),
    (0.057104196114517725, 0.2768430136381238, 0.5835904323689168, 0.8602401356562195),
    (0.03980985705146872, 0.1980134178736082, 0.43797481024738616, 0.6954642733536361, 0.9014649142011736),
    (0.02931642715978494, 0.1480785996684843, 0.3369846902811543, 0.5586715187715502, 0.7692338620300545, 0.926945671319741),
    (
        0.0224793864387125,
        0.11467905316090415,
        0.2657898227845895,
        0.45284637366944464,
        0.6473752828868303,
        0.8197593082631076,
        0.9437374394630779,
    ),
    (
        0.017779915147363434,
        0.09132360789979399,
        0.21430847939563075,
        0.3719321645832723,
        0.5451866848034267,
        0.7131752428555694,
        0.8556337429578544,
        0.9553660447100302,
    ),
)
MAX_STAGES = len(INNER_NODES)


@dataclass(frozen=True)
class Tableau:
    """Coefficients of one collocation scheme: `c` (s,), `A` (s, s); the weights are the last row of A."""

    c: Array
    A: Array

    @property
    def stages(self) -> int:
        """Number of nodes of a cell."""
        return len(self.c)

    @property
    def b(self) -> Array:
        """Quadrature weights of a cell of unit length."""
        return self.A[-1]

    @property
    def order(self) -> int:
        """Order of the error at cell ends."""
        return 2 * self.stages - 1

    @cached_property
    def with_start(self) -> Array:
        """The start of a cell of unit length and its nodes, (s + 1,)."""
        return np.append(0.0, self.c)

    @cached_property
    def inverse(self) -> Array:
        """A^(-1)."""
        return np.asarray(np.linalg.inv(self.A), dtype=np.float64)

    @cached_property
    def stage_error(self) -> Polynomial:
        """Phi(x) = int_0^x prod_j (y - c_j) dy: how the leading error of the collocation polynomial depends on x."""
        return Polynomial.fromroots(self.c).integ()

    @cached_property
    def largest_stage_error(self) -> float:
        """Largest |Phi(c_i)|."""
        return float(np.abs(self.stage_error(self.c)).max())

    @cached_property
    def after_first(self) -> Array:
        """Quadrature weights of a cell of unit length from its first node on, (s,)."""
        x, w = np.polynomial.legendre.leggauss(self.stages)
        span = 1.0 - self.c[0]
        return lagrange(self.c, self.c[0] + span * (x + 1) / 2) @ (span * w / 2)

    @cached_property
    def derivative(self) -> Array:
        """Derivatives at the start of a cell of unit length and on its nodes from the values there, (s + 1, s + 1)."""
        nodes = self.with_start
        return np.array([Polynomial.fit(nodes, row, self.stages).deriv()(nodes) for row in np.eye(nodes.size)]).T

    @cached_property
    def between(self) -> Array:
        """Points half way between two nodes, (s,), the start of the cell being one."""
        return self.c - np.diff(self.c, prepend=0.0) / 2

    @cached_property
    def interpolation(self) -> Array:
        """Values at the points `between` from those at the start of the cell and on its nodes, (s + 1, s)."""
        return lagrange(self.with_start, self.between)


def lagrange(nodes: Array, x: Array) -> Array:
    """Values (nodes, x) of the Lagrange polynomials of the nodes at the points x."""
    return np.ascontiguousarray(lagrange_of_each(nodes, x).T)


def lagrange_of_each(nodes: Array, x: Array) -> Array:
    """L_j(x) = prod_(k != j) (x - x_k)/(x_j - x_k) at the points x (points,), (points, nodes).

    nodes: x_k, (nodes,), or for each point those of its own, (points, nodes).
    """
    own = np.eye(nodes.shape[-1], dtype=bool)
    above = np.where(own, 1.0, (x[:, None] - nodes)[:, None, :])
    below = np.where(own, 1.0, nodes[..., :, None] - nodes[..., None, :])
    return above.prod(axis=-1) / below.prod(axis=-1)


def cell_weights(time: Array, stages: int, at: Array) -> Array:
    """Weights (at, n) of the nodes `time` in the values at some times, by the polynomials of cells of `stages` nodes."""
    found = np.zeros((len(at), len(time)))
    for row, t in zip(found, at, strict=True):
        first = (max(int(np.searchsorted(time, t)), 1) - 1) // stages * stages
        nodes = slice(first, min(first + stages + 1, len(time)))
        row[nodes] = lagrange(time[nodes], np.array([t]))[:, 0]
    return found


@cache
def radau(stages: int) -> Tableau:
    """The Radau IIA scheme with 1 to 9 stages; refuses to return one that misses its order conditions."""
    if not 1 <= stages <= MAX_STAGES:
        raise ValueError(f"stages = {stages}: wanted 1 to {MAX_STAGES}")
    c = np.append(INNER_NODES[stages - 1], 1.0)
    # Gauss-Legendre quadrature of enough points is exact, and keeps all digits.
    x, w = np.polynomial.legendre.leggauss(stages)
    A = np.array([lagrange(c, end * (x + 1) / 2) @ (end * w / 2) for end in c])
    for array in (c, A):
        array.setflags(write=False)
    tableau = Tableau(c, A)
    defect = order_condition_defect(tableau)
    if defect > 1e-11:
        raise ArithmeticError(f"Radau IIA with {stages} stages misses its order conditions by {defect:.1e}")
    return tableau


def order_condition_defect(tableau: Tableau) -> float:
    """Largest violation of B(2s - 1): sum_j b_j c_j^(k-1) = 1/k, and of C(s): sum_j A_ij c_j^(k-1) = c_i^k/k."""
    c, A, s = tableau.c, tableau.A, tableau.stages
    quadrature = max(abs(A[-1] @ c ** (k - 1) - 1 / k) for k in range(1, 2 * s))
    collocation = max(np.abs(A @ c ** (k - 1) - c**k / k).max() for k in range(1, s + 1))
    return float(max(quadrature, collocation))
