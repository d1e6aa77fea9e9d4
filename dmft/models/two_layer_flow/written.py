r"""Targets and groups of neurons as the theory writes them, for the headlines of figures.

0.7 He_{1,0} + 0.5 He_{0,2}        erf(z_1) + ... + erf(z_3)        groups of 0.5, 0.5, second layer 1, -1, v(0) = 0.1, 0.2
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from dmft.mathematics.notation import COEFFICIENTS, number, series

# More groups than this are cut short.
GROUPS = 4


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
    """f(z_1) + ... + f(z_r), f by its name, or by its first Hermite coefficients."""
    named = isinstance(function, str)
    f = rf"\mathrm{{{function}}}" if named else "f"
    shown = range(1, directions + 1) if directions <= 2 else (1, directions)
    total = (" + " if directions <= 2 else " + ... + ").join(f"{f}(z_{{{k}}})" for k in shown)
    return f"${total}$" if named else f"${total}$ with $f$ = {series(function)}"


def neurons_as_written(groups: Sequence[Mapping[str, Any]]) -> str:
    """Numbers or fractions of neurons, and the key that is not the same as without groups, of each group in order."""
    counted = all(group.get("count") is not None for group in groups)
    parts = [f"groups of {_each(groups, _size)}{' neurons' if counted else ''}"]
    if any(group.get("second_layer", 1.0) != 1.0 for group in groups):
        parts.append(f"second layer {_each(groups, lambda group: number(group.get('second_layer', 1.0)))}")
    if any(group.get("alignment") is not None for group in groups):
        parts.append(f"$v(0)$ = {_each(groups, _alignment)}")
    return ", ".join(parts)


def _each(groups: Sequence[Mapping[str, Any]], written: Callable[[Mapping[str, Any]], str]) -> str:
    """One value for each of the first groups."""
    shown = ", ".join(f"${written(group)}$" for group in groups[:GROUPS])
    return f"{shown}, ..." if len(groups) > GROUPS else shown


def _size(given: Mapping[str, Any]) -> str:
    return f"{given['count']}" if given.get("count") is not None else f"{given['fraction']:.3g}"


def _alignment(given: Mapping[str, Any]) -> str:
    """v(0) of one group, that of the problem if it has none of its own."""
    alignment = given.get("alignment")
    if alignment is None:
        return r"\mathrm{default}"
    return f"({', '.join(map(number, alignment))})" if isinstance(alignment, Sequence) else number(alignment)
