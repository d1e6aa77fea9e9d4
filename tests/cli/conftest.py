"""Problem files, and ways to run a command in this process or in one of its own."""

import subprocess
import sysconfig
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from dmft.cli.main import run
from tests.comparison import datasets

QUICK = """
[problem]
width = 4
samples_per_parameter = 1.0
activation = [0.1, 0.8, 0.5]
target = [0.0, 1.0]
noise = 0.3
alignment = 0.05

[solver]
t_max = 20.0
tolerance = 1e-4
"""
# Many short cells: there is always time to send a signal.
SLOW = QUICK.replace("tolerance = 1e-4", "tolerance = 1e-7\nstages = 3")


@dataclass(frozen=True)
class Ended:
    """Exit status and output of a command."""

    code: int
    out: str
    err: str


@pytest.fixture
def dmft(capsys):
    """Run a command in this process."""

    def call(*arguments) -> Ended:
        capsys.readouterr()
        code = run([str(argument) for argument in arguments])
        return Ended(code, *capsys.readouterr())

    return call


def start(*arguments, program=None, **options) -> subprocess.Popen:
    """Start a command in a process of its own, as a user does; of this program, unless another is given."""
    program = [Path(sysconfig.get_path("scripts")) / "dmft"] if program is None else program
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **options}
    return subprocess.Popen([*program, *map(str, arguments)], **pipes)


@pytest.fixture
def quick(tmp_path) -> Path:
    """A problem file that is solved in a moment."""
    path = tmp_path / "quick.toml"
    path.write_text(QUICK)
    return path


@pytest.fixture
def solved(quick, dmft) -> Path:
    """The run file of `quick`."""
    path = quick.with_suffix(".h5")
    assert dmft("solve", quick, "-o", path, "--quiet").code == 0
    return path


@pytest.fixture
def slow(tmp_path) -> Path:
    """A problem file of many cells."""
    path = tmp_path / "slow.toml"
    path.write_text(SLOW)
    return path


@pytest.fixture(scope="session")
def uninterrupted(tmp_path_factory) -> dict[str, np.ndarray]:
    """Every dataset of `slow`, solved at one go."""
    folder = tmp_path_factory.mktemp("uninterrupted")
    (folder / "slow.toml").write_text(SLOW)
    assert run(["solve", str(folder / "slow.toml"), "-o", str(folder / "slow.h5"), "--quiet"]) == 0
    return datasets(folder / "slow.h5")
