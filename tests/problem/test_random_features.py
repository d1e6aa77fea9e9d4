"""Keys of random features: what is accepted, and what is refused in one line."""

import numpy as np
import pytest

from dmft import Problem, ProblemError
from tests.random_features import KEYS, random_features


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"hidden_ratio": 0}, ["hidden_ratio = 0", "> 0"]),
        ({"hidden_ratio": float("inf")}, ["hidden_ratio = inf", "finite"]),
        ({"hidden_ratio": "two"}, ["hidden_ratio", "a number"]),
        ({"activation": "error"}, ["activation", "erf"]),
        ({"activation": []}, ["activation = []"]),
        ({"activation": [1.0]}, ["activation", "constant"]),
        ({"activation": [1.0, 0.0]}, ["activation", "constant"]),
        ({"activation": [0.0, float("nan")]}, ["activation", "finite"]),
        ({"teacher_output": []}, ["teacher_output = []"]),
        ({"teacher_output": 1.0}, ["teacher_output = 1.0", "list"]),
        ({"teacher_output": [float("inf")]}, ["teacher_output", "finite"]),
        ({"learning_rate": 0}, ["learning_rate = 0"]),
        ({"learning_rate": 6.1}, ["learning_rate = 6.1", "< 2/E g^2 = 6"]),
        ({"activation": "relu", "learning_rate": 4.0}, ["learning_rate = 4", "2/E g^2 = 4"]),
        ({"noise": -0.1}, ["noise = -0.1"]),
        ({"teacher_overlap": 1.0}, ["teacher_overlap = 1.0", "list"]),
        ({"teacher_overlap": [[1.0]]}, ["teacher_overlap", "2 rows", "not 1"]),
        ({"teacher_overlap": [[1.0, 0.0], [0.0]]}, ["teacher_overlap", "square"]),
        ({"teacher_overlap": [[1.0, 0.1], [0.2, 1.0]]}, ["teacher_overlap", "symmetric"]),
        ({"teacher_overlap": [[1.0, float("nan")], [0.0, 1.0]]}, ["teacher_overlap", "finite"]),
        (
            {"teacher_overlap": [[1.0, 2.0], [2.0, 1.0]]},
            ["teacher_overlap", "positive semidefinite", "smallest eigenvalue is -1"],
        ),
        ({"activation": "quadratic", "learning_rate": 0.5, "teacher_overlap": [[2.0, 0.0], [0.0, 1.0]]}, ["mean", "norm 1"]),
        ({"width": 3}, ["'width'"]),
    ],
)
def test_bad_input_is_refused_in_one_line(keys, words):
    with pytest.raises(ProblemError) as error:
        random_features(**keys)
    message = str(error.value)
    assert "\n" not in message
    for word in words:
        assert word in message


def test_toml_round_trip():
    problem = random_features(teacher_overlap=[[1.0, 0.25], [0.25, 0.1]], activation=[0.1, 0.5])
    assert Problem.from_toml(problem.to_toml()) == problem
    assert "teacher_overlap = [[1.0, 0.25], [0.25, 0.1]]" in problem.to_toml()
    assert "teacher_overlap" not in random_features().to_toml()


def test_orthogonal_units_are_the_default():
    without, given = random_features().parameters, random_features(teacher_overlap=np.eye(2).tolist()).parameters
    assert without.constants() == given.constants()


def test_a_teacher_may_have_equal_units():
    """T is singular then; two halves of a unit are a unit."""
    twice = random_features(teacher_output=[0.5, 0.5], teacher_overlap=[[1.0, 1.0], [1.0, 1.0]]).parameters
    once = random_features(teacher_output=[1.0]).parameters
    assert twice.constants() == pytest.approx(once.constants(), rel=1e-12)
    np.testing.assert_allclose(twice.staircase(), once.staircase(), rtol=1e-12)


def test_a_key_of_the_model_goes_before_one_of_the_solver():
    """`learning_rate` stands in [problem]."""
    assert Problem(**KEYS).replace(learning_rate=2.0).parameters.learning_rate == 2.0
