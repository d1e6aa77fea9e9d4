"""Neurons that start with a = +1 and -1 against neurons that all start with +1: learning, overfitting, unlearning.

Run: for name in equal signs; do dmft sweep runs/signs/$name.toml -o signs-$name; done
     python runs/signs/draw.py signs-equal signs-signs FIGURE.png
"""

import sys

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from dmft import Solution
from dmft.plots import style
from dmft.sweeps.collect import solutions

Array = NDArray[np.float64]

# Starts, and the line of each.
STARTS = {"all +1": "-", "+1 and -1": "--"}
POINTS, FIRST = 400, 1e-2


def width(run: Solution) -> int:
    """Number of neurons."""
    return int(run.problem.tables["problem"]["width"])


def curve(run: Solution, name: str) -> tuple[Array, Array]:
    """Times in units of m, and the size of an observable, of the first group."""
    times = np.append(np.geomspace(FIRST, run.time[-1], POINTS)[:-1], run.time[-1])
    values = np.array([np.ravel(run.at(t)[name])[0] for t in times])
    return times, np.abs(values)


def tell(start: str, run: Solution) -> None:
    """Print what a run shows."""
    best, (times, v), (_, a) = run.early_stopping, curve(run, "alignment"), curve(run, "second_layer")
    test = run.test_error
    print(
        f"m = {width(run)}, {start}: test error {test[0]:.4f} at the start, smallest {best.value:.4f} at t = {best.time:.3g},",
        end=" ",
    )
    print(f"{test[-1]:.4f} at the end, {test[-1] / best.value:.2f} times as large; train {run.train_error[-1]:.1e};", end=" ")
    print(f"v at most {v.max():.3f} at t = {times[np.argmax(v)]:.2g}, {v[-1]:.3f} at the end; |a| {a[-1]:.3f} at the end")


def draw(axes: Axes, start: str, runs: list[Solution], name: str) -> None:
    """One observable against time: colours for widths, lines for starts."""
    for run, colour in zip(runs, style.COLOURS, strict=False):
        times, values = curve(run, name)
        axes.plot(times, values, STARTS[start], color=colour, linewidth=1.4, label=f"{style.of_width(width(run))}, {start}")


def main(equal: str, signs: str, figure: str) -> None:
    """Draw the figure and print its numbers."""
    style.apply()
    panels, axes = plt.subplots(2, 2, figsize=(9, 6.4), layout="constrained", sharex=True)
    for start, folder in zip(STARTS, (equal, signs), strict=True):
        runs = solutions(folder)
        for run in runs:
            tell(start, run)
        for panel, name in zip(axes.flat, ("test_error", "train_error", "alignment", "second_layer"), strict=True):
            draw(panel, start, runs, name)
    for panel, label in zip(axes.flat, ("test error", "train error", "alignment $|v|$", "second layer $|a|$"), strict=True):
        style.frame(panel, xscale="log", xlim=(FIRST, 1e4), ylabel=label)
    for panel in axes[0]:
        panel.set_yscale("log")
    for panel in axes[1]:
        panel.set_xlabel("time $t$")
    axes[0, 1].set_ylim(bottom=1e-5)
    axes[0, 1].legend(loc="lower left", fontsize="small")
    style.letters(axes)
    panels.savefig(figure, dpi=style.DOTS_PER_INCH)


if __name__ == "__main__":
    main(*sys.argv[1:])
