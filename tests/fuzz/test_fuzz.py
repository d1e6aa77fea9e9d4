"""A few seconds of each fuzzer, always the same; its module says how to run others, and longer."""

import random

import pytest

from tests.fuzz import folders, hdf5, toml

SECONDS, SEED = 20.0, 0


@pytest.mark.slow
@pytest.mark.parametrize("sealed", [True, False])
def test_damaged_files(tmp_path, sealed):
    report = hdf5.fuzz(random.Random(SEED), SECONDS, tmp_path, sealed=sealed)
    assert report.faults == 0, f"\n{report}"


@pytest.mark.slow
def test_damaged_folders(tmp_path):
    report = folders.fuzz(random.Random(SEED), SECONDS, tmp_path)
    assert report.faults == 0, f"\n{report}"


@pytest.mark.slow
def test_odd_problem_files(tmp_path):
    report = toml.fuzz(random.Random(SEED), SECONDS, tmp_path)
    assert report.faults == 0, f"\n{report}"
