"""Asymptotic error against the hidden ratio for all learning rates, with SGD of finite networks, and the staircase.

Run: dmft sweep runs/random_features/sweep.toml -o features && dmft collect features
     python runs/random_features/draw.py features FIGURE.png
"""

import sys

import matplotlib.pyplot as plt
import numpy as np

from dmft import Problem, Table, simulate
from dmft.models.random_features.parameters import DEGREES, RandomFeaturesParameters
from dmft.plots import style

DIMENSION, SEEDS = 200, 4
TRIED = (0.2, 0.5, 1.0, 2.0, 4.0)


def at(table: Table, **keys: float) -> Problem:
    """A point of the sweep, or beside its grid."""
    return table.problem.replace(**keys)


def sgd(problem: Problem) -> tuple[float, float]:
    """Late error of finite networks: mean over seeds of that over a stretch of time, and its standard error."""
    p = problem.parameters
    assert isinstance(p, RandomFeaturesParameters)
    slowest = 2 * p.learning_rate * p.features.nonlinear
    found = simulate(problem.replace(t_max=12 / slowest), dim=DIMENSION, seeds=SEEDS, times=200)
    errors = found.trajectories["generalization_error"][:, found.time > 6 / slowest].mean(axis=1)
    return float(errors.mean()), float(errors.std(ddof=1) / np.sqrt(SEEDS))


def main(folder: str, figure: str) -> None:
    """Draw the figure and print theory against SGD."""
    style.apply()
    table = Table.load(f"{folder}/sweep.h5")
    rates, ratios = table.axes["learning_rate"], table.axes["hidden_ratio"]
    panels, (left, right) = plt.subplots(1, 2, figsize=(9.5, 4), layout="constrained")
    print(f"{'beta':>5} {'eta':>5} {'theory':>8} {'SGD':>8} {'error':>8}    N = {DIMENSION}, {SEEDS} seeds")
    for rate, errors, color in zip(rates, table["asymptotic_error"], style.shades(len(rates)), strict=True):
        left.plot(ratios, errors, color=color, label=rf"$\eta = {rate:g}$")
        parameters = at(table, learning_rate=rate).parameters
        assert isinstance(parameters, RandomFeaturesParameters)
        steps = parameters.staircase()
        right.plot(range(len(steps)), steps, "o-", color=color)
        left.axhline(steps[1], color=color, linestyle=":", linewidth=0.8)
        for ratio in TRIED if rate in (1.5, 4.5) else ():
            problem = at(table, hidden_ratio=ratio, learning_rate=rate)
            mean, error = sgd(problem)
            left.errorbar(ratio, mean, error, fmt="o", color=color, markersize=4, capsize=2)
            print(f"{ratio:5g} {rate:5g} {problem.parameters.constants()['asymptotic_error']:8.5f} {mean:8.5f} {error:8.5f}")
    label = r"asymptotic error  $\epsilon_g(\infty)$"
    style.frame(left, xscale="log", yscale="log", xlabel="hidden units per input  $K/N$", ylabel=label)
    style.frame(right, yscale="log", xlabel=r"$l$, for $N^l\ll K\ll N^{l+1}$", ylabel=label, xticks=range(DEGREES))
    left.errorbar([], [], [], fmt="o", color="0.4", markersize=4, label=f"SGD, $N = {DIMENSION}$, {SEEDS} seeds")
    left.plot([], [], color="0.4", linestyle=":", linewidth=0.8, label=r"$N\ll K\ll N^2$")
    left.legend(fontsize="small")
    style.letters(np.array([left, right]))
    panels.savefig(figure, dpi=style.DOTS_PER_INCH)


if __name__ == "__main__":
    main(*sys.argv[1:])
