"""Theories by name, found without a list and loaded one at a time.

A theory of this package is a folder `dmft/models/NAME/` whose `parameters.py` holds one subclass of `Parameters`.  A theory of
another package is an entry point of the group `dmft.models`, which names such a module, or the class in it:

    [project.entry-points."dmft.models"]
    spiked-tensor = "spiked_tensor"

Knowing the names imports no theory; loading one imports no other.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from importlib.resources import files
from typing import Any

from dmft.problem.parameters import Parameters
from dmft.problem.table import ProblemError, shown

GROUP = "dmft.models"
_given: dict[str, type[Parameters]] = {}


class TheoryError(ProblemError):
    """A theory of another package that cannot be loaded."""


@contextmanager
def trying(name: str, parameters: type[Parameters]) -> Iterator[None]:
    """Have a theory in this process alone, for as long as the context lasts: to try one in a notebook or a test."""
    if known(name):
        raise ValueError(f"there is a theory of the name {name!r} already")
    _given[name] = parameters
    try:
        yield
    finally:
        del _given[name]


def names() -> list[str]:
    """Every theory that there is, sorted."""
    return sorted({*_own(), *_given, *(point.name for point in entry_points(group=GROUP))})


def known(name: Any) -> bool:
    """True if there is a theory of this name."""
    return isinstance(name, str) and (name in _own() or name in _given or bool(entry_points(group=GROUP, name=name)))


def load(name: Any) -> type[Parameters]:
    """The class that validates `[problem]` of a theory.  Raises ProblemError if there is none, or it cannot be loaded."""
    if not isinstance(name, str):
        raise _unknown(name)
    return _given[name] if name in _given else _load(name)


@cache
def _load(name: str) -> type[Parameters]:
    if name in _own():
        return _only_class(name, import_module(f"{GROUP}.{name.replace('-', '_')}.parameters"))
    places = entry_points(group=GROUP, name=name)
    if not places:
        raise _unknown(name)
    try:
        found = next(iter(places)).load()
    except Exception as error:
        raise TheoryError(f'model = "{name}" cannot be loaded ({type(error).__name__}: {error})') from error
    return found if isinstance(found, type) else _only_class(name, found)


def _unknown(name: Any) -> ProblemError:
    return ProblemError(f"model = {shown(name)}: wanted one of {', '.join(names())}")


@cache
def _own() -> frozenset[str]:
    """Names of the theories of this package; no given name is made a path of, which may be too long for one."""
    folders = (entry.name for entry in files(GROUP).iterdir() if (entry / "parameters.py").is_file())
    return frozenset(folder.replace("_", "-") for folder in folders)


def _only_class(name: str, module: Any) -> type[Parameters]:
    """The subclass of `Parameters` that a module defines."""
    defined = [
        found
        for found in vars(module).values()
        if isinstance(found, type) and issubclass(found, Parameters) and found.__module__ == module.__name__
    ]
    if len(defined) != 1:
        raise TheoryError(f'model = "{name}": {module.__name__} has {len(defined)} subclasses of Parameters, wanted one')
    return defined[0]
