"""Where the energy of a pure p-spin glass goes: E(t) = E_th + c t^(-2/3), fitted to the last decades of a run.

Prints the extrapolated energy and multiplier beside -2 sqrt(f''(1))/p and 2 sqrt(f''(1)), and draws the fit.

Run: dmft solve runs/pspin/p3.toml -o p3.h5 && python runs/pspin/threshold.py p3.h5        (writes p3-threshold.png)
"""

import sys
import tomllib
from pathlib import Path

import h5py
import numpy as np
from matplotlib.figure import Figure

from dmft.plots import style

EXPONENT = -2 / 3
# The fit uses the last two decades, and has the next power as a correction.
DECADES = 2.0


def limit(time: np.ndarray, values: np.ndarray) -> tuple[float, float]:
    """Value at infinite time of x + c t^(-2/3) + c' t^(-4/3), and by how much it moves if the correction is left out."""
    powers = np.vander(time**EXPONENT, 3, increasing=True)
    full, leading = (np.linalg.lstsq(powers[:, :terms], values, rcond=None)[0][0] for terms in (3, 2))
    return float(full), float(abs(full - leading))


def main(path: Path) -> None:
    with h5py.File(path) as file:
        couplings = tomllib.loads(str(file.attrs["problem"]))["problem"]["couplings"]
        time, energy, multiplier = (np.asarray(file[name]) for name in ("time", "observables/energy", "observables/multiplier"))
    (p, coefficient), *others = ((int(power), value) for power, value in couplings.items())
    if others or p < 3:
        sys.exit(f"{path}: couplings = {couplings}: wanted a single power >= 3")
    marginal = 2 * np.sqrt(p * (p - 1) * coefficient)
    late = time > time[-1] * 10**-DECADES
    for name, values, exact in (("energy", energy, -marginal / p), ("multiplier", multiplier, marginal)):
        found, moved = limit(time[late], values[late])
        print(f"{name:>10}  {found:.6f} +- {moved:.0e}   exact {exact:.6f}   difference {found - exact:.0e}")

    threshold, _ = limit(time[late], energy[late])
    slope, offset = np.polyfit(np.log(time[late]), np.log(energy[late] - threshold), 1)
    print(f"     slope  {slope:.4f} of log(E - E_th) against log t, expected {EXPONENT:.4f}")
    style.apply()
    figure = Figure(figsize=(5.0, 3.6), layout="constrained")
    axes = figure.subplots()
    axes.loglog(time[1:], energy[1:] - threshold, label="solution")
    axes.loglog(time[1:], np.exp(offset) * time[1:] ** slope, "k:", label=f"$t^{{{slope:.3f}}}$")
    style.frame(axes, xlabel="time $t$", ylabel=r"$E(t)-E_\mathrm{th}$, extrapolated")
    axes.set(xlim=(1e-2, time[-1]), ylim=(None, 2 * -threshold))
    axes.legend()
    figure.savefig(path.with_name(f"{path.stem}-threshold.png"), dpi=200)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
