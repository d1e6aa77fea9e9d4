"""States of samples on the nodes of a cell: what outputs, forces and defects are made of, each in one pass over the samples."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dmft.compiled import njit
from dmft.models.two_layer_flow.exact.activation import Activation
from dmft.models.two_layer_flow.exact.loss import Loss
from dmft.models.two_layer_flow.exact.own import Slopes

Array = NDArray[np.float64]
Part = NDArray[np.int64]
# States at preactivations h (s, m, samples) of all samples, or of some.
States = Callable[[Array, Part | None], "State"]


class State(NamedTuple):
    """Forces g (s, m, P), outputs and slopes of the loss (s, P), sigma(h) of neurons (s, m, P), and slopes of the forces."""

    g: Array
    f: Array
    slope: Array
    value: Array
    slopes: Slopes

    def put(self, part: Part, of_part: State) -> None:
        """Put in the states of some samples."""
        for mine, new in zip((*self[:4], *self.slopes), (*of_part[:4], *of_part.slopes), strict=True):
            mine[..., part] = new


class Defect(NamedTuple):
    """h + R g(h) - c (s, m, samples), and the largest |defect| and |h| of each sample, (samples,)."""

    values: Array
    size: Array
    scale: Array


def states(activation: Activation, loss: Loss, a: Array, y: Array, basis: Array) -> States:
    """States of samples with labels y (P,) and second layers a (s, m), in the coordinates that `basis` holds one a row."""

    def at(h: Array, part: Part | None) -> State:
        labels = y if part is None else y[part]
        g, q, e = (np.empty(h.shape) for _ in range(3))
        value, slope, curvature = activation(basis.T @ h)
        f = np.empty((len(h), h.shape[2]))
        _outputs(a, value, f)
        loss_slope = loss.slope(f, labels)
        _forces(a, slope, curvature, loss_slope, basis, g, q, e)
        return State(g, f, loss_slope, value, Slopes(loss.curvature(f, labels) / h.shape[1], q, e))

    return at


@njit
def _outputs(a, value, f):
    """f = (1/m) sum_i a_i sigma(h_i)."""
    s, m, samples = value.shape
    for t in range(s):
        f[t] = 0.0
        for i in range(m):
            for p in range(samples):
                f[t, p] += a[t, i] * value[t, i, p]
        for p in range(samples):
            f[t, p] /= m


@njit
def _forces(a, slope, curvature, loss_slope, basis, g, q, e):
    """q_i = a_i sigma'(h_i), e_i = l' a_i sigma''(h_i), and g = l' q in coordinates."""
    s, m, samples = slope.shape
    for t in range(s):
        for i in range(m):
            for p in range(samples):
                q[t, i, p] = a[t, i] * slope[t, i, p]
                e[t, i, p] = loss_slope[t, p] * a[t, i] * curvature[t, i, p]
        for k in range(m):
            g[t, k] = 0.0
            for i in range(m):
                if basis[k, i] != 0.0:
                    for p in range(samples):
                        g[t, k, p] += basis[k, i] * q[t, i, p]
            for p in range(samples):
                g[t, k, p] *= loss_slope[t, p]


def defect(R: Array, state: State, h: Array, c: Array) -> Defect:
    """Defects of states at h with R (s m, s m) and c (s, m, samples)."""
    found = (R @ state.g.reshape(len(R), -1)).reshape(h.shape)
    size, scale = np.zeros((2, h.shape[2]))
    _complete(found, h, c, size, scale)
    return Defect(found, size, scale)


@njit
def _complete(found, h, c, size, scale):
    """Add h - c to R g(h), and find the largest |numbers| of each sample."""
    s, m, samples = h.shape
    for t in range(s):
        for i in range(m):
            for p in range(samples):
                found[t, i, p] += h[t, i, p] - c[t, i, p]
                size[p] = _larger(abs(found[t, i, p]), size[p])
                scale[p] = _larger(abs(h[t, i, p]), scale[p])


@njit(inline="always")
def _larger(new, known):
    """The larger number, not-a-number if one of them is."""
    return known if new <= known or known != known else new
