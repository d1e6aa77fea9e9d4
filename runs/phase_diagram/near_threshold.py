"""The law of the train error that is left just above one sample per parameter: E = c (n/md - threshold)^p.

Run: dmft sweep runs/phase_diagram/near_threshold.toml -o near && dmft collect near
     python runs/phase_diagram/near_threshold.py near/sweep.h5 FIGURE.png
"""

import sys

import matplotlib.pyplot as plt
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import curve_fit

from dmft import Table
from dmft.mathematics.power_law import PowerLaw, local_exponents, power_law
from dmft.plots import style

Array = NDArray[np.float64]

# A train error has arrived where it has changed by less than this factor in the last decade of time.
ARRIVED = 1.02


def residual(table: Table, width: int) -> tuple[Array, Array]:
    """Ratios of samples and train errors of the points that have arrived."""
    kept = []
    for k, ratio in enumerate(table.axes["samples_per_parameter"]):
        time, train = table["time"][width, k], table["train_error"][width, k]
        known = np.isfinite(time)
        end, before = (np.interp(np.log(t), np.log(time[known][1:]), train[known][1:]) for t in (1e6, 1e5))
        print(f"    n/md = {ratio:g}: train {end:.4e}, {before / end:.3f} times that a decade before")
        if before < ARRIVED * end:
            kept.append((float(ratio), float(end)))
    ratios, errors = np.array(kept).T
    return ratios, errors


def cubic(ratios: Array, errors: Array) -> tuple[float, float]:
    """Threshold and its standard error if E = c (x - threshold)^3 (1 + c' (x - threshold))."""

    def root(x: Array, threshold: float, slope: float, curvature: float) -> Array:
        return slope * (x - threshold) * (1 + curvature * (x - threshold))

    found, covariance = curve_fit(root, ratios, np.cbrt(errors), p0=(1.0, 0.3, 0.0))
    return float(found[0]), float(np.sqrt(covariance[0, 0]))


def exponent(ratios: Array, errors: Array) -> PowerLaw:
    """Power of the distance from one sample per parameter."""
    return power_law(ratios - 1, errors)


def main(path: str, figure: str) -> None:
    """Draw the figure and print the fits."""
    style.apply()
    table = Table.load(path)
    panel, axes = plt.subplots(figsize=(4.8, 3.8), layout="constrained")
    for k, (width, colour, marker) in enumerate(zip(table.axes["width"], style.COLOURS, "os", strict=False)):
        print(f"m = {width}")
        ratios, errors = residual(table, k)
        law, (threshold, error) = exponent(ratios, errors), cubic(ratios, errors)
        local = " ".join(f"{one:.2f}" for one in local_exponents(ratios - 1, errors))
        print(f"  E ~ (n/md - 1)^({law}); local exponents {local}")
        print(f"  cube law with a correction: threshold {threshold:.4f} +- {error:.4f}")
        label = f"$m = {width}$: $(n/md-1)^{{{law.exponent:.2f}\\pm{law.error:.2f}}}$"
        axes.plot(ratios - 1, errors, marker, color=colour, label=label)
        x = np.geomspace(ratios[0] - 1, ratios[-1] - 1, 50)
        axes.plot(x, law(x), color=colour, linewidth=0.9)
    style.frame(axes, xscale="log", yscale="log", xlabel="$n/(md)-1$", ylabel="train error at $t = 10^6$")
    axes.legend()
    panel.savefig(figure, dpi=style.DOTS_PER_INCH)


if __name__ == "__main__":
    main(*sys.argv[1:])
