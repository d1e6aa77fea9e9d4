"""Write, read and continue run files; `schema.py` names what is in them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from dmft.engines.kinds import empty_history, engine
from dmft.engines.outcome import Outcome
from dmft.history.fields import TWO_TIME
from dmft.history.history import History
from dmft.problem.problem import Problem
from dmft.problem.table import ProblemError
from dmft.results.solution import Solution, State, refuse_other_problem
from dmft.storage import schema
from dmft.storage.atomic import refuse_unwritable
from dmft.storage.hdf5 import (
    FileError,
    is_unsealed,
    names_in,
    opened,
    put,
    put_attributes,
    read_array,
    read_group,
    read_number,
    read_text,
    read_times,
    refuse_other_kind,
    whole_file,
)
from dmft.storage.provenance import provenance
from dmft.storage.schema import Entry

Array = NDArray[np.float64]


# Results of the same state on another machine differ by rounding.
CONSISTENT = 1e-9


class OutputError(ProblemError):
    """A place for a run file that cannot be used: it holds something else, or cannot be written to."""


def write(path: str | Path, solution: Solution, *, kernels: bool = True, one_of_many: bool = False) -> None:
    """Write a run file; it appears complete or not at all.

    kernels: without them, and without order parameters and state, the file is small but cannot be continued.
    one_of_many: as in `write_whole`.

    Raises OSError if it cannot be written, for example because the disk is full.
    """
    with whole_file(path, one_of_many=one_of_many) as file:
        _fill(file, solution, kernels)


def _fill(file: h5py.File, solution: Solution, kernels: bool) -> None:
    two_time = kernels and bool(solution.kernels)
    for name, values in (("time", solution.time), ("time_prime", solution.time), ("weights", solution.weights)):
        if two_time or name != "time_prime":
            put(file, name, values, schema.ROOT[name])
    parameters = solution.problem.parameters
    description, axes = parameters.description, parameters.axes
    one_time = schema.observables(description.observables, axes)
    for name, values in solution.observables.items():
        put(file, f"observables/{name}", values, one_time[name])
    for name, values in solution.estimated_errors.items():
        put(file, f"errors/{name}", values, schema.estimated_error(one_time[name]))
    if kernels:
        for group, arrays, entries in (
            ("kernels", solution.kernels, schema.kernels(description.kernels, axes)),
            ("order_parameters", solution.order_parameters, schema.order_parameters(description.order_parameters, axes)),
        ):
            for name, values in arrays.items():
                put(file, f"{group}/{name}", values, entries[name])
        _put_state(file, solution.state, {*schema.ROOT, *one_time})
    over_samples = schema.distributions(description.distributions, axes)
    for name, values in solution.distributions.items():
        is_time = name == schema.DISTRIBUTION_TIME
        put(file, name if is_time else f"distributions/{name}", values, {**schema.ROOT, **over_samples}[name])
    entries = one_time | over_samples | (schema.kernels(description.kernels, axes) if kernels else {})
    for name in entries.keys() & solution.standard_errors.keys():
        put(file, f"standard_errors/{name}", solution.standard_errors[name], schema.error_of_sets(entries[name]))
    # The marker of a whole file comes last.
    put_attributes(file, {**_attributes(solution), "complete": solution.complete})


def _attributes(solution: Solution) -> dict[str, object]:
    return {
        "schema": schema.SCHEMA,
        **provenance(),
        "model": solution.problem.parameters.model,
        "problem": solution.problem.to_toml(),
        "outcome": solution.outcome.value,
        "advice": solution.advice,
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
    for name, field in history.fields.items():
        if name not in stored:
            dimensions = field.dims if field.one_time or field.two_time else ()
            put(file, f"state/{name}", history[name], Entry(dimensions, "1", f"{name} of the solver, for continuation"))


def read(path: str | Path, *, only_observables: bool = False) -> Solution:
    """Read a run file.

    only_observables: leave out everything two-time and the state: enough to print, not to go on.

    Raises FileError, one line, if it cannot be opened, is damaged, is not a run file, or has another schema.
    """
    with opened(path, "run file") as file:
        return read_from(file, only_observables=only_observables)


def stored_kernels(path: str | Path) -> tuple[str, ...]:
    """Names of the two-time functions in a run file.  Raises FileError as `read`."""
    with opened(path, "run file") as file:
        return names_in(file, "kernels")


def read_from(file: h5py.File, *, only_observables: bool = False) -> Solution:
    """The solution in an open run file."""
    refuse_other_kind(file, "schema", schema.SCHEMA)
    problem = Problem.from_toml(read_text(file, "problem"))
    time = read_times(file)
    n, description, axes = len(time), problem.parameters.description, problem.parameters.axes
    sizes = {"time": n, "time_prime": n}
    observables = read_group(file, "observables", schema.observables(description.observables, axes), **sizes)
    order_parameters = read_group(
        file, "order_parameters", schema.order_parameters(description.order_parameters, axes), **sizes
    )
    over_samples = schema.distributions(description.distributions, axes)
    distributions = _distributions(file, over_samples)
    sizes[schema.DISTRIBUTION_TIME] = len(distributions.get(schema.DISTRIBUTION_TIME, ()))
    entries = schema.observables(description.observables, axes) | over_samples
    if not only_observables:
        entries |= schema.kernels(description.kernels, axes)
    kernels, state = {}, State(History(()), 0.0)
    weights = read_array(file, "weights", (n,))
    if not only_observables and "state" in file:
        kernels = read_group(file, "kernels", schema.kernels(description.kernels, axes), **sizes)
        if not _of_other_layout(file, problem):
            history = _history(file, problem, {"time": time, "weights": weights, **observables})
            state = State(history, read_number(file["state"], "next_step", finite=True))
        if is_unsealed(file):
            _refuse_inconsistent(problem, state, {**observables, **kernels})
    return Solution(
        problem=problem,
        time=time,
        weights=weights,
        observables=observables,
        kernels=kernels,
        order_parameters=order_parameters,
        distributions=distributions,
        standard_errors=read_group(file, "standard_errors", entries, **sizes),
        estimated_errors=read_group(file, "errors", schema.observables(description.observables, axes), **sizes),
        outcome=Outcome(read_text(file, "outcome")),
        state=state,
        iterations=int(read_number(file, "iterations")),
        residual=read_number(file, "residual"),
        wall_time=read_number(file, "wall_time"),
        provenance={name: read_text(file, name) for name in ("dmft_version", "git", "command")},
    )


def _distributions(file: h5py.File, entries: Mapping[str, Entry]) -> dict[str, Array]:
    """Distributions and their times, none if there are none."""
    if schema.DISTRIBUTION_TIME not in file:
        return {}
    times = read_array(file, schema.DISTRIBUTION_TIME)
    found = read_group(file, "distributions", entries, **{schema.DISTRIBUTION_TIME: len(times)})
    return {schema.DISTRIBUTION_TIME: times, **found}


def _of_other_layout(file: h5py.File, problem: Problem) -> bool:
    """True if a whole file lacks arrays that a continuation needs now: it is one of an earlier version, and can be read."""
    wanted = {f"state/{name}" for name in empty_history(problem, 1).fields if name not in schema.ROOT}
    return not is_unsealed(file) and not all(name in file or name.replace("state", "observables", 1) in file for name in wanted)


def _history(file: h5py.File, problem: Problem, known: Mapping[str, Array]) -> History:
    """The history that an engine goes on from; FileError unless every number of it is finite."""
    nodes = len(known["time"])
    history = empty_history(problem, capacity=nodes)
    found = {}
    for name, field in history.fields.items():
        wanted = field.shape(nodes)
        shape = tuple(size if dim in TWO_TIME else None for dim, size in zip(field.dims, wanted, strict=True))
        values = known[name] if name in known else read_array(file, f"state/{name}", shape)
        # Older files hold a second channel of a single neuron, which acts on nothing.
        found[name] = values[tuple(map(slice, wanted))]
        if found[name].shape != wanted or not np.isfinite(values).all():
            raise FileError(f"is damaged, {name} of the shape {values.shape} is not finite, or not of {wanted}")
    history.append(found)
    return history


def _refuse_inconsistent(problem: Problem, state: State, known: Mapping[str, Array]) -> None:
    """FileError unless results follow from the state: where there is no checksum, that finds damage to either."""
    results = engine(problem, state.history.copy(), state.next_step).results()
    for name, values in {**results.observables, **results.kernels}.items():
        size = np.abs(values).max(initial=0.0)
        if name in known and not np.allclose(known[name], values, rtol=0.0, atol=CONSISTENT * size, equal_nan=True):
            raise FileError(f"is damaged, {name} does not follow from its state")


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
    except FileError as error:
        raise OutputError(f"{error} to continue, or a new name") from None
    except ProblemError as error:
        raise OutputError(str(error)) from None
    return found
