"""Names, shapes, units and meanings of everything in a run file, once; those of the results come from their model.

A run file is HDF5, schema 1.  Root attributes say what was asked and how it ended, and hold the constants of the model; `/time`
and `/time_prime` are the dimension scales; `/observables`, `/kernels` and `/order_parameters` hold results, `/state` what a
continuation needs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dmft.description import TIME, OrderParameter, Quantity
from dmft.solver.outcome import Outcome

SCHEMA = 1


@dataclass(frozen=True)
class Entry:
    """One dataset: its dimensions, units ("1" for a pure number) and meaning."""

    dimensions: tuple[str, ...]
    units: str
    meaning: str


ATTRIBUTES: dict[str, str] = {
    "schema": "version of this layout, 1",
    "dmft_version": "version of the program",
    "model": "the theory, as in [problem] model",
    "problem": "the problem file as TOML text, defaults included",
    "outcome": f"one of {', '.join(outcome.value for outcome in Outcome)}",
    "advice": "what to do about the outcome, in words",
    "complete": "true if the last node is t_max",
    "nodes": "number of nodes n, the initial condition included",
    "iterations": "fixed-point iterations, all cells together",
    "residual": "relative residual of the fixed point of the last cell tried, accepted or not",
    "wall_time": "seconds of computing, all continuations together",
    "git": "commit of the program's source tree, empty if there is none",
    "command": "the command line that wrote the file last",
}

_T, _TT = ("time",), ("time", "time_prime")

ROOT: dict[str, Entry] = {
    "time": Entry(_T, TIME, "nodes t; the first is 0, the last t_max if the run is complete"),
    "time_prime": Entry(("time_prime",), TIME, "nodes t', the same as time: second axis of the kernels"),
    "weights": Entry(_T, TIME, "quadrature weights of int ds on the nodes"),
}


def observables(quantities: Mapping[str, Quantity]) -> dict[str, Entry]:
    """Datasets of `/observables`, from the description of a model."""
    return {name: Entry(_T, quantity.units, quantity.meaning) for name, quantity in quantities.items()}


def kernels(quantities: Mapping[str, Quantity]) -> dict[str, Entry]:
    """Datasets of `/kernels`, from the description of a model."""
    return {name: Entry(_TT, quantity.units, quantity.meaning) for name, quantity in quantities.items()}


def order_parameters(quantities: Mapping[str, OrderParameter]) -> dict[str, Entry]:
    """Datasets of `/order_parameters`, from the description of a model."""
    return {name: Entry((*_T, *found.dimensions), found.units, found.meaning) for name, found in quantities.items()}
