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


@pytest.mark.parametrize("stages", [2, 4, 6])
def test_defect_of_a_smooth_motion_vanishes(stages):
    """One coordinate that relaxes, w = exp(-t), in the energy w^2/2: as accurate as the polynomial of the cell."""
    tableau = radau(stages)
    defects = []
    for dt in (0.4, 0.2):
        w = np.exp(-dt * np.append(0.0, tableau.c))
        defects.append(clock.defect(tableau, dt, np.outer(w, w), np.zeros((0, w.size)), w**2 / 2, 0.0, 0.0))
    assert defects[1] <= defects[0] < 0.1
    assert clock.defect(tableau, 0.2, 2 * np.outer(w, w), np.zeros((0, w.size)), w**2 / 2, 0.0, 0.0) == pytest.approx(
        1, abs=0.1
    )
