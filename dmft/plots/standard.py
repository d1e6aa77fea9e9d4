"""The standard figure of a run, as its model describes it: observables on the left, kernels over (t, t') on the right.

A run that failed or is not finished is drawn by the same call and says so; one stored without kernels has what needs none.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from itertools import cycle
from math import ceil, sqrt

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from numpy.typing import NDArray

from dmft.plots import labels
from dmft.plots.curves import MARKERS, Shown, draw_ageing, draw_curves, draw_entries, draw_pair, first_motion
from dmft.plots.headline import put_headline
from dmft.plots.labels import ALARM
from dmft.plots.look import Look
from dmft.plots.pictures import Part, draw_kernel, parts
from dmft.plots.style import COLOURS
from dmft.problem.description import Ageing, Curves, Entries, Pair, Panel
from dmft.results.solution import Solution

Array = NDArray[np.float64]

DRAW: dict[type[Panel], Callable[..., None]] = {
    Curves: draw_curves,
    Pair: draw_pair,
    Ageing: draw_ageing,
    Entries: draw_entries,
}
# Inches: of the figure, and of the part that the panels have.
HEIGHT, PANELS, COLUMN_OF_PICTURES = 6.4, 4.4, 3.3
# Up to this many pictures stand in one or two rows.
FEW = 4
# Between rows of pictures, relative to the height of all.
GAP = 0.06
# Inches that stay free at the right edge.
EDGE = 0.04
# A figure without pictures still has room for its headline.
NARROWEST = 7.0
# More rows of pictures than these two make the figure higher, by this much each.
ROWS, ROW = 2, 2.6


def figure(shown: Shown, look: Look) -> Figure:
    """Draw a solution, simulations of a problem, or both."""
    with matplotlib.rc_context(look.rc):
        rows, columns = _grid(_pictures(shown))
        natural = max(PANELS + columns * COLUMN_OF_PICTURES, NARROWEST), HEIGHT + max(rows - ROWS, 0) * ROW
        drawn = Figure(figsize=look.scaled(*natural, wide=columns > 0), layout="constrained")
        if look.headline:
            put_headline(drawn, labels.title(shown.problem), "large")
        _say_how_it_ended(drawn, shown, look)
        if len(shown.first.time) > 1:
            _draw(drawn, shown, look)
    return drawn


def _say_how_it_ended(drawn: Figure, shown: Shown, look: Look) -> None:
    """A quiet line below what is complete, a loud one below anything else."""
    lines = [] if shown.solution is None else [labels.ending(shown.solution)]
    for simulation, marker in zip(shown.simulations, cycle(MARKERS.values()), strict=False):
        lines.append(f"{marker}  {labels.ending_of_simulation(simulation)}")
    if any(one.outcome.failed for one in shown.simulations) or (shown.solution is not None and not shown.solution.complete):
        drawn.supxlabel("\n".join(textwrap.fill(line, 120) for line in lines), fontsize="large", color=ALARM, weight="bold")
    elif look.headline:
        drawn.supxlabel("\n".join(lines), fontsize="medium", color="0.3")


def _draw(drawn: Figure, shown: Shown, look: Look) -> None:
    """All panels, over the time in which something moves or that is asked for."""
    start, end = first_motion(shown.first), float(shown.first.time[-1])
    if look.x_limits is not None:
        start, end = (look.x_limits[0] if 0 < look.x_limits[0] < end else start), min(look.x_limits[1], end)
    panels, pictures = _panels(shown), _pictures(shown)
    left: Figure | SubFigure = drawn
    if pictures:
        widths = (PANELS, _grid(pictures)[1] * COLUMN_OF_PICTURES)
        left, right = drawn.subfigures(1, 2, squeeze=False, width_ratios=widths, wspace=0.02)[0]
        assert shown.solution is not None
        _draw_pictures(right, shown.solution, pictures, (start, end))
    if panels:
        even = np.geomspace if look.x_scale != "linear" else np.linspace
        _draw_panels(left, shown, panels, np.append(even(start, end, 400)[:-1], end), look)
    if panels and pictures:
        _align(drawn)


def _align(drawn: Figure) -> None:
    """Give the rows of pictures the upper and the lower edges of the column of panels, which the layout sets apart."""
    drawn.draw_without_rendering()
    drawn.set_layout_engine("none")
    left, right = drawn.subfigs
    edges = [axes.get_position() for axes in left.axes]
    pictures = [(axes, spec.rowspan.start) for axes in right.axes if (spec := axes.get_subplotspec()) is not None]
    rows = 1 + max(row for _, row in pictures)
    low, high = min(box.y0 for box in edges), max(box.y1 for box in edges)
    panels = sorted({round(box.y0, 6): box for box in edges}.values(), key=lambda box: -box.y0)
    gap = GAP * (high - low)
    height = (high - low - gap * (rows - 1)) / rows
    square = right.bbox.height / right.bbox.width
    for axes, row in pictures:
        box = axes.get_position(original=True)
        bottom, tall = high - row * (height + gap) - height, height
        if len(panels) == rows == ROWS:
            bottom, tall = panels[row].y0, panels[row].height
        axes.set_box_aspect(None)
        axes.set_position((box.x0, bottom, min(box.width, tall * square), tall))
    _keep_inside(drawn, right, [axes for axes, _ in pictures])


def _keep_inside(drawn: Figure, right: SubFigure, pictures: Sequence[Axes]) -> None:
    """Make all pictures narrower where the numbers at a colour bar would leave the figure."""
    boxes = filter(None, (axes.get_tightbbox() for axes in pictures))
    beyond = max(box.x1 for box in boxes) - (drawn.bbox.x1 - EDGE * drawn.dpi)
    for axes in pictures if beyond > 0 else ():
        box = axes.get_position()
        axes.set_position((box.x0, box.y0, box.width - beyond / right.bbox.width, box.height))


def _panels(shown: Shown) -> list[Panel]:
    """Those for which there is something to draw."""
    return [panel for panel in shown.problem.parameters.panels() if _has(shown, panel)]


def _has(shown: Shown, panel: Panel) -> bool:
    """True if the data of a panel exist: ageing is seen in a kernel, and a simulation has no order parameters."""
    if isinstance(panel, Ageing):
        return shown.solution is not None and bool(shown.solution.kernels)
    return not isinstance(panel, Entries) or (shown.solution is not None and bool(shown.solution.order_parameters))


def _pictures(shown: Shown) -> list[Part]:
    """Those of kernels that the solution has, of every group."""
    return [] if shown.solution is None else parts(shown.solution)


def _draw_panels(drawn: Figure | SubFigure, shown: Shown, panels: Sequence[Panel], times: Array, look: Look) -> None:
    """One panel below another; they share the axis of time unless one has another."""
    shared = not any(isinstance(panel, Ageing) for panel in panels)
    colours = cycle(COLOURS)
    column = drawn.subplots(len(panels), 1, squeeze=False, sharex=shared)[:, 0]
    for axes, panel in zip(column, panels, strict=True):
        DRAW[type(panel)](axes, shown, panel, times, colours)
    for axes in drawn.axes:
        look.apply(axes)
    if not column[-1].get_xlabel():
        column[-1].set_xlabel(shown.problem.parameters.description.time)


def _draw_pictures(drawn: SubFigure, solution: Solution, pictures: Sequence[Part], span: tuple[float, float]) -> None:
    """Kernels in rows and columns with the same axes."""
    panels = drawn.subplots(*_grid(pictures), squeeze=False, sharex=True, sharey=True)
    for panel, picture in zip(panels.flat, pictures, strict=False):
        draw_kernel(panel, solution, picture, span)
    for panel in panels.flat[len(pictures) :]:
        panel.remove()
    for place, panel in enumerate(panels.flat[: len(pictures)]):
        lowest = place + panels.shape[1] >= len(pictures)
        panel.tick_params(labelbottom=lowest)
        if lowest:
            panel.set_xlabel(solution.problem.parameters.description.time)
    for panel in panels[:, 0]:
        panel.set_ylabel("time $t'$")


def _grid(pictures: Sequence[Part]) -> tuple[int, int]:
    """Rows and columns: two rows of a few pictures if they fill them, else one; of many, about as many rows as columns."""
    count = len(pictures)
    if count <= FEW:
        rows = 1 if count % 2 else 2
        return rows, count // rows
    columns = ceil(sqrt(count))
    return ceil(count / columns), columns
