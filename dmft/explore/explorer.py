"""State of one page: the problem that its controls say, its solution, and what was pinned.  Knows no browser."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from time import process_time
from typing import Any

import numpy as np

from dmft.problem.description import Control, Slider
from dmft.problem.overrides import assign
from dmft.problem.problem import Problem
from dmft.problem.table import ProblemError
from dmft.results.solution import Solution
from dmft.running.solve import StopRun, solve

# Accuracy of what is drawn, if the problem file does not say: a point then takes a fraction of a second.
TOLERANCE = 1e-4
# A solve that takes more CPU time than this many seconds is shown as far as it has come.
SECONDS = 3.0
# Positions of a slider.
POSITIONS = 101
# Solutions that are kept, so that going back costs nothing.
KEPT = 64


@dataclass(frozen=True)
class Answer:
    """A solution, or one line that says why there is none."""

    solution: Solution | None
    message: str


@dataclass(frozen=True)
class Pinned:
    """A solution kept for comparison, with the values in which it differs from the first one."""

    name: str
    solution: Solution


class Explorer:
    """The problem of a page: `set` changes a key, `answer` solves, `pin` keeps the solution for comparison."""

    def __init__(self, tables: Mapping[str, Any]) -> None:
        self.tables: dict[str, Any] = {}
        self.pinned: list[Pinned] = []
        self._answers: OrderedDict[Problem, Answer] = OrderedDict()
        self.begin(tables)

    def begin(self, tables: Mapping[str, Any]) -> None:
        """Begin again with the tables of a problem file; pins of another theory make no sense and are forgotten."""
        self.tables = deepcopy({name: dict(table) for name, table in tables.items()})
        self.tables["solver"].setdefault("tolerance", TOLERANCE)
        self.unpin()

    @property
    def problem(self) -> Problem:
        """The problem that the controls show.  Raises ProblemError if it is not a problem."""
        return Problem.from_tables(deepcopy(self.tables))

    def value(self, key: str) -> Any:
        """Value of a key `table.key` or `table.key.inner`, defaults included; None if it has none."""
        table, _, rest = key.partition(".")
        found: Any = self.problem.tables[table]
        for part in rest.split("."):
            if part not in found:
                return None
            found = found[part]
        return list(found) if isinstance(found, tuple) else found

    def set(self, key: str, value: Any) -> None:
        """Change one key, in place of its alternatives."""
        table, _, rest = key.partition(".")
        assign(self.tables, table, rest, value)

    def answer(self) -> Answer:
        """The solution of the problem as it is now, cut short after a few seconds."""
        try:
            problem = self.problem
        except ProblemError as error:
            return Answer(None, str(error))
        if problem not in self._answers:
            self._answers[problem] = _solved(problem)
        self._answers.move_to_end(problem)
        while len(self._answers) > KEPT:
            self._answers.popitem(last=False)
        return self._answers[problem]

    def pin(self) -> None:
        """Keep the solution of the problem as it is now for comparison."""
        found = self.answer().solution
        if found is not None:
            first = self.pinned[0].solution.problem if self.pinned else None
            self.pinned.append(Pinned(_name(found.problem, first), found))

    def unpin(self) -> None:
        """Forget all that was pinned."""
        self.pinned.clear()


def _solved(problem: Problem) -> Answer:
    began = process_time()

    def stop(*_: Any) -> None:
        if process_time() - began > SECONDS:
            raise StopRun

    try:
        solution = solve(problem, observers=[stop], verify=False)
    except ProblemError as error:
        return Answer(None, str(error))
    line = f"t = {solution.time[-1]:g}, {len(solution.time)} nodes, {solution.wall_time:.2f} s"
    if solution.complete:
        return Answer(solution, line)
    why = f"stopped after {SECONDS:g} s of CPU time" if solution.outcome.value == "interrupted" else solution.outcome.value
    return Answer(solution, f"{line}: {why}")


def _name(problem: Problem, first: Problem | None) -> str:
    """Keys in which a problem differs from the first pinned one; of the first, the keys that stand in a headline."""
    tables = problem.tables
    if first is None:
        return "first pinned"
    known = first.tables
    changed = [
        f"{key} = {value if isinstance(value, str | bool) else np.format_float_positional(value, 3, trim='-')}"
        if isinstance(value, str | bool | int | float)
        else key
        for table in ("problem", "solver")
        for key, value in tables[table].items()
        if known[table].get(key) != value
    ]
    return ", ".join(changed) or "the same as the first"


def options(control: Control, current: Any) -> list[Any]:
    """Values that a control offers; the current one is always among them."""
    if not isinstance(control, Slider):
        found = [list(option) if isinstance(option, tuple) else option for option in control.options]
        return found if current is None or current in found else [current, *found]
    spaced = np.geomspace if control.decades else np.linspace
    values = spaced(control.low, control.high, POSITIONS)
    if control.whole:
        found = sorted({round(value) for value in values.tolist()})
    else:
        found = sorted({float(f"{value:.3g}") for value in values.tolist()})
    if isinstance(current, int | float) and current not in (*found, *control.beyond):
        found = sorted([*found, current])
    return [*found, *control.beyond]
