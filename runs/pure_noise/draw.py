"""Learning pure noise by heart: the time it takes and the complexity it needs, from mean-field and from lazy starts.

Run: for name in mean_field lazy; do dmft sweep runs/pure_noise/$name.toml -o noise-$name; done
     python runs/pure_noise/draw.py noise-mean_field noise-lazy FIGURE.png
"""

import sys
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from dmft import Solution
from dmft.mathematics.power_law import local_exponents, power_law
from dmft.plots import style
from dmft.results.crossing import first_crossing
from dmft.sweeps.collect import solutions

Array = NDArray[np.float64]

# Train error, the one at the start being 1/2 and that of a function that is zero; exponents are fitted from WIDE on.
LEVEL, WIDE = 0.25, 100
POINTS = 300


def key(run: Solution, name: str) -> Any:
    """A value of the problem."""
    return run.problem.tables["problem"][name]


def learned(run: Solution) -> float:
    """First time at which the train error is below LEVEL; zero if it is from the start."""
    return 0.0 if run.train_error[0] < LEVEL else first_crossing(run, "train_error", LEVEL)


def curve(run: Solution, name: str, start: float) -> tuple[Array, Array]:
    """An observable on times that are equally spaced in log t."""
    times = np.geomspace(start, run.time[-1], POINTS)
    return times, np.array([run.at(min(t, run.time[-1]))[name] for t in times])


def mean_field(axes: NDArray, runs: list[Solution]) -> None:
    """Collapse of the train error and of the growth of complexity on t/m."""
    m = np.array([key(run, "width") for run in runs], dtype=float)
    times = np.array([learned(run) for run in runs])
    law = power_law(m[m >= WIDE], times[m >= WIDE])
    print(f"mean-field: time at which train < {LEVEL}:", " ".join(f"{t:.4g}" for t in times), f"  m^({law})")
    print("  local exponents:", " ".join(f"{one:.3f}" for one in local_exponents(m, times)))
    print("  complexity at t = 100 m:", " ".join(f"{run.complexity[-1]:.3f}" for run in runs))
    print("  train error at t = 100 m:", " ".join(f"{run.train_error[-1]:.3e}" for run in runs))
    for run, k, colour in zip(runs, m, style.shades(len(runs)), strict=True):
        for panel, name in zip(axes, ("train_error", "complexity"), strict=True):
            t, values = curve(run, name, 1e-3 * k)
            panel.plot(t / k, values, color=colour, linewidth=1.3, label=style.of_width(k))
    axes[0].axhline(LEVEL, **style.GUIDE)
    axes[0].text(
        0.05, 0.1, f"train < {LEVEL} at $t\\sim m^{{{law.exponent:.4f}\\pm{law.error:.4f}}}$", transform=axes[0].transAxes
    )
    style.frame(axes[0], xscale="log", xlim=(1e-3, 1e2), ylim=(0, 0.65), xlabel="$t/m$", ylabel="train error")
    style.frame(
        axes[1], xscale="log", yscale="log", xlim=(1e-3, 1e2), xlabel="$t/m$", ylabel=r"complexity $|a|\,\sqrt{h'(1)/\alpha}$"
    )
    axes[1].legend(fontsize="small")


def lazy_curves(axes: Axes, runs: list[Solution], width: int) -> None:
    """Complexity against time from starts of several scales, at one width."""
    chosen = [run for run in runs if key(run, "width") == width]
    for run, colour in zip(chosen, style.shades(len(chosen)), strict=True):
        t, values = curve(run, "complexity", 1e-3)
        axes.plot(t, values, color=colour, linewidth=1.3, label=f"$\\gamma = {key(run, 'init_scale'):g}$")
    style.frame(axes, xscale="log", yscale="log", xlabel="$t$", ylabel="complexity, lazy start", xlim=(1e-3, 1e5))
    axes.set_ylim(2e-2, 60)
    axes.set_title(f"$m = {width}$", fontsize="medium")
    axes.legend(fontsize="small", ncols=2)


def lazy_ends(axes: Axes, runs: list[Solution]) -> None:
    """Complexity at the end over that at the start, for every width."""
    widths = sorted({key(run, "width") for run in runs})
    for width, colour in zip(widths, style.shades(len(widths)), strict=True):
        chosen = sorted((run for run in runs if key(run, "width") == width), key=lambda run: key(run, "init_scale"))
        start, end = (np.array([run.complexity[k] for run in chosen]) for k in (0, -1))
        axes.plot(start, end, "o-", markersize=3.5, color=colour, linewidth=1.3, label=style.of_width(width))
        print(
            f"lazy, m = {width}: complexity start -> end",
            "  ".join(f"{a:.3g} -> {b:.4g}" for a, b in zip(start, end, strict=True)),
        )
        print("  time at which train < 0.25:", " ".join(f"{learned(run):.3g}" for run in chosen), end="")
        print("   C_d(t_max, 0):", " ".join(f"{run.memory_of_start[-1]:.3f}" for run in chosen))
        print("  train error at the end:", " ".join(f"{run.train_error[-1]:.1e}" for run in chosen), end="")
        print("   test error at the end:", " ".join(f"{run.test_error[-1]:.3f}" for run in chosen))
    ends = np.array(axes.get_xlim())
    axes.plot([0.02, 20], [0.02, 20], **style.GUIDE, label="no growth")
    style.frame(axes, xscale="log", yscale="log", xlabel="complexity of the lazy start", ylabel="complexity at the end")
    axes.set_xlim(max(ends[0], 1e-2), ends[1] * 1.3)
    axes.legend(fontsize="small")


def main(started: str, lazily: str, figure: str) -> None:
    """Draw the figure and print its numbers."""
    style.apply()
    panels, axes = plt.subplots(2, 2, figsize=(8.4, 6.6), layout="constrained")
    mean_field(axes[0], solutions(started))
    runs = solutions(lazily)
    lazy_curves(axes[1, 0], runs, 1000)
    lazy_ends(axes[1, 1], runs)
    style.letters(axes)
    panels.savefig(figure, dpi=style.DOTS_PER_INCH)


if __name__ == "__main__":
    main(*sys.argv[1:])
