"""Real ranks of MPI: work is done once, a full disk is one line, and a rank that is killed at any moment ends the job."""

import os
import random
import signal
import time

import pytest

from tests.comparison import assert_same, datasets
from tests.problem_files import POINT, SLOW_SWEEP, toml_file
from tests.processes import PATIENCE, on_ranks, wait_until, workers
from tests.sweep_folders import assert_same_points, contents, finished, solved

pytestmark = pytest.mark.slow

FULL = """
import errno, os
fsync, calls = os.fsync, []
def full(descriptor):
    calls.append(descriptor)
    if os.environ.get("PMI_RANK") == os.environ["FULL_RANK"]:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    fsync(descriptor)
os.fsync = full
"""


point = toml_file("point", POINT)
slow = toml_file("slow", SLOW_SWEEP)


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    return solved(SLOW_SWEEP, tmp_path_factory.mktemp("uninterrupted"))


@pytest.fixture
def full_disk(tmp_path):
    """Environment in which a rank finds the disk full."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(FULL)
    path = os.pathsep.join([str(tmp_path / "site"), os.environ.get("PYTHONPATH", "")])
    return lambda rank: {**os.environ, "PYTHONPATH": path, "FULL_RANK": str(rank)}


def test_run_is_solved_once(dmft, point, tmp_path):
    process = on_ranks("solve", point, "-o", tmp_path / "ranks.h5")
    out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out.count("done: ")) == (0, 1)
    assert err == f"dmft: {point}: 2 processes were started; a run is solved by one, the others wait\n"
    assert dmft("solve", point, "-o", tmp_path / "alone.h5").code == 0
    assert_same(datasets(tmp_path / "ranks.h5"), datasets(tmp_path / "alone.h5"))
    again = on_ranks("solve", point, "-o", tmp_path / "ranks.h5", "--quiet")
    assert again.communicate(timeout=PATIENCE) == ("", "")
    assert again.returncode == 0


def test_what_is_refused_is_said_once(point, tmp_path):
    process = on_ranks("solve", point, "-o", tmp_path / "ranks.h5", "--set", "problem.width=-1")
    out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out) == (2, "")
    assert err.count("\n") == 1
    assert "width = -1" in err


def test_signal_stops_the_run_after_a_checkpoint(point, tmp_path):
    path = tmp_path / "ranks.h5"
    sets = ("--set", "solver.tolerance=1e-7", "--set", "solver.stages=3")
    process = on_ranks("solve", point, "-o", path, "--checkpoint", "0", *sets)
    wait_until(path.exists, process)
    process.send_signal(signal.SIGUSR1)
    _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 4
    assert err.count("stopped by SIGUSR1") == 1


@pytest.mark.parametrize("rank", [0, 1])
def test_full_disk_is_one_line(slow, tmp_path, full_disk, rank):
    process = on_ranks("sweep", slow, "-o", tmp_path / "out", env=full_disk(rank))
    out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out) == (2, "")
    assert err == f"dmft: {tmp_path / 'out'}: No space left on device\n"
    assert not list((tmp_path / "out").rglob("*.part"))


@pytest.mark.parametrize("seed", range(6))
def test_rank_killed_at_any_moment(slow, tmp_path, uninterrupted, seed):
    """At the start, while compiled code is read, between points, at the end: the job ends, and the next one finishes."""
    chance = random.Random(seed)
    folder = tmp_path / "out"
    process = on_ranks("sweep", slow, "-o", folder, "--checkpoint", "0.1")
    wait_until(lambda: len(workers(process)) == 2 or process.poll() is not None)
    time.sleep(chance.uniform(0.0, 6.0))
    victims = [one for one in workers(process) if one.environ().get("PMI_RANK") == str(seed % 2)]
    for victim in victims:
        victim.kill()
    process.communicate(timeout=PATIENCE)
    assert (process.returncode == 0) == (finished(folder) == 6)
    again = on_ranks("sweep", slow, "-o", folder)
    assert "6 of 6 points done" in again.communicate(timeout=PATIENCE)[0]
    assert_same_points(contents(folder), uninterrupted)
