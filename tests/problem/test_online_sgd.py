"""The `[problem]` table of online SGD: starts, defaults, and what is refused."""

import numpy as np
import pytest

from dmft import Problem, ProblemError
from tests.online_sgd import CASE_A, online, random_start


def test_round_trip():
    for problem in (online(**CASE_A, teacher_output=[1.0, 0.5]), random_start(seed=3, teacher_overlap=[[1, 0.3], [0.3, 2]])):
        assert Problem.from_toml(problem.to_toml()) == problem


def test_defaults():
    model = online(**CASE_A).parameters.build()
    np.testing.assert_array_equal(model.T, np.eye(2))
    np.testing.assert_array_equal(model.v, np.ones(2))
    np.testing.assert_array_equal(model.A, np.ones(2))
    assert model.second_layer_learning_rate == model.learning_rate == 0.5
    assert not model.train_second_layer
    assert model.start().size == 3 + 4
    assert online(**CASE_A, train_second_layer=True).parameters.build().start().size == 3 + 4 + 2


def test_random_starts_have_the_law_of_normal_weights():
    """Means and variances of Q and R for standard normal w and teachers with a given T; the same seed gives the same."""
    T, N = np.array([[1.0, 0.4], [0.4, 2.0]]), 20
    starts = [
        random_start(3, 2, teacher_overlap=T.tolist(), dimension=N, seed=seed).parameters.overlaps() for seed in range(1500)
    ]
    Q, R = np.array([start[0] for start in starts]), np.array([start[1] for start in starts])
    error = 5 / np.sqrt(len(starts))
    np.testing.assert_allclose(Q.mean(axis=0), np.eye(3), atol=error * np.sqrt(2 / N))
    np.testing.assert_allclose(Q.var(axis=0) * N, 1 + np.eye(3), rtol=error * 3)
    np.testing.assert_allclose(R.mean(axis=0), 0.0, atol=error * np.sqrt(2 / N))
    np.testing.assert_allclose(np.einsum("san,sam->nm", R, R) / len(starts) / 3 * N, T, atol=error * 3)
    again = random_start(3, 2, dimension=N, seed=7).parameters.overlaps()
    np.testing.assert_array_equal(again[0], random_start(3, 2, dimension=N, seed=7).parameters.overlaps()[0])
    scaled = random_start(3, 2, dimension=N, seed=7, weight_scale=0.1).parameters.overlaps()
    np.testing.assert_allclose(scaled[0], 0.01 * again[0])
    np.testing.assert_allclose(scaled[1], 0.1 * again[1])


def test_smallest_dimension():
    """K + M directions, all of them taken."""
    Q, R, T = random_start(3, 2, dimension=5).parameters.overlaps()
    assert np.linalg.eigvalsh(np.block([[Q, R], [R.T, T]])).min() > 0


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"activation": "sigmoidal"}, 'activation = "sigmoidal": wanted one of linear, quadratic, cubic, erf'),
        ({"activation": "abs"}, 'activation = "abs": wanted one of'),
        ({"learning_rate": 0}, "learning_rate = 0: wanted a number > 0"),
        ({"noise": -0.1}, "noise = -0.1: wanted a number >= 0"),
        ({"learning_rate": "fast"}, 'learning_rate = "fast": wanted a number'),
        ({"train_second_layer": 1}, "train_second_layer = 1: wanted true or false"),
        ({"student_overlap": [[1, 0.2], [0.1, 1]]}, "student_overlap is not symmetric: wanted the same number at ik and at ki"),
        ({"student_overlap": [[1, 0]]}, "student_overlap has 1 x 2 numbers: wanted 1 x 1, for K = 1 and M = 2"),
        ({"cross_overlap": [[1, 0], [0]]}, "cross_overlap has rows of different lengths: wanted 2 x 2"),
        ({"cross_overlap": [[0.1], [0.2], [0.3]]}, "cross_overlap has 3 x 1 numbers: wanted 2 x 1"),
        ({"teacher_overlap": [[1]]}, "teacher_overlap has 1 x 1 numbers: wanted 2 x 2"),
        ({"student_output": [1, 1, 1]}, "student_output has 3 numbers: wanted 2, for K = 2 and M = 2"),
        ({"student_overlap": [[1, float("nan")], [0, 1]]}, "student_overlap = [[1, NaN], [0, 1]]: wanted finite numbers"),
        ({"cross_overlap": [["a", 0], [0, 0]]}, 'cross_overlap = [["a", 0], [0, 0]]: wanted finite numbers'),
        ({"cross_overlap": [[True, 0], [0, 0]]}, "cross_overlap = [[true, 0], [0, 0]]: wanted finite numbers"),
        ({"cross_overlap": [0.1, 0.2]}, "cross_overlap = 0.1: wanted R at t = 0, K rows of M numbers"),
        (
            {"cross_overlap": [[0.9, 0], [0, 0.9]]},
            "student_overlap, cross_overlap, teacher_overlap: the smallest eigenvalue of the covariance [[Q, R], [R^T, T]] is "
            "-0.355: wanted a positive semidefinite one",
        ),
        ({"student_units": 2}, "student_overlap, student_units: both given, wanted a state at t = 0 or a random start"),
        ({"seed": 2}, "student_overlap, seed: both given, wanted a state at t = 0 or a random start"),
        (
            {"activation": "relu", "student_overlap": [[0, 0], [0, 1]], "cross_overlap": [[0, 0], [0, 0]]},
            "student_overlap, teacher_overlap: a unit has length zero, where relu has no slope: wanted > 0",
        ),
        ({"teacher_overlp": [[1]]}, "unknown key 'teacher_overlp' in [problem]; did you mean 'teacher_overlap'?"),
    ],
)
def test_bad_input_is_one_line(keys, message):
    with pytest.raises(ProblemError) as refused:
        online(**{**CASE_A, **keys})
    text = str(refused.value)
    assert text.startswith(message)
    assert "\n" not in text


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({}, "student_overlap, cross_overlap missing in [problem]: wanted a value of each, or student_units, teacher_units"),
        ({"student_units": 3, "dimension": 10}, "teacher_units missing in [problem]: wanted a value of each"),
        ({"student_overlap": [[1]]}, "cross_overlap missing in [problem]: wanted a value of each"),
        (
            {"student_units": 3, "teacher_units": 2, "dimension": 4},
            "dimension = 4: wanted at least student_units + teacher_units = 5",
        ),
        ({"student_units": 0, "teacher_units": 2, "dimension": 4}, "student_units = 0: wanted a number >= 1"),
        ({"student_units": 1, "teacher_units": 2, "dimension": 9.5}, "dimension = 9.5: wanted a whole number"),
        (
            {"student_units": 1, "teacher_units": 2, "dimension": 9, "teacher_overlap": [[1, 2], [2, 1]]},
            "teacher_overlap: the smallest eigenvalue of the covariance",
        ),
    ],
)
def test_starts_that_are_not_whole(keys, message):
    with pytest.raises(ProblemError) as refused:
        online(activation="erf", learning_rate=0.1, **keys)
    assert str(refused.value).startswith(message)
