"""Libraries that a short run does not need are not loaded: to import them takes longer than to solve."""

import gc
import subprocess
import sys

import pytest

from dmft import api
from dmft.cli import start_up

SLOW_TO_LOAD = ("scipy.special", "scipy.linalg", "scipy.stats", "scipy.optimize", "matplotlib", "mpi4py", "xarray", "pandas")
SCRIPT = """
import sys
from dmft.cli.main import run
assert run(sys.argv[2:]) == 0
print("loaded:", *(name for name in sys.argv[1].split() if name in sys.modules))
"""


def loaded(names, *arguments) -> list[str]:
    """Those of some modules that a command loads."""
    script = [sys.executable, "-c", SCRIPT, " ".join(names), *map(str, arguments)]
    out = subprocess.run(script, capture_output=True, text=True, check=True).stdout
    return out.splitlines()[-1].split()[1:]


@pytest.mark.slow
def test_solving_loads_no_scipy(quick, tmp_path):
    assert loaded(SLOW_TO_LOAD, "solve", quick, "-o", tmp_path / "run.h5", "-q") == []


# Parts of numba that compile, and what is loaded by accident.
NOT_AGAIN = ("numba.np.arrayobj", "numba.cpython.unicode", "coverage", "yaml", "psutil", "multiprocessing", "dmft.cli.sweep")


@pytest.mark.slow
def test_a_second_run_loads_nothing_to_compile_with(quick, tmp_path):
    for name in ("first", "second"):
        found = loaded(NOT_AGAIN, "solve", quick, "-o", tmp_path / f"{name}.h5", "-q")
    assert found == []


def test_help_loads_no_numpy():
    assert loaded((*SLOW_TO_LOAD, "numpy", "numba", "h5py"), "--help") == []


@pytest.fixture
def starting():
    """The state of a program that starts; garbage is searched for as before afterwards."""
    start_up.begin()
    yield
    gc.unfreeze()
    gc.enable()


def test_garbage_is_searched_for_while_a_run_is_solved(starting, dmft, quick, tmp_path, monkeypatch):
    found = []

    def solve(*given, **keys):
        found.append(gc.isenabled())
        return api.solve(*given, **keys)

    monkeypatch.setattr("dmft.running.solve.solve", solve)
    assert dmft("solve", quick, "-o", tmp_path / "run.h5").code == 0
    assert found == [True]
    assert gc.get_freeze_count() > 10_000


@pytest.mark.parametrize("command", [["--version"], ["status", "nowhere"], ["sweep"], []])
def test_garbage_is_searched_for_by_every_other_command(starting, dmft, command):
    assert not gc.isenabled()
    dmft(*command)
    assert gc.isenabled()
