"""One style for all figures: fonts, lines, colours, shades for a family of curves."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import matplotlib
import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from numpy.typing import NDArray

STYLE: dict[Any, Any] = {
    "font.size": 9.0,
    "axes.labelsize": 10.0,
    "axes.linewidth": 0.7,
    "lines.linewidth": 1.8,
    "legend.frameon": False,
    "pdf.fonttype": 42,
    "svg.fonttype": "none",
}
# Columns of a journal: text of 8 points in the font of the page, thin lines.
PAPER: dict[Any, Any] = {
    **STYLE,
    "font.family": "STIXGeneral",
    "mathtext.fontset": "stix",
    "font.size": 8.0,
    "axes.labelsize": 8.0,
    "axes.titlesize": 8.0,
    "legend.fontsize": 7.0,
    "legend.handlelength": 1.6,
    "lines.linewidth": 1.1,
    "axes.linewidth": 0.5,
}


@dataclass(frozen=True)
class Style:
    """Settings of matplotlib, widths of one and of two columns in inches if prescribed, and whether there is a title."""

    rc: dict[Any, Any] = field(default_factory=lambda: STYLE)
    single: float | None = None
    double: float | None = None
    headline: bool = True


STYLES = {"screen": Style(), "paper": Style(PAPER, single=3.375, double=7.0, headline=False)}
# Okabe and Ito, and a violet: distinct for every kind of colour vision, dark enough for print.
COLOURS = ("#D55E00", "#0072B2", "#00805A", "#6A3D9A")
# A family of curves has shades of one map, without its lightest part.
SHADES, LIGHTEST = "viridis", 0.85
TICKS: dict[str, Any] = {"which": "both", "direction": "in", "top": True, "right": True}
# For figures of many small panels.
DOTS_PER_INCH = 150
GUIDE: dict[str, Any] = {"color": "0.35", "linewidth": 0.9, "linestyle": ":"}


def apply() -> None:
    """Use the style in all figures of this process; for scripts."""
    matplotlib.rcParams.update(STYLE)


def shades(number: int) -> NDArray[np.float64]:
    """Colours of a family of curves, from dark to light, (number, 4)."""
    return colormaps[SHADES](np.linspace(0.0, LIGHTEST, number))


def of_width(width: float) -> str:
    """A label for a curve of one width: m = 30, m = 10^4."""
    power = round(np.log10(width))
    return f"$m = 10^{power}$" if width >= 1000 and width == 10.0**power else f"$m = {width:g}$"


def frame(axes: Axes, **keys: Any) -> None:
    """Set labels, scales and limits of a panel, with ticks that point inwards on all sides."""
    axes.set(**keys)
    axes.tick_params(**TICKS)


def letters(panels: NDArray[Any]) -> None:
    """Letter the panels of a figure row by row: (a), (b), ..."""
    for panel, letter in zip(panels.flat, "abcdefghijklmnop", strict=False):
        panel.set_title(f"({letter})", loc="left", fontsize="medium")
