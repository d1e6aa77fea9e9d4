"""Final error against excess units, and the late growth of antiparallel pairs.

Run: dmft sweep runs/online_sgd/sweep.toml -o excess && dmft sweep runs/online_sgd/long.toml -o long
     python runs/online_sgd/draw.py excess long FIGURE.png
"""

import sys
from typing import Any

import matplotlib.pyplot as plt
import numpy as np

from dmft import Solution
from dmft.plots import style
from dmft.sweeps.collect import solutions

TEACHERS = 2
TIMES = (1e4, 1e6)
# Colour, marker and its size.
DRAWN = {"erf": (style.COLOURS[0], "o", 4), "relu": (style.COLOURS[1], "s", 7), "linear": (style.COLOURS[2], "^", 4)}


def key(run: Solution, name: str) -> Any:
    """A value of the problem."""
    return run.problem.tables["problem"][name]


def final_errors(found: list[Solution], activation: str, both: bool, time: float) -> tuple[list[int], list[float]]:
    """Excess units, and the error at a time over sigma^2 lr/(2 pi), the mean over seeds."""
    chosen = [run for run in found if key(run, "activation") == activation and key(run, "train_second_layer") == both]
    excess = sorted({key(run, "student_units") - TEACHERS for run in chosen})
    unit = key(chosen[0], "noise") ** 2 * key(chosen[0], "learning_rate") / (2 * np.pi)
    rows = [
        [run.at(time)["generalization_error"] for run in chosen if key(run, "student_units") == TEACHERS + L] for L in excess
    ]
    return excess, [float(np.mean(row)) / unit for row in rows]


def predicted(excess: np.ndarray, learning_rate: float) -> np.ndarray:
    """The final error of erf, first layer only, to second order in the learning rate, in the same unit."""
    X = excess + TEACHERS / np.sqrt(3)
    return X + 2 * learning_rate / np.pi * (X**2 / 2 + (np.sqrt(5) / 10 - 1 / 6) * TEACHERS)


def draw_excess(axes, found: list[Solution]) -> None:
    """A panel for each layer setting; prints what it draws."""
    for panel, both in zip(axes, (False, True), strict=True):
        for activation, (colour, marker, size) in DRAWN.items():
            for time, line, inside in zip(TIMES, (":", "-"), ("white", None), strict=True):
                excess, errors = final_errors(found, activation, both, time)
                label = f"{activation}, $t = 10^{{{np.log10(time):g}}}$"
                drawn = {"color": colour, "marker": marker, "markersize": size, "markerfacecolor": inside or colour}
                panel.plot(excess, errors, line, linewidth=1.2, label=label, **drawn)
                print(f"{'both' if both else 'first':5} {activation:6} t = {time:g}: " + " ".join(f"{e:.3f}" for e in errors))
        title = "both layers" if both else "first layer only"
        style.frame(panel, xlabel="excess units $L = K - M$", title=title, yscale="log")
    L = np.linspace(0, 5, 100)
    axes[0].plot(L, predicted(L, key(found[0], "learning_rate")), "k-", linewidth=0.8, label="erf, excess units alike")
    axes[0].set_ylabel(r"$\epsilon_g\;/\;(\sigma^2\eta/2\pi)$")
    axes[0].legend(fontsize="x-small")


def draw_long(axes, found: list[Solution]) -> None:
    """Error and largest length of a student against time."""
    for run, shade in zip(found, style.shades(len(found)), strict=True):
        time, Q = run.time[1:], run.order_parameters["Q"][1:]
        excess = key(run, "student_units") - TEACHERS
        axes[0].loglog(time, run.generalization_error[1:], color=shade, label=f"$L = {excess}$")
        longest = Q.diagonal(axis1=1, axis2=2).max(axis=1)
        axes[1].loglog(time, longest, color=shade)
        print(f"L = {excess}: error " + " ".join(f"{run.at(t)['generalization_error']:.3e}" for t in (1e4, 1e6, 1e8)), end="")
        print(f"  longest Q_kk {longest[-1]:.1f}")
    style.frame(axes[0], ylabel=r"$\epsilon_g$", title="erf, first layer only, late", xlim=(1e2, 1e8), ylim=(2e-4, 0.1))
    axes[0].legend(fontsize="small")
    style.frame(axes[1], ylabel="largest $Q_{kk}$", xlabel="time $t$", xlim=(1e2, 1e8), ylim=(0.1, 1e3))


def main(excess: str, long: str, figure: str) -> None:
    """Draw the figure and print its numbers."""
    style.apply()
    drawn = plt.figure(figsize=(11, 4.2), layout="constrained")
    left, right = drawn.subfigures(1, 2, squeeze=False, width_ratios=(2, 1.2))[0]
    draw_excess(left.subplots(1, 2, sharey=True), solutions(excess))
    draw_long(right.subplots(2, 1, sharex=True), solutions(long))
    drawn.savefig(figure, dpi=style.DOTS_PER_INCH)


if __name__ == "__main__":
    main(*sys.argv[1:])
