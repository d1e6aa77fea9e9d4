"""Ends of cells that no error of a cell chooses: cells that grow with t, and what halving has left of given ones.

Cells grow in proportion to t, as those of the Gaussian theory of many problems do: with s nodes and a tolerance eps

    t_1 = FIRST g/rate,     t_{k+1} = (1 + g) t_k,     g = GROWTH s eps^(1/(s + 1)),  at most 1

with the fastest rate at t = 0.
"""

from __future__ import annotations

from math import floor, log, log1p

import numpy as np
from numpy.typing import NDArray

from dmft.engines.cell import empty_history, initial_node
from dmft.mathematics.tableau import Tableau
from dmft.models.sampled import SampledFlowModel, SampleSet
from dmft.problem.settings import SolverSettings

Array = NDArray[np.float64]

# The Gaussian theory has GROWTH = 0.4 to 0.6 with s = 2, 3, 4, 6 and tolerances of 1e-3 and 1e-5, and FIRST = 0.2 to 0.6 with
# s = 4, 6.
GROWTH, FIRST = 0.4, 0.2
# A last cell shorter than this part of the one before joins it.
SHORT = 0.25
# Samples that tell the rate at t = 0.
FEW = 512


def first_rate(model: SampledFlowModel) -> float:
    """The fastest rate at t = 0, from a few samples."""
    first = model.sets[0]
    few = model.of_set(SampleSet(min(FEW, first.size), first.seed, first.width))
    return initial_node(few, empty_history(few))


def growing(rate: float, settings: SolverSettings) -> Array:
    """Ends of cells that grow with t; see the module docstring."""
    growth = min(GROWTH * settings.stages * settings.tolerance ** (1 / (settings.stages + 1)), 1.0)
    first = FIRST * growth / rate if rate > 0 else settings.t_max
    number = max(0, floor(log(settings.t_max / first) / log1p(growth)) + 1)
    ends = first * (1 + growth) ** np.arange(number)
    if number and settings.t_max - ends[-1] < SHORT * growth * ends[-1]:
        ends = ends[:-1]
    return np.array([0.0, *ends, settings.t_max])


def continued(reached: Array, ends: Array) -> Array:
    """Ends of the cells that were made, and of those to come: `ends`, with what halving has left of the cell in between.

    A cell that is cut short otherwise, by the end of an earlier run, goes on for what is left of it, or with the next one.
    """
    last = reached[-1]
    cell = min(int(np.searchsorted(ends, last, side="right")) - 1, len(ends) - 2)
    start, length = ends[cell], ends[cell + 1] - ends[cell]
    between, place = [], (last - start) / length
    while 0 < place < 1 and (part := _half(place)) is not None and place + part < 1:
        place += part
        between.append(start + place * length)
    later = ends[cell + 1 :]
    if not between:
        later = later[later - last > np.diff(ends[cell:]) / 4]
    return np.concatenate([reached, between, later])


def nodes_of(ends: Array, tableau: Tableau) -> Array:
    """Nodes of all cells with these ends, (cells + 1,)."""
    nodes = ends[:-1, None] + np.diff(ends)[:, None] * tableau.c
    nodes[:, -1] = ends[1:]
    return np.append(0.0, nodes)


def _half(place: float) -> float | None:
    """The largest power of 1/2 that a number in (0, 1) is a multiple of; None beyond 1/1024."""
    for power in range(1, 11):
        part = 0.5**power
        if abs(place / part - round(place / part)) < 1e-6:
            return part
    return None
