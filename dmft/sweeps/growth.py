"""A sweep that changes in a folder: more values on an axis, a larger t_max, another axis, another table [output].

The problem in each run file tells to which point of the new sweep it belongs, whatever it is called.  Files get the names of
their new points; a run that is to reach a larger t_max, or that lacks what [output] asks for, becomes a checkpoint, if it holds
the state to go on from.  Files that belong to no point stay where they are, or move to the folder `earlier` if a new point has
their name.  A process that is killed in between leaves every file whole; the next one looks at all of them again.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dmft.problem.problem import Problem
from dmft.problem.settings import LIMITS
from dmft.problem.sweep import Sweep
from dmft.problem.table import ProblemError, frozen
from dmft.storage.hdf5 import FileError, opened, read_text
from dmft.sweeps.folder import FAILED_RUN, FAILED_TEXT, Folder

EARLIER, MOVING = "earlier", "moving"
# Ending of a checkpoint on its way to another name.
UNFINISHED = ".checkpoint.h5"


@dataclass(frozen=True)
class Growth:
    """Number of points of the earlier sweep that are kept as they are, that go on, and that do not belong.

    Points go on to a larger t_max, or to put into their files what [output] asks for now.
    """

    kept: int
    continued: int
    left: int

    def __str__(self) -> str:
        parts = [f"{self.kept} points of the earlier sweep are kept"]
        parts += [f"{self.continued} go on, to a larger t_max or another [output]"] if self.continued else []
        parts += [f"{self.left} files do not belong to it, and stay"] if self.left else []
        return f"the sweep has changed: {', '.join(parts)}"


def grow(path: Path, old: Sweep, new: Sweep) -> Growth:
    """Put the files of an earlier sweep into their places in a new one.

    Raises ProblemError, naming the difference, if the sweeps have no point in common.
    """
    folder, places, left, common = Folder(path, new), {}, [], False
    wanted = _Points(new)
    for source, known in _files(path, old):
        common = common or (known is not None and wanted.index(known[0]) is not None)
        target = None if known is None else wanted.place(folder, source, *known)
        if target is None or target in places:
            left.append(source)
        else:
            places[target] = source
    if not common:
        old.refuse_other(new)
    _move(path, places, [source for source in left if source.name in wanted.names or source.parent.name == MOVING])
    kept = sum(target.parent.name != "checkpoints" for target in places)
    continued = sum(target.parent.name == "checkpoints" != source.parent.name for target, source in places.items())
    return Growth(kept, continued, sum(source.parent.name != EARLIER for source in left))


Known = tuple[Problem, bool]


class _Points:
    """The points of a sweep, found by their problems."""

    def __init__(self, sweep: Sweep) -> None:
        self.keep, self.t_max, self.output, self.names = sweep.keep, [], [], set()
        self._index: dict[Any, list[int]] = {}
        for index in range(len(sweep)):
            problem = sweep.problem(index)
            self.t_max.append(problem.solver.t_max)
            self.output.append(problem.output)
            self._index.setdefault(_identity(problem), []).append(index)
            self.names |= {sweep.slug(index) + ending for ending in (".h5", FAILED_RUN, FAILED_TEXT)}

    def index(self, problem: Problem) -> int | None:
        """The point with the problem of a run, or with a larger t_max; None if there is none."""
        indices, reached = self._index.get(_identity(problem), []), problem.solver.t_max
        later = [index for index in indices if self.t_max[index] >= reached]
        return min(later, key=lambda index: self.t_max[index], default=None)

    def place(self, folder: Folder, source: Path, problem: Problem, can_go_on: bool) -> Path | None:
        """The place of a file; None if it belongs to no point, or cannot be used there."""
        index = self.index(problem)
        if index is None:
            return None
        if source.name.endswith(FAILED_TEXT):
            return folder.failed_text(index)
        if source.name.endswith(FAILED_RUN):
            return folder.failed_run(index)
        asks_more = self.t_max[index] > problem.solver.t_max or self.output[index] != problem.output
        if asks_more or _unfinished(source):
            return folder.checkpoint(index) if can_go_on else None
        return folder.run(index) if can_go_on or self.keep == "observables" else None


def _unfinished(source: Path) -> bool:
    return source.parent.name == "checkpoints" or source.name.endswith(UNFINISHED)


def _ending(source: Path) -> str:
    """The part of a name by which the kind of a file is known."""
    if _unfinished(source):
        return UNFINISHED
    return next(ending for ending in (FAILED_RUN, FAILED_TEXT, ".h5") if source.name.endswith(ending))


def _identity(problem: Problem) -> Any:
    """The problem without its limits and its output, as something that can be looked up."""
    tables = problem.tables
    return frozen(
        {**tables, "output": {}, "solver": {key: value for key, value in tables["solver"].items() if key not in LIMITS}}
    )


def _files(path: Path, old: Sweep) -> Iterator[tuple[Path, Known | None]]:
    """Every file of a point with its problem, and true if it holds a state to go on from; None for a damaged file."""
    texts = {old.slug(index): index for index in range(len(old))}
    for folder in ("points", "checkpoints", MOVING, EARLIER):
        for source in sorted((path / folder).rglob("*")):
            if source.name.endswith(FAILED_TEXT):
                index = texts.get(source.name.removesuffix(FAILED_TEXT))
                yield source, None if index is None else (old.problem(index), False)
            elif source.suffix == ".h5":
                yield source, _known(source)


def _known(source: Path) -> Known | None:
    try:
        with opened(source, "run file") as file:
            return Problem.from_toml(read_text(file, "problem")), "state" in file
    except (FileError, ProblemError):
        return None


def _move(path: Path, places: dict[Path, Path], aside: list[Path]) -> None:
    """Move files to their places, and others aside; first all out of the way, as names may be exchanged."""
    moved = {target: source for target, source in places.items() if target != source}
    between = path / MOVING
    if moved or aside:
        between.mkdir(exist_ok=True)
    for number, (target, source) in enumerate(moved.items()):
        moved[target] = _renamed(source, between / f"{os.getpid()}-{number}{_ending(source)}")
    for source in aside:
        set_aside(path, source)
    for target, source in moved.items():
        target.parent.mkdir(parents=True, exist_ok=True)
        _renamed(source, target)
    with suppress(OSError):
        between.rmdir()


def set_aside(path: Path, source: Path) -> None:
    """Move a file to the folder of what does not belong to the sweep."""
    (path / EARLIER).mkdir(exist_ok=True)
    _renamed(source, _free(path / EARLIER / source.name))


def _renamed(source: Path, target: Path) -> Path:
    os.replace(source, target)
    return target


def _free(path: Path) -> Path:
    """A name that no file has: the given one, or with a number before it."""
    number, found = 0, path
    while found.exists():
        number += 1
        found = path.with_name(f"{number}-{path.name}")
    return found
