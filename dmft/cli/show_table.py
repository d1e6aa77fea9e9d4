"""dmft show of the table of a sweep: its axes, how its points ended, and the range of every result."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dmft.cli.output import say
from dmft.cli.tables import print_table

if TYPE_CHECKING:
    from dmft import Table

DIGITS = ".6g"
# Points that failed are listed up to this number.
LISTED = 10


def show_table(file: Path, table: Table) -> None:
    """Print what is in the table of a sweep."""
    outcomes = Counter(table["outcome"].ravel().tolist())
    print_table(str(file), [("points", f"{len(table.sweep)}"), *((name, f"{count}") for name, count in outcomes.items())])
    say(table.sweep.to_toml())
    axes = [(name, f"{len(values)}", _number(values[0]), _number(values[-1])) for name, values in table.axes.items()]
    print_table("axes: number, first, last", axes)
    print_table("results: smallest, median, largest over the points", _ranges(table))
    failed = [index for index in range(len(table.sweep)) if table["reason"].flat[index]]
    if failed:
        rows = [(table.sweep.slug(i), table["outcome"].flat[i], table["reason"].flat[i]) for i in failed[:LISTED]]
        print_table(f"points without a result: {len(failed)}, the first of them", rows)


def _ranges(table: Table) -> list[tuple[str, ...]]:
    rows = []
    for name, values in sorted(table.values.items()):
        if values.dtype != object and np.isfinite(values).any():
            finite = values[np.isfinite(values)]
            rows.append((name, *(_number(value) for value in (finite.min(), np.median(finite), finite.max()))))
    return rows or [("none", "", "", "")]


def _number(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:{DIGITS}}"
