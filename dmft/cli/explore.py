"""dmft explore: a page with sliders."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dmft.cli.inputs import BadInput, load_problem


def explore(
    file: Annotated[
        Path | None,
        typer.Argument(metavar="[PROBLEM.toml]", help="Problem to begin with.", show_default="an example"),
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of this machine; 0 takes a free one.")] = 0,
    show: Annotated[bool, typer.Option("--show/--no-show", help="Open a browser.")] = True,
) -> None:
    """Open a page on this machine on which curves and kernels follow sliders; Ctrl-C ends it.

    Needs the extra `explore`: pip install 'dmft[explore]'.
    """
    from dmft.problem import registry
    from dmft.problem.problem import DEFAULT_MODEL

    if file is None:
        tables = registry.load(DEFAULT_MODEL).description.example
    else:
        tables = load_problem(file, []).tables
    try:
        from dmft.explore.server import free_port, serve
    except ModuleNotFoundError as error:
        raise BadInput("explore", f"{error.name} is not installed: wanted pip install 'dmft[explore]'") from None
    try:
        serve(tables, port or free_port(), lambda address: typer.echo(f"{address}  (Ctrl-C ends)"), show=show)
    except OSError as error:
        raise BadInput("explore", f"port {port}: {error.strerror}; wanted a free port") from None
