"""Tables of names and values: ruled on a terminal, plain aligned columns in a pipe."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from dmft.cli.output import printable, say


def print_table(title: str, rows: Sequence[tuple[str, ...]]) -> None:
    """Print rows of equal length under a title."""
    if sys.stdout.isatty():
        _ruled(title, rows)
    else:
        say("\n".join([printable(title), *plain(rows), ""]))


def plain(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Aligned columns, indented by two."""
    rows = [tuple(map(printable, row)) for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  " + "  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]


def _ruled(title: str, rows: Sequence[tuple[str, ...]]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(printable(title), "bold"), title_justify="left", show_header=False, box=box.HORIZONTALS)
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    Console().print(table)
