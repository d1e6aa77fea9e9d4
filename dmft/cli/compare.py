"""dmft compare: theory against simulation, in standard errors."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dmft.cli.exit_codes import ExitCode
from dmft.cli.inputs import load_simulation, load_solution, naming
from dmft.cli.output import say
from dmft.cli.tables import print_table

if TYPE_CHECKING:
    from dmft.results.simulation import Simulation
    from dmft.simulation.agreement import Agreement, Comparison, Verdict

# A standard error below this, relative to the value, is one of rounding.
ROUNDING = 1e-12
HEAD = ("observable", "at t", "theory", "simulation", "z", "off by", "seen from")


def compare(
    run: Annotated[Path, typer.Argument(metavar="RUN.h5", help="Run file of the theory.", show_default=False)],
    files: Annotated[
        list[Path], typer.Argument(metavar="SIM.h5...", help="Simulations, in one dimension or several.", show_default=False)
    ],
    level: Annotated[float, typer.Option(metavar="P", help="Probability that chance makes anything significant.")] = 0.01,
    within: Annotated[float, typer.Option(metavar="X", help="Relative deviation to be excluded for agreement.")] = 0.1,
    threshold: Annotated[
        float | None,
        typer.Option(metavar="Z", help="Standard errors from which on a deviation counts, uncorrected.", show_default=False),
    ] = None,
) -> None:
    """Compare theory and simulation of the same problem, in standard errors.

    z is the deviation in standard errors; for few seeds, the normal deviate of the same probability.  The table shows the time
    of the largest z, the relative deviation there, and the smallest one that would be significant there ("seen from").  A
    deviation is significant by Holm's procedure over all observables and times.  With simulations in several dimensions d, the
    deviation is fitted as c0 + c1/d, and c0 is judged.

    Exit status: 0 no deviation is significant, 2 bad input, 3 a deviation is significant.
    """
    from dmft import ProblemError
    from dmft.simulation.compare import compare as find
    from dmft.simulation.compare import refuse_unlike, refuse_without_errors

    _refuse_options(level, within, threshold)
    theory, simulations = load_solution(run), [load_simulation(file) for file in files]
    with naming(run, ProblemError):
        refuse_without_errors(theory)
    for file, simulation in zip(files, simulations, strict=True):
        with naming(file, ProblemError):
            refuse_unlike(simulations[0], simulation)
            alone = find(theory, [simulation], level=level, within=within)
        print_table(f"{run} against {file}: {_in_words(simulation)}", _rows(alone))
    found = find(theory, simulations, level=level, within=within)
    if found.extrapolated:
        print_table(f"limit 1/d -> 0 of d = {', '.join(map(str, found.dims))}", _rows(found))
    if threshold is None:
        print_table(f"verdict: {found.comparisons} comparisons at the family-wise level {level:g} (Holm)", _judged(found))
    line = _verdict(found) if threshold is None else _by_threshold(found, threshold)
    agree = found.agrees(threshold)
    say(line if agree else "\n".join([line, *_advice(found, simulations[0])]))
    if not agree:
        raise typer.Exit(ExitCode.FAILED)


def _refuse_options(level: float, within: float, threshold: float | None) -> None:
    """BadParameter, naming the option, for a number that makes no sense."""
    if not 0 < level < 1:
        raise typer.BadParameter(f"--level = {level:g}: wanted a number between 0 and 1")
    if not within > 0:
        raise typer.BadParameter(f"--within = {within:g}: wanted a number > 0")
    if threshold is not None and not threshold > 0:
        raise typer.BadParameter(f"--threshold = {threshold:g}: wanted a number > 0")


def _in_words(simulation: Simulation) -> str:
    return f"{simulation.setup.fields} in d = {simulation.setup.dim}, {len(simulation.seeds)} seeds"


def _rows(found: Comparison) -> list[tuple[str, ...]]:
    each = found.level / found.comparisons
    return [HEAD, *(_row(name, agreement, each) for name, agreement in found.observables.items())]


def _row(name: str, found: Agreement, each: float) -> tuple[str, ...]:
    worst = found.worst
    theory, deviation, error = found.theory[worst], found.deviation[worst], found.error[worst]
    relative, seen = found.relative(found.deviation)[worst], found.relative(found.detectable(each))[worst]
    return (
        name,
        f"{found.time[worst]:.3g}",
        f"{theory:.4g}",
        _with_error(theory + deviation, error),
        f"{found.z[worst]:+.1f}",
        per_cent(relative, "+"),
        per_cent(seen),
    )


def _with_error(value: float, error: float) -> str:
    """A value with its standard error in parentheses, in units of the last digits: 0.6513(80)."""
    from math import floor, isfinite, log10

    if not (error > ROUNDING * abs(value) and isfinite(value)):
        return f"{value:.4g}"
    digits = 1 - floor(log10(error))
    if not -3 < digits < 7:
        return f"{value:.3g}+-{error:.1g}"
    last = round(error * 10**digits)
    return f"{value:.{digits}f}({last})" if digits > 0 else f"{value:.0f}({error:.0f})"


def per_cent(value: float, sign: str = "") -> str:
    """A relative number in per cent, with two digits; a dash where it is relative to zero."""
    from math import isfinite

    if not isfinite(value):
        return "-"
    if abs(value) >= 100:
        return f"{100 * value:{sign}.1e}%"
    return f"{100 * value:{sign}.2g}%" if abs(value) < 0.995 else f"{100 * value:{sign}.0f}%"


def _judged(found: Comparison) -> list[tuple[str, ...]]:
    """Of every observable: the verdict, the relative deviation that is excluded, and at how many times a small one is seen."""
    head = ("observable", "verdict", "true deviation below", f"{per_cent(found.within)} seen at")
    return [head, *(_judgement(found, name, verdict) for name, verdict in found.verdicts.items())]


def _judgement(found: Comparison, name: str, verdict: Verdict) -> tuple[str, ...]:
    one, each = found.observables[name], found.level / found.comparisons
    bound = f"{per_cent(verdict.bound)} (t = {one.time[verdict.at]:.3g})"
    if one.size.max() == 0:
        bound = f"{one.bound(each).max():.2g} (theory: 0)"
    return name, verdict.finding.value, bound, f"{verdict.seen} of {len(one.time)} times"


def _verdict(found: Comparison) -> str:
    """The verdict on all observables together."""
    from dmft.simulation.agreement import Finding

    verdicts = list(found.verdicts.values())
    differ, undecided = (sum(one.finding is kind for one in verdicts) for kind in (Finding.DIFFERS, Finding.OPEN))
    if differ:
        return f"disagree: {differ} of {len(verdicts)} observables differ significantly"
    if undecided:
        could = f"{undecided} of {len(verdicts)} observables may differ by over {per_cent(found.within)}"
        return f"not distinguishable with {_seeds(found)}: {could}"
    return f"agrees within {per_cent(max(verdict.bound for verdict in verdicts))}: every observable at every time"


def _seeds(found: Comparison) -> str:
    return f"{' + '.join(map(str, found.seeds))} seeds"


def _by_threshold(found: Comparison, threshold: float) -> str:
    """The verdict of a given number of standard errors, without a correction for the number of comparisons."""
    name, worst = max(found.observables.items(), key=lambda item: abs(item[1].z[item[1].worst]))
    largest = f"{name} deviates by {abs(worst.z[worst.worst]):.3g} standard errors at t = {worst.time[worst.worst]:.4g}"
    return f"{'no deviation above' if found.agrees(threshold) else 'disagree: above'} {threshold:g} standard errors: {largest}"


def _advice(found: Comparison, simulation: Simulation) -> list[str]:
    """The next simulation to make where a deviation is significant."""
    systems = simulation.problem.parameters.description.systems
    exact = {name: system.meaning for name, system in systems.items() if system.exact}
    if exact and simulation.setup.fields not in exact:
        return [f"--fields {name} tells how much of it remains for {meaning}" for name, meaning in exact.items()]
    if not found.extrapolated:
        return ["simulations in several dimensions tell how much of it is due to the finite d"]
    return []
