"""`[output]`: what a run file holds beside the results that every run has; it may change between a run and its continuation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from pydantic import Field, field_validator

from dmft.problem.settings import SolverSettings
from dmft.problem.table import Table

# Decades before the end that are looked at unless times are given.
DECADES = 3


class OutputSettings(Table):
    """Times of distributions."""

    distributions: tuple[float, ...] | None = Field(
        default=None,
        description="times of the distributions over samples of the exact theory; 0, one a decade and the end unless given",
    )

    @field_validator("distributions", mode="before")
    @classmethod
    def _times(cls, given: Any) -> Any:
        """Ascending, each once."""
        if given is None:
            return given
        numbers = (
            [time for time in given if isinstance(time, int | float) and not isinstance(time, bool)] if _list(given) else None
        )
        if numbers is None or len(numbers) != len(given) or not all(0 <= time < math.inf for time in numbers):
            raise ValueError("wanted a list of times >= 0")
        return tuple(sorted({float(time) for time in numbers}))

    def refuse(self, settings: SolverSettings) -> None:
        """ValueError for times that a run does not have."""
        if self.distributions is None:
            return
        if settings.theory != "exact":
            raise ValueError('distributions: wanted only with theory = "exact" in [solver], which has samples')
        if late := [time for time in self.distributions if time > settings.t_max]:
            raise ValueError(f"distributions = {late[0]:g}: wanted times up to t_max = {settings.t_max:g}")

    def times(self, reached: float) -> tuple[float, ...]:
        """Times of the distributions of a run that has come to a time."""
        if self.distributions is not None:
            return tuple(time for time in self.distributions if time <= reached)
        return usual_times(reached)


def _list(given: Any) -> bool:
    return isinstance(given, Sequence) and not isinstance(given, str)


def usual_times(reached: float) -> tuple[float, ...]:
    """The start, powers of ten of the last decades, and the end."""
    if reached == 0:
        return (0.0,)
    last = math.ceil(math.log10(reached)) - 1
    powers = [10.0**power for power in range(last - DECADES + 1, last + 1)]
    return (0.0, *(time for time in powers if time < reached), reached)
