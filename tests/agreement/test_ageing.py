"""Where dynamics ages, nothing corrects a rate that is off: the clock of a run is held to the tolerance, too."""

import numpy as np
import pytest

from dmft import Problem, solve
from dmft.engines import clock
from dmft.mathematics.tableau import radau

AGEING = {
    "power 8": {"model": "spherical-pspin", "couplings": {"8": 0.4165}, "t_max": 2000.0},
    "powers 10 and 12": {"model": "spherical-pspin", "couplings": {"10": 0.37, "12": 1.14}, "t_max": 500.0},
    # The error at the start is 1e4 times that which ages.
    "lazy, large start": {
        "width": 1e4, "samples_per_parameter": 4.75, "activation": [0, -0.66, 0.54, -0.51, -0.05, -0.09], "target": [0, 0.084],
        "noise": 1.0, "init": "lazy", "init_scale": 2.8, "alignment": -0.57, "t_max": 190.0,
    },
    "network, pure start": {
        "width": 100, "samples_per_parameter": 0.65, "activation": [0.225, 0.2, 0.626, 0.68, 0.23], "target": [0, 0.78, 0.51],
        "noise": 1.0, "init_scale": 0.55, "alignment": 0.0, "t_max": 1800.0,
    },
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("case", AGEING)
def test_tolerance_holds_in_ageing(case):
    problem = Problem(**AGEING[case], tolerance=1e-4)
    solution, exact = solve(problem), solve(problem.replace(tolerance=1e-7))
    assert solution.complete
    assert max(solution.errors(exact).values()) < 3e-4


@pytest.mark.slow
def test_weights_have_a_clock_of_their_own():
    """A wide network learns noise by heart: a(t) takes nearly all of the energy, and w_i moves with log t beside it."""
    keys = {"width": 1e3, "samples_per_parameter": 0.7, "activation": "erf", "target": "none", "noise": 1.0, "init_scale": 2.0}
    problem = Problem(**keys, t_max=1e5, tolerance=1e-3)
    assert solve(problem).errors(solve(problem.replace(tolerance=1e-5)))["memory_of_start"] < 1e-3


@pytest.mark.parametrize("stages", [2, 4, 6])
def test_excess_of_a_smooth_motion_vanishes(stages):
    """One coordinate that relaxes, w = exp(-t), in the energy w^2/2: as accurate as the polynomial of the cell."""
    tableau = radau(stages)
    excesses = []
    for dt in (0.4, 0.2):
        w = np.exp(-dt * np.append(0.0, tableau.c))
        excesses.append(clock.excess(tableau, dt, np.outer(w, w), np.zeros((0, w.size)), w**2 / 2, 0.0, 0.0))
    assert excesses[1] <= excesses[0] < (0.1, 0.1)
    for a in (0.0, 10.0):
        energy = w**2 / 2 + a**2 * w**2 / 2
        found = clock.excess(tableau, 0.2, 2 * np.outer(w, w), a * w[None], energy, 0.0, 0.0)
        assert found == pytest.approx((1 / (1 + a**2), 1 if a == 0.0 else 1 / 2), rel=0.1)
