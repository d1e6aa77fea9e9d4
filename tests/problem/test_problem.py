"""Problems: what is accepted, what is refused and in which words."""

import math

import pytest

from dmft import Problem, ProblemError
from dmft.problem.overrides import with_overrides

GOOD = {"width": 10, "samples_per_parameter": 1.0, "activation": "erf", "t_max": 10.0}


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"widht": 10}, ["'widht'", "'width'"]),
        ({"samples_per_parameter": -1}, ["samples_per_parameter = -1", "> 0"]),
        ({"samples_per_dimension": 1.0}, ["samples_per_parameter", "samples_per_dimension", "both"]),
        ({"samples_per_parameter": None}, ["neither"]),
        ({"width": 0}, ["width = 0", "whole number"]),
        ({"width": 1.5}, ["width = 1.5", "whole number"]),
        ({"width": math.nan}, ["width"]),
        ({"width": "ten"}, ["width", "a number"]),
        ({"width": math.inf, "init": "lazy"}, ["width = inf", "lazy"]),
        ({"noise": -0.1}, ["noise = -0.1", ">= 0"]),
        ({"noise": math.nan}, ["noise = nan"]),
        ({"activation": []}, ["activation = []", "at least one"]),
        ({"activation": [0.0, math.nan]}, ["activation", "finite"]),
        ({"activation": [1.0]}, ["activation"]),
        ({"activation": "none"}, ["activation"]),
        ({"activation": "relu"}, ["relu", "kink", "activation_degree"]),
        ({"activation": "rleu"}, ["rleu", "wanted one of"]),
        ({"activation": [0, 1], "activation_degree": 3}, ["activation_degree"]),
        ({"target": []}, ["target"]),
        ({"target": [math.inf]}, ["target"]),
        ({"activation": 3}, ["activation = 3", "a name, or normalised Hermite coefficients"]),
        ({"activation": [0, 1e300]}, ["activation = [0", "at most 1e+100"]),
        ({"activation": [0, "a"]}, ["activation", "Hermite"]),
        ({"noise": 1e200}, ["noise = 1e+200", "<= 1e+100"]),
        ({"tolerance": math.nan}, ["tolerance = nan", "finite"]),
        ({"alignment": math.nan}, ["alignment = nan", "finite"]),
        ({"init": "huge"}, ["init", "mean-field", "lazy"]),
        ({"init_scale": 0}, ["init_scale"]),
        ({"alignment": 1.0}, ["alignment"]),
        ({"train_second_layer": "maybe"}, ["train_second_layer", "true or false"]),
        ({"t_max": 0}, ["t_max = 0"]),
        ({"t_max": 5e-324}, ["t_max = 5e-324", ">= 1e-100"]),
        ({"t_max": math.inf}, ["t_max = inf", "finite"]),
        ({"tolerance": 1.0}, ["tolerance = 1"]),
        ({"tolerance": 0}, ["tolerance = 0"]),
        ({"scheme": "euler"}, ["scheme", "radau"]),
        ({"stages": 2.5}, ["stages = 2.5", "whole number"]),
        ({"model": "two-layer"}, ["model", "two-layer-flow"]),
    ],
)
def test_bad_values_are_refused_in_one_line(keys, words):
    given = {key: value for key, value in {**GOOD, **keys}.items() if value is not None}
    with pytest.raises(ProblemError) as error:
        Problem(**given)
    message = str(error.value)
    assert "\n" not in message
    for word in words:
        assert word in message


@pytest.mark.parametrize("missing", ["width", "activation", "t_max"])
def test_missing_keys_are_named(missing):
    with pytest.raises(ProblemError, match=missing):
        Problem(**{key: value for key, value in GOOD.items() if key != missing})


@pytest.mark.parametrize("text", ["[problem", "[problem]\nwidth = 1\n", "[solver]\nt_max = 1.0\n", "[problm]\n"])
def test_malformed_files_are_refused(text):
    with pytest.raises(ProblemError):
        Problem.from_toml(text)


@pytest.mark.parametrize(
    "keys",
    [
        {},
        {"width": math.inf},
        {"activation": [0.0, 1e-3, 0.1 + 0.2], "target": [1 / 3], "noise": 1e-17},
        {"activation": "relu", "activation_degree": 12, "target": "tanh", "train_second_layer": False},
        {"samples_per_parameter": None, "samples_per_dimension": 3.0, "init": "lazy"},
    ],
)
def test_toml_round_trip(keys):
    problem = Problem(**{key: value for key, value in {**GOOD, **keys}.items() if value is not None})
    again = Problem.from_toml(problem.to_toml())
    assert again == problem
    assert hash(again) == hash(problem)
    assert again.to_toml() == problem.to_toml()


def test_tables_are_as_good_as_keywords():
    problem = Problem(**GOOD, tolerance=1e-6)
    assert Problem(**problem.tables) == problem
    with pytest.raises(ProblemError, match="solver"):
        Problem(problem=problem.tables["problem"])


def test_defaults_do_not_matter_for_equality():
    assert Problem(**GOOD) == Problem(**GOOD, noise=0.0, tolerance=1e-5)
    assert Problem(**GOOD) != Problem(**GOOD, noise=0.1)


def test_problems_are_frozen():
    problem = Problem(**GOOD)
    with pytest.raises(Exception, match="frozen"):
        problem.parameters.width = 3


def test_replace_keeps_the_rest():
    assert Problem(**GOOD).replace(noise=0.2, t_max=3.0) == Problem(**{**GOOD, "noise": 0.2, "t_max": 3.0})


def test_replacing_a_sample_ratio_takes_the_place_of_the_other():
    assert Problem(**GOOD).replace(samples_per_dimension=5.0) == Problem(**{**GOOD, "samples_per_parameter": 0.5})


def test_sample_ratios_agree_beyond_rounding():
    """0.3/3 is not 0.1 in floating point; the problems are the same all the same."""
    keys = {"width": 3, "activation": "erf", "t_max": 1.0}
    assert Problem(samples_per_dimension=0.3, **keys) == Problem(samples_per_parameter=0.1, **keys)


def test_overrides():
    tables = Problem(**GOOD).tables
    changed = Problem.from_tables(
        with_overrides(
            tables, ["problem.width=20", "solver.tolerance=1e-7", "problem.activation=tanh", "problem.target=[0.0, 1.0]"]
        )
    )
    assert changed == Problem(**{**GOOD, "width": 20, "tolerance": 1e-7, "activation": "tanh", "target": [0, 1]})
    swapped = Problem.from_tables(with_overrides(tables, ["problem.samples_per_dimension=5.0"]))
    assert swapped == Problem(**{**GOOD, "samples_per_parameter": 0.5})
    for bad in ("width=20", "problem.width", "=3"):
        with pytest.raises(ProblemError, match=r"wanted table\.key=value"):
            with_overrides(tables, [bad])
