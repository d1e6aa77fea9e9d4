"""Defects of identities, of what holds on every right solution, in units of the tolerance of a run.

A theory names its own identities in `Parameters.identities` and makes them of the functions below, each of which returns a
defect that is at most 1 on a good run.  They read results alone, so an error in the equations shows in them.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dmft.mathematics.tableau import radau
from dmft.problem.description import Solved

Array = NDArray[np.float64]
# Defects that rounding makes, relative to the size of what is compared.
ROUNDING = 1e-9
# Nodes of which the smallest eigenvalue of a correlation is computed, at most: a part of a covariance is one too.
NODES = 600


def defect(solution: Solved, differences: ArrayLike, size: float) -> float:
    """The largest of some differences that should vanish, in units of what the tolerance allows of `size`."""
    largest = float(np.max(np.abs(differences), initial=0.0))
    return largest / (max(solution.problem.solver.accuracy, ROUNDING) * max(size, np.finfo(float).tiny))


def climb(solution: Solved, values: Array) -> float:
    """Defect of a function of time (n,) that never climbs."""
    return defect(solution, np.maximum(np.diff(values), 0.0), float(np.abs(values).max()))


def unit(solution: Solved, C: Array) -> float:
    """Defect of C(t, t) = 1 for a correlation (n, n, ...)."""
    return defect(solution, np.diagonal(C) - 1.0, 1.0)


def positive(solution: Solved, matrices: Array) -> float:
    """Defect of covariances (..., p, p), symmetric, without negative eigenvalues."""
    values = np.linalg.eigvalsh(matrices)
    size = np.maximum(values[..., -1], np.finfo(float).tiny)
    return defect(solution, np.minimum(values[..., 0] / size, 0.0), 1.0)


def correlation(solution: Solved, C: Array) -> float:
    """Defect of a correlation (n, n), of which the lower triangle counts, without negative eigenvalues."""
    some = np.unique(np.linspace(0, len(C) - 1, min(len(C), NODES)).astype(int))
    return positive(solution, mirrored(C[np.ix_(some, some)]))


def mirrored(C: Array) -> Array:
    """A symmetric function (n, n, ...), of which the lower triangle counts, with both."""
    rows, columns = np.triu_indices(len(C), 1)
    full = C.copy()
    full[rows, columns] = C[columns, rows]
    return full


def fall(solution: Solved, energy: Array, speed: Array) -> float:
    """Defect of E(t) - E(0) = -int_0^t speed, with speed (n,) on all nodes: the energy identity of a gradient flow."""
    return defect(solution, np.append(0.0, not_fallen(solution, energy, speed)), float(np.abs(energy).max()))


def not_fallen(solution: Solved, energy: Array, speed: Array) -> Array:
    """E(t) - E(0) + int_0^t speed at the ends of the cells."""
    fallen = np.array([speed[nodes][1:] @ weights for nodes, _, weights in cells(solution)])
    ends = energy[:: solution.problem.solver.stages]
    return ends[1 : len(fallen) + 1] - ends[0] + np.cumsum(fallen)


def rate(solution: Solved, values: Array) -> Array:
    """df/dt of a function of time (n, ...) on its nodes, by the polynomials of the cells; zero at t = 0, where none ends."""
    found = np.zeros(values.shape)
    for nodes, derivative, _ in cells(solution):
        found[nodes][1:] = np.tensordot(derivative[1:], values[nodes], 1)
    return found


def squared_speed(solution: Solved, C: Array) -> Array:
    """d_t d_t' C at t' = t on all nodes for a correlation (n, n, ...); zero at t = 0."""
    found = np.zeros((len(C), *C.shape[2:]))
    for nodes, derivative, _ in cells(solution):
        inner = derivative[1:]
        found[nodes][1:] = np.einsum("ip,pq...,iq->i...", inner, mirrored(C[nodes, nodes]), inner)
    return found


def cells(solution: Solved) -> Iterator[tuple[slice, Array, Array]]:
    """For each cell its nodes with the one before it, the matrix of d/dt on these, and quadrature weights of its own."""
    tableau = radau(solution.problem.solver.stages)
    for first in range(0, len(solution.time) - tableau.stages, tableau.stages):
        nodes = slice(first, first + tableau.stages + 1)
        length = solution.time[nodes][-1] - solution.time[first]
        yield nodes, tableau.derivative / length, length * tableau.b
