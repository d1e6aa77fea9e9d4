"""Shared parts of the engines of two-time equations: the arrays of a history, its first node, new nodes, the multiplier."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from dmft.history.history import History, Shape
from dmft.models.protocol import Forces, Model, Rows

Array = NDArray[np.float64]


def new_history(model: Model, capacity: int, one_time: Mapping[str, Shape]) -> History:
    """A history with every array that this model needs and the one-time arrays of an engine, without a node."""
    channels = (len(model.channel_weights),)
    shared = dict.fromkeys(("time", "weights", "overlap", *model.observables, *model.own_values), ())
    return History(shared | dict(one_time), {"C": channels, "R": channels} | dict.fromkeys(model.own_kernels, ()), capacity)


def first_rows(model: Model) -> Rows:
    """The rows of node 0, the initial condition."""
    start = model.start()
    C = start.C[:, None, None]
    return Rows(C, np.zeros_like(C), np.array([start.overlap]), start.scalars[:, None])


def multiplier(model: Model, rows: Rows, forces: Forces) -> Array:
    """nu(t) = [M C + D R](t, t) + b v for one unit: the force along w, which the constraint |w| = 1 takes out.

    In a Runge-Kutta cell it has the accuracy of the state; those of the stages satisfy the constraint only to order s.
    """
    along = np.einsum("c,csj->s", model.channel_weights, forces.M * rows.C + forces.D * rows.R)
    return along + forces.drift * rows.overlap


def append(model: Model, history: History, one_time: Mapping[str, Array], rows: Mapping[str, Array]) -> None:
    """Add accepted nodes: the rows of C, R and the model's own kernels."""
    symmetric = frozenset({"C", *(name for name, is_symmetric in model.own_kernels.items() if is_symmetric)})
    history.append(one_time, rows, symmetric)
