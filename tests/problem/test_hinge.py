"""Keys of the hinge loss: what is accepted, and what is refused in one line."""

import math

import pytest

from dmft import Problem, ProblemError
from tests.hinge import hinge


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"laziness": 0}, ["laziness = 0", "> 0"]),
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
    for problem in (hinge(), hinge(samples=20, dimension=4, seed=7), hinge(samples=math.inf)):
        assert Problem.from_toml(problem.to_toml()) == problem
    assert "samples = 20\n" in hinge(samples=20.0, dimension=4).to_toml()
    assert "samples = inf\n" in hinge().to_toml()
