"""A few seconds of each fuzzer; its module says how to run it longer."""

import random

import pytest

from tests.fuzz import folders, hdf5, toml

SECONDS = 20.0


def seeded(name):
    """Random numbers whose seed a failure prints."""
    seed = random.SystemRandom().randrange(10**6)
    print(f"python -m tests.fuzz.{name} --seed {seed}")
    return random.Random(seed)


@pytest.mark.slow
@pytest.mark.parametrize("sealed", [True, False])
def test_damaged_files(tmp_path, sealed):
    report = hdf5.fuzz(seeded("hdf5"), SECONDS, tmp_path, sealed=sealed)
    assert report.faults == 0, f"\n{report}"


@pytest.mark.slow
def test_damaged_folders(tmp_path):
    report = folders.fuzz(seeded("folders"), SECONDS, tmp_path)
    assert report.faults == 0, f"\n{report}"


@pytest.mark.slow
def test_odd_problem_files(tmp_path):
    report = toml.fuzz(seeded("toml"), SECONDS, tmp_path)
    assert report.faults == 0, f"\n{report}"
