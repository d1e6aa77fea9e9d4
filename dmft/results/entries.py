"""Observables as single numbers at each time: the entries of those that have further dimensions, by their own names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

# Commands that print names alone load no NumPy.
if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dmft.history.fields import Field
    from dmft.problem.description import Quantity
    from dmft.problem.problem import Problem

    Array = NDArray[np.float64]


def fields(problem: Problem) -> dict[str, Field]:
    """Declarations of the observables and order parameters of a problem, by name."""
    description, axes = problem.parameters.description, problem.parameters.axes
    return description.order_parameter_fields(axes) | description.observable_fields(axes)


def entries(problem: Problem, arrays: Mapping[str, Array]) -> dict[str, Array]:
    """Every entry of observables or order parameters over the times, (times,) each, by a name such as alignment[0][1]."""
    declared, found = fields(problem), {}
    for name, values in arrays.items():
        names = declared[name].labels()
        found |= dict(zip(names, declared[name].series(values).reshape(len(names), -1), strict=True))
    return found


def mirrored(problem: Problem) -> set[str]:
    """Names of entries that another one repeats: neuron_overlap[1][0], the same number as neuron_overlap[0][1]."""
    declared = fields(problem).values()
    return {field.label(index) for field in declared for index in set(field.indices()) - set(field.different())}


def quantity_of(entry: str) -> str:
    """Name of the observable to which an entry belongs."""
    return entry.partition("[")[0]


def described(quantities: Mapping[str, Quantity], entry: str) -> tuple[str, str]:
    """Units and meaning of an entry."""
    quantity = quantities[quantity_of(entry)]
    return quantity.units, quantity.meaning
