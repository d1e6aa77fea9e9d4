"""dmft collect: one table of a sweep from its run files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dmft.cli.inputs import naming
from dmft.cli.output import say


def collect(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of a sweep.", show_default=False)],
    curves: Annotated[bool, typer.Option(help="Store the observables at all nodes as well.")] = True,
) -> None:
    """Collect the points of a sweep into DIR/sweep.h5; those that failed or are missing are rows that say so."""
    from dmft import ProblemError
    from dmft.sweeps.collect import collect as make_table

    with naming(folder, ProblemError, OSError):
        table = make_table(folder, curves=curves)
    say(f"{len(table.sweep)} points: {table.endings}, {folder / 'sweep.h5'}")
