"""The list of commands, and one line on standard error for whatever they refuse."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from dmft.cli.check import check
from dmft.cli.cite import cite
from dmft.cli.collect import collect
from dmft.cli.compare import compare
from dmft.cli.exit_codes import ExitCode
from dmft.cli.explore import explore
from dmft.cli.export import export
from dmft.cli.inputs import BadInput
from dmft.cli.output import refuse, warning_of_unsealed_files
from dmft.cli.plan import plan
from dmft.cli.plot import plot
from dmft.cli.show import show
from dmft.cli.simulate import simulate
from dmft.cli.solve import solve
from dmft.cli.status import status
from dmft.cli.sweep import sweep

# typer has carried a copy of click of its own for a while: the base class of its usage errors is found through a public one.
UsageError: Any = typer.BadParameter.__mro__[1]

app = typer.Typer(
    name="dmft",
    help="Dynamical mean-field theory of two-layer networks.",
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
for command in (solve, sweep, plan, status, collect, simulate, compare, show, plot, export, explore, cite, check):
    app.command()(command)


def _print_version(wanted: bool) -> None:
    if wanted:
        from dmft import __version__

        typer.echo(f"dmft {__version__}")
        raise typer.Exit


@app.callback()
def dmft(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Dynamical mean-field theory of two-layer networks."""


def call(arguments: list[str] | None = None) -> int:
    """Run a command, by default that of the command line; its exit status."""
    try:
        with warning_of_unsealed_files():
            return int(app(arguments, prog_name="dmft", standalone_mode=False) or ExitCode.DONE)
    except BadInput as error:
        refuse(error.file, error.message)
    except UsageError as error:
        place = error.ctx.command_path if error.ctx else "dmft"
        message = " ".join(error.format_message().split()).rstrip(".")
        refuse("", f"{message}; see {place} --help")
    return ExitCode.BAD_INPUT
