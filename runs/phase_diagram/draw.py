"""The phase diagram over samples per parameter and scale of the start, with the interpolation threshold.

Run: for name in trained fixed; do dmft sweep runs/phase_diagram/$name.toml -o $name && dmft collect $name; done
     python runs/phase_diagram/draw.py trained/sweep.h5 fixed/sweep.h5 FIGURE.png
"""

import sys

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, Normalize
from numpy.typing import NDArray

from dmft import Table
from dmft.plots import style

Array = NDArray[np.float64]

# Data are fitted where the train error is below FITTED times that at the start, or still falls faster than t^-FALLING in the
# last decade.
FITTED, FALLING = 1e-7, 0.5
# Result, title and colour scale of each column.
COLUMNS = (
    ("final_train_error", "final train error", LogNorm(1e-8, 1.0)),
    ("smallest_test_error", "smallest test error", LogNorm(0.05, 5.0)),
    ("time_of_smallest_test_error", "time of smallest test error", LogNorm(1.0, 1e4)),
    ("overfitting_time", "overfitting time", LogNorm(1.0, 1e4)),
    ("final_alignment", "final alignment $v$", Normalize(0.0, 1.0)),
)


def fitted(table: Table, width: int) -> NDArray[np.bool_]:
    """Whether the data are fitted at each ratio and start, (ratios, starts)."""
    time, train = table["time"][width], table["train_error"][width]
    result = np.zeros(time.shape[:2], dtype=bool)
    for at in np.ndindex(*result.shape):
        known = np.isfinite(time[at])
        t, error = time[at][known], np.maximum(train[at][known], 1e-300)
        before = np.exp(np.interp(np.log(t[-1] / 10), np.log(t[1:]), np.log(error[1:])))
        result[at] = error[-1] < FITTED * error[0] or np.log10(before / error[-1]) > FALLING
    return result


def boundary(ratios: Array, done: NDArray[np.bool_]) -> Array:
    """For each start, the edge above the last ratio at which the data are fitted; not a number if there is none."""
    edges = between(ratios)
    last = [int(np.flatnonzero(column)[-1]) if column.any() else -1 for column in done.T]
    return np.array([edges[k + 1] if k >= 0 else np.nan for k in last])


def between(values: Array) -> Array:
    """Edges of cells around values that are equally spaced in the logarithm, one more than values."""
    step = np.sqrt(values[1] / values[0])
    return np.append(values / step, values[-1] * step)


def draw(row: list[Axes], ratios: Array, starts: Array, results: dict[str, Array], curve: Array) -> None:
    """One width: every result as a picture, the threshold as a staircase along the edges of the cells."""
    x, y = between(ratios), between(starts)
    for axes, (name, title, scale) in zip(row, COLUMNS, strict=True):
        # What is left by rounding may have any sign; grey cells are those where a result was not reached.
        values = np.maximum(results[name], 1e-300) if isinstance(scale, LogNorm) else results[name]
        mesh = axes.pcolormesh(x, y, values.T, norm=scale, cmap="cividis", rasterized=True)
        axes.stairs(curve, y, baseline=None, orientation="horizontal", color="#D55E00", linewidth=1.8)
        style.frame(axes, xscale="log", yscale="log", facecolor="0.85", xlim=(x[0], x[-1]), ylim=(y[0], y[-1]))
        bar = axes.figure.colorbar(mesh, ax=axes, extend="both")
        bar.set_label(title, fontsize="small")


def main(trained: str, fixed: str, figure: str) -> None:
    """Draw the figure and print the ratios between which the threshold lies."""
    style.apply()
    panels, axes = plt.subplots(4, len(COLUMNS), figsize=(15, 9.5), sharex=True, sharey=True, layout="constrained")
    rows = iter(axes)
    for path, learns in ((trained, "both layers learn"), (fixed, "second layer fixed")):
        table = Table.load(path)
        widths, ratios, starts = (table.axes[name] for name in ("width", "samples_per_parameter", "init_scale"))
        for k, width in enumerate(widths):
            row, curve = next(rows), boundary(ratios, fitted(table, k))
            draw(list(row), ratios, starts, {name: table[name][k] for name, _, _ in COLUMNS}, curve)
            row[0].set_ylabel(f"$m = {width}$, {learns}\nscale of the start")
            found = "  ".join(f"{start:.3g}: {value:.3g}" for start, value in zip(starts, curve, strict=True))
            print(f"m = {width}, {learns}: data fitted up to these ratios, by scale of the start   {found}")
    for panel in axes[-1]:
        panel.set_xlabel("samples per parameter  $n/(md)$")
    panels.savefig(figure, dpi=110)


if __name__ == "__main__":
    main(*sys.argv[1:])
