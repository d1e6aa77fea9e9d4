"""Asymptotic error against the hidden ratio for all learning rates, with SGD of finite networks, and the staircase.

Run: dmft sweep runs/random_features/sweep.toml -o features && dmft collect features
     python runs/random_features/draw.py features FIGURE.png
"""

import sys

import matplotlib.pyplot as plt
import numpy as np

from dmft import Problem, Table
from dmft.models.random_features import DEGREES, RandomFeaturesParameters
from dmft.simulation.random_features import simulate

DIMENSION, SEEDS = 200, 4
TRIED = (0.2, 0.5, 1.0, 2.0, 4.0)


def at(table: Table, ratio: float, learning_rate: float) -> RandomFeaturesParameters:
    """One parameter point of the sweep, or beside its grid."""
    keys = {**table.problem.tables["problem"], "hidden_ratio": ratio, "learning_rate": learning_rate}
    parameters = Problem(problem=keys, solver={"t_max": 1.0}).parameters
    assert isinstance(parameters, RandomFeaturesParameters)
    return parameters


def sgd(parameters: RandomFeaturesParameters) -> tuple[float, float]:
    """Late error of finite networks: mean over seeds of that over a stretch of time, and its standard error."""
    slowest = 2 * parameters.learning_rate * parameters.features.nonlinear
    times = np.linspace(6, 12, 25) / slowest
    runs = [simulate(parameters, DIMENSION, seed, times)["generalization_error"].mean() for seed in range(SEEDS)]
    return float(np.mean(runs)), float(np.std(runs, ddof=1) / np.sqrt(SEEDS))


def main(folder: str, figure: str) -> None:
    """Draw the figure and print theory against SGD."""
    table = Table.load(f"{folder}/sweep.h5")
    rates, ratios = table.axes["learning_rate"], table.axes["hidden_ratio"]
    panels, (left, right) = plt.subplots(1, 2, figsize=(9.5, 4), layout="constrained")
    colors = plt.get_cmap("viridis")(np.linspace(0.0, 0.85, len(rates)))
    print(f"{'beta':>5} {'eta':>5} {'theory':>8} {'SGD':>8} {'error':>8}    N = {DIMENSION}, {SEEDS} seeds")
    for rate, errors, color in zip(rates, table["asymptotic_error"], colors, strict=True):
        left.plot(ratios, errors, color=color, label=rf"$\eta = {rate:g}$")
        steps = at(table, 1.0, rate).staircase()
        right.plot(range(len(steps)), steps, "o-", color=color)
        left.axhline(steps[1], color=color, linestyle=":", linewidth=0.8)
        for ratio in TRIED if rate in (1.5, 4.5) else ():
            parameters = at(table, ratio, rate)
            mean, error = sgd(parameters)
            left.errorbar(ratio, mean, error, fmt="o", color=color, markersize=4, capsize=2)
            print(f"{ratio:5g} {rate:5g} {parameters.constants()['asymptotic_error']:8.5f} {mean:8.5f} {error:8.5f}")
    left.set(xscale="log", yscale="log", xlabel="hidden units per input  K/N", ylabel=r"asymptotic error  $\epsilon(\infty)$")
    right.set(yscale="log", xlabel=r"$l$, for $N^l\ll K\ll N^{l+1}$", xticks=range(DEGREES))
    left.legend(frameon=False, fontsize="small")
    panels.savefig(figure, dpi=150)


if __name__ == "__main__":
    main(*sys.argv[1:])
