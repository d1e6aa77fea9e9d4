"""Train and test error of trained networks, as points, with the exact theory as lines and the Gaussian theory dashed.

Run: python runs/exact/draw.py FOLDER FIGURE.png      (FOLDER as agreement.py left it, with the cases tanh and tanh-hard)
"""

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from agreement import BASE, CASES, exact, gaussian, limit, networks
from matplotlib.axes import Axes

from dmft import Solution
from dmft.plots import style

SHOWN = ("tanh-hard", "tanh")
LINES = {"test_error": (style.COLOURS[0], "test error"), "train_error": (style.COLOURS[1], "train error")}
FROM = 0.1


def along(solution: Solution, name: str, times: np.ndarray) -> np.ndarray:
    """An observable at some times."""
    return np.array([solution.at(min(t, solution.time[-1]))[name] for t in times])


def draw(panel: Axes, case: str, folder: Path) -> None:
    """Both theories and the networks of a case."""
    found, known, trained = exact(case, folder), gaussian(case), networks(case, folder)
    times, seen = np.geomspace(FROM, found.time[-1], 300), trained[0].time >= FROM
    for name, (colour, label) in LINES.items():
        panel.plot(times, along(found, name, times), color=colour, label=label)
        if known is not None:
            panel.plot(times, along(known, name, times), color=colour, linestyle="--", linewidth=1.2)
        values, errors = limit(trained, name)
        panel.errorbar(
            trained[0].time[seen], values[seen], errors[seen],
            fmt="o", markersize=4, markerfacecolor="white", color=colour, elinewidth=1,
        )  # fmt: skip
    style.frame(panel, xscale="log", yscale="log", xlabel="time $t$", xlim=(FROM / 1.2, found.time[-1] * 1.3))
    alpha = (BASE | CASES[case])["samples_per_dimension"]
    panel.set_title(f"two tanh neurons, $n/d = {alpha:g}$", fontsize="medium")


def main(folder: str, figure: str) -> None:
    """Draw the figure."""
    style.apply()
    sheet, axes = plt.subplots(1, len(SHOWN), figsize=(9, 3.4), layout="constrained", sharey=True)
    for panel, case in zip(axes, SHOWN, strict=True):
        draw(panel, case, Path(folder))
    axes[0].set_ylabel("error")
    axes[0].legend(fontsize="small")
    sheet.suptitle(
        "points: networks, extrapolated to infinite $d$;  lines: exact theory;  dashed: Gaussian theory", fontsize="medium"
    )
    style.letters(axes)
    sheet.savefig(figure, dpi=style.DOTS_PER_INCH)


if __name__ == "__main__":
    main(*sys.argv[1:])
