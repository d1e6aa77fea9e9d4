"""Panels of functions of one time."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from dmft.plots.labels import TIME, number
from dmft.solution import Solution

Array = NDArray[np.float64]

# Okabe and Ito, and a violet: distinct for every kind of colour vision, dark enough for print.
TEST, TRAIN, ALIGNMENT, LAYER = "#D55E00", "#0072B2", "#00805A", "#6A3D9A"
# A curve has begun to move once it is this fraction of its whole range away from its start.
MOVED = 1e-2
# A training error that falls by more than the first factor is drawn on a logarithmic axis, down to the second one.
FALL, DEEPEST = 20.0, 1e8


def first_motion(solution: Solution) -> float:
    """Time from which on there is something to see, > 0: a third of that at which the first observable has moved."""
    time = solution.time
    values = np.array(list(solution.observables.values()))
    distance = np.abs(values - values[:, :1])
    moved = (distance > MOVED * distance.max(axis=1, keepdims=True)).any(axis=0)
    first = time[np.argmax(moved)] / 3 if moved.any() else time[1]
    return float(max(min(first, time[-1] / 10), time[1] / 10))


def draw_errors(axes: Axes, solution: Solution, times: Array) -> None:
    """Test and train error, and where the test error is smallest."""
    for name, colour, line in (("test_error", TEST, "-"), ("train_error", TRAIN, "--")):
        axes.plot(times, _values(solution, name, times), line, color=colour, label=name.replace("_", " "))
    axes.set_xscale("log")
    low, high = solution.observables["train_error"].min(), solution.observables["train_error"].max()
    if FALL * low < high:
        axes.set_yscale("log")
        axes.set_ylim(bottom=max(low / 1.5, high / DEEPEST))
    else:
        _widen(axes)
    axes.set_ylabel(r"error  $\langle(f-y)^2\rangle/2$")
    axes.margins(x=0)
    axes.tick_params(which="both", direction="in", top=True, right=True)
    _mark_early_stopping(axes, solution, times)
    axes.legend(loc="best")


def _mark_early_stopping(axes: Axes, solution: Solution, times: Array) -> None:
    """A point where the test error is smallest, its coordinates above the panel, where no curve can hide them.

    None while the test error still falls: that is no point to stop at.
    """
    best = solution.early_stopping
    if best.time == solution.time[-1]:
        axes.set_title("the test error falls to the end", fontsize="medium", loc="right")
        return
    at = max(best.time, times[0])
    axes.axvline(at, color="0.5", linewidth=0.8, linestyle=":")
    axes.plot([at], [best.value], "o", color=TEST, markersize=6, markeredgecolor="black", clip_on=False, zorder=5)
    place = np.log(at / times[0]) / np.log(times[-1] / times[0])
    axes.annotate(
        f"smallest test error ${number(best.value)}$ at $t = {number(best.time)}$",
        (at, 1.0),
        xycoords=("data", "axes fraction"),
        xytext=(0, 4),
        textcoords="offset points",
        ha="left" if place < 0.4 else "center" if place < 0.6 else "right",
        va="bottom",
    )


def draw_order_parameters(axes: Axes, solution: Solution, times: Array) -> None:
    """Alignment v on the left axis, second layer |a| on the right one."""
    axes.plot(times, _values(solution, "alignment", times), color=ALIGNMENT)
    axes.set_ylabel(r"alignment  $v=\langle w,u\rangle$", color=ALIGNMENT)
    axes.set_xlabel(TIME)
    other = axes.twinx()
    other.plot(times, np.abs(_values(solution, "second_layer", times)), "--", color=LAYER)
    other.set_ylabel(r"second layer  $|a|$", color=LAYER)
    for side, colour in ((axes, ALIGNMENT), (other, LAYER)):
        side.tick_params(axis="y", colors=colour, direction="in")
        side.margins(x=0)
        _widen(side)
    axes.tick_params(axis="x", which="both", direction="in", top=True)
    if solution.early_stopping.time < solution.time[-1]:
        axes.axvline(max(solution.early_stopping.time, times[0]), color="0.5", linewidth=0.8, linestyle=":")


def _widen(axes: Axes) -> None:
    """Leave no axis so narrow that rounding errors fill it."""
    low, high = axes.get_ylim()
    least = 1e-3 * max(abs(low), abs(high), 1e-12)
    if high - low < least:
        axes.set_ylim((low + high) / 2 - least, (low + high) / 2 + least)


def _values(solution: Solution, name: str, times: Array) -> Array:
    """One observable at these times, (len(times),), each by the polynomial of its cell."""
    return np.array([solution.at(time)[name] for time in times])
