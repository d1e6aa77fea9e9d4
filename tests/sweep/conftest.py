"""Sweep files: one of points that are solved in a moment, one whose points take many cells; and their points."""

import shutil
from pathlib import Path

import pytest

from tests.problem_files import SLOW_SWEEP, SWEEP, toml_file
from tests.sweep_folders import contents, solved

quick = toml_file("quick", SWEEP)
slow = toml_file("slow", SLOW_SWEEP)


@pytest.fixture(scope="session")
def swept_once(tmp_path_factory) -> Path:
    """The folder of `quick`, solved in one process, not to be changed."""
    folder = tmp_path_factory.mktemp("swept")
    solved(SWEEP, folder)
    return folder / "out"


@pytest.fixture
def swept(swept_once, tmp_path) -> Path:
    """A copy of this folder."""
    return Path(shutil.copytree(swept_once, tmp_path / "out"))


@pytest.fixture(scope="session")
def reference(swept_once) -> dict[str, dict]:
    """Every dataset of every point of this folder."""
    return contents(swept_once)


@pytest.fixture(scope="session")
def uninterrupted(tmp_path_factory) -> dict[str, dict]:
    """Every dataset of every point of `slow`, solved in one process at one go."""
    return solved(SLOW_SWEEP, tmp_path_factory.mktemp("uninterrupted"))
