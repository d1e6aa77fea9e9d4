"""dmft show of the table of a sweep: its axes, how its points ended, and the range of every result."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from dmft.cli.output import say
from dmft.cli.tables import print_table

if TYPE_CHECKING:
    from dmft import Table

DIGITS = ".6g"
# Points that failed are listed up to this number.
LISTED = 10


def show_table(file: Path, table: Table, at: float | None) -> None:
    """Print what is in the table of a sweep, or the values at a time, a row for each point.

    ValueError for a time that no point has reached.
    """
    if at is not None:
        found = {name: values.ravel() for name, values in table.at(at).items()}
        head = ("point", *found)
        rows = [(table.sweep.slug(i), *(f"{values[i]:{DIGITS}}" for values in found.values())) for i in range(len(table.sweep))]
        print_table(f"{file} at t = {at:g}", [head, *rows])
        return
    outcomes = Counter(table["outcome"].ravel().tolist())
    print_table(str(file), [("points", f"{len(table.sweep)}"), *((name, f"{count}") for name, count in outcomes.items())])
    say(table.sweep.to_toml())
    overview = table.overview()
    print_table("axes: number, first, last", overview["axes"][1:])
    print_table("results: smallest, median, largest over the points", overview["results"][1:] or [("none", "", "", "")])
    failed = [index for index in range(len(table.sweep)) if table["reason"].flat[index]]
    if failed:
        rows = [(table.sweep.slug(i), table["outcome"].flat[i], table["reason"].flat[i]) for i in failed[:LISTED]]
        print_table(f"points without a result: {len(failed)}, the first of them", rows)
