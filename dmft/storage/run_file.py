"""Write, read and continue run files; `schema.py` names what is in them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from dmft.engines.kinds import empty_history
from dmft.engines.outcome import Outcome
from dmft.history.history import History
from dmft.problem.problem import Problem
from dmft.problem.table import ProblemError
from dmft.results.solution import Solution, State, refuse_other_problem
from dmft.storage import schema
from dmft.storage.atomic import refuse_unwritable
from dmft.storage.hdf5 import put, put_attributes, read_array, read_group, read_number, whole_file, why_not_opened
from dmft.storage.provenance import provenance
from dmft.storage.schema import Entry

Array = NDArray[np.float64]


class OutputError(ProblemError):
    """A place for a run file that cannot be used: it holds something else, or cannot be written to."""


class RunFileError(ValueError):
    """A file that is not a run file of this schema, or cannot be read."""


def write(path: str | Path, solution: Solution, *, kernels: bool = True, one_of_many: bool = False) -> None:
    """Write a run file; it appears complete or not at all.

    kernels: without them, and without order parameters and state, the file is small but cannot be continued.
    one_of_many: as in `replacing`.

    Raises OSError if it cannot be written, for example because the disk is full.
    """
    with whole_file(path, one_of_many=one_of_many) as file:
        _fill(file, solution, kernels)


def _fill(file: h5py.File, solution: Solution, kernels: bool) -> None:
    two_time = kernels and bool(solution.kernels)
    for name, values in (("time", solution.time), ("time_prime", solution.time), ("weights", solution.weights)):
        if two_time or name != "time_prime":
            put(file, name, values, schema.ROOT[name])
    description = solution.problem.parameters.description
    one_time = schema.observables(description.observables)
    for name, values in solution.observables.items():
        put(file, f"observables/{name}", values, one_time[name])
    if kernels:
        for group, arrays, entries in (
            ("kernels", solution.kernels, schema.kernels(description.kernels)),
            ("order_parameters", solution.order_parameters, schema.order_parameters(description.order_parameters)),
        ):
            for name, values in arrays.items():
                put(file, f"{group}/{name}", values, entries[name])
        _put_state(file, solution.state, {*schema.ROOT, *one_time})
    # The marker of a whole file comes last.
    put_attributes(file, {**_attributes(solution), "complete": solution.complete})


def _attributes(solution: Solution) -> dict[str, object]:
    return {
        "schema": schema.SCHEMA,
        **provenance(),
        "model": solution.problem.parameters.model,
        "problem": solution.problem.to_toml(),
        "outcome": solution.outcome.value,
        "advice": solution.outcome.advice,
        "nodes": len(solution.time),
        "iterations": solution.iterations,
        "residual": solution.residual,
        "wall_time": solution.wall_time,
        **solution.problem.parameters.constants(),
    }


def _put_state(file: h5py.File, state: State, stored: set[str]) -> None:
    """Everything that a continuation needs and that is not stored yet, unchanged to the last bit."""
    file.create_group("state").attrs["next_step"] = state.next_step
    history = state.history
    for arrays, times in ((history.one_time, ("time",)), (history.two_time, ("time", "time_prime"))):
        for name in arrays.keys() - stored:
            values = history[name]
            lead = values.ndim - len(times)
            dimensions = tuple(f"channel{i}" if lead > 1 else "channel" for i in range(lead))
            put(file, f"state/{name}", values, Entry((*dimensions, *times), "1", f"{name} of the solver, for continuation"))
    for name, values in history.latest.items():
        put(file, f"state/{name}", values, Entry((), "1", f"{name} of the solver at the last node, for continuation"))


def read(path: str | Path, *, only_observables: bool = False) -> Solution:
    """Read a run file.

    only_observables: leave out everything two-time and the state: quick for any size, enough to print, not to go on.

    Raises RunFileError, one line, if it cannot be opened, is not a run file, or has another schema.
    """
    try:
        with h5py.File(path, "r") as file:
            return _read(file, only_observables)
    except OSError as error:
        raise RunFileError(f"cannot be read ({why_not_opened(error)}): wanted a run file") from None
    except RunFileError:
        raise
    except (KeyError, TypeError, ValueError) as error:
        raise RunFileError(f"is not a whole run file ({str(error).strip(chr(34))}): wanted a run file") from None


def _read(file: h5py.File, only_observables: bool) -> Solution:
    found = file.attrs.get("schema")
    if found != schema.SCHEMA:
        raise RunFileError(f"schema = {found}: wanted a run file of schema {schema.SCHEMA}")
    problem = Problem.from_toml(str(file.attrs["problem"]))
    only_observables = only_observables or "state" not in file
    one_time = {"time": read_array(file, "time"), "weights": read_array(file, "weights"), **read_group(file, "observables")}
    history = History({}, {}) if only_observables else _history(file, problem, one_time)
    return Solution(
        problem=problem,
        time=one_time.pop("time"),
        weights=one_time.pop("weights"),
        observables=one_time,
        kernels={} if only_observables else read_group(file, "kernels"),
        order_parameters=read_group(file, "order_parameters"),
        outcome=Outcome(file.attrs["outcome"]),
        state=State(history, read_number(file["state"], "next_step") if "state" in file else 0.0),
        iterations=int(read_number(file, "iterations")),
        residual=read_number(file, "residual"),
        wall_time=read_number(file, "wall_time"),
        provenance={name: str(file.attrs[name]) for name in ("dmft_version", "git", "command")},
    )


def _history(file: h5py.File, problem: Problem, one_time: Mapping[str, Array]) -> History:
    """What the march goes on from."""
    nodes = len(one_time["time"])
    history = empty_history(problem, capacity=nodes)
    known = {**one_time, **read_group(file, "state")}
    for arrays, times in ((history.one_time, 1), (history.two_time, 2)):
        for name, array in arrays.items():
            # Older files hold a second channel of a single neuron, which acts on nothing.
            channels = tuple(slice(length) for length in array.shape[:-times])
            array[...] = known[name][channels]
    history.latest = {name: known[name] for name in history.latest}
    history.n = nodes
    return history


def continue_from(path: Path, problem: Problem, *, only_observables: bool = False) -> Solution | None:
    """The run stored at `path` if it is of this problem, None if there is no file there; `only_observables` as in `read`.

    Raises OutputError if the file holds another problem, is no run file, or the place cannot be written to.
    """
    try:
        refuse_unwritable(path)
        if not path.exists():
            return None
        found = read(path, only_observables=only_observables)
        refuse_other_problem(found, problem)
        if not (only_observables or found.state.history.n or found.time[-1] == problem.solver.t_max):
            raise ProblemError("holds observables only, which cannot be continued")
    except RunFileError as error:
        raise OutputError(f"{error}; wanted a new name or the run file to continue") from None
    except ProblemError as error:
        raise OutputError(str(error)) from None
    return found
