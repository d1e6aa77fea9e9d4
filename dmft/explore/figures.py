"""Bokeh figures of a solution: curves of the theory's panels against time, and one kernel as a picture."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Literal

import numpy as np
from bokeh.models import ColorBar, ColumnDataSource, Image, LinearColorMapper, LogColorMapper, Range1d
from bokeh.plotting import figure
from numpy.typing import NDArray

from dmft.explore.explorer import Pinned
from dmft.plots import entries
from dmft.plots.curves import first_motion
from dmft.plots.labels import words
from dmft.plots.pictures import on_log_grid
from dmft.plots.style import COLOURS
from dmft.problem.description import Ageing, Curve, Curves, Entries, Pair
from dmft.results.solution import Solution

Array = NDArray[np.float64]
Corner = Literal["top_right", "top_left", "bottom_right", "bottom_left"]

WIDTH, HEIGHT = 560, 330
# Points of a curve and pixels of a kernel, along each axis.
POINTS, PIXELS = 400, 160
# Signs for the commands of LaTeX that stand in labels.
SIGNS = {
    r"\langle": "⟨",
    r"\rangle": "⟩",
    r"\nu": "\N{GREEK SMALL LETTER NU}",
    r"\alpha": "\N{GREEK SMALL LETTER ALPHA}",
    r"\epsilon": "ε",
    r"\gamma": "\N{GREEK SMALL LETTER GAMMA}",
    r"\eta": "η",
    r"\tau": "τ",
    r"\sqrt": "√",
    r"\,": " ",
}
# Where a legend may be, and the part of each axis that it takes.
CORNERS: dict[Corner, tuple[int, int]] = {
    "top_right": (1, 1),
    "top_left": (0, 1),
    "bottom_right": (1, 0),
    "bottom_left": (0, 0),
}
CORNER = 0.35
# Smallest positive value on a logarithmic axis, relative to the largest.
DEEPEST = 1e-8


@dataclass(frozen=True)
class View:
    """Display of time and errors that a reader has chosen."""

    log_time: bool = True
    log_values: bool = False


@dataclass(frozen=True)
class Line:
    """One curve to draw: what it shows, its name, and its distance from a value in place of itself if there is one."""

    label: str
    times: Array
    values: Array


@dataclass(frozen=True)
class OfGroup:
    """One entry of an observable against time, such as that of a group and a direction; the only one has no index."""

    curve: Curve
    index: tuple[int, ...]
    name: str | None

    def __str__(self) -> str:
        return self.name or plain(self.curve.label or words(self.curve.observable))


@dataclass(frozen=True)
class Entry:
    """One entry of an order parameter against time."""

    order_parameter: str
    index: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.order_parameter}[{', '.join(str(i + 1) for i in self.index)}]"


@dataclass(frozen=True)
class Waited:
    """A correlation C(t_w + tau, t_w) against tau, from one waiting time t_w on."""

    kernel: str
    waiting_time: float

    def __str__(self) -> str:
        return f"waited {self.waiting_time:g}"


Drawn = OfGroup | Entry | Waited


def curve_figures(solution: Solution, pinned: Sequence[Pinned], view: View) -> list[figure]:
    """One Bokeh figure for each axis of values of the theory's panels."""
    drawn = []
    for label, curves in _axes(solution):
        colours = cycle(COLOURS)
        own, lines = _figure(label, view), []
        for curve, colour in zip(curves, colours, strict=False):
            for kept, dash in zip(pinned, cycle(("dashed", "dotted", "dotdash", "dashdot")), strict=False):
                if _has(kept.solution, solution, curve):
                    lines.append(_line(kept.solution, curve, view, kept.name))
                    _draw(own, lines[-1], colour, dash, 0.55)
            lines.append(_line(solution, curve, view, str(curve)))
            _draw(own, lines[-1], colour, "solid", 1.0)
        own.legend.location = emptiest_corner(lines, view)
        own.legend.label_text_font_size = "9pt"
        own.legend.background_fill_alpha = 0.6
        own.legend.click_policy = "hide"
        drawn.append(own)
    return drawn


def emptiest_corner(lines: Sequence[Line], view: View) -> Corner:
    """The corner of a figure with the fewest points of its curves."""
    times, values = (np.concatenate([getattr(line, name) for line in lines]) for name in ("times", "values"))
    x, y = _placed(times, view.log_time), _placed(values, view.log_values)

    def filled(corner: Corner) -> int:
        left, bottom = CORNERS[corner]
        return int(((abs(x - left) < CORNER) & (abs(y - bottom) < CORNER)).sum())

    return min(CORNERS, key=filled)


def _placed(values: Array, logarithmic: bool) -> Array:
    """Places on an axis from 0 to 1; what is not on a logarithmic one is not a number."""
    found = np.log(np.where(values > 0, values, np.nan)) if logarithmic else values
    shown = found[np.isfinite(found)]
    low, high = shown.min(initial=np.inf), shown.max(initial=-np.inf)
    return (found - low) / (high - low if high > low else 1.0)


def _has(kept: Solution, solution: Solution, curve: Drawn) -> bool:
    """True if a solution that was kept is of the same theory and has this curve."""
    if kept.problem.parameters.model != solution.problem.parameters.model:
        return False
    if not isinstance(curve, OfGroup):
        return True
    shape = kept.observables[curve.curve.observable].shape[1:]
    return len(shape) == len(curve.index) and all(place < size for place, size in zip(curve.index, shape, strict=True))


def kernel_choices(solution: Solution) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Name of each kernel, and of each group or pair of groups of it, at t and at t' -> kernel and index."""
    parameters, found = solution.problem.parameters, {}
    declared = parameters.description.kernel_fields(parameters.axes)
    for kernel in solution.kernels:
        for index in declared[kernel].indices():
            where = entries.where(declared[kernel], index)
            found[f"{kernel}, {where}" if where else kernel] = kernel, index
    return found


def kernel_figure(solution: Solution, kernel: str, index: tuple[int, ...] = ()) -> figure:
    """One kernel, of one group or pair of groups if it has several, for t' <= t over the logarithms of both times."""
    quantity = solution.problem.parameters.description.kernels[kernel]
    low, high = np.log10(first_motion(solution)), np.log10(solution.time[-1])
    grid = np.logspace(low, high, PIXELS)
    picture = on_log_grid(solution.time, solution.kernels[kernel][(..., *index)], grid).filled(np.nan).T
    shown = np.abs(picture[np.isfinite(picture)])
    largest = float(shown.max(initial=0.0)) or 1.0
    two_signs = bool((picture[np.isfinite(picture)] < -1e-3 * largest).any())
    if two_signs or shown.min(initial=largest) > 1e-2 * largest:
        mapper = LinearColorMapper(palette="Cividis256", low=-largest if two_signs else 0.0, high=largest)
    else:
        mapper = LogColorMapper(palette="Cividis256", low=1e-4 * largest, high=largest)
    mapper.nan_color = "rgba(0, 0, 0, 0)"
    own = figure(
        width=WIDTH,
        height=int(0.8 * WIDTH),
        title=plain(quantity.label),
        x_axis_label="log10 t",
        y_axis_label="log10 t'",
        x_range=Range1d(low, high),
        y_range=Range1d(low, high),
        tools="pan,wheel_zoom,reset,save",
    )
    pixels = Image(image="image", x=low, y=low, dw=high - low, dh=high - low, color_mapper=mapper)
    own.add_glyph(ColumnDataSource({"image": [picture]}), pixels)
    own.add_layout(ColorBar(color_mapper=mapper), "right")
    return own


def _figure(label: str, view: View) -> figure:
    return figure(
        width=WIDTH,
        height=HEIGHT,
        x_axis_type="log" if view.log_time else "linear",
        y_axis_type="log" if view.log_values else "linear",
        x_axis_label="time t",
        y_axis_label=plain(label),
        tools="pan,wheel_zoom,box_zoom,reset,save",
    )


def _draw(own: figure, line: Line, colour: str, dash: str, alpha: float) -> None:
    source = ColumnDataSource({"t": line.times, "value": line.values})
    own.line("t", "value", source=source, color=colour, line_dash=dash, alpha=alpha, line_width=2, legend_label=line.label)


def _axes(solution: Solution) -> Iterator[tuple[str, list[Drawn]]]:
    """Label and curves of every axis of values among the theory's panels."""
    description = solution.problem.parameters.description
    for panel in solution.problem.parameters.panels():
        match panel:
            case Curves(curves, label):
                yield label, [one for curve in curves for one in _entries(solution, curve)]
            case Pair(left, right):
                for curve in (left, right):
                    yield curve.label or description.observables[curve.observable].label, _entries(solution, curve)
            case Entries(name):
                if name in solution.order_parameters:
                    shape = solution.order_parameters[name].shape[1:]
                    yield description.order_parameters[name].label, [Entry(name, index) for index in np.ndindex(*shape)]
            case Ageing(kernel):
                powers = range(max(1, int(np.log10(max(solution.time[-1], 1.0)))))
                yield description.kernels[kernel].label, [Waited(kernel, 10.0**power) for power in powers]


def _entries(solution: Solution, curve: Curve) -> list[Drawn]:
    found = entries.of(solution.problem, curve.observable, "", "", None)
    return [OfGroup(curve, entry.index, entry.name) for entry in found]


def _line(solution: Solution, curve: Drawn, view: View, label: str) -> Line:
    """Values of a curve at times that are even on the axis of time."""
    first, last = first_motion(solution), float(solution.time[-1])
    if isinstance(curve, Waited):
        return _ageing(solution, curve, label)
    times = np.geomspace(first, last, POINTS) if view.log_time else np.linspace(0.0, last, POINTS)
    if isinstance(curve, OfGroup):
        values = np.asarray(solution.at(times)[curve.curve.observable])[(..., *curve.index)]
        if curve.curve.distance_from is not None:
            values = np.abs(values - curve.curve.distance_from)
    else:
        values = np.asarray(solution.order_parameters_at(times)[curve.order_parameter])[(..., *curve.index)]
    if view.log_values:
        values = np.where(np.abs(values) > DEEPEST * np.abs(values).max(), np.abs(values), np.nan)
    return Line(label, times, values)


def _ageing(solution: Solution, curve: Waited, label: str) -> Line:
    """C(t_w + tau, t_w) against tau, at the nodes after the one nearest to t_w."""
    at = int(np.argmin(np.abs(solution.time - curve.waiting_time)))
    return Line(label, solution.time[at + 1 :] - solution.time[at], solution.kernels[curve.kernel][at + 1 :, at])


def plain(label: str) -> str:
    """A label as plain text: pages are shown without a network, from which the typesetting of formulas would come."""
    for command, sign in SIGNS.items():
        label = label.replace(command, sign)
    return " ".join(re.sub(r"\\[a-z]+|[${}\\]", "", label).split())
