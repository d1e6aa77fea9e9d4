"""Groups of neurons and targets of several directions in problem files."""

import math

import numpy as np
import pytest

from dmft import Problem, ProblemError
from dmft.models.two_layer_flow import target
from dmft.problem.overrides import with_overrides

GOOD = {"width": 4, "samples_per_parameter": 1.0, "activation": "erf", "t_max": 10.0}
TWO = [{"fraction": 0.5, "second_layer": 1.0, "alignment": [0.1, 0.0]}, {"count": 2, "second_layer": -1.0}]
PAIR = {"1,0": 0.7, "0,2": 0.5, "1,1": -0.4}


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"neurons": []}, ["neurons", "list of tables"]),
        ({"neurons": [3]}, ["[0] is 3", "a table"]),
        ({"neurons": [{"fracton": 0.5}]}, ["'fracton'", "'fraction'", "neurons[0]"]),
        ({"neurons": [{"fraction": 0.5}, {}]}, ["neurons[1]", "neither"]),
        ({"neurons": [{"fraction": 0.5, "count": 2}]}, ["neurons[0]", "both"]),
        ({"neurons": [{"fraction": 0.5}]}, ["0.5 of all neurons"]),
        ({"neurons": [{"count": 2}, {"count": 3}]}, ["1.25 of all neurons"]),
        ({"neurons": [{"fraction": 0.3}, {"fraction": 0.7}]}, ["fraction = 0.3", "whole number"]),
        ({"neurons": [{"count": 1}], "width": math.inf}, ["fractions", "width = inf"]),
        ({"neurons": [{"fraction": -1}]}, ["neurons[0]", "fraction = -1"]),
        ({"neurons": [{"fraction": 1, "second_layer": "a"}]}, ["neurons[0]", "second_layer", "a number"]),
        ({"neurons": [{"fraction": 1, "second_layer": math.nan}]}, ["neurons[0]", "second_layer", "finite"]),
        ({"neurons": [{"fraction": 1, "alignment": [0.1, 0.2]}]}, ["neurons[0].alignment", "1 numbers"]),
        ({"neurons": [{"fraction": 1, "alignment": 1.0}]}, ["neurons[0]", "alignment", "< 1"]),
        ({"alignment": [0.8, 0.8], "target": PAIR}, ["alignment", "shorter than 1"]),
        ({"alignment": 0.1, "target": PAIR}, ["alignment = 0.1", "2 numbers"]),
        ({"alignment": "a"}, ["alignment", "a number"]),
        ({"target": {}}, ["target", "multi-index"]),
        ({"target": {"1,0": 1.0, "1": 2.0}}, ["target", "multi-index"]),
        ({"target": {"1,x": 1.0}}, ["1,x", "multi-index"]),
        ({"target": {"-1,0": 1.0}}, ["-1,0", ">= 0"]),
        ({"target": {"1,0": "a"}}, ["1,0", "finite"]),
        ({"target": {"1,0": 1.0, "01,0": 1.0}}, ["target"]),
        ({"target": {"committee": "erf"}}, ["target", "directions"]),
        ({"target": {"committee": "erfc", "directions": 2}}, ["target", "wanted one of"]),
        ({"target": {"committee": "erf", "directions": 0}}, ["directions = 0"]),
    ],
)
def test_wrong_groups_and_targets_are_refused_in_one_line(keys, words):
    with pytest.raises(ProblemError) as error:
        Problem(**{**GOOD, **keys})
    message = str(error.value)
    assert "\n" not in message
    for word in words:
        assert word in message


@pytest.mark.parametrize(
    "keys",
    [
        {"neurons": TWO, "target": PAIR},
        {"neurons": [{"fraction": 1 / 3}, {"fraction": 2 / 3, "alignment": -0.1}], "width": math.inf},
        {"target": {"committee": "tanh", "directions": 3}, "alignment": [0.1, 0.2, 0.3]},
        {"target": {"committee": [0.1, 0.0, 1.0], "directions": 2}},
    ],
)
def test_toml_round_trip(keys):
    problem = Problem(**{**GOOD, **keys})
    again = Problem.from_toml(problem.to_toml())
    assert again == problem
    assert hash(again) == hash(problem)
    assert again.to_toml() == problem.to_toml()
    assert Problem.from_tables(problem.tables) == problem


def test_indices_may_be_tuples_and_a_single_direction_is_a_list():
    assert Problem(**GOOD, target={(1, 0): 0.7, (0, 2): 0.5, (1, 1): -0.4}) == Problem(**GOOD, target=PAIR)
    assert Problem(**GOOD, target={"1": 1.0, "3": 0.5}) == Problem(**GOOD, target=[0.0, 1.0, 0.0, 0.5])


def test_groups_have_numbers_signs_and_vectors():
    first, second = Problem(**GOOD, neurons=TWO, target=PAIR, init="lazy", init_scale=0.5).parameters.groups()
    assert (first.number, second.number) == (2.0, 2.0)
    assert (first.second_layer, second.second_layer) == (1.0, -1.0)
    assert first.alignment.tolist() == [0.1, 0.0]
    assert second.alignment.tolist() == [0.0, 0.0]


def test_one_key_of_a_group_is_set():
    tables = Problem(**GOOD, neurons=TWO, target=PAIR).tables
    changed = Problem.from_tables(with_overrides(tables, ["problem.neurons.1.second_layer=-2.0"]))
    assert [group.second_layer for group in changed.parameters.neurons] == [1.0, -2.0]
    changed = Problem.from_tables(with_overrides(tables, ["problem.neurons.0.alignment.1=0.3"]))
    assert changed.parameters.neurons[0].alignment == (0.1, 0.3)
    for wrong in ("problem.neurons.2.second_layer=1", "problem.neurons.x.second_layer=1"):
        with pytest.raises(ProblemError, match="place from 0 to 1"):
            with_overrides(tables, [wrong])


def test_overlap_is_the_mean_of_the_product():
    """Phi(v) = E sigma(w . x) phi(x) by Gauss-Hermite quadrature in two dimensions and along the rest of w."""
    rng = np.random.default_rng(3)
    s = rng.normal(size=4)
    series = target.series({f"{i},{j}": rng.normal() for i in range(3) for j in range(3) if i + j < 4}, 3)
    x, weight = np.polynomial.hermite_e.hermegauss(8)
    weight = weight / weight.sum()
    points = np.stack(np.meshgrid(x, x, x, indexing="ij"), axis=-1).reshape(-1, 3)
    weights = np.einsum("i,j,k->ijk", weight, weight, weight).ravel()

    def polynomial(k, at):
        return np.polynomial.hermite_e.hermeval(at, np.eye(4)[k]) / math.sqrt(math.factorial(k))

    phi = sum(
        p * polynomial(i, points[:, 0]) * polynomial(j, points[:, 1])
        for (i, j), p in zip(series.indices, series.coefficients, strict=True)
    )
    v = np.array([0.3, -0.5])
    along = points @ np.append(v, math.sqrt(1 - v @ v))
    expected = weights @ (sum(s[k] * polynomial(k, along) for k in range(4)) * phi)
    overlap = target.overlap(s, series)
    value, gradient = overlap(v)
    assert value == pytest.approx(expected, rel=1e-12)
    steps = 1e-6 * np.eye(2)
    slopes = [(overlap(v + step)[0] - overlap(v - step)[0]) / 2e-6 for step in steps]
    assert gradient == pytest.approx(np.array(slopes), rel=1e-8)
    assert series.variance == pytest.approx(weights @ phi**2, rel=1e-12)


def test_a_committee_is_a_sum_of_functions():
    series = target.series({"committee": "softplus", "directions": 3}, 60)
    assert series.variance == pytest.approx(np.sum(series.coefficients**2), rel=1e-9)
    assert np.count_nonzero(series.indices.sum(axis=1) == 1) == 3
