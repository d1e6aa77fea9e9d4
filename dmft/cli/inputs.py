"""Read what a command is given; what is wrong with it becomes one line that names the file.

Imports of the solver, of h5py and the like stand inside functions, here and in the commands: `dmft --help` needs none of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from os.path import isfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dmft import Problem, Solution
    from dmft.problem.sweep import Sweep
    from dmft.results.simulation import Simulation
    from dmft.results.table import Table


class BadInput(Exception):
    """A file and what is wrong with it, as one line."""

    def __init__(self, file: str | Path, message: str) -> None:
        super().__init__(f"{file}: {message}")
        self.file, self.message = str(file), message


@contextmanager
def naming(file: str | Path, *kinds: type[Exception]) -> Iterator[None]:
    """Turn exceptions of these kinds into BadInput that names the file."""
    try:
        yield
    except kinds as error:
        message = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise BadInput(file, message) from None


def load_problem(file: Path, assignments: list[str]) -> Problem:
    """Problem of a file, after assignments like `problem.width=20`."""
    from dmft import Problem, ProblemError
    from dmft.problem.overrides import with_overrides
    from dmft.problem.toml import read_toml_file

    with naming(file, ProblemError):
        return Problem.from_tables(with_overrides(read_toml_file(file), assignments))


def is_sweep(file: Path) -> bool:
    """True if a TOML file has a table [sweep]."""
    from dmft import ProblemError
    from dmft.problem.toml import read_toml_file

    with naming(file, ProblemError):
        return "sweep" in read_toml_file(file)


def load_sweep(file: Path, assignments: list[str] | None = None, *, most: int | None = None) -> Sweep:
    """Sweep of a file, after assignments like `problem.width=20`, its points valid, or `most` of them if there are more."""
    from dmft import ProblemError
    from dmft.problem.overrides import with_overrides
    from dmft.problem.sweep import Sweep
    from dmft.problem.toml import read_toml_file

    with naming(file, ProblemError):
        sweep = Sweep.from_tables(with_overrides(read_toml_file(file), assignments or []))
        sweep.validate(*([] if most is None else [most]))
    return sweep


def load_file(file: Path, *, only_observables: bool = False) -> Solution | Simulation | Table:
    """Contents of a run file, a simulation, or the table of a sweep.

    only_observables: of a run file, leave out everything two-time: enough to print.
    """
    from dmft.storage.files import load
    from dmft.storage.hdf5 import FileError

    _refuse_folder(file)
    with naming(file, FileError):
        return load(file, only_observables=only_observables)


def _refuse_folder(folder: Path) -> None:
    """BadInput for the folder of a sweep, with the name of its table or the command that makes it."""
    # Unlike those of Path, these take every name.
    if isfile(folder / "sweep.h5"):
        raise BadInput(folder, f"is the folder of a sweep: wanted its table, {folder / 'sweep.h5'}")
    if isfile(folder / "sweep.toml"):
        raise BadInput(folder, f"is the folder of a sweep: wanted its table, which dmft collect {folder} makes")


def load_solution(file: Path) -> Solution:
    """Everything in a run file."""
    from dmft.storage import run_file
    from dmft.storage.hdf5 import FileError

    with naming(file, FileError):
        return run_file.read(file)


def load_simulation(file: Path) -> Simulation:
    """A simulation; BadInput if the file is something else."""
    from dmft.storage import simulation_file
    from dmft.storage.hdf5 import FileError

    with naming(file, FileError):
        return simulation_file.read(file)


def refuse_unwritable(file: Path) -> None:
    """BadInput unless a file can be put here."""
    from dmft import ProblemError
    from dmft.storage import atomic

    with naming(file, ProblemError):
        atomic.refuse_unwritable(file)
