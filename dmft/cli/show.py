"""dmft show: what is in a file, and values at a time, as tables or as JSON."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dmft.cli.inputs import load_file, naming
from dmft.cli.output import say
from dmft.cli.show_run import show_run
from dmft.cli.show_simulation import show_simulation
from dmft.cli.show_table import show_table

if TYPE_CHECKING:
    from dmft.api import Result


def show(
    file: Annotated[
        Path, typer.Argument(metavar="FILE.h5", help="Run file, simulation, or table of a sweep.", show_default=False)
    ],
    at: Annotated[
        float | None,
        typer.Option(
            metavar="T", help="Print every observable at this time instead; of a table, for each point.", show_default=False
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON for other programs.")] = False,
) -> None:
    """Show what is in a file."""
    from dmft import Simulation, Table

    found = load_file(file, only_observables=True)
    with naming(file, ValueError):
        if json:
            _print_json(file, found, at)
        elif isinstance(found, Table):
            show_table(file, found, at)
        elif isinstance(found, Simulation):
            show_simulation(file, found, at)
        else:
            show_run(file, found, at)


def _print_json(file: Path, found: Result, at: float | None) -> None:
    from dmft import Solution
    from dmft.exports.summary import arrays_of, summary, values_at
    from dmft.exports.text import json_text
    from dmft.storage.run_file import stored_kernels

    contents: dict[str, Any] = summary(found) if at is None else values_at(found, at)
    if at is None and isinstance(found, Solution):
        contents["arrays"] = {
            name: {"units": quantity.units, "meaning": quantity.meaning}
            for name, quantity in arrays_of(found, stored_kernels(file)).items()
        }
    say(json_text(contents).rstrip("\n"))
