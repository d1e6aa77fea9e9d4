"""Distributions over samples at a few times: histograms and moments, with standard errors from the scatter of sets.

The bins of a histogram are equal in asinh((x - mean)/deviation), from the smallest to the largest number of all sets: narrow in
the middle, wide in the tails, where there are few samples.  With P_i numbers in set i, densities and moments are means over the
sets with weights P_i.  The error of what is not linear in these means is that of its linear part.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
# The numbers of a set at one time, by name: (P,) of its samples, or (m, P) of their neurons.
Look = Mapping[str, Array]
Groups = Sequence[NDArray[np.int64]]

BINS = 48
MOMENTS = ("mean", "deviation", "kurtosis")


def distributions(looks: Sequence[Sequence[Look]], groups: Groups | None) -> tuple[dict[str, Array], dict[str, Array]]:
    """Histograms and moments (times, ...) of what sets show at the same times, and their standard errors if there are several.

    looks: of each set, at each time.  groups: neurons of each group, which get an axis; None where all are alike.
    """
    found: dict[str, list[Array]] = {}
    errors: dict[str, list[Array]] = {}
    for at_a_time in zip(*looks, strict=True):
        for name in at_a_time[0]:
            values, scatter = _of_groups([look[name] for look in at_a_time], groups)
            for of, into in ((values, found), (scatter, errors)):
                for ending, array in of.items():
                    into.setdefault(f"{name}_{ending}", []).append(array)
    several = len(looks) > 1
    return _stacked(found), _stacked(errors) if several else {}


def _stacked(found: Mapping[str, Sequence[Array]]) -> dict[str, Array]:
    return {name: np.stack(arrays) for name, arrays in found.items()}


def _of_groups(sets: Sequence[Array], groups: Groups | None) -> tuple[dict[str, Array], dict[str, Array]]:
    """One distribution, or one a group, stacked."""
    if groups is None or sets[0].ndim == 1:
        return distribution([numbers.ravel() for numbers in sets])
    each = [distribution([numbers[group].ravel() for numbers in sets]) for group in groups]
    values, errors = ({name: np.stack([one[part][name] for one in each]) for name in each[0][part]} for part in (0, 1))
    return values, errors


def distribution(sets: Sequence[Array]) -> tuple[dict[str, Array], dict[str, Array]]:
    """Edges (bins + 1,), density (bins,), mean, standard deviation and kurtosis of numbers in sets; their errors."""
    together, sizes = np.concatenate(sets), np.array([len(numbers) for numbers in sets], dtype=float)
    mean, deviation = together.mean(), together.std()
    edges = bin_edges(together)
    density = np.array([np.histogram(numbers, edges)[0] / len(numbers) for numbers in sets]) / np.diff(edges)
    first, second, third, fourth = (
        np.array([np.mean((numbers - mean) ** power) for numbers in sets]) for power in (1, 2, 3, 4)
    )
    variance, skew, tail = deviation**2, _mean(third, sizes), _mean(fourth, sizes)
    # Without any width a distribution has no tails.
    size = variance if variance > 0 else 1.0
    kurtosis_of_sets = (fourth - 4 * skew * first) / size**2 - 2 * tail * second / size**3
    values = {
        "edges": edges,
        "density": _mean(density, sizes),
        "mean": np.array(mean),
        "deviation": np.array(deviation),
        "kurtosis": np.array(tail / size**2 if variance > 0 else np.nan),
    }
    errors = {
        "density": _error(density, sizes),
        "mean": _error(first, sizes),
        "deviation": _error(second, sizes) / (2 * np.sqrt(size)),
        "kurtosis": _error(kurtosis_of_sets, sizes),
    }
    return values, errors


def bin_edges(numbers: Array) -> Array:
    """Edges of the bins of a histogram that holds all numbers, (BINS + 1,)."""
    mean, deviation = numbers.mean(), numbers.std()
    low, high = numbers.min(), numbers.max()
    if not deviation > 1e-12 * max(abs(low), abs(high)):
        width = max(abs(mean), 1.0) / 2
        return np.linspace(mean - width, mean + width, BINS + 1)
    first, last = np.arcsinh((np.array([low, high]) - mean) / deviation)
    edges = mean + deviation * np.sinh(np.linspace(first, last, BINS + 1))
    edges[0], edges[-1] = low, high
    return edges


def _mean(values: Array, sizes: Array) -> Array:
    """Mean over sets with their sizes as weights."""
    return np.tensordot(sizes, values, 1) / sizes.sum()


def _error(values: Array, sizes: Array) -> Array:
    """Standard error of this mean, from the scatter of the sets."""
    scatter = np.tensordot(sizes, (values - _mean(values, sizes)) ** 2, 1)
    return np.sqrt(scatter / (max(len(sizes) - 1, 1) * sizes.sum()))
