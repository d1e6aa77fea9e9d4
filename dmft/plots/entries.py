"""Entries of an observable on a figure: groups by colour, directions and everything else by line style."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from matplotlib.colors import to_hex

from dmft.history.fields import Field
from dmft.plots import style
from dmft.plots.style import COLOURS
from dmft.problem.problem import Problem
from dmft.results.entries import fields

# The first dimension of these names is told by colour.
COLOURED = "group"
LINES = ("-", "--", ":", "-.")


@dataclass(frozen=True)
class Entry:
    """One entry of an observable: its index, and the name, colour and line it is drawn with."""

    index: tuple[int, ...]
    name: str | None
    colour: str
    line: str


def of(problem: Problem, observable: str, line: str, colour: str, name: str | None) -> list[Entry]:
    """The observable itself in one colour and line, or each of its entries in its own."""
    field = fields(problem)[observable]
    dims = field.dims[1:]
    if not dims:
        return [Entry((), name, colour, line)]
    colours = of_groups(field.sizes[COLOURED]) if COLOURED in dims else [colour]
    rest = [dim for dim in dims if dim != COLOURED]
    lines = {index: LINES[place % len(LINES)] for place, index in enumerate(np.ndindex(*(field.sizes[dim] for dim in rest)))}
    found = []
    for index in product(*(range(field.sizes[dim]) for dim in dims)):
        at = dict(zip(dims, index, strict=True))
        chosen = lines[tuple(at[dim] for dim in rest)]
        found.append(Entry(index, where(field, index) or name, colours[at.get(COLOURED, 0)], chosen))
    return found


def where(field: Field, index: tuple[int, ...]) -> str:
    """The place of an entry in words: group 1, direction 2; dimensions of length one are left out."""
    dims = [dim for dim in field.dims if dim in field.sizes]
    shown = ((dim, place) for dim, place in zip(dims, index, strict=True) if field.sizes[dim] > 1)
    return ", ".join(f"{dim.replace('_', ' ')} {place}" for dim, place in shown)


def of_groups(groups: int) -> list[str]:
    """A colour for each group: distinct ones for a few, shades of one map for many."""
    if groups <= len(COLOURS):
        return list(COLOURS[:groups])
    return [to_hex(shade) for shade in style.shades(groups)]
