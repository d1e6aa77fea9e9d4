"""dmft plan: memory, time and number of points before anything runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dmft.cli import batch
from dmft.cli.inputs import is_sweep, load_problem, load_sweep, naming
from dmft.cli.progress import duration
from dmft.cli.tables import print_table


def plan(
    file: Annotated[Path, typer.Argument(metavar="FILE.toml", help="Problem file or sweep file.", show_default=False)],
    assignments: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="TABLE.KEY=VALUE", help="Change a value of the problem file; may be repeated."),
    ] = None,
) -> None:
    """Estimate nodes, memory and time of a run, or of all points of a sweep, before it is started."""
    from dmft import ProblemError
    from dmft.running.plan import plan as estimate

    if is_sweep(file):
        plan_sweep(file, assignments or [])
        return
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
    typer.echo(f"on a cluster: {batch.of_run(file, planned.memory, planned.seconds)}")


# A plan is made within seconds.
MOST_VALIDATED = 10_000


def plan_sweep(file: Path, assignments: list[str]) -> None:
    """The same of a sweep file."""
    from dmft import ProblemError
    from dmft.sweeps.plan import plan_sweep as estimate
    from dmft.system.memory import available_memory

    asked = load_sweep(file, assignments, most=MOST_VALIDATED)
    with naming(file, ProblemError):
        planned = estimate(asked)
    print_table(
        f"plan of {file}, from pilot runs of {planned.tried} points",
        [
            ("points", f"{planned.points}"),
            ("nodes", f"{planned.nodes} at most"),
            ("memory of a process", f"{amount(planned.memory)} at most; {amount(available_memory())} are available here"),
            ("files", amount(planned.file_size)),
            ("time on one core", f"{duration(planned.seconds)}, {duration(planned.longest)} for the longest point"),
        ],
    )
    line = batch.of_sweep(file, planned.points, planned.memory, planned.seconds, planned.longest)
    typer.echo(f"on a cluster: {line}")


def amount(size: float) -> str:
    """Bytes in words: 3.1 MiB."""
    units = ("B", "KiB", "MiB", "GiB", "TiB")
    power = 0
    while size >= 1000 and power < len(units) - 1:
        size, power = size / 1024, power + 1
    return f"{size:.3g} {units[power]}"
