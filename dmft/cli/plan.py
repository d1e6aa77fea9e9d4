"""dmft plan: memory, time and number of points before anything runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dmft.cli.inputs import load_problem, naming
from dmft.cli.progress import duration
from dmft.cli.tables import print_table


def plan(
    file: Annotated[Path, typer.Argument(metavar="FILE.toml", help="Problem file.", show_default=False)],
    assignments: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="TABLE.KEY=VALUE", help="Change a value of the problem file; may be repeated."),
    ] = None,
) -> None:
    """Estimate nodes, memory and time of a run before it is started."""
    from dmft import ProblemError
    from dmft.plan import plan as estimate

    asked = load_problem(file, assignments or [])
    with naming(file, ProblemError):
        planned = estimate(asked)
    print_table(
        f"plan of {file}",
        [
            ("points", f"{planned.points}"),
            ("nodes", f"{planned.nodes}"),
            ("memory", amount(planned.memory)),
            ("file", amount(planned.file_size)),
            ("time", duration(planned.seconds)),
        ],
    )


def amount(size: float) -> str:
    """Bytes in words: 3.1 MiB."""
    units = ("B", "KiB", "MiB", "GiB", "TiB")
    power = 0
    while size >= 1000 and power < len(units) - 1:
        size, power = size / 1024, power + 1
    return f"{size:.3g} {units[power]}"
