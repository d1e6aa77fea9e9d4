"""Panels of functions of two times, as pictures over (log t, log t')."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, Normalize, SymLogNorm
from numpy.typing import NDArray

from dmft.plots.labels import TIME
from dmft.solution import Solution

Array = NDArray[np.float64]

KERNELS = {
    "C_d": r"$C_d(t,t^\prime)$",
    "C_o": r"$C_o(t,t^\prime)$",
    "R_d": r"$R_d(t,t^\prime)$",
    "C_F": r"$C_F(t,t^\prime)$",
}
PIXELS = 300
# Decades of a response that are told apart.
DECADES = 3
# A negative part smaller than this fraction of the largest value is no reason for a second colour.
NEGLIGIBLE = 1e-3
ONE_SIGN, TWO_SIGNS = "cividis", "RdBu_r"


def draw_kernel(axes: Axes, solution: Solution, name: str, label: str, span: tuple[float, float]) -> None:
    """One kernel for t' <= t; responses on a logarithmic colour scale."""
    edges = np.geomspace(*span, PIXELS + 1)
    picture = on_log_grid(solution.time, solution.kernels[name], np.sqrt(edges[1:] * edges[:-1]))
    norm, colours = scale(picture, logarithmic=name.startswith("R"))
    mesh = axes.pcolormesh(edges, edges, picture.T, norm=norm, cmap=colours, rasterized=True)
    axes.set(xscale="log", yscale="log", xlabel=TIME, ylabel=r"$t^\prime$", aspect="equal")
    axes.text(0.05, 0.95, label, transform=axes.transAxes, ha="left", va="top", fontsize=13)
    figure = axes.get_figure()
    assert figure is not None
    figure.colorbar(mesh, ax=axes, shrink=0.9, pad=0.02, extend="min" if isinstance(norm, LogNorm) else "neither")


def on_log_grid(time: Array, kernel: Array, grid: Array) -> Array:
    """The lower triangle of a kernel on other times, (len(grid), len(grid)), linear between nodes; masked for t' > t."""
    # Mirrored, so that no zero of the upper triangle is mixed in beside the diagonal.
    whole = np.tril(kernel) + np.tril(kernel, -1).T
    along_first = np.array([np.interp(grid, time, column) for column in whole.T])
    values = np.array([np.interp(grid, time, row) for row in along_first.T])
    return np.ma.masked_where(grid[None, :] > grid[:, None], values)


def scale(picture: Array, logarithmic: bool) -> tuple[Normalize, str]:
    """Colour scale and map: one colour for one sign, two colours about zero for two."""
    low, high = float(picture.min()), float(picture.max())
    largest = max(abs(low), abs(high)) or 1.0
    two_signs = low < -NEGLIGIBLE * largest
    if logarithmic and two_signs:
        return SymLogNorm(linthresh=largest * 10.0**-DECADES, vmin=-largest, vmax=largest), TWO_SIGNS
    if logarithmic:
        return LogNorm(vmin=largest * 10.0**-DECADES, vmax=largest, clip=True), ONE_SIGN
    if two_signs:
        return Normalize(-largest, largest), TWO_SIGNS
    return Normalize(min(low, 0.0), largest), ONE_SIGN
