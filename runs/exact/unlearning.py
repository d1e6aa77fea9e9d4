"""Overfitting and unlearning of ReLU networks on noisy data: do they come with real activations, as in the Gaussian theory?

Trains two ReLU neurons in two dimensions d by gradient descent with a small learning rate, extrapolates to infinite d, and
solves the exact theory to t = 30, or as far as its samples go.  Prints where the test error is smallest and the alignment
largest, and both at the end.  About four minutes on one core.

Run: python runs/exact/unlearning.py FOLDER      (solves and simulates what is not there)
"""

import sys
from pathlib import Path

import numpy as np
from agreement import limit

from dmft import Problem, Solution, simulate, solve

BASE = {"width": 2, "activation": "relu", "target": [0.0, 1.0], "noise": 0.6, "alignment": 0.2}
RATIOS = (1.0, 2.0, 3.0)
DIMENSIONS, SEEDS, TIMES = (100, 200), 24, 25
NETWORKS = {"theory": "exact", "scheme": "gradient-descent", "learning_rate": 0.02, "t_max": 40.0}
# The exact theory, where its samples allow for it.
THEORY = {"theory": "exact", "samples": 512, "replicates": 4, "t_max": 30.0}
SOLVED = (2.0, 3.0)


def networks(ratio: float, folder: Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Times, and observables of networks in the limit with their standard errors."""
    problem = Problem(**BASE, samples_per_dimension=ratio, **NETWORKS)
    trained = [
        simulate(problem, dim=dim, seeds=SEEDS, times=TIMES, output=folder / f"relu-{ratio:g}-{dim}.h5") for dim in DIMENSIONS
    ]
    found = {name: limit(trained, name) for name in ("test_error", "alignment", "train_error")}
    return {"time": (trained[0].time, trained[0].time), **found}


def theory(ratio: float, folder: Path) -> Solution:
    """The exact theory, from its file if there is one."""
    return solve(Problem(**BASE, samples_per_dimension=ratio, **THEORY), output=folder / f"relu-{ratio:g}.h5")


def described(time: np.ndarray, values: np.ndarray, errors: np.ndarray, best: int) -> str:
    """A value at its extremum and at the end, and how far apart these are."""
    apart = (values[-1] - values[best]) / np.hypot(errors[-1], errors[best]) if best + 1 < len(values) else 0.0
    return (
        f"{values[best]:.4f} +- {errors[best]:.4f} at t = {time[best]:.2g}, "
        f"{values[-1]:.4f} +- {errors[-1]:.4f} at t = {time[-1]:.3g} ({apart:+.1f} errors)"
    )


def main(folder: str) -> None:
    """Print what was found for each number of samples."""
    place = Path(folder)
    place.mkdir(exist_ok=True)
    for ratio in RATIOS:
        found = networks(ratio, place)
        time, (test, test_errors), (v, v_errors) = found["time"][0], found["test_error"], found["alignment"]
        print(f"n/d = {ratio:g}, networks: test error {described(time, test, test_errors, int(np.argmin(test)))}")
        print(f"n/d = {ratio:g}, networks: alignment {described(time, v, v_errors, int(np.argmax(v)))}")
        print(f"n/d = {ratio:g}, networks: train error {found['train_error'][0][-1]:.4f} at the end", flush=True)
    for ratio in SOLVED:
        run = theory(ratio, place)
        for name, best in (("test_error", np.argmin(run.test_error)), ("alignment", np.argmax(run.alignment))):
            line = described(run.time, run.observables[name], run.standard_errors[name], int(best))
            print(f"n/d = {ratio:g}, exact theory ({run.outcome.value}): {name} {line}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
