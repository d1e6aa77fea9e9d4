"""Results without their arrays, for programs that read JSON: problem, outcome, cost, and every observable in a few numbers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from dmft.engines.distributions import MOMENTS
from dmft.exports.labelled import STANDARD
from dmft.history.fields import DISTRIBUTION_TIME
from dmft.problem.description import Quantity
from dmft.problem.toml import read_toml
from dmft.results.entries import described
from dmft.results.simulation import Simulation
from dmft.results.solution import Solution
from dmft.results.table import Table

Values = dict[str, Any]


def summary(result: Solution | Simulation | Table) -> Values:
    """The contents of a file in a few numbers."""
    if isinstance(result, Solution):
        return _of_solution(result)
    return _of_simulation(result) if isinstance(result, Simulation) else _of_table(result)


def values_at(result: Solution | Simulation | Table, time: float) -> Values:
    """Every observable at one time; of a simulation at the nearest one that it has, of a table at every point.

    Raises ValueError for a time that was not reached.
    """
    if isinstance(result, Table):
        found = {name: values.ravel() for name, values in result.at(time).items()}
        rows = [{name: values[i] for name, values in found.items()} for i in range(len(result.sweep))]
        return {"time": time, "points": {result.sweep.slug(i): row for i, row in enumerate(rows)}}
    if isinstance(result, Simulation):
        nearest = int(np.argmin(np.abs(result.time - time)))
        return {"time": result.time[nearest], "observables": _means(result, nearest)}
    found: Values = {"time": time, "observables": result.entries_at(time)}
    return found | ({"distributions": distributions_near(result, time)} if result.distributions else {})


def distributions_near(solution: Solution, time: float) -> Values:
    """Histograms and moments over samples at the nearest time at which they are known."""
    times = solution.times_of_distributions
    if not len(times):
        return {}
    k = int(np.argmin(np.abs(times - time)))
    found: Values = {"time": times[k]}
    for name, values in solution.distributions.items():
        if name != DISTRIBUTION_TIME:
            found[name] = values[k]
    errors = {f"{name}{STANDARD}": solution.standard_errors[name][k] for name in found.keys() & solution.standard_errors.keys()}
    return found | dict(sorted(errors.items()))


def arrays_of(solution: Solution, kernels: Iterable[str]) -> dict[str, Quantity]:
    """Descriptions of these kernels, and of the order parameters of a solution."""
    description = solution.problem.parameters.description
    found = {name: description.kernels[name] for name in kernels}
    return found | {name: description.order_parameters[name] for name in solution.order_parameters}


def _of_solution(solution: Solution) -> Values:
    declared = solution.problem.parameters.description.observables
    observables = {
        name: {
            **dict(zip(("last", "smallest", "largest"), (values[-1], values.min(), values.max()), strict=True)),
            **dict(zip(("units", "meaning"), described(declared, name), strict=True)),
        }
        for name, values in solution.entries.items()
    }
    for name, errors in solution.entry_errors.items():
        observables[name]["standard_error"] = errors[-1]
    return {
        "kind": "run",
        "problem": solution.problem.tables,
        "outcome": solution.outcome.value,
        "advice": solution.advice,
        "time_reached": solution.time[-1],
        "nodes": len(solution.time),
        "iterations": solution.iterations,
        "residual": solution.residual,
        "wall_time": solution.wall_time,
        **solution.provenance,
        "constants": solution.problem.parameters.constants(),
        "observables": observables,
        **({"distributions": _moments(solution)} if solution.distributions else {}),
    }


def _moments(solution: Solution) -> Values:
    """Times and moments of the distributions over samples."""
    names = [f"{name}_{moment}" for name in solution.names_of_distributions for moment in MOMENTS]
    return {"time": solution.times_of_distributions, **{name: solution.distributions[name] for name in names}}


def _of_simulation(simulation: Simulation) -> Values:
    return {
        "kind": "simulation",
        "problem": simulation.problem.tables,
        "outcome": simulation.outcome.value,
        **simulation.setup.model_dump(),
        **simulation.sizes,
        "seeds": simulation.seeds,
        "wall_time": simulation.wall_time,
        **simulation.provenance,
        "time_reached": simulation.time[-1],
        "observables": _means(simulation, -1),
    }


def _means(simulation: Simulation, at: int) -> Values:
    errors = simulation.entry_errors
    return {name: {"mean": values[at], "standard_error": errors[name][at]} for name, values in simulation.entries.items()}


def _of_table(table: Table) -> Values:
    outcomes = table["outcome"].ravel().tolist()
    return {
        "kind": "table",
        "sweep": read_toml(table.sweep.to_toml()),
        "points": len(table.sweep),
        "outcomes": {outcome: outcomes.count(outcome) for outcome in dict.fromkeys(outcomes)},
        "axes": table.axes,
        **table.provenance,
        "results": {
            name: {"smallest": np.nanmin(values), "median": np.nanmedian(values), "largest": np.nanmax(values)}
            for name, values in table.values.items()
            if values.dtype != object and np.isfinite(values).any()
        },
    }
