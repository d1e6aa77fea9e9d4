"""Neurons of one network on the two directions: do those that start alike stay alike, as in the theory?

From v(0) = (0.05, 0.05).  First, ten neurons at n/(m d) = 10: the overlaps with the quadratic direction of every neuron of one
network, and their spread among the neurons with a > 0 in networks of different dimension.  Then two neurons, one of each sign,
which have nobody to differ from: what networks and Gaussian fields learn of the quadratic direction, against the theory.

Run: python runs/two_directions/neurons.py runs/two_directions/sweep.toml FIGURE.png SIMULATIONS    (a folder that keeps them)
"""

import sys
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from draw import individual, key, learned, start, theory
from matplotlib.axes import Axes
from numpy.typing import NDArray
from scipy.optimize import curve_fit

from dmft import Problem, Simulation, Sweep, simulate, solve
from dmft.plots import style

Array = NDArray[np.float64]

RATIO, START, END, TIMES = 10.0, (0.05, 0.05), 20.0, 15
# Dimensions with their numbers of seeds; the network that is drawn, and the time of the spread.
DIMENSIONS = {50: 16, 100: 16, 200: 8, 400: 4}
DRAWN, EARLY = 200, 3.0
# Differences of the starts of neurons with a > 0 in the theory.
APART = (0.005, 0.02)
# Sample ratios of the networks that are trained to the end of the sweep.
LATE = (1.0, 10.0)
# Of two neurons: fields, n/(m d), dimensions with their numbers of seeds.
PAIRS = (
    ("gaussian", 3.0, {50: 32, 100: 16, 200: 6}),
    ("network", 3.0, {100: 16, 400: 8, 1600: 3}),
    ("network", 10.0, {100: 16, 400: 8, 800: 4}),
)


def problem(sweep: Sweep, width: int, ratio: float) -> Problem:
    """The point of the sweep with the small start, at a width and a sample ratio, up to the last time of this script."""
    points = (sweep.problem(index) for index in range(len(sweep)))
    found = next(point for point in points if key(point, "samples_per_parameter") == RATIO and start(point) == START)
    return found.replace(width=width, samples_per_parameter=ratio, t_max=END)


def trained(asked: Problem, folder: Path, fields: str, dim: int, seeds: int) -> Simulation:
    """A simulation of individual neurons, from the folder if it is there."""
    name = f"{fields}-{key(asked, 'width')}-{key(asked, 'samples_per_parameter'):g}-{dim}.h5"
    common: dict[str, Any] = {"times": TIMES, "tolerance": 1e-3}
    return simulate(individual(asked), dim=dim, seeds=seeds, fields=fields, output=folder / name, **common)


def with_error(values: Array) -> str:
    """Mean over seeds, with its standard error."""
    return f"{values.mean():.3f} +- {values.std(ddof=1) / np.sqrt(len(values)):.3f}"


def parts(found: Simulation) -> Array:
    """Learned parts (seeds, times, 2)."""
    return np.array(
        [
            learned(found.problem, {"second_layer": a, "alignment": v})
            for a, v in zip(found.trajectories["second_layer"], found.trajectories["alignment"], strict=True)
        ]
    )


def spreads(found: Simulation) -> Array:
    """Standard deviation of v_2 among the neurons with a > 0 at the early time, of each seed."""
    at = int(np.argmin(np.abs(found.time - EARLY)))
    positive = found.trajectories["second_layer"][0, 0] > 0
    return found.trajectories["alignment"][:, at, positive, 1].std(axis=1, ddof=1)


def draw_neurons(axes: Axes, asked: Problem, found: Simulation) -> None:
    """v_2 of every neuron of the first network against time, and of both groups of the theory."""
    run, seen = solve(asked), found.time > 0.1
    for k, a in enumerate(found.trajectories["second_layer"][0, 0]):
        values = found.trajectories["alignment"][0, seen, k, 1]
        axes.plot(found.time[seen], values, "o-", color=style.COLOURS[int(a < 0)], markersize=2.5, linewidth=0.7)
    for k, name in enumerate(("$a(0) = 1$", "$a(0) = -1$")):
        time = np.geomspace(0.1, END * (1 - 1e-12), 200)
        values = [run.at(t)["alignment"][k, 1] for t in time]
        axes.plot(time, values, "--", color=style.COLOURS[k], label=f"theory, {name}")
    style.frame(axes, xscale="log", xlabel="time $t$", ylabel="overlap $v_2$ of each neuron")
    axes.legend(title=f"points: one network, $d = {DRAWN}$", title_fontsize="small", fontsize="small")


def apart(asked: Problem, by: float) -> Problem:
    """The same with the neurons with a > 0 in two groups, of three and of two of five, whose v_2(0) differ by twice this."""
    positive, negative = key(asked, "neurons")
    number, (v_1, v_2) = round(positive["fraction"] * key(asked, "width")), positive["alignment"]
    more = (number + 1) // 2
    sizes = ((more, v_2 + by), (number - more, v_2 - by))
    groups = [{"count": count, "second_layer": positive["second_layer"], "alignment": [v_1, v]} for count, v in sizes]
    return asked.replace(neurons=[*groups, negative])


def draw_learned(axes: Axes, asked: Problem, found: Simulation) -> None:
    """The learned part of the quadratic direction: networks, and the theory from equal starts and from starts that differ."""
    seen, each = found.time > 0.1, parts(found)[:, :, 1]
    error = each.std(axis=0, ddof=1) / np.sqrt(len(each))
    points = {"fmt": "o", "color": style.COLOURS[0], "markersize": 3.5, "markerfacecolor": "white"}
    axes.errorbar(
        found.time[seen], each.mean(axis=0)[seen], error[seen], label=f"{len(each)} networks, $d = {DRAWN}$", **points
    )
    for by, line in zip((0.0, *APART), ("--", "-", "-."), strict=True):
        run = solve(apart(asked, by) if by else asked)
        times, expected = theory(run)
        name = f"$v_2(0) = {START[1]:g} \\pm {by:g}$" if by else "equal starts"
        axes.plot(times, expected[:, 1], line, color=style.COLOURS[1], label=f"theory, {name}")
        print(f"theory, starts that differ by +-{by:g}: learned {expected[-1, 1]:.3f} at the end,", end=" ")
        print(f"test error {run.test_error[-1]:.4f}")
    style.frame(axes, xscale="log", xlim=(0.1, END), xlabel="time $t$", ylabel="learned part of the quadratic direction")
    axes.legend(fontsize="small")


def draw_spread(axes: Axes, every: dict[int, Array]) -> None:
    """The spread among neurons against the dimension, and the power law that fits it."""
    dims = np.array(list(every), dtype=float)
    mean, error = np.array([(one.mean(), one.std(ddof=1) / np.sqrt(len(one))) for one in every.values()]).T

    def law(log_dim: Array, scale: float, power: float) -> Array:
        return scale * np.exp(-power * (log_dim - np.log(dims[0])))

    (scale, power), covariance = curve_fit(law, np.log(dims), mean, (mean[0], 0.5), sigma=error, absolute_sigma=True)
    print(f"spread of v_2 at t = {EARLY:g} falls as d^-p with p = {power:.2f} +- {covariance[1, 1] ** 0.5:.2f}")
    axes.errorbar(dims, mean, error, fmt="o", color=style.COLOURS[0], markerfacecolor="white")
    axes.plot(dims, law(np.log(dims), scale, power), color=style.COLOURS[0], label=f"$d^{{-{power:.2f}}}$")
    label = f"spread of $v_2$ at $t = {EARLY:g}$"
    style.frame(axes, xscale="log", yscale="log", xlabel="dimension $d$", ylabel=label)
    axes.set_xticks(dims, [f"{d:g}" for d in dims])
    axes.set_xticks([], minor=True)
    axes.legend()


def many(sweep: Sweep, folder: Path, axes: NDArray) -> None:
    """Ten neurons: all panels, and what networks learn beside the theory."""
    asked, every = problem(sweep, 10, RATIO), {}
    times, expected = theory(solve(asked))
    print(f"ten neurons, n/(m d) = {RATIO:g}: the theory has learned {expected[-1, 1]:.3f} at t = {times[-1]:g}")
    for dim, seeds in DIMENSIONS.items():
        found = trained(asked, folder, "network", dim, seeds)
        every[dim] = spreads(found)
        last = found.trajectories["alignment"][:, -1, found.trajectories["second_layer"][0, 0] > 0, 1]
        print(f"  d = {dim}: learned {with_error(parts(found)[:, -1, 1])}, spread of v_2 {with_error(every[dim])},", end=" ")
        print(f"{(last < 0).mean():.2f} of the neurons with a > 0 end at v_2 < 0")
        if dim == DRAWN:
            draw_neurons(axes[0], asked, found)
            draw_learned(axes[1], asked, found)
    draw_spread(axes[2], every)


def at_the_end(sweep: Sweep) -> None:
    """Print the parts that the theory has learned at the end of the sweep.  The neurons with a > 0 start apart."""
    for ratio in LATE:
        asked = problem(sweep, 10, ratio).replace(t_max=sweep.problem(0).solver.t_max)
        for by in APART:
            run = solve(apart(asked, by))
            expected = theory(run)[1][-1]
            print(f"theory at t = {run.time[-1]:g}, n/(m d) = {ratio:g}, starts +-{by:g}: learned", end=" ")
            print(f"{expected[0]:.3f} and {expected[1]:.3f}, test error {run.test_error[-1]:.4f}")


def pairs(sweep: Sweep, folder: Path) -> None:
    """Two neurons: learned part of the quadratic direction at the end."""
    for fields, ratio, dimensions in PAIRS:
        asked = problem(sweep, 2, ratio)
        _, expected = theory(solve(asked))
        print(f"two neurons, {fields}, n/(m d) = {ratio:g}: the theory has learned {expected[-1, 1]:.3f} at the end,", end=" ")
        found = {dim: parts(trained(asked, folder, fields, dim, seeds))[:, -1, 1] for dim, seeds in dimensions.items()}
        print(", ".join(f"d = {dim} {with_error(values)}" for dim, values in found.items()))


def main(file: str, figure: str, simulations: str) -> None:
    """Draw the figure and print the numbers."""
    style.apply()
    sweep, folder = Sweep.load(file), Path(simulations)
    folder.mkdir(exist_ok=True)
    panels, axes = plt.subplots(1, 3, figsize=(11, 3.4), layout="constrained")
    many(sweep, folder, axes)
    style.letters(axes)
    panels.savefig(figure, dpi=style.DOTS_PER_INCH)
    at_the_end(sweep)
    pairs(sweep, folder)


if __name__ == "__main__":
    main(*sys.argv[1:])
