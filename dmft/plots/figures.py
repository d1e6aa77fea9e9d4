"""The figure of any results: one standard figure, several results on one, or the figure of a sweep."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from matplotlib.figure import Figure

from dmft.plots import comparison, standard, sweeps
from dmft.plots import distributions as of_samples
from dmft.plots.curves import Shown
from dmft.plots.look import Look
from dmft.problem.problem import Problem
from dmft.problem.table import ProblemError
from dmft.results.simulation import Simulation
from dmft.results.solution import Solution
from dmft.results.table import Table


def figure(results: Sequence[Solution | Simulation | Table], *, distributions: bool = False, **look: Any) -> Figure:
    """Draw results; raises ValueError for what cannot stand on one figure, and for choices that do not fit.

    distributions: those over the samples of a run in place of its standard figure.
    """
    chosen = Look(**look)
    if not results:
        raise ValueError("no results: wanted at least one")
    if distributions:
        if len(results) != 1 or not isinstance(results[0], Solution):
            raise ValueError("distributions: wanted one run alone on a figure")
        if chosen.chosen:
            raise ValueError("distributions: wanted without observables and another horizontal axis")
        return of_samples.figure(results[0], chosen)
    tables = [one for one in results if isinstance(one, Table)]
    if tables:
        if len(results) > 1:
            raise ValueError("is the table of a sweep: wanted it alone on a figure, or runs and simulations")
        return sweeps.figure(tables[0], chosen)
    together = shown([one for one in results if not isinstance(one, Table)])
    if len(together) == 1 and not chosen.chosen:
        return standard.figure(together[0], chosen)
    return comparison.figure(together, chosen)


def shown(results: Sequence[Solution | Simulation]) -> list[Shown]:
    """Results by problem: each solution with the simulations of its problem, and simulations of others together."""
    found = [Shown(one) for one in results if isinstance(one, Solution)]
    for one in results:
        if isinstance(one, Simulation):
            place = next((k for k, other in enumerate(found) if _belongs(one, other.problem)), None)
            if place is None:
                found.append(Shown(None, [one]))
            else:
                found[place] = Shown(found[place].solution, [*found[place].simulations, one])
    return found


def _belongs(simulation: Simulation, problem: Problem) -> bool:
    """True if this is the problem that was simulated."""
    with suppress(ProblemError):
        simulation.refuse_other_problem(problem)
        return True
    return False
