"""The first time at which an observable of a solution crosses a level."""

from __future__ import annotations

import numpy as np
from scipy.optimize import root_scalar

from dmft.results.solution import Solution


def first_crossing(solution: Solution, observable: str, level: float) -> float:
    """First time at which an observable crosses a level, from the polynomial of its cell; not a number if it never does."""
    above = solution.observables[observable] > level
    crossed = np.flatnonzero(above != above[0])
    if not crossed.size:
        return float("nan")
    before, after = (float(solution.time[crossed[0] - back]) for back in (1, 0))
    # A smooth observable has a single crossing between neighbouring nodes.
    found = root_scalar(lambda t: solution.at(t)[observable] - level, bracket=(before, after), rtol=1e-10)
    return float(found.root)
