"""Fits of power laws: exact ones, and the coverage of the error bar."""

import numpy as np
import pytest
from scipy import stats

from dmft.mathematics.power_law import local_exponents, power_law


def test_an_exact_power_is_found():
    x = np.geomspace(1, 1e6, 7)
    found = power_law(x, 3 * x**-0.7)
    assert (found.prefactor, found.exponent) == pytest.approx((3, -0.7))
    assert found.error < 1e-12
    np.testing.assert_allclose(local_exponents(x, 3 * x**-0.7), -0.7)
    np.testing.assert_allclose(found(x), 3 * x**-0.7)


def test_the_error_bar_covers_the_exponent():
    """(fit - truth)/error has Student's law with points - 2 degrees of freedom."""
    random, x = np.random.default_rng(0), np.geomspace(1, 100, 6)
    fits = [power_law(x, x**2 * np.exp(0.1 * random.standard_normal(x.size))) for _ in range(2000)]
    assert stats.kstest([(fit.exponent - 2) / fit.error for fit in fits], stats.t(4).cdf).pvalue > 0.01


@pytest.mark.parametrize(("x", "y"), [([1, 2], [1, 2]), ([1, 2, 3], [1, 0, 2]), ([1, 2, 3], [1, np.nan, 2])])
def test_refusals(x, y):
    with pytest.raises(ValueError, match="wanted three points or more"):
        power_law(x, y)
