"""Test error, alignment and |a| of all widths against t and against t/m.

Run: dmft sweep runs/timescales/sweep.toml -o timescales && python runs/timescales/draw.py timescales FIGURE.png
"""

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from dmft import Solution

ROWS = {"test_error": "test error", "alignment": "alignment v", "second_layer": "second layer |a|"}


def runs(folder: Path) -> list[Solution]:
    """Every finished point, in the order of width."""
    return sorted((Solution.load(path) for path in (folder / "points").glob("*.h5")), key=width)


def width(run: Solution) -> float:
    """Number of neurons."""
    return float(run.problem.tables["problem"]["width"])


def main(folder: str, figure: str) -> None:
    """Draw the figure and print the values at t = 10 m."""
    found = runs(Path(folder))
    panels, axes = plt.subplots(len(ROWS), 2, figsize=(8, 8), sharex="col", sharey="row", layout="constrained")
    colors = plt.get_cmap("viridis")(np.linspace(0.0, 0.9, len(found)))
    print(f"{'m':>6} {'test':>7} {'v':>7} {'|a|':>7}    at t = 10 m")
    for run, color in zip(found, colors, strict=True):
        m, time = width(run), run.time[1:]
        late = []
        for row, name in zip(axes, ROWS, strict=True):
            values = np.abs(run.observables[name][1:])
            row[0].plot(time, values, color=color, label=f"m = {m:g}")
            row[1].plot(time / m, values, color=color)
            late.append(abs(run.at(10 * m)[name]))
        print(f"{m:6g} " + " ".join(f"{value:7.4f}" for value in late))
    for row, label in zip(axes, ROWS.values(), strict=True):
        row[0].set(ylabel=label, xscale="log", xlim=(0.1, None))
        row[1].set(xscale="log", xlim=(1e-3, None))
    axes[-1, 0].set_xlabel("t")
    axes[-1, 1].set_xlabel("t/m")
    axes[0, 0].legend(frameon=False, fontsize="small")
    panels.savefig(figure, dpi=150)


if __name__ == "__main__":
    main(*sys.argv[1:])
