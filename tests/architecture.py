"""The rules of the house, read from the sources: the floor of each room, and what the mathematics may not do.

Arrows point down: a module imports from its own room and from rooms on lower floors, wherever in the file it does.  Within a
room, modules that are loaded together form no circle.  `violations` walks every module of
the package, so a new file is held to the rules of its room, and a new room must be given a floor here.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import NamedTuple

# From the ground up.  Rooms on one floor do not know each other.
FLOORS = (
    ("compiled", "system", "version"),
    ("mathematics",),
    ("history",),
    ("problem",),
    ("models",),
    ("engines",),
    ("results",),
    ("storage",),
    ("exports", "plots"),
    ("jobs",),
    ("running",),
    ("simulation",),
    ("sweeps",),
    ("api",),
    ("explore",),
    ("cli",),
    ("__main__",),
)
# Where the names of `import dmft` stand: for the command line alone.
PUBLIC = FLOORS.index(("api",))
# Rooms that compute: they open no file, print nothing, and know no library of the outside world.
MATHEMATICS = ("mathematics", "history", "models", "engines")
OUTSIDE = {"h5py", "mpi4py", "rich", "typer", "matplotlib", "xarray", "pathlib", "os", "sys", "io", "logging", "signal"}
WORDS = {"open", "print", "input"}


class Import(NamedTuple):
    """A module that is imported; `typing` if only under TYPE_CHECKING, `late` if inside a function."""

    module: str
    late: bool
    typing: bool


@dataclass(frozen=True)
class Module:
    """A source file of the package: its dotted name relative to the package, "" for the package itself."""

    name: str
    path: Path

    @cached_property
    def tree(self) -> ast.Module:
        """Its syntax tree."""
        return parsed(self.path.read_text())

    @property
    def room(self) -> str | None:
        """The folder or file of the package that it stands in; None if that has no floor."""
        own = self.name.partition(".")[0]
        return own if any(own in floor for floor in FLOORS) else None

    @property
    def floor(self) -> int:
        """The number of its floor."""
        return next(k for k, floor in enumerate(FLOORS) if self.room in floor)

    @property
    def words(self) -> set[str]:
        """Names of the functions that it calls, of those named without a module."""
        calls = (node.func for node in ast.walk(self.tree) if isinstance(node, ast.Call))
        return {function.id for function in calls if isinstance(function, ast.Name)}


@cache
def parsed(source: str) -> ast.Module:
    """The syntax tree of a source text."""
    return ast.parse(source)


def modules(package: Path) -> dict[str, Module]:
    """Every module of a package, by its name relative to it."""
    found = {}
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found[name] = Module(name, path)
    return found


def imports(module: Module) -> Iterator[Import]:
    """Everything that a module imports, wherever it does."""
    yield from _imports(module.tree, late=False, typing=False)


def _imports(node: ast.AST, late: bool, typing: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            yield from (Import(alias.name, late, typing) for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            assert child.level == 0, "imports are absolute"
            yield from (Import(f"{child.module}.{alias.name}", late, typing) for alias in child.names)
        inside = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef)
        checked = isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test)
        yield from _imports(child, late or inside, typing or checked)


def violations(package: Path) -> list[str]:
    """What breaks the rules in a package, a line each."""
    house = modules(package)
    homeless = [module for name, module in house.items() if name and module.room is None]
    if homeless:
        return [f"{module.name}: its room has no floor in tests/architecture.py" for module in homeless]
    found: list[str] = []
    arrows: dict[str, set[str]] = {name: set() for name in house}
    for module in house.values():
        for target in imports(module):
            own = _module_of(target.module, package.name, house)
            if own is None:
                found += _outside(module, target)
            else:
                found += _upward(module, house[own], target)
                if not (target.typing or target.late) and own not in ("", module.name):
                    arrows[module.name].add(own)
        if module.room in MATHEMATICS:
            found += [f"{module.name}: calls {word}()" for word in sorted(module.words & WORDS)]
    return found + _circle(arrows)


def _module_of(imported: str, package: str, house: dict[str, Module]) -> str | None:
    """The module of the package that an import loads: itself, or the one that holds the imported name."""
    if imported.partition(".")[0] != package:
        return None
    inner = imported.partition(".")[2]
    while inner not in house:
        inner = inner.rpartition(".")[0]
    return inner


def _outside(module: Module, target: Import) -> list[str]:
    """An import of the outside world by the mathematics."""
    library = target.module.partition(".")[0]
    forbidden = library in OUTSIDE and module.room in MATHEMATICS and not target.typing
    return [f"{module.name}: imports {library}, which the mathematics may not"] if forbidden else []


def _upward(module: Module, target: Module, how: Import) -> list[str]:
    """An arrow that does not point down.  The package itself, `dmft`, holds names that are loaded on first use."""
    if not module.name or module.room == target.room:
        return []
    floor = target.floor if target.name else PUBLIC
    if floor < module.floor:
        return []
    if module.room == "results" and target.name == "api" and how.late:
        # Solution.save, .load and .plot are there for those who type them; the functions themselves are in `dmft.api`.
        return []
    return [f"{module.name}: imports {target.name or 'the package itself'}, which is not on a lower floor"]


def _circle(arrows: dict[str, set[str]]) -> list[str]:
    """A circle of imports, if there is one."""
    try:
        TopologicalSorter(arrows).prepare()
    except CycleError as error:
        return [f"circle: {' <- '.join(error.args[1])}"]
    return []


if __name__ == "__main__":
    print("\n".join(violations(Path(sys.argv[1]))))
