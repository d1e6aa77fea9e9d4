"""Entry point: signals and streams are made safe first, then the command runs, and its end becomes the exit status.

The commands, and with them every other package, are imported only then: a signal in the first moments finds its handler.
"""

from __future__ import annotations

import os
import sys

from dmft.cli import signals, start_up
from dmft.cli.exit_codes import ExitCode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from dmft.cli.streams import DroppingFile

# Pydantic looks through all installed packages for plugins otherwise.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "1")

# Commands whose result is what they print; for all others that is a log.
PRINTING = {"cite", "check", "compare", "plan", "show", "status"}


def run(arguments: list[str] | None = None) -> int:
    """Run a command, by default that of the command line, and return its exit status."""
    try:
        from dmft.cli.commands import call

        return call(arguments)
    except signals.Stopped as stopped:
        print(f"dmft: stopped by {stopped}", file=sys.stderr)
        return ExitCode.STOPPED


def main() -> NoReturn:
    """The program `dmft`."""
    start_up.begin()
    try:
        with signals.StopOnSignal():
            from dmft.cli.streams import protect

            out = protect()
            code = _checked(run(), out)
            signals.ignore_all()
    except signals.Stopped:
        code = ExitCode.STOPPED
    signals.ignore_all()
    start_up.end()
    sys.exit(code)


def _checked(code: int, out: DroppingFile) -> int:
    """The exit status after the output is written; output that was lost matters to commands that print results."""
    sys.stdout.flush()
    if code == ExitCode.DONE and out.error is not None and PRINTING & set(sys.argv[1:2]):
        print(f"dmft: standard output: {out.error.strerror}", file=sys.stderr)
        return ExitCode.BAD_INPUT
    return code
