"""Observables that a reader chooses, one panel each, of one run or of several: runs by colour, simulations as points."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import cycle
from math import ceil

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from dmft.plots import entries, labels
from dmft.plots.curves import LINES, MARKERS, Shown, draw_entry, first_motion, legend, sample, set_scale
from dmft.plots.entries import Entry
from dmft.plots.headline import put_headline
from dmft.plots.look import TIME, Look
from dmft.plots.style import COLOURS, TICKS
from dmft.problem.description import Curve, Curves, Pair, Quantity
from dmft.results.entries import fields

Array = NDArray[np.float64]

# Inches of a panel; ONE_COLUMN is the number of panels up to which they stand in one column.
WIDTH, HEIGHT, ONE_COLUMN = 6.0, 2.6, 2
POINTS = 400
# Letters of a line below a column of panels.
LETTERS = 75


def figure(results: Sequence[Shown], look: Look) -> Figure:
    """Draw the observables of the look, or those of the standard figure, of all results.

    Raises ValueError for an observable that none of them has.
    """
    names = list(look.observables) or _standard(results)
    _refuse_unknown(results, [*names, *([] if look.x == TIME else [look.x])])
    columns = 1 if len(names) <= ONE_COLUMN else 2
    rows = ceil(len(names) / columns)
    with matplotlib.rc_context(look.rc):
        size = look.scaled(WIDTH * columns, HEIGHT * rows + 0.6, wide=columns > 1)
        drawn = Figure(figsize=size, layout="constrained")
        panels = drawn.subplots(rows, columns, squeeze=False)
        for name, axes in zip(names, panels.flat, strict=False):
            _panel(axes, results, name, look)
        for axes in panels.flat[len(names) :]:
            axes.remove()
        if look.headline:
            put_headline(drawn, _shared(results), "large")
        if len(results) > 1:
            _name_runs(drawn, results, columns)
        _say_what_failed(drawn, results)
    return drawn


def _standard(results: Sequence[Shown]) -> list[str]:
    """Observables of the panels of the standard figure."""
    return list(_curves(results[0]))


def _curves(shown: Shown) -> dict[str, Curve]:
    """The curves of the standard figure by observable."""
    panels = shown.problem.parameters.panels()
    found = [curve for panel in panels if isinstance(panel, Curves) for curve in panel.curves]
    found += [curve for panel in panels if isinstance(panel, Pair) for curve in (panel.left, panel.right)]
    return {curve.observable: replace(curve, label="") for curve in found}


def _refuse_unknown(results: Sequence[Shown], names: Iterable[str]) -> None:
    known = sorted({name for shown in results for name in shown.first.observables})
    for name in names:
        if name not in known:
            raise ValueError(f"observable {name!r}: wanted some of {', '.join(known)}")


def _panel(axes: Axes, results: Sequence[Shown], name: str, look: Look) -> None:
    having = [shown for shown in results if {name, look.x} <= {TIME, *shown.first.observables}]
    curve = _curves(having[0]).get(name, Curve(name)) if having else Curve(name)
    start = min(first_motion(shown.first) for shown in having)
    lines: dict[str, str] = {}
    for shown, run in zip(results, _looks(results), strict=True):
        if shown in having:
            lines |= _draw(axes, shown, curve, _times(shown, start, look), look, run if len(results) > 1 else None)
    if look.x == TIME:
        axes.set_xscale("log")
        axes.margins(x=0)
    set_scale(axes, having, curve)
    described = {key: value for shown in reversed(results) for key, value in _quantities(shown).items()}
    axes.set_ylabel(labels.of_axis(curve, described[name]))
    axes.set_xlabel(results[0].problem.parameters.description.time if look.x == TIME else described[look.x].label)
    axes.tick_params(**TICKS)
    if len(results) > 1 and lines:
        axes.legend(handles=[sample("0.3", line, name) for name, line in lines.items()])
    elif axes.get_legend_handles_labels()[1]:
        legend(axes, results[0].problem, name)
    look.apply(axes)


def _looks(results: Sequence[Shown]) -> list[Entry]:
    """Colour and line of each run."""
    return [Entry((), None, COLOURS[i % len(COLOURS)], LINES[i // len(COLOURS) % len(LINES)]) for i in range(len(results))]


def _name_runs(drawn: Figure, results: Sequence[Shown], columns: int) -> None:
    """Below the panels, the parameters by which runs differ, in their colours; simulations alone have the mark of points."""
    told = labels.differences([shown.problem for shown in results])
    handles = []
    for shown, run, name in zip(results, _looks(results), told, strict=True):
        line, mark = (run.line, "") if shown.solution is not None else ("none", next(iter(MARKERS)))
        text = textwrap.fill(name, LETTERS * columns, break_long_words=False)
        handles.append(sample(run.colour, line, text, mark))
    in_a_row = max(1, min(len(told), LETTERS * columns // (max(map(len, told)) + 8)))
    drawn.legend(handles=handles, loc="outside lower center", ncols=in_a_row, fontsize="small")


def _quantities(shown: Shown) -> dict[str, Quantity]:
    return dict(shown.problem.parameters.description.observables)


def _draw(axes: Axes, shown: Shown, curve: Curve, times: Array, look: Look, run: Entry | None) -> dict[str, str]:
    """All entries of an observable, those of one of several runs in its colour; returns their lines by name."""
    if look.x != TIME and fields(shown.problem)[look.x].entries > 1:
        raise ValueError(f"x = {look.x!r} is several numbers at each time: wanted a single one")
    if run is None:
        for entry in entries.of(shown.problem, curve.observable, LINES[0], COLOURS[0], None):
            draw_entry(axes, shown, curve, times, entry, look.x)
        return {}
    found = entries.of(shown.problem, curve.observable, run.line, run.colour, None)
    lines = {}
    for entry, line in zip(found, cycle(entries.LINES), strict=False):
        drawn = replace(entry, name=None, colour=run.colour, line=line if len(found) > 1 else run.line)
        draw_entry(axes, shown, curve, times, drawn, look.x)
        if entry.name:
            lines[entry.name] = drawn.line
    return lines


def _times(shown: Shown, start: float, look: Look) -> Array:
    """Times that are even on the axis, from the first at which there is something to see to the last one."""
    end = float(shown.first.time[-1])
    if look.x_scale == "linear" and look.x == TIME:
        return np.linspace(0.0, end, POINTS)
    if look.x == TIME and look.x_limits is not None and 0 < look.x_limits[0] < end:
        start = look.x_limits[0]
    return np.append(np.geomspace(start, end, POINTS)[:-1], end)


def _shared(results: Sequence[Shown]) -> str:
    """Headline: the parameters that all problems share."""
    problems = [shown.problem for shown in results]
    return labels.title(problems[0], without=labels.differing(problems))


def _say_what_failed(drawn: Figure, results: Sequence[Shown]) -> None:
    lines = [labels.ending(shown.solution) for shown in results if shown.solution is not None and not shown.solution.complete]
    seen = [simulation for shown in results for simulation in shown.simulations]
    lines += [labels.ending_of_simulation(simulation) for simulation in seen if simulation.outcome.failed]
    if lines:
        drawn.supxlabel("\n".join(textwrap.fill(line, 90) for line in lines), color=labels.ALARM, weight="bold")
