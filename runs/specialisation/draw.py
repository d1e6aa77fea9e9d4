"""Two halves of a network that start almost alike: the growth of their difference, and the time until they are different.

Run: dmft sweep runs/specialisation/sweep.toml -o specialisation
     python runs/specialisation/draw.py specialisation FIGURE.png
"""

import sys
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from dmft import Solution
from dmft.plots import style
from dmft.sweeps.collect import solutions

Array = NDArray[np.float64]

FIRST, POINTS = 0.1, 1000
# The halves are different once a neuron has this much more of one direction than of the other.
DIFFERENT = 0.5
# Starts below this grow as a linear perturbation.
SMALL = 5e-4


def key(run: Solution, name: str) -> Any:
    """A value of the problem."""
    return run.problem.tables["problem"][name]


def start(run: Solution) -> float:
    """Half of the difference between the two overlaps of a neuron at t = 0."""
    first, second = key(run, "neurons")[0]["alignment"]
    return (first - second) / 2


def difference(run: Solution) -> tuple[Array, Array]:
    """Times, and the difference between the two overlaps of a neuron of the first half."""
    times = np.append(np.geomspace(FIRST, run.time[-1], POINTS)[:-1], run.time[-1])
    overlaps = np.array([run.at(t)["alignment"][0] for t in times])
    return times, overlaps[:, 0] - overlaps[:, 1]


def crossing(times: Array, values: Array) -> float:
    """First time at which the halves are different; not a number if they never are."""
    above = np.flatnonzero(values > DIFFERENT)
    return float(times[above[0]]) if len(above) else float("nan")


def draw_ratio(axes: Axes, runs: list[Solution]) -> tuple[Array, Array, Array]:
    """Difference against time for all starts; returns starts, times of specialisation and largest differences."""
    found = []
    for run, colour in zip(runs, style.shades(len(runs)), strict=True):
        times, values = difference(run)
        axes.plot(times, np.abs(values), color=colour, label=f"$\\epsilon = 10^{{{np.log10(start(run)):.0f}}}$")
        found.append((start(run), crossing(times, values), values.max()))
        least = int(np.argmin(np.abs(values)))
        print(
            f"  start {start(run):.0e}: smallest {values[least] / values[0]:.3f} of its first value at t = {times[least]:.2g},",
            end="",
        )
        print(f" above {DIFFERENT} at t = {found[-1][1]:.4g}, largest {found[-1][2]:.3g}, at the end {values[-1]:.3g}")
    return tuple(np.transpose(found))


def tell(starts: Array, crossings: Array, largest: Array) -> None:
    """Print the law of the time of specialisation, or of the largest difference where that time does not come."""
    small = starts < SMALL
    if np.isfinite(crossings).all():
        local = np.diff(crossings) / np.diff(np.log(1 / starts))
        print("  time of specialisation: more for each e-fold of 1/e", " ".join(f"{one:.2f}" for one in local))
    else:
        print("  largest difference over start, small starts:", " ".join(f"{one:.1f}" for one in (largest / starts / 2)[small]))


def main(folder: str, figure: str) -> None:
    """Draw the figure and print its numbers."""
    style.apply()
    panels, axes = plt.subplots(1, 3, figsize=(11, 3.6), layout="constrained")
    runs = solutions(folder)
    ratios = sorted({key(run, "samples_per_parameter") for run in runs})
    for panel, ratio, colour, marker in zip(axes, ratios, style.COLOURS, "os", strict=False):
        print(f"n/(m d) = {ratio:g}")
        starts, crossings, largest = draw_ratio(panel, [run for run in runs if key(run, "samples_per_parameter") == ratio])
        style.frame(panel, xscale="log", yscale="log", xlabel="time $t$", ylabel="difference $|v_1-v_2|$ of the first half")
        panel.set_title(f"$n/(md) = {ratio:g}$", fontsize="medium")
        tell(starts, crossings, largest)
        axes[2].plot(starts, crossings, marker + "-", color=colour, markersize=4.5, label=f"$n/(md) = {ratio:g}$")
    axes[0].legend(fontsize="small")
    label = f"time at which the difference is {DIFFERENT}"
    style.frame(axes[2], xscale="log", xlabel=r"start $\epsilon$", ylabel=label, ylim=(0, None))
    axes[2].legend()
    panels.savefig(figure, dpi=style.DOTS_PER_INCH)


if __name__ == "__main__":
    main(*sys.argv[1:])
