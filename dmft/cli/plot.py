"""dmft plot: the standard figure of a file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from dmft.cli.inputs import BadInput, load_file, load_simulation, naming, refuse_unwritable
from dmft.cli.output import say

FORMATS = (".png", ".pdf", ".svg")


def plot(
    file: Annotated[
        Path, typer.Argument(metavar="FILE.h5", help="Run file, simulation, or table of a sweep.", show_default=False)
    ],
    more: Annotated[
        list[Path] | None,
        typer.Argument(metavar="SIM.h5...", help="Simulations of its problem, to be drawn as points.", show_default=False),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FIG.png", help="Figure to write: png, pdf or svg.", show_default="FILE.png"),
    ] = None,
) -> None:
    """Draw the standard figure of a file; of a run file and simulations, theory as lines and simulations as points."""
    from dmft import ProblemError, Table

    figure = output or file.with_suffix(".png")
    if figure.suffix.lower() not in FORMATS:
        raise BadInput(figure, f"suffix = {figure.suffix or 'none'}: wanted one of {', '.join(FORMATS)}")
    refuse_unwritable(figure)
    first, simulations = load_file(file), []
    for path in more or []:
        if isinstance(first, Table):
            raise BadInput(file, "is the table of a sweep: wanted a run file or a simulation to draw another one with")
        simulations.append(load_simulation(path))
        with naming(path, ProblemError):
            simulations[-1].refuse_other_problem(first.problem)
    with naming(file, ValueError), drawing(figure):
        first.plot(figure, *([simulations] if simulations else []))
    say(figure)


@contextmanager
def drawing(figure: Path) -> Iterator[None]:
    """BadInput that names the figure where it cannot be written, or where the matplotlib of this machine cannot draw."""
    try:
        yield
    except (OSError, RuntimeError, ImportError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error).strip()
        raise BadInput(figure, f"cannot be drawn ({reason.partition(chr(10))[0]})") from None
