"""The error estimate is honest: over many kinds of problem the actual error is between 0.1 and 3 times the tolerance."""

import math

import numpy as np
import pytest

from dmft import Problem, solve

pytestmark = pytest.mark.slow

BASE = {
    "width": 10,
    "samples_per_parameter": 1.0,
    "activation": [0.0, 0.7**0.5, 0.3**0.5],
    "target": [0.0, 1.0],
    "noise": 0.3,
    "alignment": 0.05,
    "t_max": 100.0,
}

CASES = {
    "one neuron, erf": {"width": 1, "activation": "erf"},
    "two neurons": {"width": 2},
    "very wide": {"width": 1e6},
    "infinitely wide": {"width": math.inf},
    "infinitely wide, few samples": {"width": math.inf, "samples_per_parameter": None, "samples_per_dimension": 3.0},
    "lazy, very wide": {"width": 1e6, "init": "lazy", "alignment": 0.0},
    "lazy, linear": {"width": 1e4, "init": "lazy", "activation": [0, 1.0], "target": "none", "samples_per_parameter": 2e-4},
    "large start": {"init_scale": 10.0},
    "small start": {"init_scale": 0.01},
    "tiny start, no alignment": {"width": 100, "activation": "erf", "init_scale": 1e-4, "alignment": 0.0},
    "tanh": {"activation": "tanh"},
    "softplus": {"activation": "softplus"},
    "truncated relu": {"activation": "relu", "activation_degree": 30},
    "relu as target": {"activation": "erf", "target": "relu"},
    "cubic": {"activation": "cubic", "target": "cubic", "alignment": 0.1},
    "frozen second layer": {"train_second_layer": False},
    "very few samples": {"samples_per_parameter": 1e-6},
    "very many samples": {"samples_per_parameter": 1e6},
    "noiseless": {"noise": 0.0},
    "strong noise": {"noise": 10.0},
    "nearly aligned": {"alignment": 0.99},
    "against the signal": {"alignment": -0.5},
    "above threshold, long": {"samples_per_parameter": 2.0, "t_max": 3000.0},
}


TOLERANCE = 1e-5


@pytest.fixture(scope="module")
def ratios():
    """Largest error of any observable at any time, in units of the tolerance, of each case."""
    found = {}
    for case, keys in CASES.items():
        problem = Problem(**{key: value for key, value in {**BASE, **keys}.items() if value is not None}, tolerance=TOLERANCE)
        # Another scheme on another grid.
        exact = solve(problem.replace(tolerance=1e-9, stages=8))
        solution = solve(problem)
        assert exact.complete
        assert solution.complete
        found[case] = max(solution.errors(exact).values()) / TOLERANCE
    return found


@pytest.mark.parametrize("case", CASES)
def test_error_is_what_was_asked_for(case, ratios):
    assert ratios[case] < 3


def test_accuracy_is_not_wasted(ratios):
    """Errors are not far below the tolerance either: a digit more would take 30 to 40 per cent more nodes."""
    assert np.median(list(ratios.values())) > 0.1
    assert min(ratios.values()) > 0.01


# Errors that the polynomials of a cell do not show: 8.7, 4.4 and 2.2 times the tolerance as long as they are not looked for.
HIDDEN = {
    # Iterations along soft directions leave more in C(t, 0) than their residual says, in each cell anew.
    "lazy, wide, first layer alone": {
        "width": 10**6,
        "samples_per_parameter": 1.29,
        "activation": [-0.4402, 0.7764, -0.4462, 0.0585, -0.0292],
        "target": [1.935, -0.315, -0.207],
        "noise": 1.0,
        "init": "lazy",
        "init_scale": 3.4,
        "alignment": 0.05,
        "train_second_layer": False,
        "t_max": 90.0,
    },
    # A clock that is late by a small part of the tolerance misses the time at which an overlap is zero.
    "overlap through zero": {
        "width": 10,
        "samples_per_parameter": 8.0,
        "activation": "tanh",
        "target": [0, 1.0],
        "noise": 0.5,
        "init_scale": 0.143,
        "alignment": -0.459,
        "t_max": 2000.0,
    },
    # The Hessian edge is the difference of two numbers a few hundred times as large, at the inner nodes of stiff cells.
    "mixed glass": {"model": "spherical-pspin", "couplings": {"2": 2.06, "5": 0.057, "8": 0.079}, "t_max": 690.0},
}


@pytest.mark.parametrize("case", HIDDEN)
def test_errors_that_polynomials_do_not_show_are_within_the_tolerance(case):
    problem = Problem(**HIDDEN[case], tolerance=1e-4)
    exact = solve(problem.replace(tolerance=1e-6), verify=False)
    assert max(solve(problem, verify=False).errors(exact).values()) < 1.5e-4
