"""Sets of samples as arrays of a history, and the history as sets.

A history holds the nodes that any set has reached; of a set that has reached fewer, the rest is zero.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from dmft.history.fields import TIME, TIME_PRIME, Field
from dmft.history.history import History
from dmft.models.sampled import Dims, SampledModel, Stretch

Array = NDArray[np.float64]

# How arrays of all sets are called in a history, and the numbers of nodes that the sets have reached.
OF_SETS = "sets_"
REACHED = OF_SETS + "reached"
NOTHING = Stretch(0, 0)


def fields(model: SampledModel) -> list[Field]:
    """Declarations of everything in the history of a model."""
    sizes = {"set": len(model.sets), **model.axes}

    def of_sets(arrays: Mapping[str, Dims], *times: str) -> list[Field]:
        return [Field(OF_SETS + name, ("set", *dims, *times), sizes) for name, dims in arrays.items()]

    one_time = of_sets({**model.one_time, **model.all_time}, TIME)
    return [
        *(Field(name) for name in (TIME, "weights")),
        *one_time,
        *of_sets(model.two_time, TIME, TIME_PRIME),
        *of_sets({"reached": (), **model.latest}),
    ]


def history_of(model: SampledModel, found: Sequence[Stretch], time: Array, weights: Array) -> History:
    """A history of what the sets have found, on these nodes."""
    history = History(fields(model), len(time))
    n = len(time)
    values = {name: np.zeros(field.shape(n)) for name, field in history.fields.items()}
    # A set whose momentum was cut off has to begin anew.
    reached = [float(one.n) if one.latest.keys() == model.latest.keys() else 0.0 for one in found]
    values |= {TIME: time, "weights": weights, REACHED: np.array(reached)}
    for number, one in enumerate(found):
        for name, part in {**one.one_time, **one.all_time}.items():
            values[OF_SETS + name][number, ..., : one.n] = part
        for name, part in one.two_time.items():
            values[OF_SETS + name][number, ..., : one.n, : one.n] = part
        for name, part in one.latest.items():
            values[OF_SETS + name][number] = part
    history.append(values)
    return history


def sets_of(model: SampledModel, history: History) -> list[Stretch]:
    """Results of the sets, from a history."""
    return [of_set(model, history, number) for number in range(len(model.sets))]


def of_set(model: SampledModel, history: History, number: int) -> Stretch:
    """Result of one set."""
    n = int(history[REACHED][number]) if history.n else 0
    if n == 0:
        return NOTHING

    def part(names: Mapping[str, Dims], *times: slice) -> dict[str, Array]:
        return {name: history[OF_SETS + name][(number, ..., *times)].copy() for name in names}

    nodes = slice(n)
    return Stretch(
        0, n, part(model.one_time, nodes), part(model.two_time, nodes, nodes), part(model.all_time, nodes), part(model.latest)
    )


def joined(known: Stretch, new: Stretch) -> Stretch:
    """The known result of a set, followed by the new one."""
    if known.n == 0:
        return new
    first, n = new.first, new.n
    one_time = {name: np.concatenate([known.one_time[name], values], axis=-1) for name, values in new.one_time.items()}
    two_time = {}
    for name, rows in new.two_time.items():
        grown = np.zeros((*rows.shape[:-2], n, n))
        grown[..., :first, :first], grown[..., first:, :] = known.two_time[name], rows
        two_time[name] = grown
    return Stretch(0, n, one_time, two_time, new.all_time, new.latest)


def cut(one: Stretch, n: int) -> Stretch:
    """The first nodes of a set, without the momentum, which belongs to its last one."""
    if n >= one.n:
        return one
    one_time = {name: values[..., :n] for name, values in one.one_time.items()}
    return Stretch(0, n, one_time, {name: values[..., :n, :n] for name, values in one.two_time.items()})


def padded(one: Stretch, n: int) -> Stretch:
    """A set with zeros on nodes that it has not reached."""
    if one.n == n:
        return one
    more = n - one.n

    def wider(arrays: Mapping[str, Array], times: int) -> dict[str, Array]:
        return {name: np.pad(values, [(0, 0)] * (values.ndim - times) + [(0, more)] * times) for name, values in arrays.items()}

    return Stretch(0, n, wider(one.one_time, 1), wider(one.two_time, 2), wider(one.all_time, 1), one.latest)


def widths(model: SampledModel) -> int:
    """Number of widths of what is smoothed, each a set of its own for the same samples."""
    return len({one.width for one in model.sets})


def reached_together(reached: Array, widths: int) -> Array:
    """Numbers of nodes that independent samples have reached at every width, from those of all sets."""
    return reached.reshape(-1, widths).min(axis=1)


def degrees_of_freedom(model: SampledModel, history: History, nodes: int) -> Array:
    """Those of the standard errors at each node, (nodes,): independent sets that have reached it, less one.

    Of all sets where no history says otherwise, as that of a run that failed, which cannot go on.
    """
    number = widths(model)
    reached = history[REACHED] if history.n else np.zeros(len(model.sets))
    reached = reached_together(reached if reached.any() else np.full(len(model.sets), nodes), number)
    return (np.arange(nodes)[:, None] < reached).sum(axis=1) - 1.0
