r"""Targets and groups of neurons as the theory writes them, for the headlines of figures.

0.7 He_{1,0} + 0.5 He_{0,2}        erf(z_1) + ... + erf(z_3)        1/2: a = 1, v = 0.1
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dmft.mathematics.notation import COEFFICIENTS, number, series

# More groups than this are cut short.
GROUPS = 3


def target_as_written(given: Any) -> str:
    """A function by its name or its first Hermite coefficients; of several directions, a sum."""
    if isinstance(given, str):
        return given
    if not isinstance(given, Mapping):
        return series(given)
    if "committee" in given:
        return _committee(given["committee"], given["directions"])
    terms = [f"{number(value)}\\,\\mathrm{{He}}_{{{index}}}" for index, value in given.items()]
    shown = " + ".join(terms[:COEFFICIENTS]).replace("+ -", "- ")
    return f"${shown}{' + ...' if len(terms) > COEFFICIENTS else ''}$"


def _committee(function: Any, directions: int) -> str:
    """f(z_1) + ... + f(z_r), f by its name or in brackets."""
    name = rf"\mathrm{{{function}}}" if isinstance(function, str) else series(function)
    shown = range(1, directions + 1) if directions <= 2 else (1, directions)
    return f"${(' + ' if directions <= 2 else ' + ... + ').join(f'{name}(z_{{{k}}})' for k in shown)}$"


def neurons_as_written(groups: Sequence[Mapping[str, Any]]) -> str:
    """Fraction or number of neurons, a(0) in units of the start, and v(0) of each group."""
    shown = "; ".join(map(_group, groups[:GROUPS]))
    return shown if len(groups) <= GROUPS else f"{shown}; ... ({len(groups)} groups)"


def _group(given: Mapping[str, Any]) -> str:
    size = f"{given['count']}" if given.get("count") is not None else f"{given['fraction']:.3g}"
    parts = [f"a = {number(given.get('second_layer', 1.0))}"]
    if (alignment := given.get("alignment")) is not None:
        several = isinstance(alignment, Sequence)
        parts.append(f"v = ({', '.join(map(number, alignment))})" if several else f"v = {number(alignment)}")
    values = r",\ ".join(parts)
    return f"${size}$: ${values}$"
