"""The three regimes t = O(1/m), O(1), O(m) as collapse plots, with fitted exponents, and the law of early stopping.

Run: for name in sweep lazy; do dmft sweep runs/timescales/$name.toml -o timescales-$name; done
     python runs/timescales/draw.py timescales-sweep timescales-lazy FIGURE.png
"""

import sys

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from dmft import Solution
from dmft.mathematics.power_law import PowerLaw, local_exponents, power_law
from dmft.plots import style
from dmft.results.crossing import first_crossing
from dmft.sweeps.collect import solutions

Array = NDArray[np.float64]

# Exponents are fitted to the widths from here on.
WIDE = 1000
POINTS = 400
# Where curves begin, in units of the time scale.
START = 1e-3


def width(run: Solution) -> float:
    """Number of neurons."""
    return float(run.problem.tables["problem"]["width"])


def curve(run: Solution, name: str, start: float) -> tuple[Array, Array]:
    """An observable on times that are equally spaced in log t."""
    times = np.geomspace(start, run.time[-1], POINTS)
    return times, np.array([run.at(min(t, run.time[-1]))[name] for t in times])


def collapse(axes: Axes, runs: list[Solution], name: str, time: float, power: float = 0.0) -> None:
    """m^power times an observable against t m^time, one curve a width."""
    for run, colour in zip(runs, style.shades(len(runs)), strict=True):
        m = width(run)
        times, values = curve(run, name, START * m**-time)
        axes.plot(times * m**time, np.abs(values) * m**power, color=colour, linewidth=1.3, label=style.of_width(m))
    axes.set_xscale("log")


def fitted(label: str, runs: list[Solution], values: list[float]) -> PowerLaw:
    """Print and return the power of m with which something grows, from the wide networks."""
    m, y = np.array([width(run) for run in runs]), np.array(values)
    law = power_law(m[m >= WIDE], y[m >= WIDE])
    print(f"{label}: m^({law});  values", " ".join(f"{one:.4g}" for one in y), end="")
    print(";  local exponents", " ".join(f"{one:.3f}" for one in local_exponents(m, y)))
    return law


def slow_and_fast(axes: NDArray, runs: list[Solution]) -> None:
    """Mean-field start: features on t = O(1), the rest on t = O(m)."""
    largest = max(run.observables["alignment"].max() for run in runs)
    fitted(
        "features: time at which v = half its largest value",
        runs,
        [first_crossing(run, "alignment", largest / 2) for run in runs],
    )
    grown = [first_crossing(run, "second_layer", np.sqrt(width(run)) / 4) for run in runs if width(run) >= 100]
    fitted("slow: time at which |a| = sqrt(m)/4", [run for run in runs if width(run) >= 100], grown)
    far = [run for run in runs if run.time[-1] >= 10 * width(run)]
    late = [run.at(10 * width(run)) for run in far]
    a = fitted("|a| at t = 10 m", far, [abs(one["second_layer"]) for one in late])
    v = fitted("v at t = 10 m", far, [one["alignment"] for one in late])
    print("|a|/sqrt(m) and v sqrt(m) at t = 10 m:", end=" ")
    print(
        "  ".join(
            f"{abs(one['second_layer']) / width(run) ** 0.5:.3f}, {one['alignment'] * width(run) ** 0.5:.3f}"
            for run, one in zip(far, late, strict=True)
        )
    )
    print("at t = 10 m: test, v, |a|")
    for run in far:
        one = run.at(10 * width(run))
        print(f"  m = {width(run):g}: {one['test_error']:.4f} {one['alignment']:.4f} {abs(one['second_layer']):.4f}")
    collapse(axes[0], runs, "alignment", 0.0)
    style.frame(axes[0], xlabel="$t$", ylabel="alignment $v$", xlim=(1e-2, 1e3), ylim=(0, None))
    collapse(axes[1], runs, "second_layer", -1.0, -0.5)
    style.frame(axes[1], xlabel="$t/m$", ylabel=r"$|a|/\sqrt{m}$", xlim=(1e-3, 1e1), yscale="log", ylim=(5e-3, 2))
    axes[1].text(0.05, 0.92, f"end: $|a|\\sim m^{{{a.exponent:.3f}\\pm{a.error:.3f}}}$", transform=axes[1].transAxes)
    collapse(axes[2], runs, "alignment", -1.0, 0.5)
    style.frame(axes[2], xlabel="$t/m$", ylabel=r"$v\,\sqrt{m}$", xlim=(1e-3, 1e1), yscale="log", ylim=(0.8, 1e3))
    axes[2].text(0.3, 0.92, f"end: $v\\sim m^{{{v.exponent:.3f}\\pm{v.error:.3f}}}$", transform=axes[2].transAxes)


def early_stopping(axes: Axes, runs: list[Solution]) -> None:
    """The time of the smallest test error, over m."""
    best = [run.early_stopping for run in runs]
    law = fitted("early stopping: t_min", runs, [one.time for one in best])
    m = np.array([width(run) for run in runs])
    print("t_min/m:", " ".join(f"{one.time / k:.3f}" for one, k in zip(best, m, strict=True)))
    print("smallest test error:", " ".join(f"{one.value:.5f}" for one in best))
    axes.plot(m, [one.time for one in best], "o", color=style.COLOURS[0], label="smallest test error")
    axes.plot(m, law(m), **style.GUIDE, label=f"$m^{{{law.exponent:.3f}\\pm{law.error:.3f}}}$, from $m = 10^3$ on")
    axes.plot(m, m, "--", color="0.6", linewidth=0.9, label="$t = m$")
    style.frame(axes, xscale="log", yscale="log", xlabel="width $m$", ylabel=r"early-stopping time $t_\mathrm{min}$")
    axes.legend()


def lazy(axes: NDArray, runs: list[Solution]) -> None:
    """Lazy start: the linear part on t = O(1/m), the rest of the data on t = O(1)."""
    start, linear = runs[-1].observables["test_error"][0], runs[-1].early_stopping.value
    print(f"lazy: test error {start:.4f} at the start, smallest {linear:.4f} at the largest width")
    half = (start + linear) / 2
    fitted(
        "linear part: time of half of the fall of the test error",
        runs,
        [first_crossing(run, "test_error", half) for run in runs],
    )
    memorised = [first_crossing(run, "train_error", linear / 2) for run in runs]
    fitted("data: time at which train = half of that test error", runs, memorised)
    collapse(axes[0], runs, "test_error", 1.0)
    style.frame(axes[0], xlabel="$t\\,m$", ylabel="test error, lazy start", xlim=(1e-2, 1e3), yscale="log")
    collapse(axes[1], runs, "train_error", 0.0)
    style.frame(axes[1], xlabel="$t$", ylabel="train error, lazy start", xlim=(1e-3, 1e2), yscale="log", ylim=(1e-3, 1))


def main(mean_field: str, lazily: str, figure: str) -> None:
    """Draw the figure and print its numbers."""
    style.apply()
    panels, axes = plt.subplots(2, 3, figsize=(11, 6.6), layout="constrained")
    runs = solutions(mean_field)
    slow_and_fast(axes[0], runs)
    early_stopping(axes[1, 0], runs)
    lazy(axes[1, 1:], solutions(lazily))
    axes[0, 0].legend(fontsize="small", loc="upper left")
    axes[1, 2].legend(fontsize="small")
    style.letters(axes)
    panels.savefig(figure, dpi=style.DOTS_PER_INCH)


if __name__ == "__main__":
    main(*sys.argv[1:])
