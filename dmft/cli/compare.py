"""dmft compare: theory against simulation, in standard errors."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dmft.cli.exit_codes import ExitCode
from dmft.cli.inputs import load_simulation, load_solution, naming
from dmft.cli.tables import print_table

if TYPE_CHECKING:
    from dmft.results.simulation import Simulation
    from dmft.simulation.compare import Agreement, Comparison

# Seeds, below which standard errors are known so badly that it is worth a word.
FEW = 16
HEAD = ("observable", "largest z", "at t", "theory", "simulation", "+-", "rms z", "relative")


def compare(
    run: Annotated[Path, typer.Argument(metavar="RUN.h5", help="Run file of the theory.", show_default=False)],
    files: Annotated[
        list[Path], typer.Argument(metavar="SIM.h5...", help="Simulations, in one dimension or several.", show_default=False)
    ],
    threshold: Annotated[float, typer.Option(metavar="Z", help="Standard errors that are still agreement.")] = 4.0,
) -> None:
    """Compare theory and simulation of the same problem, in standard errors.

    z is the deviation in standard errors, for few seeds that of a normal law which is as improbable.  With simulations in
    several dimensions d, the deviation is fitted as c0 + c1/d and z is that of c0.

    Exit status: 0 they agree, 2 bad input, 3 they do not.
    """
    from dmft import ProblemError
    from dmft.simulation.compare import compare as find
    from dmft.simulation.compare import refuse_unlike

    if not threshold > 0:
        raise typer.BadParameter(f"--threshold = {threshold:g}: wanted a number > 0")
    theory, simulations = load_solution(run), [load_simulation(file) for file in files]
    for file, simulation in zip(files, simulations, strict=True):
        with naming(file, ProblemError):
            refuse_unlike(simulations[0], simulation)
            alone = find(theory, [simulation])
        print_table(f"{run} against {file}: {_in_words(simulation)}", _rows(alone))
    found = find(theory, simulations)
    if found.extrapolated:
        print_table(f"limit 1/d -> 0 of d = {', '.join(map(str, found.dims))}", _rows(found))
    typer.echo(_verdict(found, threshold, simulations[0]))
    if not found.agrees(threshold):
        raise typer.Exit(ExitCode.FAILED)


def _in_words(simulation: Simulation) -> str:
    return f"{simulation.setup.fields} in d = {simulation.setup.dim}, {len(simulation.seeds)} seeds"


def _rows(found: Comparison) -> list[tuple[str, ...]]:
    return [HEAD, *(_row(name, agreement) for name, agreement in found.observables.items())]


def _row(name: str, found: Agreement) -> tuple[str, ...]:
    worst = found.worst
    theory, deviation, error = found.theory[worst], found.deviation[worst], found.error[worst]
    numbers = (
        f"{found.z[worst]:+.2f}",
        f"{found.time[worst]:.4g}",
        f"{theory:.5g}",
        f"{theory + deviation:.5g}",
        f"{error:.1g}",
    )
    return (name, *numbers, f"{found.rms:.2f}", f"{found.relative:.2%}")


def _verdict(found: Comparison, threshold: float, simulation: Simulation) -> str:
    """Whether they agree, and if not, where and what to look at next."""
    if found.agrees(threshold):
        line = f"agree: no observable deviates by more than {threshold:g} standard errors"
        few = f"; with {min(found.seeds)} seeds that is {found.blind_spot(threshold):.3g} times +-, more seeds see more"
        return line + few if min(found.seeds) < FEW else line
    name, worst = max(found.observables.items(), key=lambda item: abs(item[1].z[item[1].worst]))
    line = f"disagree: {name} deviates by {abs(worst.z[worst.worst]):.3g} standard errors at t = {worst.time[worst.worst]:.4g}"
    if simulation.setup.fields == "network":
        return f"{line}; what the Gaussian approximation has to do with it, --fields gaussian tells"
    if not found.extrapolated:
        return f"{line}; what the finite d has to do with it, simulations in several dimensions tell"
    return line
