"""Sweep files: one of points that are solved in a moment, one whose points take many cells."""

import time
from pathlib import Path

import pytest

from dmft.cli.main import run
from tests.cli.conftest import dmft  # noqa: F401
from tests.comparison import datasets

QUICK = """
[problem]
width = 4
activation = [0.1, 0.8, 0.5]
target = [0.0, 1.0]
noise = 0.3
alignment = 0.05

[solver]
t_max = 2.0
tolerance = 1e-3

[sweep.axes]
"problem.samples_per_parameter" = { geomspace = [0.5, 2.0, 3] }
"problem.init_scale" = [0.5, 1.0]
"""
# Many short cells a point: there is always time to send a signal.
SLOW = QUICK.replace("t_max = 2.0\ntolerance = 1e-3", "t_max = 20.0\ntolerance = 1e-7\nstages = 3")
# Of a machine that is busy with other work.
PATIENCE = 600.0


@pytest.fixture
def quick(tmp_path) -> Path:
    """A sweep of six points."""
    path = tmp_path / "quick.toml"
    path.write_text(QUICK)
    return path


@pytest.fixture
def slow(tmp_path) -> Path:
    """A sweep of six points that takes about a second a point."""
    path = tmp_path / "slow.toml"
    path.write_text(SLOW)
    return path


@pytest.fixture(scope="session")
def reference(tmp_path_factory) -> dict[str, dict]:
    """Every dataset of every point of `quick`, solved in one process."""
    return solved(QUICK, tmp_path_factory.mktemp("reference"))


def solved(text: str, folder: Path) -> dict[str, dict]:
    """Every dataset of every point of a sweep, solved in this process at one go."""
    (folder / "sweep.toml").write_text(text)
    assert run(["sweep", str(folder / "sweep.toml"), "-o", str(folder / "out"), "--quiet"]) == 0
    return contents(folder / "out")


def contents(folder: Path) -> dict[str, dict]:
    """Datasets of every run file of a sweep, by path."""
    points = folder / "points"
    return {str(path.relative_to(points)): datasets(path) for path in sorted(points.rglob("*.h5"))}


def files(folder: Path) -> list[str]:
    """Every file and folder of a sweep but the points."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.parent.name != "points")


def wait_until(condition, process=None):
    """Wait for something that a process is about to do."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert process is None or process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.01)
