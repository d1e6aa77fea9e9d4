"""Data sets with and without mirror images, and the corrections of finitely many units in those without.

Run: for name in samples one_sided; do dmft sweep runs/hinge/$name.toml -o $name && dmft collect $name; done
     python runs/hinge/one_sided.py samples one_sided FIGURE.png
"""

import sys

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from dmft import Problem, Solution, Table, simulate, solve

# Networks of so many units in these dimensions, with P = 10 N, and populations that stand for infinitely many in one of them.
UNITS, DIMENSIONS, RATIO, SEEDS = (50, 100, 200, 400, 800, 1600), (5, 20, 40), 10, 6
POPULATIONS, ONE, EXACT = (80, 160, 320, 640), 20, 3200
EARLIEST, LATEST, TOLERANCE = 0.8, 4.0, 1e-3
# Dimensions and data sets of the last panel, and the time at which losses are read.
GROWING, DATA_SETS, LATER = (5, 10, 20, 40), 4, 10.0


def colors(number: int) -> np.ndarray:
    """Shades for so many curves."""
    return plt.get_cmap("viridis")(np.linspace(0.0, 0.85, number))


def problem(dimension: int, t_max: float = LATEST, **keys: float) -> Problem:
    """P = 10 N examples without mirror images."""
    given = {"samples": RATIO * dimension, "dimension": dimension, "mirrored": False, "population": EXACT, **keys}
    return Problem(model="hinge", laziness=1.0, t_max=t_max, **{"tolerance": TOLERANCE, **given})


def overfitting(axes: Axes, mirrored: Table, alone: Table) -> None:
    """Losses of a fresh example with and without mirror images, and that of the data set without."""
    samples = alone.axes["samples"]
    for index, color in enumerate(colors(len(samples))):
        time = alone["time"][index][1:]
        axes.plot(time, alone["generalization_error"][index][1:], color=color, label=f"P = {samples[index]:g}")
        axes.plot(time, alone["train_error"][index][1:], "--", color=color)
        axes.plot(mirrored["time"][index][1:], mirrored["generalization_error"][index][1:], ":", color=color)
    axes.plot([], [], "--", color="gray", label="data set")
    axes.plot([], [], ":", color="gray", label="mirrored")
    axes.set(
        xscale="log", yscale="log", xlim=(1e-1, None), ylim=(2e-3, 6.0), xlabel="t", ylabel="hinge loss of a fresh example"
    )
    axes.legend(frameon=False, fontsize="small", loc="upper right", ncols=3)


def final_losses(axes: Axes, mirrored: Table, alone: Table) -> None:
    """Loss of a fresh example at the end, against P."""
    for table, label in ((alone, "P examples"), (mirrored, "P examples and their mirror images")):
        loss, wrong = table["final_generalization_error"], table["final_misclassified"]
        axes.plot(table.axes["samples"], loss, "o-", label=label)
        print(
            f"{label}: fresh", " ".join(f"{value:.4f}" for value in loss), "misclassified", " ".join(f"{w:.4f}" for w in wrong)
        )
    axes.set(xscale="log", yscale="log", xlabel="examples  P", ylabel="at the end")
    axes.legend(frameon=False, fontsize="small")


def distance(values: np.ndarray, exact: Solution, time: np.ndarray) -> float:
    """Root mean square over seeds and times of what the slope is from that of the exact solution."""
    late = time >= EARLIEST
    return float(np.sqrt(np.mean((values[..., late] - [exact.at(t)["slope"] for t in time[late]]) ** 2)))


def show(name: str, sizes: tuple[int, ...], distances: list[float]) -> str:
    """Print distances; the power with which they fall."""
    (slope, _), covariance = np.polyfit(np.log(sizes), np.log(distances), 1, cov=True)
    print(name, " ".join(f"{found:.4f}" for found in distances), f"power {slope:.2f} +- {np.sqrt(covariance[0, 0]):.2f}")
    return f"{name}:  $M^{{{slope:.2f}}}$"


def finite_width(axes: Axes) -> None:
    """Distance of trained networks from the theory."""
    for dimension, color in zip(DIMENSIONS, colors(len(DIMENSIONS)), strict=True):
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
    axes.set(xscale="log", yscale="log", ylim=(3e-4, 0.3), xlabel="units  M", ylabel="distance from the theory")
    axes.legend(frameon=False, fontsize="small", loc="lower left")


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
    for found, label in ((alone, "10 N examples"), (mirrored, "10 N examples and their mirror images")):
        mean, error = np.array(found).T
        axes.errorbar(GROWING, mean, error, fmt="o-", label=label)
    axes.set(xlim=(0, None), ylim=(0, None), xlabel="dimension  N", ylabel=f"hinge loss of a fresh example at t = {LATER:g}")
    axes.legend(frameon=False, fontsize="small")


def main(mirrored: str, alone: str, figure: str) -> None:
    """Draw the figure and print what it shows."""
    tables = [Table.load(f"{folder}/sweep.h5") for folder in (mirrored, alone)]
    panels, axes = plt.subplots(2, 2, figsize=(9, 7), layout="constrained")
    overfitting(axes[0, 0], *tables)
    final_losses(axes[0, 1], *tables)
    finite_width(axes[1, 0])
    smaller_populations(axes[1, 0])
    growing_dimension(axes[1, 1])
    panels.savefig(figure, dpi=150)


if __name__ == "__main__":
    main(*sys.argv[1:])
