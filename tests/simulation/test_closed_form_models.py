"""Simulations of random features and of the hinge loss: steps, seeds, going on, commands."""

import re

import numpy as np
import pytest

from dmft import ProblemError, simulate, solve
from dmft.simulation.compare import compare
from tests.finite_networks import trained
from tests.hinge import hinge, one_sided
from tests.random_features import random_features

from .conftest import Onlooker, made

PROBLEMS = {
    "random-features": random_features(t_max=5.0),
    "with a mean": random_features(activation="relu", learning_rate=1.0, t_max=5.0),
    "one-sided data": one_sided(samples=12, dimension=8, units=40, t_max=2.0),
    "finite data": hinge(samples=12, dimension=8, units=40, t_max=2.0),
    "infinite data": hinge(units=40, t_max=2.0),
}

# A figure that is drawn in a moment.
LOOK = ("--observables", "train_error", "--size", "3x2")


@pytest.fixture(params=PROBLEMS)
def problem(request):
    return PROBLEMS[request.param]


@pytest.mark.slow
def test_going_on_from_any_state_gives_the_same(problem):
    experiment = made(problem, 8, times=6)
    watch = Onlooker()
    whole = experiment.run(3, watch)
    for state in watch.states[:: max(len(watch.states) // 5, 1)]:
        part = experiment.run(3, Onlooker(begun=state))
        assert part.evaluations == whole.evaluations
        for name, values in whole.observables.items():
            assert np.array_equal(part.observables[name], values)
            assert np.isfinite(values).all()


def test_seeds_and_dimensions_differ(problem):
    times, first = trained(problem, 8, 2, 6)
    for values in first.values():
        assert values.shape == (2, len(times))
        assert values[0, -1] != values[1, -1]
    assert times[-1] == pytest.approx(problem.solver.t_max, abs=0.1)


def test_steps_of_gradient_flow_are_small_enough():
    """Against shorter steps in a data set: within the tolerance, and of first order."""
    problem = hinge(samples=12, dimension=8, units=40, t_max=2.0)
    runs = [trained(problem, 8, 1, 6, tolerance=tolerance)[1] for tolerance in (5e-3, 5e-4, 5e-5)]
    for name, exact in runs[2].items():
        coarse, fine = (np.abs(run[name] - exact).max() / np.abs(exact).max() for run in runs[:2])
        assert coarse < 5e-3, name
        assert fine < 5e-4, name
        assert fine < coarse / 3, name


@pytest.mark.slow
def test_random_features_are_compared(tmp_path):
    problem = random_features(t_max=3.0)
    found = compare(solve(problem), [simulate(problem, dim=dim, seeds=6, times=6) for dim in (50, 100)])
    assert found.agrees()
    assert found.observables.keys() == {"generalization_error"}


def test_populations_are_compared_with_the_same_networks():
    """How many nodes stand for the theory is no matter of the simulation."""
    problem = PROBLEMS["one-sided data"].replace(units=300, t_max=2.0, tolerance=1e-2)
    simulation = simulate(problem, dim=8, seeds=3, times=3, tolerance=1e-2)
    for population in (32, 64):
        found = compare(solve(problem.replace(population=population)), [simulation])
        assert found.observables.keys() == {"generalization_error", "train_error", "slope"}
    with pytest.raises(ProblemError, match="mirrored"):
        compare(solve(problem.replace(mirrored=True, population=None)), [simulation])


def test_commands(dmft, tmp_path):
    path = tmp_path / "hinge.toml"
    path.write_text(PROBLEMS["infinite data"].to_toml())
    assert dmft("solve", path, "-o", tmp_path / "run.h5").code == 0
    ended = dmft("simulate", path, "-o", tmp_path / "sim.h5", "--dim", 4, "--seeds", 3, "--times", 5)
    assert (ended.code, ended.err) == (0, "")
    ended = dmft("compare", tmp_path / "run.h5", tmp_path / "sim.h5", "--threshold", 1000)
    assert ended.code == 0
    for part in ("generalization_error", "train_error", "slope", "no deviation above 1000 standard errors"):
        assert part in ended.out
    assert re.search(r"units +40\n", dmft("show", tmp_path / "sim.h5").out)
    assert dmft("plot", tmp_path / "run.h5", tmp_path / "sim.h5", "-o", tmp_path / "both.png", *LOOK).code == 0
    assert "pellegrini" in dmft("cite", tmp_path / "sim.h5").out


@pytest.mark.parametrize(
    ("problem", "setup", "words"),
    [
        (random_features(), {"fields": "gaussian"}, ['fields = "gaussian"', "network"]),
        (hinge(), {"two_time": True}, ["two_time"]),
        (hinge(samples=10, dimension=6), {"dim": 5}, ["dim = 5", "6"]),
        (hinge(weight_variance=0.0), {}, ["weight_variance = 0"]),
    ],
)
def test_what_cannot_be_simulated(problem, setup, words):
    with pytest.raises(ProblemError) as error:
        made(problem, **{"dim": 6, **setup})
    for word in words:
        assert word in str(error.value)
