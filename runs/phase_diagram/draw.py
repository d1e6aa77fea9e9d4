"""The phase diagram over samples per parameter and scale of the start, with the interpolation threshold.

Run: dmft collect trained && dmft collect fixed && python runs/phase_diagram/draw.py trained/sweep.h5 fixed/sweep.h5 FIGURE.png
"""

import sys

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, Normalize
from numpy.typing import NDArray

from dmft import Table

Array = NDArray[np.float64]

# Train errors above this are those of networks that are stuck, whatever remains of a slow decay at the end of the runs.
STUCK = 3e-4
# Result, title and colour scale of each column.
COLUMNS = (
    ("final_train_error", "final train error", LogNorm(1e-5, 1.0, clip=True)),
    ("smallest_test_error", "smallest test error", LogNorm(0.07, 3.0, clip=True)),
    ("time_of_smallest_test_error", "time of smallest test error", LogNorm(1.0, 1e5, clip=True)),
    ("overfitting_time", "overfitting time", LogNorm(1.0, 1e5, clip=True)),
    ("final_alignment", "final alignment $v$", Normalize(0.0, 1.0)),
)


def threshold(ratios: Array, train: Array) -> Array:
    """Samples per parameter up to which the data are fitted, for each start; train (ratios, starts).

    Above the threshold the square root of the train error that is left grows in proportion to the distance from it: a straight
    line through the two smallest ratios at which the network is stuck.  Not a number where it is stuck at all ratios.
    """
    found = []
    for column in train.T:
        stuck = np.flatnonzero(column > STUCK)
        if len(stuck) < 2 or stuck[0] == 0:
            found.append(np.nan)
            continue
        (x0, x1), (y0, y1) = ratios[stuck[:2]], np.sqrt(column[stuck[:2]])
        found.append(max(x0 - y0 * (x1 - x0) / (y1 - y0), ratios[stuck[0] - 1]))
    return np.array(found)


def draw(row: list[Axes], ratios: Array, starts: Array, results: dict[str, Array]) -> Array:
    """One width: every result as a picture, the threshold as a curve; returns the threshold."""
    curve = threshold(ratios, results["final_train_error"])
    for axes, (name, _, scale) in zip(row, COLUMNS, strict=True):
        mesh = axes.pcolormesh(ratios, starts, results[name].T, norm=scale, cmap="cividis", shading="nearest", rasterized=True)
        axes.plot(curve, starts, color="#D55E00", linewidth=1.8)
        axes.set(xscale="log", yscale="log", facecolor="0.85")
        axes.figure.colorbar(mesh, ax=axes)
    return curve


def main(trained: str, fixed: str, figure: str) -> None:
    """Draw the figure and print the thresholds."""
    panels, axes = plt.subplots(4, len(COLUMNS), figsize=(15, 9.5), sharex=True, sharey=True, layout="constrained")
    rows = iter(axes)
    for path, learns in ((trained, "both layers learn"), (fixed, "second layer fixed")):
        table = Table.load(path)
        widths, ratios, starts = (table.axes[name] for name in ("width", "samples_per_parameter", "init_scale"))
        for k, width in enumerate(widths):
            row = next(rows)
            curve = draw(list(row), ratios, starts, {name: table[name][k] for name, _, _ in COLUMNS})
            row[0].set_ylabel(f"$m = {width}$, {learns}\nscale of the start")
            found = "  ".join(f"{start:.3g}: {value:.3g}" for start, value in zip(starts, curve, strict=True))
            print(f"m = {width}, {learns}; threshold by scale of the start   {found}")
    for panel, (_, title, _) in zip(axes[0], COLUMNS, strict=True):
        panel.set_title(title)
    for panel in axes[-1]:
        panel.set_xlabel("samples per parameter  $n/(md)$")
    panels.savefig(figure, dpi=110)


if __name__ == "__main__":
    main(*sys.argv[1:])
