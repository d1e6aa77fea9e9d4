"""The standard figure of a run: errors, order parameters and two-time kernels against log t.

Left: train and test error with the early-stopping point, then v and |a|.  Right: C_d, C_o, R_d and C_F over (t, t').
A run that failed or is not finished is drawn by the same call and says so; one stored without kernels has the left part only.
"""

from __future__ import annotations

import logging
import textwrap
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure, SubFigure

from dmft.plots import labels
from dmft.plots.curves import draw_errors, draw_order_parameters, first_motion
from dmft.plots.pictures import KERNELS, draw_kernel
from dmft.solution import Solution

STYLE: dict[Any, Any] = {
    "font.size": 9.0,
    "axes.labelsize": 10.0,
    "axes.linewidth": 0.7,
    "lines.linewidth": 1.8,
    "legend.frameon": False,
    "pdf.fonttype": 42,
    "svg.fonttype": "none",
}
ALARM = "#B2182B"
DOTS_PER_INCH = 200


def figure(solution: Solution, path: str | Path | None = None) -> Figure:
    """Draw a solution; save it too if a path is given, in the format that its suffix names (png, pdf or svg)."""
    with matplotlib.rc_context(STYLE):
        drawn = Figure(figsize=(11.0, 6.4), layout="constrained")
        drawn.suptitle(labels.title(solution.problem), fontsize=11)
        _say_how_it_ended(drawn, solution)
        if len(solution.time) > 1:
            _draw(drawn, solution)
        if path is not None:
            save(drawn, Path(path))
    return drawn


def _say_how_it_ended(drawn: Figure, solution: Solution) -> None:
    """A quiet line below a complete run, a loud one below any other."""
    if solution.complete:
        drawn.supxlabel(labels.ending(solution), fontsize=9, color="0.3")
    else:
        drawn.supxlabel(textwrap.fill(labels.ending(solution), 120), fontsize=11, color=ALARM, weight="bold")


def _draw(drawn: Figure, solution: Solution) -> None:
    """All panels, over the time in which something moves."""
    start, end = first_motion(solution), float(solution.time[-1])
    panels = drawn.subfigures(1, 2, squeeze=False, width_ratios=(1.0, 1.5), wspace=0.02)[0] if solution.kernels else [drawn]
    errors, parameters = panels[0].subplots(2, 1, sharex=True)
    times = np.append(np.geomspace(start, end, 400)[:-1], end)
    draw_errors(errors, solution, times)
    draw_order_parameters(parameters, solution, times)
    if solution.kernels:
        _draw_kernels(panels[1], solution, (start, end))


def _draw_kernels(right: SubFigure | Figure, solution: Solution, span: tuple[float, float]) -> None:
    panels = right.subplots(2, 2, sharex=True, sharey=True)
    for panel, (name, label) in zip(panels.flat, KERNELS.items(), strict=True):
        draw_kernel(panel, solution, name, label, span)
    for panel in panels[-1]:
        panel.set_xlabel(labels.TIME)
    for panel in panels[:, 0]:
        panel.set_ylabel("time $t'$")


def save(drawn: Figure, path: Path) -> None:
    """Write the figure; it appears complete or not at all."""
    from dmft.storage.atomic import replacing

    # The subsetter of fonts for PDF remarks on their dates.
    logging.getLogger("fontTools").setLevel(logging.ERROR)
    # The name that is written to ends in .part, which tells no format.
    with replacing(path) as beside:
        drawn.savefig(beside, format=path.suffix.lstrip(".").lower(), dpi=DOTS_PER_INCH)
