"""dmft show of a run file: outcome and cost, problem, range of every observable, kernels."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from dmft.cli.output import say
from dmft.cli.progress import duration
from dmft.cli.tables import print_table
from dmft.results.entries import mirrored

if TYPE_CHECKING:
    from dmft import Solution

DIGITS = ".8g"
_MOMENTS = "distributions over samples: mean, standard deviation, kurtosis"


class Moments(NamedTuple):
    """A row of the table of moments, and its time."""

    time: float
    cells: tuple[str, ...]


def show_run(file: Path, solution: Solution, at: float | None) -> None:
    """Print what is in a run file, or its values at a time.  ValueError for a time that was not reached."""
    if at is not None:
        print_table(f"{file} at t = {at:g}", _at_a_time(solution, at))
        if known := moments(solution):
            nearest = min({row.time for row in known}, key=lambda time: abs(time - at))
            print_table(f"{_MOMENTS} at t = {nearest:g}", [row.cells[1:] for row in known if row.time == nearest])
        return
    print_table(str(file), _overview(solution))
    say(solution.problem.to_toml())
    if constants := solution.problem.parameters.constants():
        print_table("constants", [(name, f"{value:{DIGITS}}") for name, value in constants.items()])
    title = "observables: final, smallest, largest" + (", +- at the end" if solution.standard_errors else "")
    print_table(title, _ranges(solution))
    if arrays := _arrays(file, solution):
        print_table("kernels and order parameters: units, meaning", arrays)
    if known := moments(solution):
        print_table(_MOMENTS, [row.cells for row in known])
    for title, rows in solution.problem.parameters.findings(solution).items():
        print_table(title, rows)


def moments(solution: Solution) -> list[Moments]:
    """Mean, deviation and kurtosis of every distribution of a run, one row for each quantity, group and time."""
    import numpy as np

    from dmft.engines.distributions import MOMENTS
    from dmft.history.fields import label
    from dmft.mathematics.notation import plus_minus

    rows, times = [], solution.times_of_distributions
    for name in solution.names_of_distributions:
        for place in np.ndindex(solution.distributions[f"{name}_mean"].shape):
            shown = []
            for moment in MOMENTS:
                error = solution.standard_errors.get(f"{name}_{moment}")
                value = f"{solution.distributions[f'{name}_{moment}'][place]:.6g}"
                shown.append(value if error is None else value + plus_minus(float(error[place]), " +- {:.2g}"))
            time = times[place[0]]
            rows.append(Moments(float(time), (f"t = {time:g}", label(name, place[1:]), *shown)))
    return rows


def _at_a_time(solution: Solution, time: float) -> list[tuple[str, ...]]:
    """Name and value of every observable, and its standard error if it has one."""
    import numpy as np

    found, errors = solution.entries_at(time), solution.entry_errors
    ending = {name: f"+- {np.interp(time, solution.time, error):.2g}" for name, error in errors.items()}
    return [(name, f"{found[name]:{DIGITS}}", *([ending[name]] if errors else [])) for name in _shown(solution)]


def _shown(solution: Solution) -> list[str]:
    """Names of the entries of observables, of those that are equal one."""
    repeated = mirrored(solution.problem)
    return [name for name in solution.entries if name not in repeated]


def _overview(solution: Solution) -> list[tuple[str, str]]:
    """Outcome and cost of the run."""
    origin = solution.provenance
    return [
        ("outcome", f"{solution.outcome.value}: {solution.advice}"),
        ("time reached", f"{solution.time[-1]:{DIGITS}} of {solution.problem.solver.t_max:g}"),
        *_verified(solution),
        ("nodes", f"{len(solution.time)}"),
        ("iterations", f"{solution.iterations}"),
        ("last residual", f"{solution.residual:.1e}"),
        ("wall time", duration(solution.wall_time)),
        ("version", origin["dmft_version"]),
        ("commit", origin["git"] or "none"),
        ("command", origin["command"]),
    ]


def _verified(solution: Solution) -> list[tuple[str, str]]:
    """The largest estimated error, of a run that was verified."""
    said = solution.said_of_errors.removeprefix("errors up to ")
    return [("largest error", said)] if said else []


def _ranges(solution: Solution) -> list[tuple[str, ...]]:
    """Name, final, smallest and largest value on the nodes of every observable."""
    found, errors = solution.entries, solution.entry_errors
    return [
        (
            name,
            *(f"{value:{DIGITS}}" for value in (found[name][-1], found[name].min(), found[name].max())),
            *([f"+- {errors[name][-1]:.2g}"] if errors else []),
        )
        for name in _shown(solution)
    ]


def _arrays(file: Path, solution: Solution) -> list[tuple[str, ...]]:
    """Name, units and meaning of every two-time function and order parameter in the file."""
    from dmft.exports.summary import arrays_of
    from dmft.storage.run_file import stored_kernels

    return [(name, found.units, found.meaning) for name, found in arrays_of(solution, stored_kernels(file)).items()]
