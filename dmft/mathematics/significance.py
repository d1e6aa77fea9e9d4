"""Significance of many deviations at once, each a mean over its standard error.

A mean of S normal samples, divided by its standard error s, has Student's law with S - 1 degrees of freedom.  Of N
comparisons at the family-wise level p, Holm's procedure finds the k-th smallest tail probability significant if it and all
smaller ones obey

    P_k <= p / (N - k + 1),     k = 1 ... N.

The probability that any comparison without a true deviation is found significant is then at most p, however the comparisons are
correlated (Holm 1979, Scand. J. Stat. 6, 65).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Array = NDArray[np.float64]


def tail_probability(deviation: Array, error: Array, degrees: Array) -> Array:
    """Probability of a larger |deviation| by chance; without a standard error 1 for no deviation and 0 for any other."""
    with np.errstate(divide="ignore", invalid="ignore"):
        found = 2 * stats.t.sf(np.abs(deviation) / error, degrees)
    return np.where(error > 0, found, np.where(deviation == 0, 1.0, 0.0))


def normal_deviation(deviation: Array, error: Array, degrees: Array) -> Array:
    """Deviation of a normal law as improbable as deviation/error is in Student's law; infinite if only the error is zero."""
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.abs(deviation) / error
    tail = stats.t.sf(t, degrees)
    # Beyond what a floating-point number can tell from certainty, the two laws are not told apart.
    z = np.where(tail > 0, stats.norm.isf(tail), t)
    z = np.where(error > 0, z, np.where(deviation == 0, 0.0, np.inf))
    return np.sign(deviation) * np.maximum(z, 0.0)


def critical(level: float, degrees: Array) -> Array:
    """Standard errors by which a mean deviates with this probability, in either direction; at least 0."""
    return np.maximum(stats.t.isf(level / 2, degrees), 0.0)


def holm(probabilities: Array, level: float) -> NDArray[np.bool_]:
    """The comparisons that Holm's procedure finds significant at this family-wise level."""
    number = len(probabilities)
    order = np.argsort(probabilities)
    passes = probabilities[order] <= level / np.arange(number, 0, -1)
    found = np.zeros(number, dtype=bool)
    found[order[: number if passes.all() else int(np.argmin(passes))]] = True
    return found
