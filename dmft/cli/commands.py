"""The list of commands, and one line on standard error for whatever they refuse."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from importlib import import_module
from typing import Annotated, Any

import typer

from dmft.cli import start_up
from dmft.cli.exit_codes import ExitCode
from dmft.cli.inputs import BadInput
from dmft.cli.output import refuse, warning_of_unsealed_files

# Each is the function of its name in the module of its name; a line of the list of commands.
COMMANDS = {
    "solve": "Solve one parameter point.",
    "sweep": "Solve every point of a sweep.",
    "plan": "Estimate nodes, memory and time before anything runs.",
    "status": "Show the progress of a sweep.",
    "collect": "Collect the points of a sweep into one table.",
    "simulate": "Simulate finite systems of the problem of a file.",
    "compare": "Compare theory and simulation in standard errors.",
    "show": "Show what is in a file.",
    "plot": "Draw the figure of a file, or of several.",
    "export": "Write what is in a file as CSV or JSON.",
    "explore": "Open a page with sliders on this machine.",
    "cite": "Print BibTeX of what was used to make a file.",
    "check": "Check that files are as they were written.",
}

# typer has carried a copy of click of its own for a while: the base class of its usage errors is found through a public one.
UsageError: Any = typer.BadParameter.__mro__[1]


def _print_version(wanted: bool) -> None:
    if wanted:
        from dmft import __version__

        typer.echo(f"dmft {__version__}")
        raise typer.Exit


def dmft(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Dynamical mean-field theory of two-layer networks."""


def program(names: Iterable[str] = COMMANDS) -> typer.Typer:
    """The program `dmft` with these commands."""
    app = typer.Typer(
        name="dmft",
        help="Dynamical mean-field theory of two-layer networks.",
        context_settings={"help_option_names": ["-h", "--help"]},
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )
    app.callback()(dmft)
    for name in names:
        app.command(short_help=COMMANDS[name])(getattr(import_module(f"dmft.cli.{name}"), name))
    return app


def call(arguments: list[str] | None = None) -> int:
    """Run a command, by default that of the command line; its exit status."""
    given = sys.argv[1:] if arguments is None else arguments
    # A tenth of a second is saved where only the command that is called is described.
    app = program(given[:1] if set(given[:1]) & set(COMMANDS) else COMMANDS)
    if given[:1] != ["solve"]:  # which says itself when its imports are done: it is the one that takes less than a second
        start_up.over()
    try:
        with warning_of_unsealed_files():
            return int(app(arguments, prog_name="dmft", standalone_mode=False) or ExitCode.DONE)
    except BadInput as error:
        refuse(error.file, error.message)
    except UsageError as error:
        place = error.ctx.command_path if error.ctx else "dmft"
        message = " ".join(error.format_message().split()).rstrip(".")
        refuse("", f"{message}{' See' if message.endswith('?') else '; see'} {place} --help")
    except MemoryError as error:
        refuse("", f"not enough memory: {error or 'wanted smaller sizes'}")
    return ExitCode.BAD_INPUT
