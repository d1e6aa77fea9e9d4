"""A second scheme on another grid: the trapezoidal baseline is of order 2 and converges to what the solver finds.

It shares with the solver the activation and the parameters, not the equations as discretised, the grid, the cells or the guess.
"""

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest

from dmft import Problem, solve

BENCHMARKS = Path(__file__).parents[2] / "runs" / "benchmarks"
STEPS = (50, 100, 200)

PROBLEMS = {
    "generic": {},
    "one neuron": {"width": 1},
    "infinitely wide": {"width": np.inf},
    "lazy, frozen second layer": {"init": "lazy", "activation": "erf", "alignment": 0.0, "train_second_layer": False},
}


@pytest.fixture(scope="module")
def baseline():
    sys.path.append(str(BENCHMARKS))
    yield importlib.import_module("baseline")
    sys.path.remove(str(BENCHMARKS))


def problem(**keys) -> Problem:
    given = {
        "width": 3, "samples_per_parameter": 0.8, "activation": [0.1, 0.7**0.5, 0.3**0.5], "target": [0.2, 1.0, 0.4],
        "noise": 0.3, "alignment": 0.1, "t_max": 2.0, "tolerance": 1e-9,
    }  # fmt: skip
    return Problem(**{**given, **keys})


@pytest.mark.slow
@pytest.mark.parametrize("case", PROBLEMS)
def test_second_order_towards_the_same_solution(baseline, case):
    """At common times, relative to the largest value: errors as dt^2, and next to none after Richardson extrapolation."""
    exact = solve(problem(**PROBLEMS[case]))
    marched = [baseline.Baseline(exact.problem, steps).march().solution() for steps in STEPS]
    expected = [exact.at(t) for t in marched[0].time]
    for name in exact.observables:
        value = np.array([row[name] for row in expected])
        size = np.abs(value).max()
        values = [solution.observables[name][:: steps // STEPS[0]] for solution, steps in zip(marched, STEPS, strict=True)]
        errors = [np.abs(found - value).max() for found in values]
        if errors[0] > 1e-9 * size:
            slope = -np.polyfit(np.log(STEPS), np.log(errors), 1)[0]
            assert slope == pytest.approx(2.0, abs=0.1), (name, errors)
        np.testing.assert_allclose((4 * values[-1] - values[-2]) / 3, value, atol=1e-6 * size, err_msg=name)


@pytest.mark.slow
def test_blocks_change_nothing(baseline):
    one, block = (baseline.Baseline(problem(), 150, rows).march().solution() for rows in (1, 64))
    for name, values in one.observables.items():
        np.testing.assert_allclose(block.observables[name], values, atol=1e-6 * np.abs(values).max(), err_msg=name)
