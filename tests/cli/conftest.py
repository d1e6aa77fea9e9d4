"""Problem files that are solved in a moment or slowly, and their run files."""

from pathlib import Path

import numpy as np
import pytest

from dmft.cli.main import run
from tests.comparison import datasets
from tests.problem_files import POINT, SLOW_POINT, toml_file

quick = toml_file("quick", POINT)
slow = toml_file("slow", SLOW_POINT)


@pytest.fixture
def solved(quick, dmft) -> Path:
    """The run file of `quick`."""
    path = quick.with_suffix(".h5")
    assert dmft("solve", quick, "-o", path, "--quiet").code == 0
    return path


@pytest.fixture(scope="session")
def uninterrupted(tmp_path_factory) -> dict[str, np.ndarray]:
    """Every dataset of `slow`, solved at one go."""
    folder = tmp_path_factory.mktemp("uninterrupted")
    (folder / "slow.toml").write_text(SLOW_POINT)
    assert run(["solve", str(folder / "slow.toml"), "-o", str(folder / "slow.h5"), "--quiet"]) == 0
    return datasets(folder / "slow.h5")
