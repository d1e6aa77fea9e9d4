"""Run files compared dataset by dataset."""

import h5py
import numpy as np


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
