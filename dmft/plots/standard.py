"""The standard figure of a run, as its model describes it: observables on the left, kernels over (t, t') on the right.

A run that failed or is not finished is drawn by the same call and says so; one stored without kernels has what needs none.
"""

from __future__ import annotations

import io
import logging
import textwrap
from collections.abc import Callable, Sequence
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib
import numpy as np
from matplotlib.figure import Figure, SubFigure
from numpy.typing import NDArray

from dmft.plots import labels
from dmft.plots.curves import MARKERS, Shown, draw_ageing, draw_curves, draw_entries, draw_pair, first_motion
from dmft.plots.pictures import draw_kernel
from dmft.plots.style import COLOURS, STYLE
from dmft.problem.description import Ageing, Curves, Entries, Pair, Panel, Picture
from dmft.results.solution import Solution

if TYPE_CHECKING:
    from dmft.results.simulation import Simulation

Array = NDArray[np.float64]

DRAW: dict[type[Panel], Callable[..., None]] = {
    Curves: draw_curves,
    Pair: draw_pair,
    Ageing: draw_ageing,
    Entries: draw_entries,
}
# Inches: of the figure, and of the part that the panels have.
HEIGHT, PANELS, COLUMN_OF_PICTURES = 6.4, 4.4, 3.3
# A figure without pictures still has room for its headline.
NARROWEST = 7.0
ALARM = "#B2182B"
DOTS_PER_INCH = 200


def figure(solution: Solution | None, path: str | Path | None = None, simulations: Sequence[Simulation] = ()) -> Figure:
    """Draw a solution, simulations of a problem, or both; save it too if a path (.png, .pdf, .svg) is given."""
    shown = Shown(solution, simulations)
    with matplotlib.rc_context(STYLE):
        _, columns = _grid(_pictures(shown))
        drawn = Figure(figsize=(max(PANELS + columns * COLUMN_OF_PICTURES, NARROWEST), HEIGHT), layout="constrained")
        drawn.suptitle(labels.title(shown.problem), fontsize=11, wrap=True)
        _say_how_it_ended(drawn, shown)
        if len(shown.first.time) > 1:
            _draw(drawn, shown)
        if path is not None:
            save(drawn, Path(path))
    return drawn


def _say_how_it_ended(drawn: Figure, shown: Shown) -> None:
    """A quiet line below what is complete, a loud one below anything else."""
    lines = [] if shown.solution is None else [labels.ending(shown.solution)]
    for simulation, marker in zip(shown.simulations, cycle(MARKERS.values()), strict=False):
        lines.append(f"{marker}  {labels.ending_of_simulation(simulation)}")
    if all(not one.outcome.failed for one in shown.simulations) and (shown.solution is None or shown.solution.complete):
        drawn.supxlabel("\n".join(lines), fontsize=9, color="0.3")
    else:
        drawn.supxlabel("\n".join(textwrap.fill(line, 120) for line in lines), fontsize=11, color=ALARM, weight="bold")


def _draw(drawn: Figure, shown: Shown) -> None:
    """All panels, over the time in which something moves."""
    start, end = first_motion(shown.first), float(shown.first.time[-1])
    panels, pictures = _panels(shown), _pictures(shown)
    left: Figure | SubFigure = drawn
    if pictures:
        widths = (PANELS, _grid(pictures)[1] * COLUMN_OF_PICTURES)
        left, right = drawn.subfigures(1, 2, squeeze=False, width_ratios=widths, wspace=0.02)[0]
        assert shown.solution is not None
        _draw_pictures(right, shown.solution, pictures, (start, end))
    if panels:
        _draw_panels(left, shown, panels, np.append(np.geomspace(start, end, 400)[:-1], end))


def _panels(shown: Shown) -> list[Panel]:
    """Those for which there is something to draw."""
    return [panel for panel in shown.problem.parameters.panels() if _has(shown, panel)]


def _has(shown: Shown, panel: Panel) -> bool:
    """True if the data of a panel exist: ageing is seen in a kernel, and a simulation has no order parameters."""
    if isinstance(panel, Ageing):
        return bool(shown.first.kernels)
    return not isinstance(panel, Entries) or (shown.solution is not None and bool(shown.solution.order_parameters))


def _pictures(shown: Shown) -> Sequence[Picture]:
    """Those of kernels that the solution has."""
    if shown.solution is None:
        return ()
    pictures = shown.problem.parameters.description.pictures
    return [picture for picture in pictures if picture.kernel in shown.solution.kernels]


def _draw_panels(drawn: Figure | SubFigure, shown: Shown, panels: Sequence[Panel], times: Array) -> None:
    """One panel below another; they share the axis of time unless one has another."""
    shared = not any(isinstance(panel, Ageing) for panel in panels)
    colours = cycle(COLOURS)
    column = drawn.subplots(len(panels), 1, squeeze=False, sharex=shared)[:, 0]
    for axes, panel in zip(column, panels, strict=True):
        DRAW[type(panel)](axes, shown, panel, times, colours)
    if not column[-1].get_xlabel():
        column[-1].set_xlabel(shown.problem.parameters.description.time)


def _draw_pictures(drawn: SubFigure, solution: Solution, pictures: Sequence[Picture], span: tuple[float, float]) -> None:
    """Kernels in rows and columns with the same axes."""
    panels = drawn.subplots(*_grid(pictures), squeeze=False, sharex=True, sharey=True)
    for panel, picture in zip(panels.flat, pictures, strict=True):
        draw_kernel(panel, solution, picture, span)
    for panel in panels[-1]:
        panel.set_xlabel(solution.problem.parameters.description.time)
    for panel in panels[:, 0]:
        panel.set_ylabel("time $t'$")


def _grid(pictures: Sequence[Picture]) -> tuple[int, int]:
    """Rows and columns: two rows if the pictures fill them, else one."""
    rows = 1 if len(pictures) % 2 else 2
    return rows, len(pictures) // rows


def save(drawn: Figure, path: Path) -> None:
    """Write the figure; it appears complete or not at all."""
    from dmft.storage.atomic import write_whole

    # The subsetter of fonts for PDF remarks on their dates.
    logging.getLogger("fontTools").setLevel(logging.ERROR)
    image = io.BytesIO()
    drawn.savefig(image, format=path.suffix.lstrip(".").lower(), dpi=DOTS_PER_INCH)
    write_whole(path, image.getbuffer())
