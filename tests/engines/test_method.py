"""Engines with options of their own, and keys of [solver] that have no effect."""

import numpy as np
import pytest

from dmft import ProblemError, solve
from dmft.engines.method import Anderson, Controller, NewtonKrylov, Radau


@pytest.mark.parametrize(
    "fixed_point",
    [Anderson(depth=5, max_iterations=200), Anderson(depth=0, damping=0.7, max_iterations=500, patience=200), NewtonKrylov()],
)
def test_another_method_finds_the_same_solution(small, fixed_point):
    problem = small.replace(t_max=2.0)
    expected, found = solve(problem), solve(problem, engine=Radau(fixed_point=fixed_point))
    assert found.complete
    assert found.residual != expected.residual
    assert max(found.errors(solve(problem.replace(tolerance=1e-8))).values()) < 3e-5


def test_the_standard_engine_is_the_default(small):
    problem = small.replace(t_max=2.0)
    for name, values in solve(problem, engine=Radau(fixed_point=Controller())).observables.items():
        np.testing.assert_array_equal(values, solve(problem).observables[name])


@pytest.mark.parametrize(
    ("keys", "engine", "words"),
    [
        ({"scheme": "gradient-descent", "learning_rate": 0.1}, Radau(), ["Radau", "gradient-descent"]),
        ({"max_iterations": 7}, Radau(), ["max_iterations = 7", "Radau"]),
        ({"scheme": "gradient-descent", "learning_rate": 0.1, "stages": 3}, None, ["stages = 3", "no effect"]),
    ],
)
def test_what_has_no_effect_is_refused(small, keys, engine, words):
    with pytest.raises(ProblemError) as error:
        solve(small.replace(t_max=1.0, **keys), engine=engine)
    assert "\n" not in str(error.value)
    for word in words:
        assert word in str(error.value)
