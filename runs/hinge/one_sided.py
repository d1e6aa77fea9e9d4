"""Data sets with and without mirror images, and the corrections of finitely many units in those without.

Run: for name in samples one_sided; do dmft sweep runs/hinge/$name.toml -o $name && dmft collect $name; done
     python runs/hinge/one_sided.py samples one_sided FIGURE.png
"""

import sys

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from dmft import Problem, Solution, Table, simulate, solve
from dmft.mathematics.power_law import power_law
from dmft.plots import style

# Networks of so many units in these dimensions, with P = 10 N, and populations that stand for infinitely many in one of them.
UNITS, DIMENSIONS, RATIO, SEEDS = (50, 100, 200, 400, 800, 1600), (5, 20, 40), 10, 6
POPULATIONS, ONE, EXACT = (80, 160, 320, 640), 20, 3200
EARLIEST, LATEST, TOLERANCE = 0.8, 4.0, 1e-3
# Dimensions and data sets of the last panel, and the time at which losses are read.
GROWING, DATA_SETS, LATER = (5, 10, 20, 40), 4, 10.0


def problem(dimension: int, t_max: float = LATEST, **keys: float) -> Problem:
    """P = 10 N examples without mirror images."""
    given = {"samples": RATIO * dimension, "dimension": dimension, "mirrored": False, "population": EXACT, **keys}
    return Problem(model="hinge", laziness=1.0, t_max=t_max, **{"tolerance": TOLERANCE, **given})


def overfitting(axes: Axes, mirrored: Table, alone: Table) -> None:
    """Losses of a fresh example with and without mirror images, and that of the data set without."""
    samples = alone.axes["samples"]
    for index, color in enumerate(style.shades(len(samples))):
        time = alone["time"][index][1:]
        axes.plot(time, alone["generalization_error"][index][1:], color=color, label=f"P = {samples[index]:g}")
        axes.plot(time, alone["train_error"][index][1:], "--", color=color)
        axes.plot(mirrored["time"][index][1:], mirrored["generalization_error"][index][1:], ":", color=color)
    axes.plot([], [], "--", color="gray", label="data set")
    axes.plot([], [], ":", color="gray", label="mirrored")
    style.frame(axes, xscale="log", yscale="log", xlim=(1e-1, 1e4), ylim=(2e-3, 6.0), xlabel="time $t$", ylabel="hinge loss")
    axes.legend(fontsize="small", loc="upper right", ncols=3)


def final_losses(axes: Axes, mirrored: Table, alone: Table) -> None:
    """Loss of a fresh example at the end, against P."""
    cases = ((alone, "P examples", style.COLOURS[0]), (mirrored, "P examples and their mirror images", style.COLOURS[1]))
    for table, label, colour in cases:
        loss, wrong = table["final_generalization_error"], table["final_misclassified"]
        axes.plot(table.axes["samples"], loss, "o-", color=colour, label=label)
        print(
            f"{label}: fresh", " ".join(f"{value:.4f}" for value in loss), "misclassified", " ".join(f"{w:.4f}" for w in wrong)
        )
    label = "hinge loss of a fresh example at the end"
    style.frame(axes, xscale="log", yscale="log", xlabel="examples  $P$", ylabel=label)
    axes.legend(fontsize="small")


def distance(values: np.ndarray, exact: Solution, time: np.ndarray) -> float:
    """Root mean square over seeds and times of what the slope is from that of the exact solution."""
    late = time >= EARLIEST
    return float(np.sqrt(np.mean((values[..., late] - [exact.at(t)["slope"] for t in time[late]]) ** 2)))


def show(name: str, sizes: tuple[int, ...], distances: list[float]) -> str:
    """Print distances; the power with which they fall."""
    law = power_law(sizes, distances)
    print(name, " ".join(f"{found:.4f}" for found in distances), f"power {law}")
    return f"{name}:  $M^{{{law.exponent:.2f}\\pm{law.error:.2f}}}$"


def finite_width(axes: Axes) -> None:
    """Distance of trained networks from the theory."""
    for dimension, color in zip(DIMENSIONS, style.shades(len(DIMENSIONS)), strict=True):
        exact, distances = solve(problem(dimension)), []
        for units in UNITS:
            found = simulate(problem(dimension, units=units), dim=dimension, seeds=SEEDS, times=8, tolerance=5e-3)
            distances.append(distance(found.trajectories["slope"], exact, found.time))
        axes.plot(UNITS, distances, "o-", color=color, label=show(f"networks, N = {dimension}", UNITS, distances))


def smaller_populations(axes: Axes) -> None:
    """Distance of populations from a large one, root mean square over data sets."""
    found = []
    for seed in range(DATA_SETS):
        exact = solve(problem(ONE, seed=seed))
        runs = [solve(problem(ONE, seed=seed, population=size)) for size in POPULATIONS]
        found.append([distance(run.observables["slope"], exact, run.time) for run in runs])
    distances = [float(size) for size in np.sqrt(np.mean(np.square(found), axis=0))]
    axes.plot(POPULATIONS, distances, "s--", color="gray", label=show(f"populations, N = {ONE}", POPULATIONS, distances))
    label = f"distance from the theory, {SEEDS} seeds"
    style.frame(axes, xscale="log", yscale="log", ylim=(2e-4, 0.3), xlabel="units  $M$", ylabel=label)
    axes.legend(fontsize="small", loc="lower left")


def growing_dimension(axes: Axes) -> None:
    """Loss of a fresh example at one time with P = 10 N, with and without mirror images; mean over data sets."""
    alone, mirrored = [], []
    for dimension in GROWING:
        seeds = range(DATA_SETS)
        keys = {"t_max": LATER, "population": 1600, "tolerance": 1e-2}
        runs = [(p := problem(dimension, seed=seed, **keys), p.replace(mirrored=True, population=None)) for seed in seeds]
        losses = np.array([[solve(one).generalization_error[-1] for one in pair] for pair in runs])
        for found, values in zip((alone, mirrored), losses.T, strict=True):
            found.append((values.mean(), values.std(ddof=1) / np.sqrt(DATA_SETS)))
        print(f"N = {dimension}: fresh loss at t = {LATER:g}", "without and with {:.4f} {:.4f}".format(*losses.mean(axis=0)))
    cases = ((alone, "10 N examples", style.COLOURS[0]), (mirrored, "10 N examples and their mirror images", style.COLOURS[1]))
    for found, label, colour in cases:
        mean, error = np.array(found).T
        axes.errorbar(GROWING, mean, error, fmt="o-", color=colour, label=label)
    label = f"hinge loss of a fresh example at $t = {LATER:g}$"
    style.frame(axes, xlim=(0, None), ylim=(0, None), xlabel="dimension  $N$", ylabel=label)
    axes.legend(fontsize="small", title=f"mean and standard error of {DATA_SETS} data sets")


def main(mirrored: str, alone: str, figure: str) -> None:
    """Draw the figure and print what it shows."""
    style.apply()
    tables = [Table.load(f"{folder}/sweep.h5") for folder in (mirrored, alone)]
    panels, axes = plt.subplots(2, 2, figsize=(9, 7), layout="constrained")
    overfitting(axes[0, 0], *tables)
    final_losses(axes[0, 1], *tables)
    finite_width(axes[1, 0])
    smaller_populations(axes[1, 0])
    growing_dimension(axes[1, 1])
    style.letters(axes)
    panels.savefig(figure, dpi=style.DOTS_PER_INCH)


if __name__ == "__main__":
    main(*sys.argv[1:])
