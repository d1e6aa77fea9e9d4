"""Words and numbers on figures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from dmft.problem import Problem
from dmft.solution import Solution

TIME = r"time $t$ (unit of the flow)"
# More coefficients than this are cut short.
COEFFICIENTS = 4


def number(value: float, digits: int = 3) -> str:
    """A number as mathematics: 0.147, 1.2 x 10^-5, infinity."""
    if math.isinf(value):
        return r"\infty"
    mantissa, _, exponent = f"{value:.{digits}g}".partition("e")
    if not exponent:
        return mantissa
    power = f"10^{{{int(exponent)}}}"
    return power if mantissa == "1" else rf"{mantissa}\times{power}"


def function_name(given: str | Sequence[float]) -> str:
    """A function by its name, or by its first Hermite coefficients."""
    if isinstance(given, str):
        return given
    shown = [f"{coefficient:.3g}" for coefficient in given[:COEFFICIENTS]]
    return f"[{', '.join(shown)}{', ...' if len(given) > COEFFICIENTS else ''}]"


def title(problem: Problem) -> str:
    """The parameter point in one line: model, width, sample ratio, activation, target, noise."""
    keys: dict[str, Any] = problem.tables["problem"]
    ratios = {"samples_per_parameter": "n/(md)", "samples_per_dimension": "n/d"}
    parts = [keys["model"], f"$m = {number(keys['width'])}$"]
    parts += [f"${symbol} = {number(keys[key])}$" for key, symbol in ratios.items() if key in keys]
    parts += [rf"$\sigma$ = {function_name(keys['activation'])}", rf"$\varphi$ = {function_name(keys['target'])}"]
    parts += [rf"$\tau = {number(keys['noise'])}$", f"{keys['init']} start"]
    return ",  ".join(parts)


def ending(solution: Solution) -> str:
    """Where the run arrived and how it ended."""
    reached = f"$t = {number(float(solution.time[-1]), 4)}$ with {len(solution.time)} nodes"
    if solution.complete:
        return f"solved to {reached} at tolerance ${number(solution.problem.solver.tolerance)}$"
    of = f" of ${number(solution.problem.solver.t_max, 4)}$"
    return f"{solution.outcome.value.upper()} at {reached.replace(' with', of + ' with')}: {solution.outcome.advice}"
