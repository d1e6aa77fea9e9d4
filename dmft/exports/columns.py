"""Results as columns of equal length: a row for each time of a run or simulation, or for each point of a sweep."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dmft.exports.labelled import ESTIMATED, STANDARD
from dmft.problem.axes import POINT
from dmft.results.entries import entries
from dmft.results.simulation import Simulation
from dmft.results.solution import Solution
from dmft.results.table import Table

if TYPE_CHECKING:
    import pandas

Columns = dict[str, NDArray[Any]]


def columns(result: Solution | Simulation | Table) -> Columns:
    """Every number of a result that has a row: observables and order parameters, their errors, or the values of a table."""
    if isinstance(result, Table):
        return _of_table(result)
    if isinstance(result, Simulation):
        return {"time": result.time, **result.entries, **_ending(result.entry_errors, STANDARD)}
    return {
        "time": result.time,
        **result.entries,
        **entries(result.problem, result.order_parameters),
        **_ending(result.entry_errors, STANDARD),
        **_ending(entries(result.problem, result.estimated_errors), ESTIMATED),
    }


def to_dataframe(result: Solution | Simulation | Table) -> pandas.DataFrame:
    """The columns as a pandas.DataFrame.  ImportError, one line, without pandas."""
    try:
        import pandas
    except ImportError:
        raise ImportError("to_dataframe needs pandas: wanted pip install 'dmft[xarray]'") from None
    return pandas.DataFrame(columns(result))


def _ending(found: Mapping[str, NDArray[Any]], ending: str) -> Columns:
    return {name + ending: values for name, values in found.items()}


def _of_table(table: Table) -> Columns:
    """Keys of the axes at every point, then its results."""
    places = dict(zip(table.axes, np.indices(table.sweep.shape), strict=True))
    found = {name: values[places[name]].ravel() for name, values in table.axes.items()}
    found |= {name: values[places[POINT]].ravel() for name, values in table.columns.items()}
    return found | {name: values.ravel() for name, values in table.values.items()}
