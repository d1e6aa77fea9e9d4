"""Declaration of arrays over nodes: name, dimensions, symmetry, units and meaning, each said once.

All that holds, stores, counts or draws arrays reads their declaration; no rank is guessed from a shape.  The nodes of a run are
the dimensions "time" and "time_prime"; others, such as "group" or "channel", have a fixed length.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import product
from math import prod

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Sizes = Mapping[str, int]

TIME, TIME_PRIME = "time", "time_prime"
# Times at which distributions over samples are known, which are no nodes.
DISTRIBUTION_TIME = "distribution_time"
ONE_TIME, TWO_TIME = (TIME,), (TIME, TIME_PRIME)
# The second of two dimensions of one kind: X[t, group, t', other_group].
OTHER = "other_"


@dataclass(frozen=True)
class Field:
    """One array: its dimensions in order, and the lengths of those that are not nodes.

    symmetric: the same after exchange of t and t', and of "group" and "other_group".
    causal: zero for cells t' after t.
    difference: 1 if it is what is left of larger numbers, 2 if of such ones, see `step_control.DIFFERENCE`.
    """

    name: str
    dims: tuple[str, ...] = ONE_TIME
    sizes: Sizes = field(default_factory=dict)
    symmetric: bool = False
    causal: bool = False
    difference: int = 0
    units: str = "1"
    meaning: str = ""

    @property
    def two_time(self) -> bool:
        """True if it depends on two times."""
        return TIME_PRIME in self.dims

    @property
    def one_time(self) -> bool:
        """True if it depends on one time."""
        return TIME in self.dims and TIME_PRIME not in self.dims

    @cached_property
    def beside_nodes(self) -> tuple[str, ...]:
        """The dimensions that are not nodes."""
        return tuple(dim for dim in self.dims if dim not in (TIME, TIME_PRIME))

    @cached_property
    def entries(self) -> int:
        """Numbers at each node, or pair of nodes."""
        return prod(self.sizes[dim] for dim in self.beside_nodes)

    def shape(self, nodes: int, later: int | None = None) -> tuple[int, ...]:
        """Shape with so many nodes t', and as many or `later` ones t."""
        lengths = {**self.sizes, TIME: nodes if later is None else later, TIME_PRIME: nodes}
        return tuple(lengths[dim] for dim in self.dims)

    def index(self, time: slice, time_prime: slice = slice(None)) -> tuple[slice, ...]:
        """Index of a range of nodes in an array."""
        ranges = {TIME: time, TIME_PRIME: time_prime}
        return tuple(ranges.get(dim, slice(None)) for dim in self.dims)

    def exchanged(self, array: Array) -> Array:
        """The array with t and t', and dimensions of one kind, exchanged."""
        partners = {TIME: TIME_PRIME, TIME_PRIME: TIME}
        for dim in self.dims:
            if OTHER + dim in self.dims:
                partners |= {dim: OTHER + dim, OTHER + dim: dim}
        return array.transpose([self.dims.index(partners.get(dim, dim)) for dim in self.dims])

    def series(self, values: Array) -> Array:
        """Values at some times as rows of numbers, (entries, times); (times,) if there is one number at each."""
        if self.dims == ONE_TIME:
            return values
        return np.moveaxis(values, self.dims.index(TIME), -1).reshape(self.entries, -1)

    def indices(self) -> list[tuple[int, ...]]:
        """Indices of the rows of `series`, in the dimensions beside the nodes."""
        return list(product(*(range(self.sizes[dim]) for dim in self.beside_nodes)))

    def different(self) -> list[tuple[int, ...]]:
        """The same, of the two orders of a pair (groups k and l of an overlap at equal times) the first."""
        names = self.beside_nodes
        pairs = [(place, names.index(OTHER + dim)) for place, dim in enumerate(names) if OTHER + dim in names]
        return [index for index in self.indices() if all(index[one] <= index[other] for one, other in pairs)]

    def label(self, index: tuple[int, ...]) -> str:
        """Name of a row of `series`: alignment[0][1]."""
        return label(self.name, index)

    def labels(self) -> list[str]:
        """Names of the rows of `series`."""
        return list(map(self.label, self.indices()))


def label(name: str, index: Iterable[int]) -> str:
    """Name of an entry of an array: alignment[0][1]."""
    return name + "".join(f"[{place}]" for place in index)


def by_name(fields: Iterable[Field]) -> dict[str, Field]:
    """Fields by their names.  ValueError if two have the same."""
    found: dict[str, Field] = {}
    for declared in fields:
        if declared.name in found:
            raise ValueError(f"two arrays have the name {declared.name!r}: wanted different ones")
        found[declared.name] = declared
    return found


def without_absent(dims: Iterable[str], axes: Sizes) -> tuple[str, ...]:
    """Those of some dimensions that have a length in `axes`, where "other_group" has that of "group"."""
    return tuple(dim for dim in dims if dim.removeprefix(OTHER) in axes)


def lengths(dims: Iterable[str], axes: Sizes) -> dict[str, int]:
    """The length of each of some dimensions; that of "other_group" is that of "group"."""
    return {dim: axes[dim.removeprefix(OTHER)] for dim in dims}
