"""Distribution of the residuals f - y of training samples in the course of time, as a run file of the exact theory holds it.

In the Gaussian theory residuals are Gaussian at all times.  Prints their standard deviation and kurtosis, 3 for a Gaussian.

Run: python runs/exact/residuals.py RUN.h5 FIGURE.png
"""

import sys

import matplotlib.pyplot as plt
import numpy as np

from dmft import Solution
from dmft.plots import distributions, style


def main(run: str, figure: str) -> None:
    """Print moments, draw densities."""
    solution = Solution.load(run)
    for k, time in enumerate(solution.times_of_distributions):
        moments = [
            f"{words} {solution.distributions[name][k]:.4f} +- {solution.standard_errors.get(name, {k: np.nan})[k]:.2g}"
            for words, name in (("standard deviation", "residual_deviation"), ("kurtosis", "residual_kurtosis"))
        ]
        print(f"t = {time:8.4g}   {'   '.join(moments)}")
    style.apply()
    sheet, panel = plt.subplots(figsize=(4.8, 3.6), layout="constrained")
    distributions.draw(panel, solution, "residual")
    panel.legend(fontsize="small")
    sheet.savefig(figure, dpi=style.DOTS_PER_INCH)


if __name__ == "__main__":
    main(*sys.argv[1:])
