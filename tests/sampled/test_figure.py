"""The standard figure of a run whose averages are sampled: what it says, and its bands of standard errors."""

import numpy as np
import pytest
from matplotlib.collections import PolyCollection

from dmft import Problem, Solution, solve
from tests.shown import texts


@pytest.fixture(scope="module")
def sampled() -> Solution:
    keys = {"width": 2, "samples_per_dimension": 3.0, "activation": "tanh", "target": [0.0, 1.0], "noise": 0.3}
    return solve(Problem(**keys, alignment=0.1, theory="exact", samples=64, replicates=2, stages=3, tolerance=1e-2, t_max=0.5))


@pytest.fixture(scope="module")
def figure(sampled):
    """The standard figure of this run."""
    return sampled.plot()


def test_figure_tells_the_theory_its_samples_and_their_errors(figure):
    drawn = " ".join(texts(figure))
    for part in ("exact theory", "$m = 2$", "$n/d = 3$", "64 samples in each of 2 replicates", "one standard error"):
        assert part in drawn


def test_bands_have_the_width_of_two_standard_errors(sampled, figure):
    errors = figure.subfigs[0].axes[0]
    bands = errors.findobj(PolyCollection)
    assert len(bands) == 2
    for band, name in zip(bands, ("test_error", "train_error"), strict=True):
        at_end = band.get_paths()[0].vertices
        at_end = at_end[np.isclose(at_end[:, 0], sampled.time[-1]), 1]
        assert np.ptp(at_end) == pytest.approx(2 * sampled.standard_errors[name][-1], rel=1e-9)
