"""dmft check: which files are whole."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dmft.cli.exit_codes import ExitCode
from dmft.cli.inputs import BadInput
from dmft.cli.output import say

if TYPE_CHECKING:
    from dmft.storage.check import Condition


def check(
    places: Annotated[
        list[Path],
        typer.Argument(metavar="FILE|DIR...", help="Files, or folders whose files are all checked.", show_default=False),
    ],
) -> None:
    """Check that files are as they were written: run files, simulations, tables of sweeps, checkpoints.

    Prints one line for each file that is not.  Exit status: 0 all are whole, 2 some are not.
    """
    from dmft.storage.check import check as look

    found: list[Condition] = []
    for path in _files(places):
        found.append(look(path))
        if found[-1].damage:
            say(f"{path}: {found[-1].damage}")
    damaged, unsealed = sum(bool(one.damage) for one in found), sum(not one.sealed for one in found)
    old = f", {unsealed} of them without a checksum: an earlier version wrote them" if unsealed else ""
    say(f"{len(found) - damaged} of {len(found)} files are whole{old}")
    if damaged:
        raise typer.Exit(ExitCode.BAD_INPUT)


def _files(places: list[Path]) -> list[Path]:
    """Files that are named, and those in folders that are named."""
    from dmft.storage.check import files_below

    found = []
    for place in places:
        inside = list(files_below(place)) if os.path.isdir(place) else [place]
        if not inside:
            raise BadInput(place, "holds no files to check: wanted a run file, a simulation, or the folder of a sweep")
        found += inside
    return found
