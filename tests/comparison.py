"""Run files compared dataset by dataset, and runs whose groups of neurons stand in another order."""

from collections.abc import Sequence

import h5py
import numpy as np

from dmft import Solution

# Axes of each observable that are over groups.
OVER_GROUPS = {"second_layer": [1], "alignment": [1], "multiplier": [1], "memory_of_start": [1], "neuron_overlap": [1, 2]}


def datasets(path) -> dict[str, np.ndarray]:
    """Every dataset of a file, by name."""
    found = {}

    def keep(name, item):
        if isinstance(item, h5py.Dataset):
            found[name] = item[()]

    with h5py.File(path) as file:
        file.visititems(keep)
    return found


def assert_same(one: dict, other: dict) -> None:
    """The same names and values, bit for bit."""
    assert one.keys() == other.keys()
    for name, values in one.items():
        assert np.array_equal(values, other[name]), name


def same_groups(one: Solution, other: Solution, order: Sequence[int], bound: float, label: str = "") -> None:
    """Equal observables at the end, within a bound relative to the largest value, with groups of `other` in an order."""
    for name, values in one.observables.items():
        last = other.observables[name][-1:]
        for axis in OVER_GROUPS.get(name, []):
            last = np.take(last, order, axis)
        np.testing.assert_allclose(values[-1], last[0], rtol=0, atol=bound * np.abs(values).max(), err_msg=f"{name} {label}")
