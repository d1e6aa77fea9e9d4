"""dmft export: the contents of a file as CSV or JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dmft.cli.inputs import load_file, naming, refuse_unwritable


def export(
    file: Annotated[
        Path, typer.Argument(metavar="FILE.h5", help="Run file, simulation, or table of a sweep.", show_default=False)
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="OUT.csv|OUT.json", help="File to write.", show_default=False)
    ],
) -> None:
    """Write what is in a file as CSV or JSON, by the ending of the name.

    CSV has a row for each time, or for each point of a sweep; JSON has everything, kernels included, with units and meanings.
    """
    from dmft import ProblemError
    from dmft.exports.text import export as write
    from dmft.exports.text import form_of

    with naming(output, ProblemError):
        form_of(output)
    refuse_unwritable(output)
    found = load_file(file)
    with naming(output, OSError):
        write(found, output)
