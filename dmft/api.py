"""The public functions, over data: solve, simulate and sweep make results; save, load and plot take any of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from dmft.plots.formats import refuse_other_format
from dmft.problem.table import naming
from dmft.results.simulation import Simulation
from dmft.results.solution import Solution
from dmft.results.table import Table
from dmft.running.solve import solve
from dmft.simulation.run import simulate
from dmft.storage import files, run_file, simulation_file, table_file
from dmft.storage.hdf5 import FileError
from dmft.sweeps.run import sweep

if TYPE_CHECKING:
    import pandas
    import xarray
    from matplotlib.figure import Figure

__all__ = ["Result", "export", "load", "plot", "save", "simulate", "solve", "sweep", "to_dataframe", "to_xarray"]

Result = Solution | Simulation | Table
Read = TypeVar("Read")


def save(result: Result, path: str | Path) -> None:
    """Write a result to an HDF5 file; the file appears complete or not at all."""
    if isinstance(result, Solution):
        run_file.write(path, result)
    elif isinstance(result, Simulation):
        simulation_file.write(path, result)
    else:
        table_file.write(path, result)


def load(path: str | Path) -> Result:
    """Read a run file, a simulation file or the table of a sweep.

    Raises `dmft.storage.hdf5.FileError`, one line, if the file is none of them.
    """
    return named(files.load, path)


def named(read: Callable[[str | Path], Read], path: str | Path) -> Read:
    """Read a file; a FileError begins with its name."""
    with naming(path, FileError):
        return read(path)


def plot(
    results: Result | Sequence[Result],
    path: str | Path | None = None,
    simulations: Sequence[Simulation] = (),
    **look: Any,
) -> Figure:
    """Draw the standard figure of a result, or several on one figure; save it too if a path (.png, .pdf, .svg) is given.

    results: one result, or several solutions and simulations; a simulation of the problem of a solution is drawn as points in
        its colour.
    simulations: further simulations.
    look: choices about observables, axes, size and style, see `dmft.plots.look.Look`; `distributions=True` draws those over the
        samples of a run in place of its standard figure.

    Raises ValueError for choices and formats that do not fit, and if a sweep has too many axes for a figure.
    """
    if path is not None:
        refuse_other_format(Path(path))
    # Imported here: matplotlib takes longer to load than everything else together.
    from dmft.plots import saving
    from dmft.plots.figures import figure

    given = [results] if isinstance(results, Solution | Simulation | Table) else list(results)
    drawn = figure([*given, *simulations], **look)
    if path is not None:
        saving.save(drawn, Path(path))
    return drawn


def export(result: Result, path: str | Path) -> None:
    """Write a result as text: .csv, a row for each time or point; .json, everything that it holds.

    Raises ProblemError for another ending of the name.
    """
    from dmft.exports import text

    text.export(result, path)


def to_xarray(result: Result) -> xarray.Dataset:
    """A result as an xarray.Dataset with named dimensions, units and meanings.  ImportError without xarray."""
    from dmft.exports import labelled

    return labelled.to_xarray(result)


def to_dataframe(result: Result) -> pandas.DataFrame:
    """A result as a pandas.DataFrame, a row for each time or point.  ImportError without pandas."""
    from dmft.exports import columns

    return columns.to_dataframe(result)
