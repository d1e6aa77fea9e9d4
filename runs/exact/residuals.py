"""Distribution of the residuals f - y of training samples in the course of time, from the samples of a run file.

In the Gaussian theory residuals are Gaussian at all times.  Prints their standard deviation and kurtosis, 3 for a Gaussian.

Run: python runs/exact/residuals.py RUN.h5 FIGURE.png
"""

import sys

import matplotlib.pyplot as plt
import numpy as np

from dmft import Solution
from dmft.engines.kinds import equations
from dmft.engines.sampled_flow import samples_along
from dmft.plots import style

# Times that are drawn, about; bins of the residual in units of its standard deviation.
LOOKS = (0.0, 0.5, 2.0, 10.0)
EDGES = np.linspace(-7.0, 7.0, 57)


def residuals(solution: Solution) -> dict[float, np.ndarray]:
    """Residuals of all samples at the ends of cells, by time."""
    found = {}
    for time, sets in samples_along(equations(solution.problem), solution.state.history):
        found[time] = np.concatenate([samples.kept.f[-1] - samples.y for samples in sets])
    return found


def main(run: str, figure: str) -> None:
    """Print moments, draw distributions."""
    style.apply()
    found = residuals(Solution.load(run))
    for time, F in found.items():
        print(f"t = {time:8.4g}   standard deviation {F.std():.4f}   kurtosis {np.mean(F**4) / np.mean(F**2) ** 2:.2f}")
    times = np.array(list(found))
    sheet, panel = plt.subplots(figsize=(4.8, 3.4), layout="constrained")
    centres = (EDGES[1:] + EDGES[:-1]) / 2
    for shade, look in zip(style.shades(len(LOOKS)), LOOKS, strict=True):
        time = times[np.argmin(np.abs(times - look))]
        F = found[time]
        density, _ = np.histogram(F / F.std(), EDGES, density=True)
        panel.plot(centres, np.where(density > 0, density, np.nan), color=shade, label=f"$t = {time:.2g}$")
    panel.plot(centres, np.exp(-(centres**2) / 2) / np.sqrt(2 * np.pi), **style.GUIDE, label="Gaussian")
    style.frame(panel, yscale="log", xlabel="residual / standard deviation", ylabel="density", ylim=(1e-4, 2))
    panel.legend(fontsize="small")
    sheet.savefig(figure, dpi=style.DOTS_PER_INCH)


if __name__ == "__main__":
    main(*sys.argv[1:])
