"""Observables as single numbers at each time: the entries of those that have further dimensions, by their own names."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from dmft.history.fields import Field
from dmft.problem.problem import Problem

Array = NDArray[np.float64]


def fields(problem: Problem) -> dict[str, Field]:
    """Declarations of the observables of a problem, by name."""
    parameters = problem.parameters
    return parameters.description.observable_fields(parameters.axes)


def entries(problem: Problem, observables: Mapping[str, Array]) -> dict[str, Array]:
    """Every entry over the times, (times,) each, by a name such as alignment[0][1]."""
    declared, found = fields(problem), {}
    for name, values in observables.items():
        rows = np.atleast_2d(declared[name].series(values))
        found |= dict(zip(declared[name].labels(), rows, strict=True))
    return found


def quantity_of(entry: str) -> str:
    """Name of the observable to which an entry belongs."""
    return entry.partition("[")[0]
