"""dmft show of a simulation: what was simulated, and means with their standard errors."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dmft.cli.output import say
from dmft.cli.progress import duration
from dmft.cli.tables import print_table
from dmft.mathematics.notation import plus_minus
from dmft.results.entries import mirrored

if TYPE_CHECKING:
    from dmft.results.simulation import Simulation

DIGITS = ".8g"


def show_simulation(file: Path, simulation: Simulation, at: float | None) -> None:
    """Print what is in a simulation file; of the values at a time, those at the nearest one that it has."""
    if at is not None:
        import numpy as np

        nearest = int(np.argmin(np.abs(simulation.time - at)))
        print_table(f"{file} at t = {simulation.time[nearest]:g}, nearest to {at:g}: mean, +-", _values(simulation, nearest))
        return
    print_table(str(file), _overview(simulation))
    say(simulation.problem.to_toml())
    print_table("observables at the end: mean, +-", _values(simulation, -1))
    if simulation.two_time:
        described = simulation.problem.parameters.description.kernels
        rows = [(name, described[name].units, described[name].meaning) for name in simulation.two_time]
        print_table("correlations of each seed: units, meaning", rows)


def _overview(simulation: Simulation) -> list[tuple[str, str]]:
    """Description of a simulation and of its cost."""
    origin, seeds = simulation.provenance, simulation.seeds
    return [
        ("outcome", f"{simulation.outcome.value}: {simulation.outcome.advice}"),
        *((name, str(value)) for name, value in simulation.setup.model_dump().items()),
        *((name, str(value)) for name, value in simulation.sizes.items()),
        ("seeds", f"{len(seeds)}, from {seeds[0]} to {seeds[-1]}"),
        ("diverged", ", ".join(map(str, simulation.diverged)) or "none"),
        ("evaluations", f"{simulation.evaluations.mean():.0f} a seed"),
        ("wall time", duration(simulation.wall_time)),
        ("version", origin["dmft_version"]),
        ("commit", origin["git"] or "none"),
        ("command", origin["command"]),
    ]


def _values(simulation: Simulation, at: int) -> list[tuple[str, ...]]:
    """Name, mean and standard error at one of the times."""
    found, errors, repeated = simulation.entries, simulation.entry_errors, mirrored(simulation.problem)
    return [
        (name, f"{values[at]:{DIGITS}}", plus_minus(errors[name][at])) for name, values in found.items() if name not in repeated
    ]
