"""Damage to any file of an unfinished sweep or simulation, given to the commands that go on with it or report on it.

    python -m tests.fuzz.folders --seconds 600

A command refuses, or ends with what it would have found in the whole folder; a point that cannot be read may be a row that says
so.  No command may raise, crash or hang.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from dmft import Problem, Sweep, Table
from dmft.models.experiment import Setup
from dmft.simulation.folder import open_seeds
from dmft.simulation.worker import SeedWorker
from dmft.storage import failure_file
from dmft.storage.failure_file import UNREADABLE
from dmft.sweeps.folder import open_folder
from dmft.sweeps.worker import PointSolver
from tests.comparison import datasets
from tests.fuzz.commands import Ended, Report, call, call_here, main, until
from tests.fuzz.hdf5 import DAMAGE
from tests.fuzz.hdf5 import PROBLEM as SHORT

# Of several cells.
PROBLEM = SHORT.replace("t_max = 1.0", "t_max = 20.0")
SWEEP = PROBLEM.replace("width = 3", "") + '[sweep.axes]\n"problem.width" = [2, 3, 4, 5, 6]\n'
SETUP = ("--dim", "6", "--seeds", "4", "--times", "5", "-q")
Values = dict[str, Any]


def after(calls: int) -> Callable[[], bool]:
    """A stop that is asked for after some steps."""
    counted = count(1)
    return lambda: next(counted) > calls


def make_sweep(place: Path) -> None:
    """Write the folder of a killed sweep: points that are done, failed in both ways, on their way, and missing."""
    (place / "s.toml").write_text(SWEEP)
    path = place / "out"
    fewer = Sweep.from_toml(SWEEP.replace("t_max", "max_nodes = 4\nt_max"))
    with open_folder(path, fewer) as (folder, locks, _):
        PointSolver(folder, after(10**6), locks=locks).run(1)
    assert folder.failed_run(1).exists()
    with open_folder(path, Sweep.from_toml(SWEEP)) as (folder, locks, _):
        PointSolver(folder, after(10**6), locks=locks).run(0)
        failure_file.write(folder.failed_text(2), "raised", "MemoryError: too much", "Traceback\n")
        PointSolver(folder, after(0), locks=locks).run(3)
    assert folder.checkpoint(3).exists()


def make_simulation(place: Path) -> None:
    """What a killed simulation leaves: a seed in its file, one beside it, one on its way, one that failed."""
    (place / "p.toml").write_text(PROBLEM)
    output = place / "sim.h5"
    given = Problem.from_toml(PROBLEM), Setup.of(dim=6, times=5)
    with open_seeds(output, *given) as (seeds, _):
        SeedWorker(seeds, after(10**6)).run(0)
    with open_seeds(output, *given) as (seeds, _):
        SeedWorker(seeds, after(10**6)).run(1)
        SeedWorker(seeds, after(2), checkpoint_every=0.0).run(2)
        failure_file.write(seeds.failure(3), "raised", "MemoryError: too much", "Traceback\n")
        shutil.copytree(seeds.path, place / "kept")
        shutil.copy(output, place / "kept.h5")
    shutil.rmtree(seeds.path)
    (place / "kept").rename(seeds.path)
    (place / "kept.h5").rename(output)


def rows(place: Path) -> list[Values]:
    """The points of the collected table: their outcome and results."""
    table = Table.load(place / "out" / "sweep.h5")
    columns = {name: values.ravel().tolist() for name, values in table.values.items()}
    compared = [name for name in columns if name not in ("file", "reason", "wall_time")]
    return [{name: columns[name][index] for name in compared} for index in range(len(table.sweep))]


def points(place: Path) -> Values:
    """Every dataset of every point that is done."""
    runs = {path.name: datasets(path) for path in (place / "out" / "points").glob("*.h5")}
    return {f"{run} {name}": value for run, arrays in runs.items() for name, value in arrays.items()}


def seeds(place: Path) -> Values:
    """Every dataset of the simulation but what it took."""
    return {name: value for name, value in datasets(place / "sim.h5").items() if "wall_time" not in name}


def same(one: Values, other: Values) -> bool:
    """The same names and values; not a number is itself."""
    return one.keys() == other.keys() and all(np.array_equal(one[name], other[name], equal_nan=True) for name in one)


def same_rows(found: list[Values], expected: list[Values]) -> bool:
    """Each row is the expected one, or says that its point cannot be read; columns that no point has are missing."""
    pairs = zip(found, expected, strict=True)
    return all(
        row["outcome"] == UNREADABLE or all(repr(row[name]) == repr(known[name]) for name in row) for row, known in pairs
    )


class Case:
    """A folder, the commands that read it, and what each of them finds in it if nothing is damaged.

    found: of a command whose result can be compared, that result.
    """

    def __init__(self, whole: Path, commands: dict[str, list[str | Path]], found: dict[str, Callable[[Path], Any]]) -> None:
        self.whole, self.commands, self.found = whole, commands, found
        self.expected = {}
        for name, read in found.items():
            with_copy(whole)
            call_here(*commands[name])
            self.expected[name] = read(whole.parent / "tried")

    def fault(self, name: str, ended: Ended, tried: Path, file: Path, damaged: bytes) -> str:
        """What a command did that it may not do, in a few words."""
        if ended.code == 2 and file.exists() and file.read_bytes() != damaged:
            return "changed the file"
        if ended.code != 0 or name not in self.found:
            return ""
        found, expected = self.found[name](tried), self.expected[name]
        return "" if (same if isinstance(found, dict) else same_rows)(found, expected) else "believed"


def with_copy(whole: Path) -> Path:
    """A fresh copy of a folder to damage, always in the same place."""
    tried = whole.parent / "tried"
    shutil.rmtree(tried, ignore_errors=True)
    return shutil.copytree(whole, tried)


def sweep_case(folder: Path) -> Case:
    """A sweep and its commands."""
    whole, tried = folder / "whole", folder / "tried"
    whole.mkdir(parents=True)
    make_sweep(whole)
    out = tried / "out"
    again: list[str | Path] = ["sweep", tried / "s.toml", "-o", out, "-q"]
    readers: dict[str, list[str | Path]] = {name: [name, out] for name in ("collect", "status", "check")}
    return Case(whole, {"sweep": again, "--retry": [*again, "--retry"], **readers}, {"--retry": points, "collect": rows})


def simulation_case(folder: Path) -> Case:
    """A simulation and its commands."""
    whole, tried = folder / "whole", folder / "tried"
    whole.mkdir(parents=True)
    make_simulation(whole)
    again: list[str | Path] = ["simulate", tried / "p.toml", "-o", tried / "sim.h5", *SETUP]
    return Case(whole, {"simulate": again, "check": ["check", tried]}, {"simulate": seeds})


def fuzz(draw: random.Random, seconds: float, folder: Path) -> Report:
    """Damage a file, one after the other, and give its folder to one command."""
    cases = [sweep_case(folder / "sweep"), simulation_case(folder / "simulation")]
    report = Report()
    for name in until(seconds, list(DAMAGE)):
        case = draw.choice(cases)
        tried = with_copy(case.whole)
        # Beside these are problem files of the user, and locks, which are empty.
        files = [path for path in sorted(tried.rglob("*")) if path.is_file() and path.stat().st_size]
        file = draw.choice([path for path in files if path not in (tried / "s.toml", tried / "p.toml")])
        content = bytearray(file.read_bytes())
        DAMAGE[name](content, draw)
        file.write_bytes(content)
        command = draw.choice(list(case.commands))
        ended = call(*case.commands[command])
        fault = case.fault(command, ended, tried, file, bytes(content))
        report.note(name, ended, f"{command} with {file.relative_to(tried)}", fault)
    return report


if __name__ == "__main__":
    main(fuzz, __doc__ or "")
