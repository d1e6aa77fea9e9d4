"""The folder SIM.h5.seeds, which an unfinished simulation keeps beside its file SIM.h5:

    simulation.toml       what is asked: the problem, and the setup as [simulation]
    seed-7.h5             a seed that is done and not yet in SIM.h5: a simulation file of its own
    seed-7.state.npz      a seed on its way
    seed-7.failed.txt     why a seed has no result
    .lock                 empty; a lock on it tells that a process is at work

The folder goes when nothing in it is needed any more.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from dmft.jobs.locks import Locks, Taken, take_whole
from dmft.jobs.tasks import Result
from dmft.models.experiment import Setup, State
from dmft.problem.problem import Problem
from dmft.problem.table import ProblemError
from dmft.problem.toml import read_toml_file, toml_value
from dmft.results.simulation import Simulation, refuse_difference
from dmft.storage import arrays_file, failure_file, simulation_file
from dmft.storage.atomic import refuse_unwritable, remove_left_behind, write_whole
from dmft.storage.hdf5 import FileError
from dmft.system.sealed_text import sealed


class SeedsError(ProblemError):
    """A place for a simulation that cannot be used: it holds something else, or another process is at work on it."""


class Seeds:
    """The file of a simulation and the folder beside it, which exists; `open_seeds` makes one."""

    def __init__(self, output: Path, problem: Problem, setup: Setup) -> None:
        self.output, self.problem, self.setup = output, problem, setup
        self.path = folder_of(output)

    @classmethod
    def load(cls, output: Path) -> Seeds:
        """That of a simulation which has begun."""
        return cls(output, *_read_asked(folder_of(output) / "simulation.toml"))

    def result(self, seed: int) -> Path:
        """File of a seed that is done."""
        return self.path / f"seed-{seed}.h5"

    def state(self, seed: int) -> Path:
        """File of a seed on its way."""
        return self.path / f"seed-{seed}.state.npz"

    def failure(self, seed: int) -> Path:
        """Why a seed has no result."""
        return self.path / f"seed-{seed}.failed.txt"

    def load_state(self, seed: int) -> State | None:
        """The unfinished seed of an earlier process."""
        try:
            return arrays_file.read(self.state(seed))
        except FileError:
            return None

    def save_state(self, seed: int, state: Mapping[str, NDArray[Any]]) -> None:
        """Keep a seed on its way."""
        arrays_file.write(self.state(seed), state)

    def save_result(self, seed: int, simulation: Simulation) -> None:
        """Keep a seed that is done, then remove what it takes the place of."""
        simulation_file.write(self.result(seed), simulation, one_of_many=True)
        self.state(seed).unlink(missing_ok=True)

    def record_failure(self, result: Result, details: str = "") -> None:
        """Write why a seed has no result."""
        failure_file.write(self.failure(result.index), result.outcome, result.reason, details)

    def failures(self) -> dict[int, str]:
        """Seed -> outcome and reason of those that have no result."""
        found = {}
        for path in sorted(self.path.glob("seed-*.failed.txt")):
            seed = path.name.removeprefix("seed-").removesuffix(".failed.txt")
            if seed.isdecimal():
                found[int(seed)] = ": ".join(failure_file.read(path))
        return found

    def done(self) -> dict[Path, Simulation]:
        """The seeds that are done beside the file; one that cannot be read is as if it were not there."""
        found = {}
        for path in self.path.glob("seed-*.h5"):
            with suppress(FileError):
                found[path] = simulation_file.read(path)
        return found

    def collected(self) -> Simulation | None:
        """The file as it is, with the seeds that are done beside it; None without any."""
        return _merged(self._file(), self.done().values())

    def collect(self) -> Simulation | None:
        """Put the seeds that are done into the file, and remove their own."""
        done = self.done()
        found = _merged(self._file(), done.values())
        if done and found is not None:
            found.save(self.output)
        for path, simulation in done.items():
            # The state first: a process that is killed between the two finds the result, and comes here again.
            for seed in simulation.seeds:
                self.state(int(seed)).unlink(missing_ok=True)
            path.unlink()
        return found

    def _file(self) -> Simulation | None:
        return simulation_file.read(self.output) if self.output.exists() else None

    def missing(self, seeds: list[int]) -> list[int]:
        """Those of some seeds that are not in the file."""
        found = self.collected()
        return [seed for seed in seeds if found is None or seed not in found.seeds]

    def tidy(self, alone: bool) -> None:
        """Remove what killed processes were writing, all of it if `alone`, and the folder if nothing in it is needed."""
        remove_left_behind(self.path, nobody_writes=alone)
        always = {self.path / ".lock", self.path / "simulation.toml"}
        if set(self.path.iterdir()) <= always:
            for path in always:
                path.unlink(missing_ok=True)
            with suppress(OSError):
                self.path.rmdir()


def _merged(found: Simulation | None, seeds: Iterable[Simulation]) -> Simulation | None:
    """One simulation of all; None without any."""
    for one in seeds:
        found = one if found is None else found.merged(one)
    return found


def folder_of(output: Path) -> Path:
    """The folder beside the file of a simulation."""
    return output.with_name(output.name + ".seeds")


@contextmanager
def open_seeds(output: Path, problem: Problem, setup: Setup) -> Iterator[tuple[Seeds, Taken]]:
    """Find or make the place of a simulation, taken by this process for as long as the context lasts.

    The second value says whether the file system has locks, UNKNOWN if not.

    Raises SeedsError if another simulation or something else is there, or another process is at work on it.
    """
    try:
        refuse_unwritable(output)
        _refuse_other(output, problem, setup)
        locks, taken = _take(folder_of(output))
    except OSError as error:
        raise SeedsError(f"cannot be written ({error.strerror}): wanted a file in a writable folder") from None
    try:
        seeds = Seeds(output, problem, setup)
        _put_asked(seeds.path / "simulation.toml", problem, setup)
        for path in seeds.path.glob("seed-*.failed.txt"):
            path.unlink()
        try:
            seeds.collect()
            yield seeds, taken
        finally:
            seeds.collect()
            seeds.tidy(alone=taken is Taken.OURS)
    finally:
        locks.close()


def _refuse_other(output: Path, problem: Problem, setup: Setup) -> None:
    """SeedsError if the file or the folder beside it is of something else."""
    asked = folder_of(output) / "simulation.toml"
    try:
        if output.exists():
            found = simulation_file.read(output)
            refuse_difference(found.problem, found.setup, problem, setup)
        if asked.exists():
            refuse_difference(*_read_asked(asked), problem, setup)
    except FileError as error:
        raise SeedsError(f"{error} to add to, or a new name") from None
    except ProblemError as error:
        raise SeedsError(str(error)) from None


def _take(folder: Path) -> tuple[Locks, Taken]:
    """The lock of a folder, which is made if it is not there."""
    locks, taken = take_whole(folder / ".lock", make_folder=True)
    if locks is None:
        raise SeedsError("another process is at work on this simulation: wanted to wait for it")
    return locks, taken


def _put_asked(path: Path, problem: Problem, setup: Setup) -> None:
    lines = [problem.to_toml(), "[simulation]", *(f"{key} = {toml_value(value)}" for key, value in setup.model_dump().items())]
    write_whole(path, sealed("\n".join(lines) + "\n"))


def _read_asked(path: Path) -> tuple[Problem, Setup]:
    try:
        tables = read_toml_file(path)
        return Problem.from_tables({key: tables[key] for key in ("problem", "solver")}), Setup.of(**tables["simulation"])
    except (ProblemError, KeyError, TypeError) as error:
        reason = error if isinstance(error, ProblemError) else f"lacks the table {error}"
        raise SeedsError(f"its {path.parent.name}/{path.name} {reason}") from None
