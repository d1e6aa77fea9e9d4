"""Write and read simulation files; `schema.py` names what is in them."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np

from dmft.models.experiment import Setup
from dmft.problem.problem import Problem
from dmft.results.simulation import Simulation
from dmft.storage import schema
from dmft.storage.hdf5 import put, put_attributes, read_array, read_group, read_number, whole_file, why_not_opened
from dmft.storage.provenance import provenance


class SimulationFileError(ValueError):
    """A file that is not a simulation file of this schema, or cannot be read."""


def is_simulation(path: str | Path) -> bool:
    """Whether a file is a simulation, of any schema."""
    try:
        with h5py.File(path, "r") as file:
            return "simulation_schema" in file.attrs
    except OSError:
        return False


def write(path: str | Path, simulation: Simulation, *, one_of_many: bool = False) -> None:
    """Write a simulation file; it appears complete or not at all.

    one_of_many: as in `replacing`.

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
    description = simulation.problem.parameters.description
    entries = {**schema.observables(description.observables), **schema.kernels(description.kernels)}
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

    Raises SimulationFileError, one line, if it cannot be opened, is not a simulation file, or has another schema.
    """
    try:
        with h5py.File(path, "r") as file:
            return _read(file)
    except OSError as error:
        raise SimulationFileError(f"cannot be read ({why_not_opened(error)}): wanted a simulation file") from None
    except SimulationFileError:
        raise
    except (KeyError, TypeError, ValueError) as error:
        reason = str(error).strip(chr(34))
        raise SimulationFileError(f"is not a whole simulation file ({reason}): wanted a simulation file") from None


def _read(file: h5py.File) -> Simulation:
    found = file.attrs.get("simulation_schema")
    if found != schema.SIMULATION_SCHEMA:
        wanted = f"wanted a simulation file of schema {schema.SIMULATION_SCHEMA}"
        raise SimulationFileError(f"simulation_schema = {found}: {wanted}")
    of_seeds = read_group(file, "seeds")
    return Simulation(
        problem=Problem.from_toml(str(file.attrs["problem"])),
        setup=Setup.of(**{key: np.asarray(file.attrs[key]).item() for key in Setup.model_fields}),
        time=read_array(file, "time"),
        seeds=read_array(file, "seed").astype(int),
        trajectories={name: values for name, values in of_seeds.items() if values.ndim == 2},
        two_time={name: values for name, values in of_seeds.items() if values.ndim == 3},
        evaluations=read_array(file, "evaluations").astype(int),
        wall_time=read_number(file, "wall_time"),
        provenance={name: str(file.attrs[name]) for name in ("dmft_version", "git", "command")},
    )
