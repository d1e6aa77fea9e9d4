"""Densities over the samples of a run at several times, on a logarithmic axis, beside the Gaussian density.

Each is drawn from its own mean in units of its own standard deviation, a panel for each quantity and group.
"""

from __future__ import annotations

from itertools import product
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from dmft.mathematics.notation import number
from dmft.plots import labels, style
from dmft.plots.curves import BAND
from dmft.plots.look import Look
from dmft.results.solution import Solution

Array = NDArray[np.float64]

# Inches, of a panel; panels in a row at most.
WIDTH, HEIGHT, MOST = 4.0, 3.4, 3
# Smallest density shown, over that of the middle of a Gaussian.
LOWEST = 1e-4


def figure(solution: Solution, look: Look) -> Figure:
    """Draw every distribution that a run holds; ValueError if it holds none."""
    panels = [(name, place) for name in solution.names_of_distributions for place in _groups(solution, name)]
    if not panels:
        raise ValueError('has no distributions: wanted a run of theory = "exact" that has come to its end')
    columns = min(len(panels), MOST)
    rows = -(-len(panels) // columns)
    with matplotlib.rc_context(look.rc):
        drawn = Figure(figsize=look.scaled(WIDTH * columns, HEIGHT * rows + 0.6, wide=columns > 1), layout="constrained")
        axes = drawn.subplots(rows, columns, squeeze=False)
        for panel, (name, place) in zip(axes.flat, panels, strict=False):
            draw(panel, solution, name, place)
            look.apply(panel)
        for panel in axes.flat[len(panels) :]:
            panel.remove()
        axes.flat[0].legend(fontsize="small", loc="lower center")
        if look.headline:
            drawn.suptitle(labels.title(solution.problem), fontsize="large", wrap=True)
            drawn.supxlabel(labels.ending(solution), fontsize="medium", color="0.3")
    return drawn


def _groups(solution: Solution, name: str) -> list[tuple[int, ...]]:
    """Groups whose distributions are apart, as indices after that of time."""
    return list(product(*map(range, solution.distributions[f"{name}_mean"].shape[1:])))


def draw(axes: Axes, solution: Solution, name: str, group: tuple[int, ...] = ()) -> None:
    """One quantity of one group at all times, its standard errors as bands."""
    times, quantity = solution.times_of_distributions, solution.problem.parameters.description.distributions[name]
    for k, (time, shade) in enumerate(zip(times, style.shades(len(times)), strict=True)):
        mean, deviation, edges, density = (
            solution.distributions[f"{name}_{part}"][k, *group] for part in ("mean", "deviation", "edges", "density")
        )
        if not deviation > 0:
            continue
        x, y = (edges[1:] + edges[:-1]) / 2 / deviation - mean / deviation, deviation * density
        axes.plot(x, np.where(y > 0, y, np.nan), color=shade, linewidth=1.2, label=f"$t = {number(float(time), 2)}$")
        if (errors := solution.standard_errors.get(f"{name}_density")) is not None:
            error = deviation * errors[k, *group]
            low = np.maximum(y - error, LOWEST / 10)
            axes.fill_between(x, low, y + error, where=y > 0, color=shade, alpha=BAND, linewidth=0)
    x = np.linspace(-5.0, 5.0, 200)
    guide: dict[str, Any] = style.GUIDE
    axes.plot(x, np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi), **guide, label="Gaussian")
    of = f" of group {group[0]}" if group else ""
    style.frame(
        axes,
        yscale="log",
        ylim=(LOWEST, None),
        xlabel=f"{quantity.label}{of}, in standard deviations",
        ylabel="density",
    )
