"""The first crossing of a level, against the closed form of a problem that has one."""

import numpy as np
import pytest

from dmft import Problem, solve
from dmft.results.crossing import first_crossing


def test_first_crossing(small):
    found = solve(small)
    level = float(found.train_error[0]) / 2
    time = first_crossing(found, "train_error", level)
    assert found.at(time)["train_error"] == pytest.approx(level, rel=1e-8)
    assert (found.train_error[found.time < time] > level).all()
    assert np.isnan(first_crossing(found, "train_error", 10.0))


def test_a_rotation_whose_law_is_known():
    """The late rotation of a hinge network grows as log(t)/4: the same step in g is the same factor in t."""
    found = solve(Problem(model="hinge", laziness=1.0, t_max=1e8))
    times = [first_crossing(found, "rotation", g) for g in (4.0, 4.5, 5.0)]
    assert np.diff(np.log(times)) == pytest.approx(2.0, rel=1e-3)
