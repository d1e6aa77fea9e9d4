"""Sweep files: one of points that are solved in a moment, one whose points take many cells; and their points."""

import pytest

from tests.problem_files import SLOW_SWEEP, SWEEP, toml_file
from tests.sweep_folders import solved

quick = toml_file("quick", SWEEP)
slow = toml_file("slow", SLOW_SWEEP)


@pytest.fixture(scope="session")
def reference(tmp_path_factory) -> dict[str, dict]:
    """Every dataset of every point of `quick`, solved in one process."""
    return solved(SWEEP, tmp_path_factory.mktemp("reference"))


@pytest.fixture(scope="session")
def uninterrupted(tmp_path_factory) -> dict[str, dict]:
    """Every dataset of every point of `slow`, solved in one process at one go."""
    return solved(SLOW_SWEEP, tmp_path_factory.mktemp("uninterrupted"))
