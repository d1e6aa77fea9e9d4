"""Base of `[problem]`: the parameters of one theory, what it shows to the outside, and how its equations are built."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from dmft.problem.description import Description, Panel, Solved
from dmft.problem.output import OutputSettings
from dmft.problem.settings import SolverSettings
from dmft.problem.table import ProblemError, Table

Array = NDArray[np.float64]


class Parameters(Table):
    """Base of the `[problem]` tables: each theory has one subclass of it, which `dmft.problem.registry` finds."""

    # Keys of which exactly one is given: a change to one of them takes the place of the others.
    alternatives: ClassVar[tuple[str, ...]] = ()
    # Keys on which a simulation of the problem does not depend.
    theory_alone: ClassVar[tuple[str, ...]] = ()
    # Keys that make `step_values` large.
    step_keys: ClassVar[tuple[str, ...]] = ()
    # What the model shows to the outside.
    description: ClassVar[Description]
    model: str = Field(description="the theory")

    @classmethod
    def table_of(cls, key: str) -> str:
        """The table in which a key stands; the model comes first, where both have one of that name."""
        others = {"solver": SolverSettings, "output": OutputSettings}
        found = [name for name, table in others.items() if key in table.model_fields and key not in cls.model_fields]
        return found[0] if found else "problem"

    @property
    def kind(self) -> str:
        """The kind of its equations, which decides on the engine."""
        return "two-time"

    @property
    def axes(self) -> dict[str, int]:
        """Lengths of the dimensions that results have beside time, those that this parameter point has."""
        return {}

    @property
    def step_values(self) -> float:
        """Count of the numbers that a step of the solver needs beside the history, for a model that needs many."""
        return 0.0

    def refuse(self, settings: SolverSettings) -> None:
        """ValueError for settings that do not fit these parameters."""
        if settings.theory != "gaussian":
            raise ValueError(f'theory = "{settings.theory}": wanted "gaussian" with model = "{self.model}"')

    def build_exact(self, settings: SolverSettings) -> Any:
        """The equations of the exact theory, a `dmft.models.sampled.SampledModel`, of a model that has one."""
        raise NotImplementedError

    def build(self) -> Any:
        """The equations of this parameter point; of kind "two-time" a `dmft.models.protocol.Model`."""
        raise NotImplementedError

    def experiment(self, problem: Any, setup: Any) -> Any:
        """The simulation of this parameter point, a `dmft.models.experiment.Experiment`; ProblemError if there is none."""
        raise ProblemError(f'model = "{self.model}": wanted a theory that can be simulated')

    def headline(self, settings: SolverSettings, without: Collection[str] = ()) -> dict[str, Any]:
        """Values that the headline of a figure may say, by key; those of keys in `without` differ between its curves."""
        return {key: value for key, value in self.model_dump(exclude_none=True).items() if key not in without}

    def constants(self) -> dict[str, float]:
        """Numbers that follow from the parameters alone, those that the description names."""
        return {}

    def sizes(self) -> Mapping[str, float]:
        """Sizes that count for the tolerance although an observable itself is still smaller; zero if not named."""
        return getattr(self.build(), "observable_sizes", {})

    def kinked(self, observables: Mapping[str, Array]) -> dict[str, Array]:
        """Observables with kinks, from the smooth ones: between nodes only the latter are polynomials."""
        return {}

    def panels(self) -> tuple[Panel, ...]:
        """Panels of the standard figure for this parameter point, beside the pictures of kernels."""
        raise NotImplementedError

    def identities(self, solution: Solved) -> dict[str, float]:
        """Defects of what must hold on every right solution, by its words, in units of the tolerance.

        More than 1 says that the equations or the solver are wrong.  `dmft.models.identities` has what most theories need.
        """
        return {}

    def findings(self, found: Solved) -> dict[str, list[tuple[str, str]]]:
        """Report on a run beyond the range of every observable: tables of two columns, by title."""
        return {}
