"""Errors, alignment and second layer of trained networks, as points, on the theory, as lines; and a table of both.

Run: python runs/theory_vs_simulation/draw.py run.h5 sim.h5 FIGURE.png
"""

import sys

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from dmft import Simulation, Solution
from dmft.plots import style

# Panels: what their axis says, and the observables in them with their colours.
PANELS = {
    "error": {"test_error": style.COLOURS[0], "train_error": style.COLOURS[1]},
    "alignment, overlap": {"alignment": style.COLOURS[2], "neuron_overlap": style.COLOURS[3]},
    "second layer $|a|$": {"second_layer": "0.2"},
}
NAMES = {
    "test_error": "test error",
    "train_error": "train error",
    "alignment": "with the signal, $v$",
    "neuron_overlap": "of two neurons, $C_o$",
    "second_layer": "$|a|$",
}
# Times of the printed table.
LOOKS = (1.0, 5.0, 50.0, 600.0)
FROM = 0.1


def draw(panel: Axes, theory: Solution, networks: Simulation, observables: dict[str, str]) -> None:
    """Lines from the theory, points with bars of one standard error from the networks."""
    times, seen = np.geomspace(FROM, theory.time[-1], 400), networks.time >= FROM
    for name, colour in observables.items():
        line = [theory.at(min(t, theory.time[-1]))[name] for t in times]
        panel.plot(times, line, color=colour, label=NAMES[name])
        bars = networks.standard_errors[name][seen]
        panel.errorbar(
            networks.time[seen], networks.observables[name][seen], bars,
            fmt="o", markersize=4, markerfacecolor="white", color=colour, elinewidth=1,
        )  # fmt: skip
    style.frame(panel, xscale="log", xlabel="time $t$", xlim=(FROM / 1.2, theory.time[-1] * 1.5))
    panel.axvline(theory.early_stopping.time, **style.GUIDE, label="smallest test error")
    panel.legend(fontsize="small")


def main(run: str, simulation: str, figure: str) -> None:
    """Draw the figure and print both at some times."""
    style.apply()
    theory, networks = Solution.load(run), Simulation.load(simulation)
    sheet, axes = plt.subplots(1, len(PANELS), figsize=(11, 3.4), layout="constrained")
    for panel, (label, observables) in zip(axes, PANELS.items(), strict=True):
        draw(panel, theory, networks, observables)
        panel.set_ylabel(label)
    axes[0].set_yscale("log")
    points = f"points: mean and standard error of {len(networks.seeds)} networks in $d = {networks.setup.dim}$"
    sheet.suptitle(f"lines: theory;  {points}", fontsize="medium")
    style.letters(axes)
    sheet.savefig(figure, dpi=style.DOTS_PER_INCH)
    for time in LOOKS:
        k = int(np.argmin(np.abs(networks.time - time)))
        values = theory.at(min(networks.time[k], theory.time[-1]))
        print(f"t = {networks.time[k]:.3g}: theory, networks, standard error")
        for name in NAMES:
            print(
                f"  {name:15} {values[name]:8.4f} {networks.observables[name][k]:8.4f} {networks.standard_errors[name][k]:8.4f}"
            )


if __name__ == "__main__":
    main(*sys.argv[1:])
