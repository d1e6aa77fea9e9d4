"""Problem files that are solved in a moment or slowly, and their run files."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from dmft.cli.main import run
from tests.comparison import datasets
from tests.problem_files import POINT, SLOW_POINT, toml_file

quick = toml_file("quick", POINT)
slow = toml_file("slow", SLOW_POINT)


@pytest.fixture(scope="session")
def solved_once(tmp_path_factory) -> Path:
    """The run file of `quick`, not to be changed."""
    return solved_in(tmp_path_factory.mktemp("solved"), POINT)


@pytest.fixture
def solved(quick, solved_once) -> Path:
    """A copy of the run file of `quick` beside the latter."""
    return Path(shutil.copy(solved_once, quick.with_suffix(".h5")))


@pytest.fixture(scope="session")
def uninterrupted(tmp_path_factory) -> dict[str, np.ndarray]:
    """Every dataset of `slow`, solved at one go."""
    return datasets(solved_in(tmp_path_factory.mktemp("uninterrupted"), SLOW_POINT))


def solved_in(folder: Path, text: str) -> Path:
    """The run file of a problem, in a folder."""
    (folder / "point.toml").write_text(text)
    assert run(["solve", str(folder / "point.toml"), "-o", str(folder / "point.h5"), "--quiet"]) == 0
    return folder / "point.h5"
