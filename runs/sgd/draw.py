"""Phase retrieval by gradient descent and SGD, and the noise of SGD in a classifier: theory as lines, networks as points.

Prints the numbers that README.md quotes.  Runs and simulations are kept in FOLDER, so that the same command goes on where it
was stopped.

Run: python runs/sgd/draw.py FOLDER FIGURE.png
"""

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import NullFormatter

from dmft import Problem, Simulation, Solution, simulate, solve
from dmft.mathematics.power_law import power_law
from dmft.plots import style

HERE = Path(__file__).parent
RATIOS = (3.0, 4.0, 6.0, 8.0, 12.0, 16.0)
OF_RETRIEVAL = (1.0, 0.25)
RATES = (0.2, 0.4, 0.8)
OF_CLASSIFIER = (1.0, 0.5, 0.25, 0.1)
DIM, SEEDS, TIMES = 300, 16, 12
# A signal is recovered where the alignment is at least this.
RECOVERED = 0.9

Pair = tuple[Solution, Simulation]


def made(folder: Path, name: str, **keys: float) -> Pair:
    """Theory and networks of a problem file after changes."""
    problem = Problem.load(HERE / f"{name}.toml").replace(**keys)
    place = "-".join([name, *(f"{value:g}" for value in keys.values())])
    theory = solve(problem, output=folder / f"{place}.h5")
    return theory, simulate(problem, dim=DIM, seeds=SEEDS, times=TIMES, output=folder / f"{place}-sim.h5")


def last(one: Solution | Simulation, name: str) -> tuple[float, float]:
    """An observable and its standard error at the end."""
    return float(one.observables[name][-1]), float(one.standard_errors[name][-1])


def with_error(value: tuple[float, float]) -> str:
    """A number and its standard error as text."""
    return f"{value[0]:7.4f} +- {value[1]:.4f}"


def retrieval(axes: Axes, folder: Path) -> None:
    """Alignment at the end against n/d."""
    print("phase retrieval: alignment at the end, theory and networks")
    for batch, color in zip(OF_RETRIEVAL, style.COLOURS, strict=False):
        pairs = [made(folder, "phase_retrieval", batch=batch, samples_per_dimension=ratio) for ratio in RATIOS]
        lines, points = (np.array([last(pair[k], "alignment") for pair in pairs]).T for k in range(2))
        axes.fill_between(RATIOS, lines[0] - lines[1], lines[0] + lines[1], color=color, alpha=0.3)
        axes.plot(RATIOS, lines[0], color=color, label="all samples" if batch == 1 else f"a part {batch:g} in a step")
        axes.errorbar(RATIOS, points[0], points[1], fmt="o", color=color, markersize=4, markerfacecolor="white")
        for ratio, (theory, networks) in zip(RATIOS, pairs, strict=True):
            pair = (with_error(last(one, "alignment")) for one in (theory, networks))
            print(f"  batch {batch:<4g} n/d = {ratio:<3g} {theory.outcome.value:9} {'  '.join(pair)}")
        if lines[0].max() >= RECOVERED:
            print(f"  batch {batch:<4g} v = {RECOVERED:g} is reached at n/d = {np.interp(RECOVERED, lines[0], RATIOS):.2f}")
    style.frame(axes, xscale="log", xlabel="samples per dimension $n/d$", ylabel="alignment at $t = 10$", ylim=(0, 1.02))
    axes.set_xticks(RATIOS, [f"{ratio:g}" for ratio in RATIOS])
    axes.minorticks_off()
    axes.legend(fontsize="small")


def course(axes: Axes, pairs: dict[tuple[float, float], Pair]) -> None:
    """Error on fresh samples against time, for each batch at the smallest rate."""
    print("classifier: smallest mean loss of fresh samples and its time, and those of the end, by batch")
    for batch, color in zip(OF_CLASSIFIER, style.COLOURS, strict=False):
        theory, networks = pairs[RATES[0], batch]
        mean, error = theory.test_error, theory.standard_errors["test_error"]
        axes.fill_between(theory.time, mean - error, mean + error, color=color, alpha=0.3)
        axes.plot(theory.time, mean, color=color, label=f"batch {batch:g}")
        bars = networks.standard_errors["test_error"]
        axes.errorbar(networks.time, networks.test_error, bars, fmt="o", color=color, markersize=4, markerfacecolor="white")
        best, wrong = theory.early_stopping, theory.misclassification
        ends = (with_error(last(one, "test_error")) for one in (theory, networks))
        print(f"  {batch:<4g} {best.value:.4f} at t = {best.time:.2f}, at the end {'  '.join(ends)} (networks)")
        print(f"       misclassified {wrong.min():.4f} at least, at the end {wrong[-1]:.4f}")
    style.frame(axes, xlabel="time $t$", ylabel="mean loss of fresh samples", xlim=(0, None))
    axes.legend(fontsize="small")


def noise(axes: Axes, pairs: dict[tuple[float, float], Pair]) -> None:
    """Excess of the training loss over that of gradient descent against the temperature of the batches."""
    found = {}
    for (rate, batch), (theory, networks) in pairs.items():
        if batch < 1:
            still = pairs[rate, 1.0]
            found[rate, batch] = [
                (last(one, "train_error")[0] - last(other, "train_error")[0],
                 float(np.hypot(last(one, "train_error")[1], last(other, "train_error")[1])))
                for one, other in zip((theory, networks), still, strict=True)
            ]  # fmt: skip
    print("classifier: excess of the training loss at the end, theory and networks")
    for rate, color in zip(RATES, style.COLOURS, strict=False):
        chosen = {batch: values for (one, batch), values in found.items() if one == rate}
        heat = [rate * (1 / batch - 1) for batch in chosen]
        for k, mark in enumerate(("s", "o")):
            values, errors = np.array([pair[k] for pair in chosen.values()]).T
            face = color if k == 0 else "white"
            label = rf"$\eta = {rate:g}$" if k == 0 else None
            axes.errorbar(heat, values, errors, fmt=mark, color=color, markersize=4, markerfacecolor=face, label=label)
        for batch, (theory, networks) in chosen.items():
            print(f"  rate {rate:<4g} batch {batch:<5g} {with_error(theory)}  {with_error(networks)}")
    heat = np.array([rate * (1 / batch - 1) for rate, batch in found])
    law = power_law(heat, [values[0][0] for values in found.values()])
    print(f"  excess ~ [rate (1/batch - 1)]^({law})")
    axes.plot(np.sort(heat), law(np.sort(heat)), color="0.2", linewidth=0.8, label=f"power {law.exponent:.2f}")
    style.frame(axes, xscale="log", yscale="log", xlabel=r"temperature $\eta\,(1/b - 1)$", ylabel="excess of the training loss")
    ticks = (0.2, 0.5, 1.0, 2.0, 5.0)
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.legend(fontsize="small")


def main(folder: str, figure: str) -> None:
    """Draw the figure and print the numbers."""
    place = Path(folder)
    place.mkdir(exist_ok=True)
    style.apply()
    sheet, axes = plt.subplots(1, 3, figsize=(12, 3.6), layout="constrained")
    retrieval(axes[0], place)
    keys = [(rate, batch) for rate in RATES for batch in OF_CLASSIFIER]
    pairs = {(rate, batch): made(place, "classifier", learning_rate=rate, batch=batch) for rate, batch in keys}
    course(axes[1], pairs)
    noise(axes[2], pairs)
    style.letters(axes)
    sheet.savefig(figure, dpi=style.DOTS_PER_INCH)


if __name__ == "__main__":
    main(*sys.argv[1:])
