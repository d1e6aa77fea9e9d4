"""Panels of functions of one time: theory as lines, simulations as points with bars of one standard error."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from dmft.history.fields import OTHER
from dmft.mathematics.notation import number
from dmft.plots import entries, style
from dmft.plots.entries import Entry
from dmft.plots.labels import words
from dmft.plots.look import TIME
from dmft.problem.description import Ageing, Curve, Curves, Entries, Pair
from dmft.problem.problem import Problem
from dmft.results.solution import Solution

if TYPE_CHECKING:
    from dmft.results.simulation import Simulation

Array = NDArray[np.float64]

LINES = ("-", "--")
# Of simulations, and the same in a line of text.
MARKERS = {"o": "○", "s": "□", "^": "△", "D": "◇"}
# Powers of ten among the waiting times, at most.
WAITING_TIMES = 5
POINTS: dict[str, Any] = {"markersize": 3.5, "markerfacecolor": "white", "linewidth": 0.7, "elinewidth": 0.9}
# More curves than this have their legend above the panel.
INSIDE = 3
# More units than this are not named in a legend.
NAMED = 6
# Opacity of the band of one standard error.
BAND = 0.25
# A curve has begun to move once it is this fraction of its whole range away from its start.
MOVED = 1e-2
# A curve of decades that falls by more than the first factor is drawn on a logarithmic axis, down to the second one.
FALL, DEEPEST = 20.0, 1e8


@dataclass(frozen=True)
class Shown:
    """The data of one problem on a figure: a solution, simulations, or both."""

    solution: Solution | None
    simulations: Sequence[Simulation] = ()

    @property
    def first(self) -> Solution | Simulation:
        """The solution, or the first simulation without one."""
        return self.simulations[0] if self.solution is None else self.solution

    @property
    def problem(self) -> Problem:
        """That of all of them."""
        return self.first.problem


def first_motion(shown: Solution | Simulation) -> float:
    """Time from which on there is something to see, > 0: a third of that at which the first observable has moved."""
    time = shown.time
    values = np.array(list(shown.entries.values()))
    distance = np.abs(values - values[:, :1])
    moved = (distance > MOVED * distance.max(axis=1, keepdims=True)).any(axis=0)
    first = time[np.argmax(moved)] / 3 if moved.any() else time[1]
    return float(max(min(first, time[-1] / 10), time[1] / 10))


def draw_curves(axes: Axes, shown: Shown, panel: Curves, times: Array, colours: Iterator[str]) -> None:
    """Curves on one axis; where that of the observable to be smallest is so, it is marked."""
    smallest = shown.problem.parameters.description.smallest
    coloured = dict(zip((curve.observable for curve in panel.curves), colours, strict=False))
    for curve, line in zip(panel.curves, cycle(LINES), strict=False):
        _draw(axes, shown, curve, times, line, coloured[curve.observable], curve.label or words(curve.observable))
    axes.set_xscale("log")
    set_scale(axes, [shown], *panel.curves)
    axes.set_ylabel(panel.label)
    axes.margins(x=0)
    axes.tick_params(which="both", direction="in", top=True, right=True)
    if shown.solution is not None and smallest in coloured:
        _mark_smallest(axes, shown.solution, smallest, times, coloured[smallest])
    legend(axes, shown.problem, *coloured)


def sample(colour: str, line: Any, name: str, mark: str = "") -> Line2D:
    """A line for a legend."""
    return Line2D([], [], color=colour, linestyle=line, marker=mark, label=name)


def legend(axes: Axes, problem: Problem, *observables: str) -> None:
    """Names of the curves where there is room: of many, above the panel."""
    named, repeated = entries.of_legend(problem, observables)
    found = [(handle, name) for handle, name in zip(*axes.get_legend_handles_labels(), strict=True) if name not in repeated]
    found += [(sample(entry.colour, entry.line, str(entry.name)), str(entry.name)) for entry in named]
    handles, names = [handle for handle, _ in found], [name for _, name in found]
    if len(names) <= INSIDE:
        axes.legend(handles, names, loc="best")
    else:
        above: dict[str, Any] = {"bbox_to_anchor": (-0.02, 1.0), "ncols": 2, "borderaxespad": 0.2}
        axes.legend(handles, names, loc="lower left", fontsize="small", **above)


def _draw(axes: Axes, shown: Shown, curve: Curve, times: Array, line: str, colour: str, name: str | None = None) -> None:
    """One observable: a line for theory, and points for each simulation that has it; one for each of its entries."""
    for entry in entries.of(shown.problem, curve.observable, line, colour, name):
        draw_entry(axes, shown, curve, times, entry)


def draw_entry(axes: Axes, shown: Shown, curve: Curve, times: Array, entry: Entry, across: str = TIME) -> None:
    """One entry of an observable against time or another observable: a line with its band of errors, or points with bars."""
    at, name = (..., *entry.index), entry.name
    if shown.solution is not None:
        values = _values(shown.solution, curve, times)[at]
        x = times if across == TIME else _values(shown.solution, Curve(across), times)
        axes.plot(x, values, entry.line, color=entry.colour, label=name)
        if across == TIME and curve.observable in shown.solution.standard_errors:
            errors = shown.solution.standard_errors[curve.observable][at]
            error = np.interp(times, shown.solution.time, errors)
            axes.fill_between(times, values - error, values + error, color=entry.colour, alpha=BAND, linewidth=0)
        name = None
    for simulation, marker in zip(shown.simulations, cycle(MARKERS), strict=False):
        if {curve.observable, across} <= {TIME, *simulation.observables}:
            seen = simulation.time >= times[0]
            x = (simulation.time if across == TIME else simulation.observables[across])[seen]
            means = _drawn(curve, simulation.observables[curve.observable])[seen][at]
            bars = simulation.standard_errors[curve.observable][seen][at]
            # Points without the curve of a theory are joined, in the line that tells their entry from others.
            join = "none" if shown.solution is not None else entry.line
            axes.errorbar(x, means, bars, marker=marker, label=name, color=entry.colour, linestyle=join, **POINTS)
            name = None


def _mark_smallest(axes: Axes, solution: Solution, observable: str, times: Array, colour: str) -> None:
    """A point where an observable is smallest, its coordinates above the panel, where no curve can hide them.

    None while it still falls: that is no point to stop at.
    """
    best = solution.minimum(observable)
    if best.time == solution.time[-1]:
        axes.set_title(f"the {words(observable)} falls to the end", fontsize="medium", loc="right")
        return
    at = max(best.time, times[0])
    axes.axvline(at, color="0.5", linewidth=0.8, linestyle=":")
    axes.plot([at], [best.value], "o", color=colour, markersize=5, markeredgecolor="black", clip_on=False, zorder=5)
    place = np.log(at / times[0]) / np.log(times[-1] / times[0])
    axes.annotate(
        f"smallest {words(observable)} ${number(best.value)}$ at $t = {number(best.time)}$",
        (at, 1.0),
        xycoords=("data", "axes fraction"),
        xytext=(0, 4),
        textcoords="offset points",
        ha="left" if place < 0.4 else "center" if place < 0.6 else "right",
        va="bottom",
    )


def draw_pair(axes: Axes, shown: Shown, panel: Pair, times: Array, colours: Iterator[str]) -> None:
    """One curve on the left axis, another on the right one."""
    description = shown.problem.parameters.description
    axes.set_xscale("log")
    axes.set_xlabel(description.time)
    for curve, side, line in ((panel.left, axes, LINES[0]), (panel.right, axes.twinx(), LINES[1])):
        colour = next(colours)
        _draw(side, shown, curve, times, line, colour)
        side.set_ylabel(curve.label or description.observables[curve.observable].label, color=colour)
        side.tick_params(axis="y", which="both", colors=colour, direction="in")
        side.margins(x=0)
        set_scale(side, [shown], curve)
    axes.tick_params(axis="x", which="both", direction="in", top=True)
    if shown.solution is not None and description.smallest is not None:
        best = shown.solution.minimum(description.smallest)
        if best.time < shown.solution.time[-1]:
            axes.axvline(max(best.time, times[0]), color="0.5", linewidth=0.8, linestyle=":")


def draw_ageing(axes: Axes, shown: Shown, panel: Ageing, times: Array, colours: Iterator[str]) -> None:
    """A correlation against the time since t_w, for t_w = 0 and the last powers of ten before the end."""
    assert shown.solution is not None
    end = shown.solution.time[-1]
    decades = np.arange(np.ceil(np.log10(times[0])), np.log10(end / 3))[-WAITING_TIMES:]
    waiting_times = [0.0, *10.0**decades]
    shades = style.shades(len(waiting_times))
    for t_w, shade in zip(waiting_times, shades, strict=True):
        since = times[times <= end - t_w]
        values = shown.solution.correlation(panel.kernel, t_w + since, t_w)
        axes.plot(since, values, color=shade, label=f"$t_w = {number(t_w)}$")
    axes.set_xscale("log")
    axes.set_xlim(times[0], times[-1])
    axes.set_xlabel("time since $t_w$")
    axes.set_ylabel(f"${panel.kernel}(t_w+\\tau,\\,t_w)$")
    axes.tick_params(which="both", direction="in", top=True, right=True)
    axes.legend(loc="best", fontsize="small")


def draw_entries(axes: Axes, shown: Shown, panel: Entries, times: Array, colours: Iterator[str]) -> None:
    """Every entry of an order parameter, in the colour of its last index; dashed between different units of the same kind."""
    assert shown.solution is not None
    name = panel.order_parameter
    values = np.array([shown.solution.order_parameters_at(time)[name] for time in times])
    parameters = shown.problem.parameters
    last = parameters.description.order_parameter_fields(parameters.axes)[name].dims[-1].removeprefix(OTHER)
    shades = style.shades(values.shape[-1])
    among_themselves = values.ndim == 3 and np.array_equal(values, values.swapaxes(1, 2))
    for index in np.ndindex(*values.shape[1:]):
        line = LINES[among_themselves and index[0] != index[1]]
        named = _named(index, among_themselves, last.replace("_", " "))
        axes.plot(times, values[:, *index], line, color=shades[index[-1]], linewidth=1.2, label=named)
    axes.set_xscale("log")
    axes.set_ylabel(parameters.description.order_parameters[name].label)
    axes.margins(x=0)
    axes.tick_params(**style.TICKS)
    if values.shape[-1] <= NAMED:
        axes.legend(loc="best", fontsize="small")


def _named(index: tuple[int, ...], among_themselves: bool, unit: str) -> str | None:
    """Name of an entry in a legend: one for each colour, and one for the dashed entries of two units of the same kind."""
    if not among_themselves:
        return f"{unit} {index[-1]}" if not any(index[:-1]) else None
    return f"{unit} {index[0]}" if index[0] == index[1] else f"{unit} 0 and 1" if index == (1, 0) else None


def set_scale(axes: Axes, results: Sequence[Shown], *curves: Curve) -> None:
    """A logarithmic axis if a curve of decades falls far; else no axis so narrow that rounding errors fill it."""
    for curve in curves:
        known = [shown.first.observables[curve.observable] for shown in results if curve.observable in shown.first.observables]
        values = [_drawn(curve, found) for found in known]
        lows, highs = [one.min() for one in values], [one.max() for one in values]
        if curve.decades and any(FALL * low < high for low, high in zip(lows, highs, strict=True)):
            axes.set_yscale("log")
            axes.set_ylim(bottom=max(min(lows) / 1.5, max(highs) / DEEPEST))
            return
    low, high = axes.get_ylim()
    least = 1e-3 * max(abs(low), abs(high), 1e-12)
    if high - low < least:
        axes.set_ylim((low + high) / 2 - least, (low + high) / 2 + least)


def _values(solution: Solution, curve: Curve, times: Array) -> Array:
    """Values of an observable at these times, (len(times),), each by the polynomial of its cell."""
    return _drawn(curve, np.asarray(solution.at(times)[curve.observable]))


def _drawn(curve: Curve, values: Array) -> Array:
    """The values themselves, or their distance from that of the curve."""
    return values if curve.distance_from is None else np.abs(values - curve.distance_from)
