"""Collect the run files of a sweep into one table; what is missing or failed becomes a row that says so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from dmft.history.fields import TWO_TIME
from dmft.problem.description import Minimum
from dmft.problem.problem import Problem
from dmft.results.solution import Solution
from dmft.results.table import MISSING, OVERFITTED, Table
from dmft.storage import run_file
from dmft.storage.failure_file import UNREADABLE
from dmft.storage.hdf5 import FileError, names_in, opened, read_text
from dmft.sweeps.folder import Folder, State

Array = NDArray[np.float64]


def collect(path: str | Path, *, curves: bool = True) -> Table:
    """Make the table of the folder of a sweep, and store it there as sweep.h5.

    curves: store the observables at all nodes as well.

    Raises FolderError if the folder is none of a sweep.
    """
    folder = Folder.load(path)
    rows, histories = [], []
    for index, state in enumerate(folder.states()):
        row, history = _row(folder, index, State(state))
        rows.append(row)
        histories.append(history if curves else {})
    shape = folder.sweep.shape
    table = Table(folder.sweep, _stacked(rows, shape), _padded(histories, shape), _kernels(folder, rows))
    table.save(folder.table)
    return table


def solutions(path: str | Path) -> list[Solution]:
    """Every point of a sweep that is done, in the order of the sweep, without kernels that were not kept.

    Raises FolderError if the folder is none of a sweep.
    """
    folder = Folder.load(path)
    return [run_file.read(folder.run(index)) for index, state in enumerate(folder.states()) if state == State.DONE]


def _row(folder: Folder, index: int, state: State) -> tuple[dict[str, Any], dict[str, Array]]:
    """Results of one point, and its observables and nodes."""
    if state is State.MISSING:
        return {"outcome": MISSING, "reason": "not solved yet", "file": ""}, {}
    path = folder.run(index) if state is State.DONE else folder.failed_run(index)
    if not path.exists():
        outcome, reason = folder.failure(index)
        return {"outcome": outcome, "reason": reason, "file": ""}, {}
    try:
        solution = run_file.read(path, only_observables=True)
    except FileError as error:
        reason = f"{path.relative_to(folder.path)} {error}; dmft sweep --retry solves the point again"
        return {"outcome": UNREADABLE, "reason": reason, "file": ""}, {}
    row = {
        "outcome": solution.outcome.value,
        "reason": solution.outcome.advice if solution.outcome.failed else "",
        "file": str(path.relative_to(folder.path)),
        **summary(solution),
    }
    return row, {"time": solution.time, **solution.entries}


def summary(solution: Solution) -> dict[str, float]:
    """The numbers that a run is reduced to; without results if it did not reach t_max."""
    found = {
        "time_reached": float(solution.time[-1]),
        "nodes": len(solution.time),
        "iterations": solution.iterations,
        "residual": solution.residual,
        "wall_time": solution.wall_time,
        **solution.problem.parameters.constants(),
    }
    if not solution.complete:
        return found
    for name, values in solution.entries.items():
        found[f"final_{name}"] = float(values[-1])
    name = solution.problem.parameters.description.smallest
    if name is not None:
        best = solution.minimum(name)
        found[f"smallest_{name}"], found[f"time_of_smallest_{name}"] = best.value, best.time
        found["overfitting_time"] = overfitting_time(solution, name, best)
    return found


def overfitting_time(solution: Solution, name: str, best: Minimum) -> float:
    """First time after its minimum at which an error is a fraction OVERFITTED above it; not a number if it never is."""
    limit = best.value + OVERFITTED * abs(best.value)
    time, values = solution.time, solution.observables[name]
    above = (time > best.time) & (values > limit)
    if not above.any():
        return np.nan
    node = int(np.argmax(above))
    before = max(float(time[node - 1]), best.time)
    crossing = brentq(lambda t: solution.at(t)[name] - limit, before, float(time[node]), xtol=1e-12 * time[node])
    return float(np.asarray(crossing))


def _kernels(folder: Folder, rows: list[dict[str, Any]]) -> tuple[str, ...]:
    """Names of the kernels in the run files; order parameters, whose shapes may differ, stay there."""
    first = next((row["file"] for row in rows if row["file"]), None)
    if folder.sweep.keep != "kernels" or first is None:
        return ()
    with opened(folder.path / first, "run file") as file:
        # Kernels of groups have more dimensions than the times; they stay there too.
        parameters = Problem.from_toml(read_text(file, "problem")).parameters
        declared = parameters.description.kernel_fields(parameters.axes)
        return tuple(name for name in names_in(file, "kernels") if declared[name].dims == TWO_TIME)


WHOLE = ("nodes", "iterations")


def _stacked(rows: list[dict[str, Any]], shape: tuple[int, ...]) -> dict[str, NDArray[Any]]:
    """Columns of the rows over the axes; not a number, or 0 of what is counted, where a row has no value."""
    names = dict.fromkeys(name for row in rows for name in row)
    found = {}
    for name in names:
        texts = name in ("outcome", "reason", "file")
        kind = object if texts else int if name in WHOLE else float
        empty = "" if texts else 0 if name in WHOLE else np.nan
        found[name] = np.array([row.get(name, empty) for row in rows], dtype=kind).reshape(shape)
    return found


def _padded(histories: list[dict[str, Array]], shape: tuple[int, ...]) -> dict[str, Array]:
    """Observables over the axes and the nodes, filled up with what is not a number."""
    longest = max((len(history["time"]) for history in histories if history), default=0)
    found = {}
    for name in dict.fromkeys(name for history in histories for name in history):
        array = np.full((len(histories), longest), np.nan)
        for row, history in zip(array, histories, strict=True):
            if name in history:
                row[: len(history[name])] = history[name]
        found[name] = array.reshape(*shape, longest)
    return found
