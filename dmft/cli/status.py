"""dmft status: progress of a sweep."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dmft.cli.inputs import naming
from dmft.cli.progress import duration
from dmft.cli.sweep_progress import speed
from dmft.cli.tables import print_table


def status(folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of a sweep.", show_default=False)]) -> None:
    """Show the progress of a sweep: done, failed, running and missing points, rate and time left."""
    from dmft import ProblemError
    from dmft.sweeps.status import status as look

    with naming(folder, ProblemError, OSError):
        found = look(folder)
    rows = [
        ("points", f"{found.points}"),
        ("done", f"{found.done}"),
        ("failed", f"{found.failed}"),
        ("running", f"{found.running}"),
        ("missing", f"{found.missing}"),
    ]
    if found.at_work:
        rows += [("rate", speed(found.rate) if found.rate else "?"), ("time left", duration(found.seconds_left))]
    print_table(f"{folder}: {_in_words(found.at_work, found.missing)}", rows)


def _in_words(at_work: bool | None, missing: int) -> str:
    if not missing:
        return "finished"
    if at_work is None:
        return "not finished; the lock file cannot be read, so it may be running"
    return "at work" if at_work else "not running; rerun the same dmft sweep command to finish"
