"""Finite students trained by SGD against the theory, and seeds that stop and go on."""

import numpy as np
import pytest

from dmft import ProblemError, solve
from dmft.simulation.compare import compare
from dmft.simulation.run import simulate
from tests.online_sgd import online
from tests.simulation.conftest import Onlooker, made, trajectory

FULL = {
    "learning_rate": 0.4,
    "second_layer_learning_rate": 0.2,
    "noise": 0.3,
    "weight_decay": 0.02,
    "train_second_layer": True,
    "student_overlap": [[0.5, 0.1, 0.0], [0.1, 0.4, 0.05], [0.0, 0.05, 0.3]],
    "cross_overlap": [[0.2, 0.0], [0.0, 0.1], [0.1, -0.1]],
    "teacher_overlap": [[1.0, 0.3], [0.3, 0.8]],
    "student_output": [0.6, 0.5, -0.2],
    "teacher_output": [1.0, 0.8],
}


@pytest.mark.slow
@pytest.mark.parametrize("activation", ["erf", "relu", "linear"])
def test_simulation_agrees_with_the_theory(activation):
    """With every term of the equations, in 400 and 1000 dimensions, and extrapolated from both."""
    problem = online(6.0, 1e-6, activation=activation, **FULL)
    theory = solve(problem)
    small, large = (simulate(problem, dim=dim, seeds=seeds, times=10) for dim, seeds in ((400, 12), (1000, 6)))
    for comparison in (compare(theory, [small]), compare(theory, [large]), compare(theory, [small, large])):
        assert comparison.agrees()
        assert set(comparison.observables) == set(theory.observables)
    # Not because the errors are large.
    found = compare(theory, [large]).observables["generalization_error"]
    assert (found.error < 0.02 * found.theory[0]).all()


@pytest.mark.slow
def test_fluctuations_fall_with_the_dimension():
    """As N^(-1/2): the theory is the limit of every single run."""
    problem = online(3.0, activation="erf", **FULL)
    theory = solve(problem).at(3.0)["generalization_error"]
    spread = []
    for dim in (500, 2000):
        last = [trajectory(problem, dim, seed, times=4)["generalization_error"][-1] for seed in range(10)]
        spread.append(np.sqrt(np.mean((np.array(last) - theory) ** 2)))
    assert 1.2 < spread[0] / spread[1] < 3.3


def test_start_has_exactly_the_overlaps_of_the_problem():
    problem = online(5.0, activation="erf", **FULL)
    expected = solve(problem).at(0.0)
    for name, values in trajectory(problem, 50).items():
        assert values[0] == pytest.approx(expected[name], rel=1e-12)


def test_a_seed_that_stops_goes_on_as_if_it_had_not():
    problem = online(20.0, activation="erf", **FULL)
    experiment = made(problem, 100)
    whole = Onlooker()
    expected = experiment.run(3, whole)
    assert len(whole.states) > 3
    for state in whole.states[:-1:2]:
        found = experiment.run(3, Onlooker(begun=state))
        for name, values in expected.observables.items():
            np.testing.assert_array_equal(found.observables[name], values)


def test_divergence_leaves_no_numbers():
    keys = {**FULL, "learning_rate": 30.0, "activation": "relu"}
    found = trajectory(online(50.0, **keys), 100)
    assert np.isfinite(found["generalization_error"][0])
    assert np.isnan(found["generalization_error"][-1])


@pytest.mark.parametrize("setup", [{"dim": 4}, {"dim": 100, "fields": "gaussian"}, {"dim": 100, "two_time": True}])
def test_what_cannot_be_simulated_is_refused(setup):
    with pytest.raises(ProblemError, match="wanted"):
        made(online(5.0, activation="erf", **FULL), **setup)
