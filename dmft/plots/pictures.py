"""Panels of functions of two times, as pictures over (log t, log t')."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colorbar import Colorbar
from matplotlib.colors import LogNorm, Normalize, SymLogNorm
from matplotlib.ticker import FuncFormatter, LogLocator
from numpy.typing import NDArray

from dmft.plots import entries
from dmft.results.solution import Solution

Array = NDArray[np.float64]

PIXELS = 300
# More pictures than this cannot be read; then those of the first groups are drawn.
MOST, FEW_GROUPS = 16, 2
# Decades that are told apart, for values of one sign and on either side of zero.
DECADES, DECADES_OF_TWO = 4, 2
# A second sign counts if this fraction of the picture has it, beyond this fraction of the largest value.
AREA, SIZE = 1e-2, 1e-3
ONE_SIGN, TWO_SIGNS = "cividis", "RdBu_r"
# A bar of colours ends this part of the height before its picture does: labels at its ends would touch those of the next bar.
BAR_END = 0.025


@dataclass(frozen=True)
class Part:
    """One picture: a kernel, the index of its group or pair of groups, and both in words."""

    kernel: str
    decades: bool
    index: tuple[int, ...]
    label: str


def parts(solution: Solution) -> list[Part]:
    """The pictures of a solution: its kernels, those of groups once for each group and each pair of groups, MOST at most."""
    parameters = solution.problem.parameters
    declared, found = parameters.description.kernel_fields(parameters.axes), []
    for picture in parameters.description.pictures:
        if picture.kernel in solution.kernels:
            label = parameters.description.kernels[picture.kernel].label
            for index in declared[picture.kernel].different():
                where = entries.where(declared[picture.kernel], index)
                found.append(Part(picture.kernel, picture.decades, index, f"{label}\n{where}" if where else label))
    return found if len(found) <= MOST else [part for part in found if max(part.index, default=0) < FEW_GROUPS][:MOST]


def draw_kernel(axes: Axes, solution: Solution, part: Part, span: tuple[float, float]) -> None:
    """One kernel for t' <= t."""
    kernel = solution.kernels[part.kernel][(..., *part.index)]
    edges = np.geomspace(*span, PIXELS + 1)
    picture = on_log_grid(solution.time, kernel, np.sqrt(edges[1:] * edges[:-1]))
    norm, colours = scale(picture.compressed(), part.decades)
    mesh = axes.pcolormesh(edges, edges, picture.T, norm=norm, cmap=colours, rasterized=True)
    axes.set(xscale="log", yscale="log", box_aspect=1, anchor="SW")
    axes.text(0.05, 0.95, part.label, transform=axes.transAxes, ha="left", va="top", fontsize="large")
    figure = axes.get_figure()
    assert figure is not None
    bar = figure.colorbar(mesh, cax=axes.inset_axes((1.03, BAR_END, 0.05, 1.0 - 2.0 * BAR_END)))
    _set_ticks(bar, norm)


def _set_ticks(bar: Colorbar, norm: Normalize) -> None:
    """Ticks that do not run into each other, where matplotlib's own would."""
    low, high = norm.vmin or 0.0, norm.vmax or 1.0
    if isinstance(norm, SymLogNorm):
        bar.set_ticks(symmetric_ticks(high))
    elif isinstance(norm, LogNorm) and high <= 100 * low:
        # A decade or two: 0.1, 0.2, 0.5, 1 read better than powers of ten.
        bar.ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        bar.ax.minorticks_off()


def on_log_grid(time: Array, kernel: Array, grid: Array) -> np.ma.MaskedArray:
    """The lower triangle of a kernel on other times, (len(grid), len(grid)); masked for t' > t.

    Linear between the nodes t' <= t of a row, and between two rows at equal t'/t: a response that falls from R(t, t) within a
    small part of t keeps its shape.
    """
    values = np.empty((len(grid), len(grid)))
    rows = np.clip(np.searchsorted(time, grid) - 1, 0, len(time) - 2)
    for found, t, row in zip(values, grid, rows, strict=True):
        ends = [np.interp(grid / t * time[i], time[: i + 1], kernel[i, : i + 1]) for i in (row, row + 1)]
        part = (t - time[row]) / (time[row + 1] - time[row])
        found[:] = (1 - part) * ends[0] + part * ends[1]
    return np.ma.masked_where(grid[None, :] > grid[:, None], values)


def scale(values: Array, logarithmic: bool) -> tuple[Normalize, str]:
    """Colour scale and map: one colour for one sign, two colours about zero for two."""
    largest = float(np.abs(values).max()) or 1.0
    two_signs = np.mean(values < -SIZE * largest) > AREA
    if two_signs and logarithmic:
        return SymLogNorm(largest * 10.0**-DECADES_OF_TWO, linscale=0.5, vmin=-largest, vmax=largest), TWO_SIGNS
    if two_signs:
        return Normalize(-largest, largest), TWO_SIGNS
    if logarithmic:
        # At least one decade, so that what is constant does not show its rounding errors.
        smallest = np.clip(np.quantile(values, AREA), largest * 10.0**-DECADES, largest / 10)
        return LogNorm(float(smallest), largest, clip=True), ONE_SIGN
    return Normalize(0.0, largest), ONE_SIGN


def symmetric_ticks(largest: float) -> list[float]:
    """Zero, and the powers of ten on the logarithmic parts of a scale about zero."""
    top = math.floor(math.log10(largest))
    powers = [10.0**k for k in range(top - DECADES_OF_TWO + 1, top + 1)]
    return [*(-power for power in reversed(powers)), 0.0, *powers]
