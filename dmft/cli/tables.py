"""Tables of names and values: ruled on a terminal, plain aligned columns in a pipe."""

from __future__ import annotations

import os
import sys
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

from dmft.cli.output import printable, say

if TYPE_CHECKING:
    from rich.table import Table

# Columns of a line, and the fewest of them for words that go on in the next one.
ROOM, NARROWEST = 80, 20
# Columns of a line that each column of a ruled table takes beside its text.
PADDING = 3


def print_table(title: str, rows: Sequence[tuple[str, ...]]) -> None:
    """Print rows of equal length under a title."""
    if sys.stdout.isatty():
        _ruled(title, rows)
    else:
        say("\n".join([printable(title), *plain(rows), ""]))


def plain(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Aligned columns, indented by two, as close as lines of 80 columns need; words of the last one go on in the next line."""
    rows = [tuple(map(printable, row)) for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    excess = 2 + sum(widths) + 2 * (len(widths) - 1) - ROOM
    gap = " " if 0 < excess < len(widths) else "  "
    before = " " * (2 + sum(widths[:-1]) + len(gap) * (len(widths) - 1))
    if len(gap) == 1 or excess <= 0:
        return ["  " + gap.join(map(str.ljust, row, widths)).rstrip() for row in rows]
    room, lines = max(ROOM - len(before), NARROWEST), []
    for row in rows:
        first, *others = textwrap.wrap(row[-1], room, break_long_words=False, break_on_hyphens=False) or [""]
        lines.append("  " + gap.join(map(str.ljust, (*row[:-1], first), widths)).rstrip())
        lines += [before + other for other in others]
    return lines


def _ruled(title: str, rows: Sequence[tuple[str, ...]]) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console()
    # Rich leaves out colours itself, but not this.
    console.print(Text(printable(title), "" if os.environ.get("NO_COLOR") else "bold"))
    for part in parts(rows, console.width):
        console.print(_rich(part))


def parts(rows: Sequence[tuple[str, ...]], room: int) -> list[list[tuple[str, ...]]]:
    """Tables of as many columns as a line of `room` columns holds, their longest words whole; each has the first column."""
    widths = [
        max(len(word) for cell in column for word in cell.split() or [""]) + PADDING for column in zip(*rows, strict=True)
    ]
    first = min(widths[0], room // 2)
    groups: list[list[int]] = [[]]
    for place in range(1, len(widths)):
        if groups[-1] and first + sum(widths[other] for other in groups[-1]) + widths[place] >= room:
            groups.append([])
        groups[-1].append(place)
    return [[(row[0], *(row[place] for place in group)) for row in rows] for group in groups]


def _rich(rows: Sequence[tuple[str, ...]]) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(show_header=False, box=box.HORIZONTALS)
    for _ in rows[0]:
        table.add_column(overflow="fold")
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    return table
