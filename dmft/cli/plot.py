"""dmft plot: the standard figure of a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dmft.cli.inputs import BadInput, load_solution, load_table, naming, refuse_unwritable

FORMATS = (".png", ".pdf", ".svg")


def plot(
    file: Annotated[Path, typer.Argument(metavar="FILE.h5", help="Run file, or table of a sweep.", show_default=False)],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FIG.png", help="Figure to write: png, pdf or svg.", show_default="FILE.png"),
    ] = None,
) -> None:
    """Draw the standard figure of a file."""
    figure = output or file.with_suffix(".png")
    if figure.suffix.lower() not in FORMATS:
        raise BadInput(figure, f"suffix = {figure.suffix or 'none'}: wanted one of {', '.join(FORMATS)}")
    refuse_unwritable(figure)
    with naming(file, ValueError):
        (load_table(file) or load_solution(file)).plot(figure)
    typer.echo(figure)
