"""Keys of the hinge loss: what is accepted, and what is refused in one line."""

import math

import pytest

from dmft import Problem, ProblemError, solve
from dmft.engines.kinds import engine_name
from dmft.problem.sweep import Sweep
from dmft.sweeps.run import by_cost
from dmft.system.memory import MACHINE, Limit
from tests.hinge import hinge, one_sided


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"laziness": 0}, ["laziness = 0", ">= 1e-50"]),
        ({"laziness": float("nan")}, ["laziness = nan"]),
        ({"threshold": -1.0}, ["threshold = -1.0"]),
        ({"output_variance": -1.0}, ["output_variance = -1.0"]),
        ({"output_variance": 0, "weight_variance": 0}, ["output_variance, weight_variance", "both 0"]),
        ({"samples": 0}, ["samples = 0", "whole number"]),
        ({"samples": 2.5, "dimension": 3}, ["samples = 2.5", "whole number"]),
        ({"samples": float("nan"), "dimension": 3}, ["samples = nan"]),
        ({"samples": 10}, ["dimension is missing"]),
        ({"dimension": 10}, ["dimension", "only with a finite number of samples"]),
        ({"samples": 10, "dimension": 0}, ["dimension = 0"]),
        ({"samples": 10, "dimension": 1.5}, ["dimension = 1.5", "whole number"]),
        ({"samples": 10, "dimension": 5, "seed": -1}, ["seed = -1"]),
        ({"units": 0}, ["units = 0"]),
        ({"mirrored": 1}, ["mirrored = 1", "true or false"]),
        ({"mirrored": False}, ["mirrored = false", "finite number of samples"]),
        (
            {"samples": 10, "dimension": 5, "mirrored": False, "weight_variance": 0.0},
            ["weight_variance = 0", "mirrored = false"],
        ),
        ({"samples": 10, "dimension": 5, "mirrored": False}, ["population is missing", "mirrored = false"]),
        ({"samples": 10, "dimension": 5, "population": 40}, ["population = 40", "only with mirrored = false"]),
        ({"samples": 10, "dimension": 5, "mirrored": False, "population": 42}, ["population = 42", "multiple of 4"]),
        ({"samples": 10, "dimension": 5, "mirrored": False, "population": 16}, ["population = 16", ">= 20"]),
        ({"samples": 10, "dimension": 5, "mirrored": False, "population": 40.5}, ["population = 40.5", "whole number"]),
        ({"lazyness": 1.0}, ["'lazyness'", "'laziness'"]),
    ],
)
def test_bad_input_is_refused_in_one_line(keys, words):
    with pytest.raises(ProblemError) as error:
        hinge(**keys)
    message = str(error.value)
    assert "\n" not in message
    for word in words:
        assert word in message


def test_toml_round_trip():
    for problem in (hinge(), hinge(samples=20, dimension=4, seed=7), hinge(samples=math.inf), one_sided()):
        assert Problem.from_toml(problem.to_toml()) == problem
    assert "samples = 20\n" in hinge(samples=20.0, dimension=4).to_toml()
    assert "samples = inf\n" in hinge().to_toml()


def test_engine_follows_from_the_data_set():
    assert engine_name(hinge()) == engine_name(hinge(samples=20, dimension=4)) == "closed-form"
    assert engine_name(one_sided()) == "stepped"
    with pytest.raises(ProblemError, match="scheme"):
        one_sided(scheme="gradient-descent", learning_rate=0.1)


def test_what_does_not_fit_into_memory_is_refused(monkeypatch):
    monkeypatch.setattr("dmft.running.cost.memory_limit", lambda: Limit(1e6, 1e6, MACHINE))
    with pytest.raises(ProblemError, match="samples, population: a step needs"):
        solve(one_sided(samples=2000, population=4000))


def test_data_sets_that_do_not_fit_are_refused_before_they_are_drawn(monkeypatch):
    monkeypatch.setattr("dmft.running.cost.memory_limit", lambda: Limit(1e12, 1e12, MACHINE))
    with pytest.raises(ProblemError, match="samples, population: a step needs"):
        solve(hinge(samples=10**13, dimension=20))
    with pytest.raises(ProblemError, match=r"wanted at most 1e\+15 numbers in dimension = 20"):
        hinge(samples=1e20, dimension=20)
    assert by_cost(sweep_of([80, 10**13]), [0, 1]) == [1, 0]


def sweep_of(samples: list[int]) -> Sweep:
    """One point for each number of samples."""
    text = hinge(samples=samples[0], dimension=20).to_toml() + f'\n[sweep.axes]\n"problem.samples" = {samples}\n'
    return Sweep.from_toml(text)
