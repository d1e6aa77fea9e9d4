"""Slowing down, rich to lazy, overfitting, and the corrections of finitely many units.

Run: for name in laziness samples; do dmft sweep runs/hinge/$name.toml -o $name && dmft collect $name; done
     python runs/hinge/draw.py laziness samples FIGURE.png
"""

import sys

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from dmft import Problem, Table, simulate, solve
from dmft.mathematics.power_law import power_law
from dmft.models.hinge.parameters import HingeParameters
from dmft.plots import style

# The nodes are looked at when this fraction of the data is left.
LEFT = 0.1
UNITS, DIMENSIONS, SEEDS, EARLIEST, LATEST = (50, 100, 200, 400, 800, 1600), (5, 20), 12, 0.8, 4.0


def slowing_down(axes: Axes, table: Table) -> None:
    """g against t, and the late law."""
    chosen = range(0, len(table.axes["laziness"]), 6)
    for index, color in zip(chosen, style.shades(len(chosen)), strict=True):
        time, problem = np.geomspace(1e-2, table.problem.solver.t_max, 400), table.sweep.problem(index)
        found, parameters = solve(problem), problem.parameters
        assert isinstance(parameters, HingeParameters)
        turned = [found.at(min(t, found.time[-1]))["rotation"] for t in time]
        axes.plot(time, turned, color=color, label=rf"$\alpha = {parameters.laziness:g}$")
        late = np.array([parameters.late_rotation(t) for t in time])
        axes.plot(time[late > 0.1], late[late > 0.1], ":", color="black", linewidth=0.8)
    axes.plot([], [], ":", color="black", linewidth=0.8, label="late law")
    style.frame(axes, xscale="log", xlim=(1e-2, 1e8), ylim=(-0.1, None), xlabel="time $t$", ylabel="rotation  $g$")
    axes.legend(fontsize="small")


def rich_to_lazy(axes: Axes, table: Table) -> None:
    """g when a fraction of the data is left."""
    alpha = table.axes["laziness"]
    turned = [np.interp(-np.log(LEFT), -np.log(u), g) for u, g in zip(table["unsatisfied"], table["rotation"], strict=True)]
    axes.plot(alpha, turned, "o-", markersize=3, color=style.COLOURS[1])
    label = f"rotation  $g$ when {LEFT:.0%} are unsatisfied"
    style.frame(axes, xscale="log", yscale="log", xlabel=r"laziness  $\alpha$", ylabel=label)
    power, _ = np.polyfit(np.log(alpha[-5:]), np.log(turned[-5:]), 1)
    print(f"g = {turned[0]:.3f} at the rich end, {turned[-1]:.3f} as alpha^{power:.3f} at the lazy end")
    between = np.exp(np.interp(-np.arcsinh(1.0) / 2, -np.array(turned), np.log(alpha)))
    print(f"sinh 2g = 1 at alpha = {between:.3g}")


def overfitting(axes: Axes, table: Table) -> None:
    """Loss of the data set and of a fresh example."""
    samples = table.axes["samples"]
    for index, color in enumerate(style.shades(len(samples))):
        time = table["time"][index][1:]
        axes.plot(time, table["generalization_error"][index][1:], color=color, label=f"P = {samples[index]:g}")
        axes.plot(time, table["train_error"][index][1:], "--", color=color)
        fresh, train, wrong = (
            table[f"final_{name}"][index] for name in ("generalization_error", "train_error", "misclassified")
        )
        print(f"P = {samples[index]:g}: fresh {fresh:.4f}, train {train:.4f}, misclassified {wrong:.4f}", end="; ")
        least, when = (
            table[name][index] for name in ("smallest_generalization_error", "time_of_smallest_generalization_error")
        )
        print(f"rises by {fresh / least - 1:.0%} from its minimum at t = {when:.4g}")
    style.frame(axes, xscale="log", yscale="log", xlim=(1e-1, 1e4), ylim=(2e-3, 6.0), xlabel="time $t$", ylabel="hinge loss")
    axes.legend(fontsize="small", loc="upper right", ncols=2, title="fresh example; dashed: data set")


def finite_width(axes: Axes) -> None:
    """Distance of the slope of trained networks from the theory, root mean square over seeds and times."""
    for dimension, color in zip(DIMENSIONS, style.shades(len(DIMENSIONS)), strict=True):
        distances = []
        for units in UNITS:
            problem = Problem(
                model="hinge", laziness=1.0, samples=10 * dimension, dimension=dimension, units=units, t_max=LATEST
            )
            found = simulate(problem, dim=dimension, seeds=SEEDS, times=8, tolerance=5e-3)
            late = found.time >= EARLIEST
            theory = problem.parameters.build().evaluate(found.time[late])["slope"]
            distances.append(np.sqrt(np.mean((found.trajectories["slope"][:, late] - theory) ** 2)))
        law = power_law(UNITS, distances)
        label = f"$N = {dimension}$:  $M^{{{law.exponent:.2f}\\pm{law.error:.2f}}}$"
        axes.plot(UNITS, distances, "o", color=color, label=label)
        axes.plot(UNITS, law(UNITS), color=color, linewidth=0.9)
        print(f"N = {dimension}: distances", " ".join(f"{found:.4f}" for found in distances), f"power {law}")
    label = f"distance from the theory, {SEEDS} networks"
    style.frame(axes, xscale="log", yscale="log", xlabel="units  $M$", ylabel=label)
    axes.legend(fontsize="small")


def main(laziness: str, samples: str, figure: str) -> None:
    """Draw the figure and print what it shows."""
    style.apply()
    tables = [Table.load(f"{folder}/sweep.h5") for folder in (laziness, samples)]
    panels, axes = plt.subplots(2, 2, figsize=(9, 7), layout="constrained")
    slowing_down(axes[0, 0], tables[0])
    rich_to_lazy(axes[0, 1], tables[0])
    overfitting(axes[1, 0], tables[1])
    finite_width(axes[1, 1])
    style.letters(axes)
    panels.savefig(figure, dpi=style.DOTS_PER_INCH)


if __name__ == "__main__":
    main(*sys.argv[1:])
