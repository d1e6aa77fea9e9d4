"""Numbers and series as mathematics is written, in LaTeX."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

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


def power_series(coefficients: Mapping[str, float]) -> str:
    """A series in q by its coefficients: 0.5 q^3 + q^4."""
    terms = [
        ("" if coefficient == 1 else rf"{number(coefficient)}\,") + ("q" if power == "1" else f"q^{{{power}}}")
        for power, coefficient in coefficients.items()
    ]
    return " + ".join(terms[:COEFFICIENTS]) + (" + ..." if len(terms) > COEFFICIENTS else "")


def series(coefficients: Sequence[float]) -> str:
    """The first coefficients of a series: [0, 0.837, 0.548]."""
    shown = [f"{coefficient:.3g}" for coefficient in coefficients[:COEFFICIENTS]]
    return f"[{', '.join(shown)}{', ...' if len(coefficients) > COEFFICIENTS else ''}]"


def plus_minus(error: float, form: str = "{:.2g}") -> str:
    """A standard error in this form; nothing if it is not known."""
    return "" if math.isnan(error) else form.format(error)
