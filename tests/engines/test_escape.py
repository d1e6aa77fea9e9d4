"""Amplification of errors: closed forms on given trajectories, whatever their nodes."""

import numpy as np
import pytest

from dmft.engines.escape import amplified
from dmft.mathematics.tableau import radau

TOLERANCE = 1e-5
# End of the first cell: a part of the fastest time.
FIRST = 0.1


def nodes(ends, stages):
    """Nodes of cells of Radau IIA with these ends, from t = 0."""
    starts = np.append(0.0, ends[:-1])
    inner = starts[:, None] + np.diff(ends, prepend=0.0)[:, None] * radau(stages).c
    return np.append(0.0, inner)


def factors(function, t_max, stages=6, cells=40, tolerance=TOLERANCE):
    time = nodes(np.geomspace(FIRST, t_max, cells), stages)
    return time, amplified(time, np.atleast_2d(function(time)), stages, tolerance)


@pytest.mark.parametrize(("stages", "cells"), [(3, 60), (6, 30), (6, 120), (8, 60)])
def test_nothing_is_amplified_where_a_run_slows_down(stages, cells):
    """log(1 + t) moves at the rate 1/t relative to a constant; so does the second observable."""
    _, found = factors(lambda t: [20 + np.log(1 + t), np.exp(-t)], 1e4, stages, cells)
    assert found.max() < 2


@pytest.mark.parametrize("cells", [80, 320])
def test_exponential_growth_counts_its_factors_of_time(cells):
    """S is constant: E = int dt/t from the end of the first cell on, which counts as one."""
    time, found = factors(lambda t: np.exp(0.1 * t), 100.0, cells=cells)
    assert found[-1] == pytest.approx(1 + np.log(time[-1] / FIRST), rel=0.2)


@pytest.mark.parametrize("ratio", [10.0, 100.0])
def test_escape_multiplies_by_the_ratio_of_its_rates(ratio):
    """Growth at a small rate up to t = 50, then at one that is larger by a factor."""
    slow, time = 1e-3, np.concatenate([nodes(np.geomspace(0.1, 50, 40), 6), 50 + nodes(np.linspace(0.5, 10, 20), 6)[1:]])
    exponent = slow * (np.minimum(time, 50) + ratio * np.maximum(time - 50, 0))
    found = amplified(time, 1e-3 * np.exp(exponent)[None], 6, TOLERANCE)
    assert found[time <= 50].max() < 10
    assert found[time > 50].max() == pytest.approx(ratio * (1 + np.log(50 / 0.1)), rel=0.25)


def test_errors_are_no_larger_than_the_change_they_come_from():
    """At rest, what is left of the motion is rounding, in which no error has grown."""
    random = np.random.default_rng(1)
    _, found = factors(lambda t: 1 - np.exp(-t) + 0.1 * TOLERANCE * random.normal(size=t.shape), 1e4)
    assert found.max() < 2


def test_run_of_one_node_and_what_is_always_zero():
    assert amplified(np.zeros(1), np.zeros((2, 1)), 6, TOLERANCE).tolist() == [0.0]
    _, found = factors(lambda t: np.zeros((2, t.size)), 10.0)
    assert not found.any()


@pytest.mark.parametrize("value", [1e308, np.inf, np.nan])
@pytest.mark.filterwarnings("error")
def test_values_of_a_damaged_file_are_no_warning(value):
    values = np.ones((2, 13))
    values[0, 5:7] = value, -value
    assert amplified(np.linspace(0, 1, 13), values, 6, TOLERANCE).shape == (13,)
