"""Entries of an observable on a figure: groups by colour, directions and everything else by line style."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from matplotlib.colors import to_hex

from dmft.history.fields import OTHER, Field
from dmft.plots import style
from dmft.plots.style import COLOURS
from dmft.problem.problem import Problem
from dmft.results.entries import fields

# The first dimension of these names is told by colour.
COLOURED = "group"
LINES = ("-", "--", ":", "-.")
# Colour in a legend of what is told by the line alone.
OF_LINES = "0.3"


@dataclass(frozen=True)
class Entry:
    """One entry of an observable: its index, and the name, colour and line it is drawn with."""

    index: tuple[int, ...]
    name: str | None
    colour: str
    line: str


def of(problem: Problem, observable: str, line: str, colour: str, name: str | None) -> list[Entry]:
    """The observable itself in one colour and line, or each of its different entries in its own."""
    field = fields(problem)[observable]
    dims = field.beside_nodes
    if not dims:
        return [Entry((), name, colour, line)]
    colours = of_groups(field.sizes[COLOURED]) if COLOURED in dims else [colour]
    rest = [dim for dim in dims if dim != COLOURED]
    lines = {index: LINES[place % len(LINES)] for place, index in enumerate(np.ndindex(*(field.sizes[dim] for dim in rest)))}
    found = []
    for index in field.different():
        at = dict(zip(dims, index, strict=True))
        chosen = lines[tuple(at[dim] for dim in rest)]
        found.append(Entry(index, where(field, index) or name, colours[at.get(COLOURED, 0)], chosen))
    return found


def of_legend(problem: Problem, observables: Iterable[str]) -> tuple[list[Entry], set[str]]:
    """Each colour and each line once, of observables whose entries both tell apart; and the names that they replace."""
    named: dict[str, Entry] = {}
    replaced = set()
    for observable in observables:
        field = fields(problem)[observable]
        told = [dim for dim in field.beside_nodes if field.sizes[dim] > 1]
        if len(told) != 2 or COLOURED not in told:
            continue
        (other,) = (dim for dim in told if dim != COLOURED)
        for place, colour in enumerate(of_groups(field.sizes[COLOURED])):
            named[f"group {place}"] = Entry((), f"group {place}", colour, LINES[0])
        for place, line in zip(range(field.sizes[other]), LINES, strict=False):
            name = f"{'with group' if other == OTHER + COLOURED else other.replace('_', ' ')} {place}"
            named[name] = Entry((), name, OF_LINES, line)
        replaced |= {where(field, index) for index in field.indices()}
    return list(named.values()), replaced


def where(field: Field, index: tuple[int, ...]) -> str:
    """The place of an entry in words: group 1, direction 2; dimensions of length one are left out."""
    shown = ((dim, place) for dim, place in zip(field.beside_nodes, index, strict=True) if field.sizes[dim] > 1)
    return ", ".join(f"{dim.removeprefix(OTHER).replace('_', ' ')} {place}" for dim, place in shown)


def of_groups(groups: int) -> list[str]:
    """A colour for each group: distinct ones for a few, shades of one map for many."""
    if groups <= len(COLOURS):
        return list(COLOURS[:groups])
    return [to_hex(shade) for shade in style.shades(groups)]
