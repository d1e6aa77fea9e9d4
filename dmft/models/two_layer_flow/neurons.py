"""Groups of neurons that start alike: the tables of `neurons = [...]`, and the groups that follow from them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator, model_validator

from dmft.problem.table import ProblemError, Table, shown, validated

Array = NDArray[np.float64]

# Fractions may miss one, and numbers of neurons a whole number, by this much, relative to it.
WHOLE = 1e-9


def checked_alignment(value: float | tuple[float, ...]) -> float | tuple[float, ...]:
    """An alignment with one direction, or one with each of several.  ValueError unless it is shorter than a unit vector."""
    parts = value if isinstance(value, tuple) else (value,)
    if not parts or not all(map(math.isfinite, parts)):
        raise ValueError("wanted a finite number, or one for each direction of the target")
    if not math.hypot(*parts) < 1:
        raise ValueError("wanted a number > -1 and < 1" if len(parts) == 1 else "wanted a vector shorter than 1")
    return parts[0] if len(parts) == 1 else value


class NeuronGroup(Table):
    """One table of `neurons`: neurons that start with the same second-layer weight and alignment."""

    fraction: float | None = Field(default=None, gt=0, le=1, allow_inf_nan=False, description="part of all neurons")
    count: int | None = Field(default=None, ge=1, description="number of neurons")
    second_layer: float = Field(
        default=1.0, ge=-1e100, le=1e100, allow_inf_nan=False, description="a(0) in units of that of the start"
    )
    alignment: float | tuple[float, ...] | None = Field(
        default=None, description="v(0), a number for each direction; without it, that of the problem"
    )

    @field_validator("alignment")
    @classmethod
    def _inside(cls, value: float | tuple[float, ...] | None) -> float | tuple[float, ...] | None:
        return None if value is None else checked_alignment(value)

    @model_validator(mode="after")
    def _one_size(self) -> NeuronGroup:
        if (self.fraction is None) == (self.count is None):
            got = "neither" if self.count is None else "both"
            raise ValueError(f"fraction, count: {got} given, wanted exactly one of the two")
        return self


@dataclass(frozen=True)
class Group:
    """Neurons that start alike: their part of all, their number, a(0) and v(0) (directions,)."""

    fraction: float
    number: float
    second_layer: float
    alignment: Array


def read_groups(given: Any) -> tuple[NeuronGroup, ...]:
    """The tables of `neurons`, validated.  ValueError names the place in the list."""
    if not isinstance(given, list | tuple) or not given:
        raise ValueError("wanted a list of tables, such as { fraction = 0.5, second_layer = 1.0, alignment = 0.1 }")
    groups = []
    for place, table in enumerate(given):
        if isinstance(table, NeuronGroup):
            groups.append(table)
            continue
        if not isinstance(table, dict):
            raise ValueError(f"[{place}] is {shown(table)}: wanted a table")
        try:
            groups.append(validated(NeuronGroup, table, f"neurons[{place}]"))
        except ProblemError as error:
            message = str(error)
            raise ValueError(message if "neurons[" in message else f"in neurons[{place}], {message}") from None
    return tuple(groups)


def sizes(groups: Sequence[NeuronGroup], width: float) -> list[tuple[float, float]]:
    """Fraction and number of neurons of each group.  ValueError unless they are all neurons, whole ones of a finite width."""
    if math.isinf(width) and any(group.count is not None for group in groups):
        raise ValueError("neurons: wanted fractions, no counts, with width = inf")
    found = []
    for group in groups:
        if group.count is not None:
            found.append((group.count / width, float(group.count)))
            continue
        assert group.fraction is not None
        number = group.fraction * width
        if math.isfinite(number):
            if not abs(number - round(number)) <= WHOLE * number or number < 0.5:
                raise ValueError(f"neurons: fraction = {group.fraction:g} of width = {width:g}: wanted a whole number")
            number = float(round(number))
        found.append((group.fraction, number))
    total = sum(fraction for fraction, _ in found)
    if not abs(total - 1) <= WHOLE:
        raise ValueError(f"neurons: the groups are {total:.9g} of all neurons, wanted fractions or counts of all of them")
    return found
