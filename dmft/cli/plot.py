"""dmft plot: the standard figure of a file, or several runs and simulations on one figure."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dmft.cli.inputs import BadInput, load_file, naming, refuse_unwritable
from dmft.cli.output import say
from dmft.plots.formats import refuse_other_format

if TYPE_CHECKING:
    from dmft import Simulation, Solution, Table

AXES = "Axes, size and style"


def plot(
    file: Annotated[
        Path, typer.Argument(metavar="FILE.h5", help="Run file, simulation, or table of a sweep.", show_default=False)
    ],
    more: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="MORE.h5...",
            help="Further runs, and simulations: those of the problem of a run are points in its colour.",
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FIG.png", help="Figure to write: png, pdf or svg.", show_default="FILE.png"),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite a figure of another file.")] = False,
    observables: Annotated[
        str | None,
        typer.Option(metavar="NAME,NAME", help="Observables, one panel each; of a sweep, also columns.", show_default=False),
    ] = None,
    x: Annotated[str, typer.Option("--x", metavar="NAME", help="Observable at the horizontal axis.")] = "time",
    distributions: Annotated[
        bool, typer.Option("--distributions", help="Densities over the samples of a run of the exact theory, at several times.")
    ] = False,
    logx: Annotated[bool | None, typer.Option("--logx/--linx", help="Horizontal scale.", rich_help_panel=AXES)] = None,
    logy: Annotated[bool | None, typer.Option("--logy/--liny", help="Vertical scale.", rich_help_panel=AXES)] = None,
    xlim: Annotated[str | None, typer.Option(metavar="FIRST,LAST", help="Horizontal limits.", rich_help_panel=AXES)] = None,
    ylim: Annotated[str | None, typer.Option(metavar="FIRST,LAST", help="Vertical limits.", rich_help_panel=AXES)] = None,
    size: Annotated[str | None, typer.Option(metavar="WIDTHxHEIGHT", help="Size in inches.", rich_help_panel=AXES)] = None,
    style: Annotated[
        str, typer.Option(metavar="NAME", help="screen, or paper: a column of a journal.", rich_help_panel=AXES)
    ] = "screen",
) -> None:
    """Draw the standard figure of a file; of several runs, their observables, each run in a colour, simulations as points."""
    figure = output or file.with_suffix(".png")
    with naming(figure, ValueError):
        refuse_other_format(figure)
    look = {
        "observables": [name.strip() for name in observables.split(",")] if observables else (),
        "x": x,
        "x_scale": _scale(logx),
        "y_scale": _scale(logy),
        "x_limits": _pair("--xlim", xlim, ","),
        "y_limits": _pair("--ylim", ylim, ","),
        "size": _pair("--size", size, "x"),
        "style": style,
        "distributions": distributions,
    }
    refuse_unwritable(figure)
    files = [file, *(more or [])]
    results = [load_file(path) for path in files]
    _refuse_strangers(files, results)
    with drawing(figure):
        if not force:
            _refuse_other(figure, files)
        _draw(files, results, figure, look)
    say(figure)


def _draw(files: list[Path], results: list[Solution | Simulation | Table], figure: Path, look: dict[str, Any]) -> None:
    from dmft.plots import figures, saving

    with naming(files[0], ValueError):
        drawn = figures.figure(results, **look)
    saving.save(drawn, figure, files)


def _scale(logarithmic: bool | None) -> str | None:
    return None if logarithmic is None else "log" if logarithmic else "linear"


def _pair(option: str, given: str | None, between: str) -> tuple[float, float] | None:
    """Two numbers of an option."""
    if given is None:
        return None
    try:
        first, second = (float(part) for part in given.split(between))
    except ValueError:
        raise BadInput(option, f"{given!r}: wanted two numbers with {between!r} between them") from None
    return first, second


def _refuse_strangers(files: list[Path], results: list[Solution | Simulation | Table]) -> None:
    """BadInput for a simulation beside runs of which none is of its problem."""
    from dmft import ProblemError, Simulation, Solution

    runs = [one.problem for one in results if isinstance(one, Solution)]
    for path, simulation in zip(files, results, strict=True):
        if isinstance(simulation, Simulation) and runs:
            reasons = []
            for problem in runs:
                try:
                    simulation.refuse_other_problem(problem)
                except ProblemError as error:
                    reasons.append(str(error))
            if len(reasons) == len(runs):
                raise BadInput(path, reasons[0])


def _refuse_other(figure: Path, files: list[Path]) -> None:
    """BadInput if a figure exists that shows another file as well, or does not say what it shows."""
    from dmft.plots import saving

    if not figure.exists():
        return
    sources = saving.sources_of(figure)
    if not sources or set(sources) - {saving.beside(file, figure) for file in files}:
        whose = f"is the figure of {', '.join(sources)}" if sources else "does not say which file it shows"
        raise BadInput(figure, f"exists and {whose}: wanted another -o, or --force to overwrite it")


@contextmanager
def drawing(figure: Path) -> Iterator[None]:
    """BadInput that names the figure where it cannot be written, or where the matplotlib of this machine cannot draw."""
    try:
        yield
    except (OSError, RuntimeError, ImportError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error).strip()
        raise BadInput(figure, f"cannot be drawn ({reason.partition(chr(10))[0]})") from None
