"""The standard figure of a run: errors, order parameters and two-time kernels against log t.

Left: train and test error with the early-stopping point, then v and |a|.  Right: C_d, C_o, R_d and C_F over (t, t').
A run that failed or is not finished is drawn by the same call and says so.
"""

from __future__ import annotations

from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from dmft.plots import labels
from dmft.plots.curves import draw_errors, draw_order_parameters, first_motion
from dmft.plots.pictures import KERNELS, draw_kernel
from dmft.solution import Solution

STYLE = {
    "font.size": 9.0,
    "axes.labelsize": 10.0,
    "axes.linewidth": 0.7,
    "lines.linewidth": 1.8,
    "legend.frameon": False,
    "mathtext.fontset": "stix",
    "pdf.fonttype": 42,
    "svg.fonttype": "none",
}
ALARM = "#B2182B"
DOTS_PER_INCH = 200


def figure(solution: Solution, path: str | Path | None = None) -> Figure:
    """Draw a solution; save it too if a path is given, in the format that its suffix names (png, pdf or svg)."""
    with matplotlib.rc_context(STYLE):
        drawn = Figure(figsize=(11.0, 6.2), layout="constrained")
        drawn.suptitle(_heading(solution), fontsize=11)
        if len(solution.time) > 1:
            _draw(drawn, solution)
        if path is not None:
            _save(drawn, Path(path))
    return drawn


def _heading(solution: Solution) -> str:
    return f"{labels.title(solution.problem)}\n{labels.ending(solution)}"


def _draw(drawn: Figure, solution: Solution) -> None:
    """All panels, over the time in which something moves."""
    if not solution.complete:
        drawn.get_suptitle()
        drawn.set_edgecolor(ALARM)
    start, end = first_motion(solution), float(solution.time[-1])
    left, right = drawn.subfigures(1, 2, width_ratios=(1.0, 1.45), wspace=0.03)
    errors, parameters = left.subplots(2, 1, sharex=True)
    times = np.append(np.geomspace(start, end, 400)[:-1], end)
    draw_errors(errors, solution, times)
    draw_order_parameters(parameters, solution, times)
    for panel, (name, label) in zip(right.subplots(2, 2).flat, KERNELS.items(), strict=True):
        draw_kernel(panel, solution, name, label, (start, end))


def _save(drawn: Figure, path: Path) -> None:
    """Write the figure; it appears complete or not at all."""
    from dmft.storage.atomic import replacing

    # The name that is written to ends in .part, which tells no format.
    with replacing(path) as beside:
        drawn.savefig(beside, format=path.suffix.lstrip(".").lower(), dpi=DOTS_PER_INCH)
