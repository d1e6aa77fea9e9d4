"""Results as labelled arrays: every array with its dimensions, units and meaning, and as an xarray.Dataset.

The names are those of the files.  Beside an observable or kernel NAME stand, where they are known, NAME_standard_error and
NAME_estimated_error, which its attribute `ancillary_variables` names, a convention of CF.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dmft.history.fields import OTHER, TIME_PRIME
from dmft.problem.axes import POINT
from dmft.results.simulation import Simulation
from dmft.results.solution import Solution
from dmft.results.table import Table
from dmft.storage import schema, table_file
from dmft.storage.schema import Entry

if TYPE_CHECKING:
    import xarray

Array = NDArray[Any]
Arrays = dict[str, tuple[Entry, Array]]
STANDARD, ESTIMATED = "_standard_error", "_estimated_error"


@dataclass(frozen=True)
class Labelled:
    """Arrays by name, each with its entry: coordinates and variables; attributes; labels of axes in figures."""

    coordinates: Arrays
    variables: Arrays
    attributes: dict[str, Any]
    labels: dict[str, str]


def labelled(result: Solution | Simulation | Table) -> Labelled:
    """A result as labelled arrays."""
    if isinstance(result, Solution):
        return _of_solution(result)
    return _of_simulation(result) if isinstance(result, Simulation) else _of_table(result)


def to_xarray(result: Solution | Simulation | Table) -> xarray.Dataset:
    """A result as an xarray.Dataset.  ImportError, one line, without xarray."""
    try:
        import xarray
    except ImportError:
        raise ImportError("to_xarray needs xarray: wanted pip install 'dmft[xarray]'") from None
    found = labelled(result)
    names = found.variables

    def array(name: str, entry: Entry, values: Array) -> xarray.Variable:
        errors = [name + ending for ending in (STANDARD, ESTIMATED) if name + ending in names]
        attributes = {"units": entry.units, "long_name": found.labels.get(name, ""), "meaning": entry.meaning}
        attributes["ancillary_variables"] = " ".join(errors)
        return xarray.Variable(entry.dimensions, values, {key: text for key, text in attributes.items() if text})

    variables, coordinates = (
        {name: array(name, entry, values) for name, (entry, values) in arrays.items()} for arrays in (names, found.coordinates)
    )
    return xarray.Dataset(variables, coordinates, found.attributes)


def _of_solution(solution: Solution) -> Labelled:
    parameters = solution.problem.parameters
    description, axes = parameters.description, parameters.axes
    one_time = schema.observables(description.observables, axes)
    two_time = schema.kernels(description.kernels, axes)
    others = schema.order_parameters(description.order_parameters, axes)
    variables = {name: (one_time[name], values) for name, values in solution.observables.items()}
    variables |= {name: (two_time[name], values) for name, values in solution.kernels.items()}
    variables |= {name: (others[name], values) for name, values in solution.order_parameters.items()}
    over_samples = schema.distributions(description.distributions, axes)
    variables |= {name: (over_samples[name], values) for name, values in solution.distributions.items() if name in over_samples}
    variables |= _errors(variables, solution.standard_errors, STANDARD, schema.error_of_sets)
    variables |= _errors(variables, solution.estimated_errors, ESTIMATED, schema.estimated_error)
    times = {"time": solution.time, "time_prime": solution.time, "weights": solution.weights}
    if solution.distributions:
        times[schema.DISTRIBUTION_TIME] = solution.distributions[schema.DISTRIBUTION_TIME]
    attributes = {
        **_attributes(solution),
        "outcome": solution.outcome.value,
        "advice": solution.advice,
        "complete": int(solution.complete),
        **parameters.constants(),
    }
    return Labelled(_coordinates(schema.ROOT, times, variables), variables, attributes, _labels(solution))


def _of_simulation(simulation: Simulation) -> Labelled:
    parameters = simulation.problem.parameters
    description, axes = parameters.description, parameters.axes
    entries = {**schema.observables(description.observables, axes), **schema.kernels(description.kernels, axes)}
    arrays = {**simulation.trajectories, **simulation.two_time}
    variables: Arrays = {name: (schema.of_each_seed(entries[name]), values) for name, values in arrays.items()}
    variables["evaluations"] = schema.SIMULATION_ROOT["evaluations"], simulation.evaluations
    scales = {"time": simulation.time, "time_prime": simulation.time, "seed": simulation.seeds}
    attributes = {key: int(value) if isinstance(value, bool) else value for key, value in simulation.setup.model_dump().items()}
    attributes = {**_attributes(simulation), **attributes, **simulation.sizes, "outcome": simulation.outcome.value}
    return Labelled(_coordinates(schema.SIMULATION_ROOT, scales, variables), variables, attributes, _labels(simulation))


def _of_table(table: Table) -> Labelled:
    described, dimensions = table_file.meanings(table.description), tuple(table.axes)

    def entry(name: str, dims: tuple[str, ...]) -> Entry:
        return Entry(dims, *table_file.described(described, name))

    variables = {name: (entry(name, dimensions), values) for name, values in table.values.items()}
    curves = {table_file.CURVE + name: values for name, values in table.curves.items()}
    variables |= {name: (entry(name, (*dimensions, "node")), values) for name, values in curves.items()}
    coordinates = {name: (Entry((name,), "", ""), values) for name, values in table.axes.items()}
    coordinates |= {name: (Entry((POINT,), "", ""), values) for name, values in table.columns.items()}
    return Labelled(coordinates, variables, {"sweep": table.sweep.to_toml(), **_attributes(table)}, {})


def _errors(variables: Arrays, errors: Mapping[str, Array], ending: str, describe: Any) -> Arrays:
    """Errors of some of the variables, named and described after them."""
    return {name + ending: (describe(variables[name][0]), values) for name, values in errors.items() if name in variables}


def _coordinates(entries: Mapping[str, Entry], scales: Mapping[str, Array], variables: Arrays) -> Arrays:
    """Those of the scales whose dimensions occur, and the numbers 0, 1, ... of groups, directions and the like."""
    lengths = {
        dim: length for entry, values in variables.values() for dim, length in zip(entry.dimensions, values.shape, strict=True)
    }
    found = {name: (entries[name], values) for name, values in scales.items() if name in lengths or name == "weights"}
    numbered = (dim for dim in lengths if dim not in found)
    return found | {dim: (Entry((dim,), "1", f"number of the {_noun(dim)}"), np.arange(lengths[dim])) for dim in numbered}


def _noun(dim: str) -> str:
    return f"other {dim.removeprefix(OTHER)}" if dim.startswith(OTHER) else dim


def _labels(result: Solution | Simulation) -> dict[str, str]:
    """Labels of arrays in figures."""
    description = result.problem.parameters.description
    quantities = {**description.observables, **description.kernels, **description.order_parameters}
    labels = {name: quantity.label for name, quantity in quantities.items()}
    over_samples = {f"{name}_edges": quantity.label for name, quantity in description.distributions.items()}
    return labels | over_samples | {"time": description.time, TIME_PRIME: description.time.replace("$t$", "$t'$")}


def _attributes(result: Solution | Simulation | Table) -> dict[str, Any]:
    """Theory, problem and origin."""
    problem = {} if isinstance(result, Table) else {"problem": result.problem.to_toml()}
    return {"model": result.problem.parameters.model, **problem, **result.provenance}
