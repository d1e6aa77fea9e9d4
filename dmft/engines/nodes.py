"""Shared parts of the engines of two-time equations: the arrays of a history, its first node, new nodes, multipliers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from dmft.engines.loops import add_force_along
from dmft.history.fields import OTHER, TIME, TIME_PRIME, Field
from dmft.history.history import History
from dmft.models.protocol import Channels, Forces, Model, Rows

Array = NDArray[np.float64]


def channel_fields(stack: Channels) -> Iterator[Field]:
    """C, R and, for engines of continuous time, the response to a kick at t = 0."""
    count, G = stack.count, stack.width
    if G == 1:
        dims, sizes = ("channel", TIME, TIME_PRIME), {"channel": count}
    else:
        dims = ("channel", TIME, "group", TIME_PRIME, OTHER + "group")
        sizes = {"channel": count, "group": G, OTHER + "group": G}
    kick = tuple(dim for dim in dims if dim != TIME_PRIME)
    yield Field(f"C{stack.name}", dims, sizes, symmetric=True)
    yield Field(f"R{stack.name}", dims, sizes, causal=True)
    yield Field(f"kick{stack.name}", kick, sizes)


def overlap_fields(model: Model) -> Iterator[Field]:
    """The overlaps of the first channel, if there are any."""
    G, r = model.channels[0].width, model.directions
    if r > 0:
        wide = {"direction": r, "group": G} if r > 1 or G > 1 else {}
        yield Field("overlap", ("direction", TIME, "group") if wide else (TIME,), wide)


def multiplier_fields(model: Model) -> Iterator[Field]:
    """The multipliers of the stages of a cell, if there are any."""
    constraints = len(model.constraints)
    if constraints == 1:
        yield Field("stage_multiplier")
    elif constraints > 1:
        yield Field("stage_multiplier", ("constraint", TIME), {"constraint": constraints})


def new_history(model: Model, capacity: int, continuous: bool) -> History:
    """A history with every array that this model needs, without a node; some are for `continuous` time only."""
    fields = [Field(TIME), Field("weights"), *overlap_fields(model), *model.observables.values(), *model.fields]
    for stack in model.channels:
        fields += [field for field in channel_fields(stack) if continuous or TIME_PRIME in field.dims]
    return History([*fields, *(multiplier_fields(model) if continuous else ())], capacity)


def matrices(history: History, name: str, model: Model) -> tuple[Array, ...]:
    """C, R or kick of each stack of channels over (node, group): (channels, n G, n G), or (channels, n G, G) for kick."""
    found = []
    for stack in model.channels:
        array, last = history[name + stack.name], 1 if name == "kick" else history.n
        found.append(array.reshape(stack.count, history.n * stack.width, last * stack.width) if stack.width > 1 else array)
    return tuple(found)


def overlaps(history: History, model: Model) -> Array:
    """Overlaps (directions, n G)."""
    if model.directions == 0:
        return np.zeros((0, history.n * model.channels[0].width))
    return history["overlap"].reshape(model.directions, -1)


def scalars(history: History, model: Model) -> Array:
    """One-time functions with a rate, (p, n)."""
    rows = [np.atleast_2d(history.series(name)) for name in model.scalars]
    return np.concatenate(rows) if rows else np.zeros((0, history.n))


def first_rows(model: Model) -> Rows:
    """The rows of node 0, the initial condition."""
    start = model.start()
    return Rows(start.C, tuple(map(np.zeros_like, start.C)), start.overlap, start.scalars[:, None])


def multiplier(model: Model, rows: Rows, forces: Forces) -> Array:
    """nu(t) = [M C + D R](t, t) + b v for one unit, (s, constraints): the force along w, which the constraint takes out.

    In a Runge-Kutta cell it has the accuracy of the state; those of the stages satisfy the constraint only to order s.
    """
    nodes = rows.C[0].shape[1] // model.channels[0].width
    nu = np.zeros((len(model.constraints), nodes))
    for place, stack in enumerate(model.channels):
        along = (forces.drift, rows.overlap) if place == 0 else (forces.drift[:0], rows.overlap[:0])
        kernels = (forces.M[place], rows.C[place], forces.D[place], rows.R[place])
        arrays = [np.ascontiguousarray(array) for array in (*kernels, *along)]
        for k in stack.weights_in.keys() & range(len(nu)):
            add_force_along(stack.weights_in[k], *arrays, nu[k])
    return nu.T


def of_blocks(matrix: Array, width: int) -> Array:
    """A matrix over nodes for each of several groups of a node, over (node, group)."""
    return np.asarray(np.kron(matrix, np.eye(width)), dtype=np.float64) if width > 1 else matrix


def kicked(A: Array, P: Array, M_BH: Array, past: Array) -> Array:
    """Responses of new nodes to a kick, (channels, s G, G), from those of the nodes before, (channels, n G, G).

    A: the integration matrix of the cell; P = (1 - A (M - nu)_BB)^(-1); M_BH: memory of the nodes before.
    """
    width = past.shape[2]
    last = np.tile(past[:, -width:], (1, len(A) // width, 1))
    return P @ (last + A @ (M_BH @ past))


def append(model: Model, history: History, one_time: Mapping[str, Array], rows: Rows, kernels: Mapping[str, Array]) -> None:
    """Add accepted nodes: one-time functions, C and R of each stack, overlaps, and the model's own kernels."""
    values = {**one_time, **kernels}
    for place, stack in enumerate(model.channels):
        for name, block in (("C", rows.C[place]), ("R", rows.R[place])):
            field = history.fields[name + stack.name]
            later, nodes = (length // stack.width for length in block.shape[1:])
            values[field.name] = block.reshape(field.shape(nodes, later))
    if model.directions > 0:
        values["overlap"] = rows.overlap.reshape(
            history.fields["overlap"].shape(rows.overlap.shape[1] // model.channels[0].width)
        )
    history.append(values)


def rows_of(fields: Mapping[str, Field], values: Mapping[str, Array], out: Array) -> None:
    """Write arrays, by name, into the rows of `out` in the order of their fields."""
    first = 0
    for name, field in fields.items():
        out[first : first + field.entries] = field.series(values[name])
        first += field.entries
