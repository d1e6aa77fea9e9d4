"""Whatever ends a sweep, the same command solves exactly the missing points, with the result of one that nothing ended.

Each test lets something happen to a sweep that runs in processes of its own, and then runs the command again.
"""

import os
import signal
import sys
from dataclasses import replace

import psutil
import pytest

from dmft.sweeps.worker import recipe
from tests.processes import PATIENCE, end_all, on_ranks, start, wait_until, workers
from tests.sweep_folders import assert_same_points, contents, files, finished

pytestmark = pytest.mark.slow

WAYS = ("here", "processes", "ranks")


def begin(way, sweep, folder, *options, **keys):
    """Start a sweep in processes of its own."""
    jobs = ("--jobs", 2) if way == "processes" else ()
    return (on_ranks if way == "ranks" else start)("sweep", sweep, "-o", folder, *jobs, *options, **keys)


def checkpoints(folder) -> int:
    """Number of points that are begun."""
    return len(list((folder / "checkpoints").glob("*.h5"))) if folder.exists() else 0


def assert_finishes(dmft, sweep, folder, reference, way="here"):
    """The same command solves what is missing and nothing else, and leaves no stray file."""
    before = {path: path.stat().st_mtime_ns for path in (folder / "points").glob("*.h5")}
    process = begin(way, sweep, folder)
    out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, err
    assert "6 of 6 points done" in out
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert files(folder) == [".lock", "points", "sweep.toml"]
    assert_same_points(contents(folder), reference)


@pytest.mark.parametrize("way", ["processes", "ranks"])
def test_any_number_of_processes_gives_the_same_result(quick, tmp_path, reference, way):
    process = begin(way, quick, tmp_path / "out")
    out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, err) == (0, "")
    assert out.count("\n") == 1
    assert_same_points(contents(tmp_path / "out"), reference)


@pytest.mark.parametrize("way", WAYS)
def test_whole_job_killed(dmft, slow, tmp_path, uninterrupted, way):
    folder = tmp_path / "out"
    process = begin(way, slow, folder, "--checkpoint", "0.2")
    wait_until(lambda: finished(folder) and checkpoints(folder), process)
    end_all(process)
    done = finished(folder)
    assert 0 < done < 6
    assert_finishes(dmft, slow, folder, uninterrupted, way)


def test_worker_process_killed_is_replaced(slow, tmp_path, uninterrupted):
    process = begin("processes", slow, tmp_path / "out")
    wait_until(lambda: finished(tmp_path / "out"), process)
    workers(process)[0].kill()
    out, err = process.communicate(timeout=PATIENCE)
    # A busy machine may take long enough for a progress line.
    assert (process.returncode, "dmft: " in err) == (0, False), err
    assert "6 of 6 points done" in out
    assert_same_points(contents(tmp_path / "out"), uninterrupted)


DEADLY = """
import os, signal
from dmft.sweeps import worker

def build(stop, **arguments):
    made = worker.point_solver(stop, **arguments)
    run = made.run
    made.run = lambda index: os.kill(os.getpid(), signal.SIGKILL) if index == 3 else run(index)
    return made
"""


def test_a_point_that_kills_its_process_is_a_failed_one(dmft, quick, tmp_path, monkeypatch):
    (tmp_path / "deadly.py").write_text(DEADLY)
    with monkeypatch.context() as patch:
        patch.syspath_prepend(tmp_path)
        patch.setattr("dmft.sweeps.run.recipe", lambda *keys: replace(recipe(*keys), build="deadly:build"))
        ended = dmft("sweep", quick, "-o", tmp_path / "out", "--jobs", 2)
    assert ended.code == 3
    assert "5 of 6 points done, 1 failed" in ended.err
    assert "killed: 2 processes ended by signal 9 at this point" in ended.err
    assert dmft("sweep", quick, "-o", tmp_path / "out", "--jobs", 2, "--retry").code == 0


def test_master_killed_ends_its_workers(dmft, slow, tmp_path, uninterrupted):
    process = begin("processes", slow, tmp_path / "out")
    wait_until(lambda: finished(tmp_path / "out"), process)
    orphans = workers(process)
    process.kill()
    process.communicate(timeout=PATIENCE)
    _, alive = psutil.wait_procs(orphans, timeout=PATIENCE)
    assert not alive
    assert_finishes(dmft, slow, tmp_path / "out", uninterrupted, "processes")


@pytest.mark.parametrize("rank", [0, 1])
def test_rank_killed(dmft, slow, tmp_path, uninterrupted, rank):
    process = begin("ranks", slow, tmp_path / "out")
    wait_until(lambda: finished(tmp_path / "out"), process)
    victims = [child for child in workers(process) if child.environ().get("PMI_RANK") == str(rank)]
    victims[-1].kill()
    process.communicate(timeout=PATIENCE)
    assert process.returncode != 0
    assert_finishes(dmft, slow, tmp_path / "out", uninterrupted, "ranks")


def test_killed_in_the_middle_of_writing(dmft, quick, tmp_path, reference):
    """The process ends itself when half of the file of its third point is written."""
    code = """
import os, signal, sys
from dmft.cli.main import run
fsync, points = os.fsync, []
def half(descriptor):
    path = os.readlink(f"/proc/self/fd/{descriptor}")
    if os.path.basename(os.path.dirname(path)) == "points":
        points.append(path)
    if len(points) == 3:
        os.ftruncate(descriptor, os.fstat(descriptor).st_size // 2)
        os.kill(os.getpid(), signal.SIGKILL)
    fsync(descriptor)
os.fsync = half
run(sys.argv[1:])
"""
    process = start("-c", code, "sweep", quick, "-o", tmp_path / "out", program=[sys.executable])
    process.communicate(timeout=PATIENCE)
    assert process.returncode == -signal.SIGKILL
    assert finished(tmp_path / "out") == 2
    assert len(list((tmp_path / "out" / "points").glob(".*.part"))) == 1
    assert_finishes(dmft, quick, tmp_path / "out", reference)


@pytest.mark.parametrize("way", WAYS)
def test_signal_stops_all_after_checkpoints(dmft, slow, tmp_path, uninterrupted, way):
    folder = tmp_path / "out"
    process = begin(way, slow, folder)
    wait_until(lambda: finished(folder), process)
    process.send_signal(signal.SIGUSR1)
    _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 4
    assert "stopped by SIGUSR1" in err
    assert "the same command goes on from there" in err
    assert_finishes(dmft, slow, folder, uninterrupted, way)


def test_second_sweep_in_the_same_folder_is_refused(dmft, slow, tmp_path):
    first = begin("here", slow, tmp_path / "out")
    wait_until(lambda: finished(tmp_path / "out"), first)
    before = contents(tmp_path / "out").keys()
    second = begin("here", slow, tmp_path / "out")
    out, err = second.communicate(timeout=PATIENCE)
    assert (second.returncode, out) == (2, "")
    assert err.count("\n") == 1
    assert "another process is at work on this sweep" in err
    shown = dmft("status", tmp_path / "out").out
    assert "at work" in shown
    assert contents(tmp_path / "out").keys() >= before
    end_all(first)


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"SLURM_STEP_NUM_TASKS": "4", "SLURM_NTASKS": "4"}, "4 processes were started, but MPI sees 1"),
        ({"OMPI_COMM_WORLD_SIZE": "2"}, "2 processes were started, but MPI sees 1"),
        ({"SLURM_NTASKS": "4"}, "this job has 4 tasks, but one process was started"),
    ],
)
def test_one_rank_where_several_were_started_is_refused(quick, tmp_path, variables, words):
    process = begin("here", quick, tmp_path / "out", env={**os.environ, **variables})
    out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out) == (2, "")
    assert err.count("\n") == 1
    assert words in err
    assert not (tmp_path / "out").exists()


def test_bad_input_on_ranks_is_one_line(quick, tmp_path):
    quick.write_text("[problem]")
    process = begin("ranks", quick, tmp_path / "out")
    out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out) == (2, "")
    assert (
        err
        == f"dmft: {quick}: [sweep] is missing: wanted a table [sweep.axes], or for a single problem the command dmft solve\n"
    )
