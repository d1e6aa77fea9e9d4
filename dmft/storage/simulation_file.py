"""Write and read simulation files; `schema.py` names what is in them."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np

from dmft.models.experiment import Setup
from dmft.problem.problem import Problem
from dmft.results.simulation import Simulation
from dmft.storage import schema
from dmft.storage.hdf5 import (
    FileError,
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


def write(path: str | Path, simulation: Simulation, *, one_of_many: bool = False) -> None:
    """Write a simulation file; it appears complete or not at all.

    one_of_many: as in `write_whole`.

    Raises OSError if it cannot be written, for example because the disk is full.
    """
    with whole_file(path, one_of_many=one_of_many) as file:
        _fill(file, simulation)


def _fill(file: h5py.File, simulation: Simulation) -> None:
    scales = {"time": simulation.time, "seed": simulation.seeds, "evaluations": simulation.evaluations}
    if simulation.two_time:
        scales["time_prime"] = simulation.time
    for name, values in scales.items():
        put(file, name, values, schema.SIMULATION_ROOT[name])
    entries = _entries(simulation.problem)
    for group, arrays, described in (
        ("observables", simulation.observables, schema.mean),
        ("kernels", simulation.kernels, schema.mean),
        ("standard_errors", simulation.standard_errors, schema.standard_error),
        ("seeds", {**simulation.trajectories, **simulation.two_time}, schema.of_each_seed),
    ):
        for name, values in arrays.items():
            put(file, f"{group}/{name}", values, described(entries[name]))
    # The marker of a whole file comes last.
    put_attributes(file, {**_attributes(simulation), "complete": not simulation.outcome.failed})


def _attributes(simulation: Simulation) -> dict[str, object]:
    return {
        "simulation_schema": schema.SIMULATION_SCHEMA,
        **provenance(),
        "model": simulation.problem.parameters.model,
        "problem": simulation.problem.to_toml(),
        **simulation.setup.model_dump(),
        **simulation.sizes,
        "outcome": simulation.outcome.value,
        "advice": simulation.outcome.advice,
        "wall_time": simulation.wall_time,
    }


def read(path: str | Path) -> Simulation:
    """Read a simulation file.

    Raises FileError, one line, if it cannot be opened, is damaged, is not a simulation file, or has another schema.
    """
    with opened(path, "simulation file") as file:
        return read_from(file)


def read_from(file: h5py.File) -> Simulation:
    """The simulation in an open file."""
    refuse_other_kind(file, "simulation_schema", schema.SIMULATION_SCHEMA)
    problem = Problem.from_toml(read_text(file, "problem"))
    time, seeds = read_times(file), read_array(file, "seed").astype(int)
    if not (len(seeds) and (np.diff(seeds) > 0).all()):
        raise FileError("is damaged, its seeds do not ascend")
    entries = {name: schema.of_each_seed(entry) for name, entry in _entries(problem).items()}
    of_seeds = read_group(file, "seeds", entries, seed=len(seeds), time=len(time), time_prime=len(time))
    return Simulation(
        problem=problem,
        setup=Setup.of(**{key: np.asarray(file.attrs[key]).item() for key in Setup.model_fields}),
        time=time,
        seeds=seeds,
        trajectories={name: values for name, values in of_seeds.items() if "time_prime" not in entries[name].dimensions},
        two_time={name: values for name, values in of_seeds.items() if "time_prime" in entries[name].dimensions},
        evaluations=read_array(file, "evaluations", (len(seeds),)).astype(int),
        wall_time=read_number(file, "wall_time"),
        provenance={name: read_text(file, name) for name in ("dmft_version", "git", "command")},
    )


def _entries(problem: Problem) -> dict[str, Entry]:
    """Arrays of one seed."""
    description, axes = problem.parameters.description, problem.parameters.axes
    return {**schema.observables(description.observables, axes), **schema.kernels(description.kernels, axes)}
