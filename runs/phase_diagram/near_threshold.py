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
from dmft.mathematics.power_law import local_exponents, power_law
from dmft.plots import style

Array = NDArray[np.float64]

# The exponent is fitted up to this distance from one sample per parameter.
NEAR = 0.105
# Times at which the decay is looked at, each ten times the one before.
DECADES = (1e4, 1e5, 1e6)


def left_over(time: Array, train: Array) -> float:
    """Train error at infinite time: three values at times in geometric progression, less a remainder that is a power of t."""
    known = np.isfinite(time)
    early, middle, late = (np.exp(np.interp(np.log(t), np.log(time[known][1:]), np.log(train[known][1:]))) for t in DECADES)
    first, second = middle - early, late - middle
    return float(late - second**2 / (second - first))


def threshold(ratios: Array, errors: Array, corrections: int) -> float:
    """Zero of the cube root of the error, a polynomial of the ratio of this degree above the leading one."""
    guess = power_law(ratios - 1, errors).prefactor ** (1 / 3)

    def root(x: Array, zero: float, *coefficients: float) -> Array:
        return (x - zero) * np.polynomial.polynomial.polyval(x - zero, coefficients)

    found, _ = curve_fit(root, ratios, np.cbrt(errors), p0=(1.0, guess, *[0.0] * corrections))
    return float(found[0])


def main(path: str, figure: str) -> None:
    """Draw the figure and print the fits."""
    style.apply()
    table = Table.load(path)
    ratios = np.asarray(table.axes["samples_per_parameter"], dtype=float)
    panel, axes = plt.subplots(figsize=(4.8, 3.8), layout="constrained")
    for k, (width, colour, marker) in enumerate(zip(table.axes["width"], style.COLOURS, "os", strict=False)):
        errors = np.array([left_over(*pair) for pair in zip(table["time"][k], table["train_error"][k], strict=True)])
        near = ratios - 1 < NEAR
        law = power_law(ratios[near] - 1, errors[near])
        print(f"m = {width}: E ~ (n/md - 1)^({law}) for n/md from {ratios[0]:g} to {ratios[near][-1]:g}")
        print("  train errors left:", " ".join(f"{one:.3e}" for one in errors))
        print("  local exponents:", " ".join(f"{one:.2f}" for one in local_exponents(ratios - 1, errors)))
        zeros = [threshold(ratios, errors, corrections) for corrections in (1, 2, 3)]
        print("  threshold of a cube law with 1, 2, 3 corrections:", " ".join(f"{one:.4f}" for one in zeros))
        label = f"$m = {width}$: $(n/md-1)^{{{law.exponent:.2f}\\pm{law.error:.2f}}}$"
        axes.plot(ratios - 1, errors, marker, markersize=4.5, color=colour, label=label)
        axes.plot(ratios - 1, law(ratios - 1), color=colour, linewidth=0.9)
    style.frame(axes, xscale="log", yscale="log", xlabel="$n/(md)-1$", ylabel=r"train error left at $t\to\infty$")
    axes.legend()
    panel.savefig(figure, dpi=style.DOTS_PER_INCH)


if __name__ == "__main__":
    main(*sys.argv[1:])
