"""Observables with a kink steer no step, mean squares are never negative, and a run says what its end is worth."""

import numpy as np
import pytest

from dmft import Outcome, Problem, solve
from dmft.problem.description import smallest

SIGN_CHANGE = Problem(
    width=10, samples_per_parameter=1.0, activation="erf", target=[0, 1.0], noise=0.3,
    init_scale=0.3, alignment=-0.8, t_max=100.0, tolerance=1e-6,
)  # fmt: skip


@pytest.fixture(scope="module")
def changing():
    return solve(SIGN_CHANGE)


def test_a_change_of_sign_costs_no_steps(changing):
    assert changing.complete
    assert changing.second_layer.min() < 0 < changing.second_layer[0]
    assert len(changing.time) < 200


def test_the_size_of_what_changes_sign_is_right_between_the_nodes(changing):
    smooth = changing.second_layer
    crossing = int(np.flatnonzero(np.sign(smooth[1:]) != np.sign(smooth[:-1]))[0])
    for t in np.linspace(changing.time[crossing], changing.time[crossing + 1], 9):
        found, factor = changing.at(t), changing.complexity[0] / smooth[0]
        assert found["complexity"] == pytest.approx(factor * abs(found["second_layer"]), rel=1e-12)


@pytest.mark.parametrize(("rate", "outcome"), [(0.5, Outcome.DONE), (2.0, Outcome.DONE), (5.0, Outcome.DIVERGED)])
def test_gradient_descent_beyond_its_stable_rate_diverges(rate, outcome):
    problem = Problem(
        width=2, samples_per_parameter=1.0, activation=[0.0, 0.7**0.5, 0.3**0.5], target=[0.0, 1.0], noise=0.3, alignment=0.3,
        scheme="gradient-descent", learning_rate=rate, t_max=100.0,
    )  # fmt: skip
    solution = solve(problem)
    assert solution.outcome is outcome
    # Steps of 2 oscillate without end, bounded; steps of 5 multiply the error by 1e22.
    assert (solution.train_error[-1] > 1e3 * solution.train_error[0]) == outcome.failed


def test_overflow_of_what_diverges_is_said_to_diverge():
    problem = Problem(
        width=2, samples_per_parameter=1.0, activation=[0.0, 1.0], target=[0.0, 1.0], alignment=0.3,
        scheme="gradient-descent", learning_rate=5.0, t_max=5000.0,
    )  # fmt: skip
    solution = solve(problem)
    assert solution.outcome is Outcome.DIVERGED
    assert solution.time[-1] < 5000.0


def test_what_still_falls_has_no_minimum():
    problem = Problem(width=5, samples_per_parameter=10.0, activation="erf", target=[0, 1.0], alignment=0.1, t_max=3.0)
    assert smallest(solve(problem), "test_error").endswith("still falling")
    assert "at t =" in smallest(solve(problem.replace(samples_per_parameter=1.0, noise=0.5, t_max=300.0)), "test_error")


@pytest.mark.slow
def test_mean_squares_are_not_negative():
    """A linear network without noise learns a linear target: both errors fall to rounding."""
    problem = Problem(width=3, samples_per_parameter=2.0, activation="linear", target="linear", alignment=0.5, t_max=1e3)
    solution = solve(problem)
    for name in ("train_error", "test_error"):
        assert solution.observables[name].min() >= 0.0
        assert solution.observables[name][-1] < 1e-8
        assert min(solution.at(t)[name] for t in np.linspace(0.0, 1e3, 2000)) >= 0.0
        assert solution.minimum(name).value >= 0.0
