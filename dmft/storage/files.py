"""Files of every kind: a reader that finds out which one it has."""

from __future__ import annotations

from pathlib import Path

from dmft.results.simulation import Simulation
from dmft.results.solution import Solution
from dmft.results.table import Table
from dmft.storage import run_file, simulation_file, table_file
from dmft.storage.hdf5 import opened


def load(path: str | Path, *, only_observables: bool = False) -> Solution | Simulation | Table:
    """Contents of a run file, a simulation file, or the table of a sweep; `only_observables` as in `run_file.read`.

    Raises FileError, one line, if the file cannot be opened, is damaged, or is none of them.
    """
    with opened(path, "run file, a simulation or the table of a sweep") as file:
        if "simulation_schema" in file.attrs:
            return simulation_file.read_from(file)
        if "sweep_schema" in file.attrs:
            return table_file.read_from(file)
        return run_file.read_from(file, only_observables=only_observables)
