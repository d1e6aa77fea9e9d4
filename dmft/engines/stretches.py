"""Histories of sets of samples as stretches of nodes, and back; all sets of a flow; samples that follow a history."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dmft.engines.cell import empty_history
from dmft.engines.densities import densities
from dmft.engines.distributions import Look
from dmft.history.fields import TIME, TIME_PRIME, Field
from dmft.history.history import History
from dmft.mathematics.tableau import lagrange
from dmft.models.sampled import FOLLOWED, Dims, SampledFlowModel, SampleSet, Stretch

Array = NDArray[np.float64]


def stretch(history: History, first: int, stages: int) -> Stretch:
    """The arrays of a history from a node on, with the axes of time last; zero where the second node is in a later cell."""
    one_time, two_time = {}, {}
    known, _ = _parts(history.n, stages)
    for name, field in history.fields.items():
        axes = [field.dims.index(dim) for dim in (TIME, TIME_PRIME) if dim in field.dims]
        values = np.moveaxis(history[name], axes, range(-len(axes), 0))
        if len(axes) == 1:
            one_time[name] = values[..., first:].copy()
        else:
            two_time[name] = values[..., first:, :] * known[first:]
    return Stretch(first, history.n, one_time, two_time)


def restored(model: SampledFlowModel, known: Stretch) -> History:
    """The history of a set from its arrays; the inverse of `stretch`."""
    history = empty_history(model.of_set(model.sets[0]), known.n)
    values, parts = {}, _parts(known.n, model.stages)
    for name, field in history.fields.items():
        axes = [field.dims.index(dim) for dim in (TIME, TIME_PRIME) if dim in field.dims]
        if len(axes) == 1:
            values[name] = np.moveaxis(known.one_time[name], -1, axes[0])
            continue
        earlier, later = (np.moveaxis(known.two_time[name] * part, (-2, -1), axes) for part in parts)
        values[name] = earlier + field.exchanged(later) if field.symmetric else earlier
    history.append(values)
    return history


def _parts(n: int, stages: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Pairs of the first n nodes of which the second one is in a cell that is no later, and in an earlier one."""
    cell = (np.arange(n) + stages - 1) // stages
    return cell[:, None] >= cell, cell[:, None] > cell


def followed(model: SampledFlowModel, one: SampleSet, history: History) -> Iterator[tuple[float, Any]]:
    """The equations of a set once their samples have followed a history to the end of each of its cells, with its time."""
    equations = model.of_set(one)
    for n in range(1, history.n + 1, model.stages):
        equations.replay(history.before(n))
        yield float(history["time"][n - 1]), equations


class Sets:
    """The sets of a model with everything in their histories; a `SampledModel`."""

    def __init__(self, model: SampledFlowModel) -> None:
        self.model, self.sets = model, model.sets
        self.all_time: Mapping[str, Dims] = {}
        self.latest: Mapping[str, Dims] = {}
        self._fields = list(empty_history(model.of_set(model.sets[0]), 1).fields.values())
        self.axes = {_axis(field, dim): field.sizes[dim] for field in self._fields for dim in field.sizes}
        self.one_time = {field.name: _dims(field) for field in self._fields if field.one_time} | {FOLLOWED: ()}
        self.two_time = {field.name: _dims(field) for field in self._fields if field.two_time}

    @property
    def groups(self) -> Any:
        """See SampledModel."""
        return self.model.groups

    def numbers(self, nodes: float) -> float:
        """See SampledModel."""
        return self.model.numbers(nodes)

    def looks(self, one: SampleSet, known: Stretch, instants: Array) -> list[Look]:
        """See SampledModel: the samples of a set at some times, by the polynomials of their cells."""
        history, stages = restored(self.model, known), self.model.stages
        found: list[Look] = []
        before: Look = {}
        for end, equations in followed(self.model, one, history):
            seen = equations.seen()
            cell = {name: np.concatenate([before[name], values]) if before else values for name, values in seen.items()}
            n = equations.samples.n
            nodes = history["time"][max(n - 1 - stages, 0) : n]
            for time in instants[len(found) :]:
                if time <= end:
                    basis = lagrange(nodes, np.array([time]))[:, 0]
                    found.append({name: np.tensordot(basis, values, 1) for name, values in cell.items()})
            before = {name: values[-1:] for name, values in seen.items()}
            if len(found) == len(instants):
                break
        return found

    def process(self, one: SampleSet, nodes: int, known: Stretch | None) -> Any:
        """None: cells are needed, see `FlowProcess`."""
        raise NotImplementedError

    def observables(self, known: Stretch) -> dict[str, Array]:
        """See SampledModel."""
        return self.model.observables(known.one_time, known.two_time)

    def kernels(self, known: Stretch) -> dict[str, Array]:
        """Correlations, and responses as densities."""
        correlations, responses = self.model.kernels(known.one_time, known.two_time)
        time, weights = known.one_time["time"], known.one_time["weights"]
        return correlations | {
            name: densities(response, kick, equal, time, weights, self.model.stages)
            for name, (response, kick, equal) in responses.items()
        }


def _axis(field: Field, dim: str) -> str:
    """Name of an axis; stacks have different numbers of channels."""
    return f"{dim}_{field.name}" if dim == "channel" else dim


def _dims(field: Field) -> Dims:
    return tuple(_axis(field, dim) for dim in field.dims if dim not in (TIME, TIME_PRIME))
