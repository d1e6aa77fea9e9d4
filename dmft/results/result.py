"""Base of all results: a short text of each, equality, and names that are completed and corrected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dmft.problem.table import did_you_mean

if TYPE_CHECKING:
    import pandas
    import xarray

    from dmft.problem.problem import Problem

    Array = NDArray[np.float64]

Rows = Sequence[tuple[str, ...]]


class Result:
    """Base of solutions, simulations and tables, which are dataclasses.

    Two results are equal if all fields are that say what was asked and found, to the last bit; what it took does not count.
    """

    __hash__ = None  # type: ignore[assignment]

    @property
    def headline(self) -> str:
        """The result in one line."""
        raise NotImplementedError

    def overview(self) -> dict[str, Rows]:
        """Tables of what is in it, by title; the first row of each names the columns."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.headline}>"

    def _repr_html_(self) -> str:
        tables = "".join(_table(title, rows) for title, rows in self.overview().items() if len(rows) > 1)
        return f"<b>{type(self).__name__}</b>: {escape(self.headline)}{tables}"

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        compared = [field.name for field in fields(self) if field.compare]  # type: ignore[arg-type]
        return all(same(getattr(self, name), getattr(other, name)) for name in compared)

    def export(self, path: str | Path) -> None:
        """Write as text: .csv, a row for each time or point; .json, everything.  ProblemError for another ending."""
        from dmft import api

        api.export(self, path)  # type: ignore[arg-type]

    def to_xarray(self) -> xarray.Dataset:
        """An xarray.Dataset of all of it, with named dimensions, units and meanings.  ImportError without xarray."""
        from dmft import api

        return api.to_xarray(self)  # type: ignore[arg-type]

    def to_dataframe(self) -> pandas.DataFrame:
        """A pandas.DataFrame, a row for each time or point and a column for each number.  ImportError without pandas."""
        from dmft import api

        return api.to_dataframe(self)  # type: ignore[arg-type]


class Observed(Result):
    """A result whose observables read as attributes: `solution.test_error`."""

    if TYPE_CHECKING:
        problem: Problem
        # For type checkers, the observables of the theories that come with this package; those of others are in `observables`.
        alignment: Array
        complexity: Array
        energy: Array
        generalization_error: Array
        hessian_edge: Array
        mean_error: Array
        memory_of_start: Array
        misclassification: Array
        misclassified: Array
        multiplier: Array
        neuron_overlap: Array
        norm_along_teachers: Array
        rotation: Array
        second_layer: Array
        slope: Array
        slope_across: Array
        student_norm: Array
        test_error: Array
        train_error: Array
        unsatisfied: Array
        weight_norm: Array
    else:

        def __getattr__(self, name: str) -> Array:
            # An object that is being copied or unpickled has no fields yet.
            if name.startswith("__") or "problem" not in self.__dict__:
                raise AttributeError(name)
            if name in self._observable_names:
                return self.observables[name]
            model = self.problem.parameters.model
            if hasattr(type(self), name):  # a property that raised AttributeError
                raise AttributeError(f'model = "{model}" has no {name}')
            hint = did_you_mean(name, [known for known in dir(self) if not known.startswith("_")])
            raise AttributeError(f'a {type(self).__name__} of model = "{model}" has no {name!r}; {hint}')

    @property
    def _observable_names(self) -> Mapping[str, Any]:
        """The observables by name, as they are stored."""
        raise NotImplementedError

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self._observable_names})


def same(one: Any, other: Any) -> bool:
    """True if two values are equal to the last bit; what is not a number equals itself."""
    if isinstance(one, Mapping):
        return one.keys() == other.keys() and all(same(value, other[key]) for key, value in one.items())
    if isinstance(one, np.ndarray):
        return np.array_equal(one, other, equal_nan=one.dtype.kind == "f")
    return bool(one == other)


def _table(title: str, rows: Rows) -> str:
    """A table in HTML."""
    head, *body = ["".join(f"<{kind}>{escape(cell)}</{kind}>" for cell in row) for kind, row in _kinds(rows)]
    lines = "".join(f"<tr>{line}</tr>" for line in body)
    return f"<table><caption>{escape(title)}</caption><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table>"


def _kinds(rows: Rows) -> list[tuple[str, tuple[str, ...]]]:
    return [("td" if number else "th", row) for number, row in enumerate(rows)]
