"""A linear and a quadratic direction: which one is learned when, by the theory and by trained networks.

The network has learned a part c_1 = s_1 <a v_1>/0.6 of the linear direction and c_2 = s_2 <a v_2^2>/0.8 of the quadratic one,
where s are the Hermite coefficients of the activation and < > is the mean over neurons.  In networks every neuron counts for
itself: neurons that start alike need not stay alike, and < v_2^2 > is not < v_2 >^2.

Run: dmft sweep runs/two_directions/sweep.toml -o directions
     python runs/two_directions/draw.py directions FIGURE.png [SIMULATIONS]     (a folder that keeps the networks)
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from dmft import Problem, Simulation, Solution, simulate
from dmft.plots import style
from dmft.sweeps.collect import solutions

Array = NDArray[np.float64]

# Trained networks at these sample ratios.
TRAINED, DIMENSION, SEEDS = (1.0, 10.0), 100, 4
FIRST, POINTS = 0.03, 400
NEURONS = ("second_layer", "alignment")
NAMES = ("linear direction", "quadratic direction")


def key(problem: Problem, name: str) -> Any:
    """A value of the problem."""
    return problem.tables["problem"][name]


def learned(problem: Problem, observables: Mapping[str, Array]) -> Array:
    """The learned parts of both directions at each time, (times, 2)."""
    _, s_1, s_2 = key(problem, "activation")
    wanted, width = key(problem, "target"), key(problem, "width")
    a, v = np.asarray(observables["second_layer"]), np.asarray(observables["alignment"])
    fractions = np.array([group.get("fraction") or group["count"] / width for group in key(problem, "neurons")])
    linear = s_1 * (a * v[..., 0]) @ fractions / wanted["1,0"]
    quadratic = s_2 * (a * v[..., 1] ** 2) @ fractions / wanted["0,2"]
    return np.stack([linear, quadratic], axis=-1)


def theory(run: Solution) -> tuple[Array, Array]:
    """Times, and the learned parts (times, 2)."""
    times = np.append(np.geomspace(FIRST, run.time[-1], POINTS)[:-1], run.time[-1])
    found = [run.at(t) for t in times]
    return times, learned(run.problem, {name: np.array([one[name] for one in found]) for name in NEURONS})


def individual(problem: Problem) -> Problem:
    """The same with every neuron as a group of its own, so that the neurons of a simulation are told apart."""
    width, neurons = key(problem, "width"), []
    for group in key(problem, "neurons"):
        alone = {"count": 1, "second_layer": group["second_layer"], "alignment": group["alignment"]}
        neurons += [alone] * round(group["fraction"] * width)
    return problem.replace(neurons=neurons)


def start(problem: Problem) -> tuple[float, float]:
    """The overlaps of all neurons with both directions at t = 0."""
    first, second = key(problem, "neurons")[0]["alignment"]
    return first, second


def trained(problem: Problem, folder: Path | None) -> Simulation:
    """Networks on the problem of a point; from the folder if they were trained before."""
    name = f"networks-{key(problem, 'samples_per_parameter'):g}-{start(problem)[1]:g}.h5"
    path = None if folder is None else folder / name
    if path is not None and path.exists():
        return Simulation.load(path)
    found = simulate(individual(problem), dim=DIMENSION, seeds=SEEDS, times=25, tolerance=1e-3)
    if path is not None:
        path.parent.mkdir(exist_ok=True)
        found.save(path)
    return found


def crossing(times: Array, values: Array) -> float:
    """First time at which a half is learned; not a number if it never is."""
    above = np.flatnonzero(values > 0.5)
    return float(times[above[0]]) if len(above) else float("nan")


def draw_networks(axes: NDArray, problem: Problem, folder: Path | None, colour: Any) -> None:
    """Mean and standard error over seeds of what networks have learned."""
    found = trained(problem, folder)
    each = np.array([learned(found.problem, {name: found.trajectories[name][k] for name in NEURONS}) for k in range(SEEDS)])
    seen = found.time >= FIRST
    mean, error = each.mean(axis=0)[seen], each.std(axis=0, ddof=1)[seen] / np.sqrt(SEEDS)
    for panel, values, bars in zip(axes, mean.T, error.T, strict=True):
        panel.errorbar(found.time[seen], values, bars, fmt="o", color=colour, markersize=3.5, markerfacecolor="white")
    print(f"networks at n/(m d) = {key(problem, 'samples_per_parameter'):g}: learned at the end", end=" ")
    print(", ".join(f"{m:.3f} +- {e:.3f}" for m, e in zip(mean[-1], error[-1], strict=True)))


def draw_times(axes: Axes, ratios: list[float], halves: list[list[float]]) -> None:
    """Times at which half of each direction is learned, against the sample ratio."""
    for name, values, colour, marker in zip(NAMES, np.transpose(halves), style.COLOURS, "os", strict=False):
        axes.plot(ratios, values, marker + "-", color=colour, markersize=4.5, label=name)
    style.frame(
        axes, xscale="log", yscale="log", xlabel="samples per parameter $n/(md)$", ylabel="time at which half is learned"
    )
    axes.legend()


def draw_row(axes: NDArray, runs: list[Solution], folder: Path | None) -> None:
    """One start: the learned parts against time for all ratios, and the times at which half is learned."""
    ratios, halves = [key(run.problem, "samples_per_parameter") for run in runs], []
    for run, ratio, colour in zip(runs, ratios, style.shades(len(runs)), strict=True):
        times, parts = theory(run)
        halves.append([crossing(times, part) for part in parts.T])
        for panel, part in zip(axes, parts.T, strict=False):
            panel.plot(times, part, color=colour, label=f"$n/(md) = {ratio:g}$")
        print(f"n/(m d) = {ratio:g}: half is learned at t = {halves[-1][0]:.3g} and {halves[-1][1]:.3g};", end=" ")
        print(f"at the end {parts[-1, 0]:.3f} and {parts[-1, 1]:.3f}, test error {run.test_error[-1]:.4f},", end=" ")
        print(f"smallest {run.early_stopping.value:.4f} at t = {run.early_stopping.time:.3g}")
        if ratio in TRAINED:
            draw_networks(axes[:2], run.problem, folder, colour)
    for panel, name in zip(axes, NAMES, strict=False):
        style.frame(panel, xscale="log", ylim=(-0.05, 1.1), xlabel="time $t$", ylabel=f"learned part of the {name}")
        panel.axhline(1.0, **style.GUIDE)
    draw_times(axes[2], ratios, halves)


def main(folder: str, figure: str, simulations: str | None = None) -> None:
    """Draw the figure and print its numbers."""
    style.apply()
    runs = solutions(folder)
    starts = sorted({start(run.problem) for run in runs})
    panels, axes = plt.subplots(len(starts), 3, figsize=(11, 3.4 * len(starts)), layout="constrained")
    for row, at in zip(axes, starts, strict=True):
        print(f"start v = {at[0]:g}, {at[1]:g}")
        draw_row(row, [run for run in runs if start(run.problem) == at], None if simulations is None else Path(simulations))
        row[1].text(0.05, 0.88, f"$v(0) = ({at[0]:g}, {at[1]:g})$", transform=row[1].transAxes)
    axes[0, 0].legend(fontsize="small", title=f"points: {SEEDS} networks in $d = {DIMENSION}$", title_fontsize="small")
    style.letters(axes)
    panels.savefig(figure, dpi=style.DOTS_PER_INCH)


if __name__ == "__main__":
    main(*sys.argv[1:])
