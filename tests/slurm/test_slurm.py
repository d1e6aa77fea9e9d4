"""The job scripts under a real Slurm: arrays, MPI, dependent jobs, signals, requeue, a node that goes down."""

import os
import re
import shutil
import sys
from pathlib import Path

import psutil
import pytest

from dmft import Table
from dmft.storage import run_file
from tests.problem_files import SLOW_SWEEP, SWEEP, toml_file
from tests.sweep_folders import assert_same_points, contents, files, solved

from .cluster import PACKAGES, Cluster, missing_programs, wait_for

pytestmark = pytest.mark.slow

SCRIPTS = Path(__file__).parents[2] / "slurm"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """A cluster of two nodes, the environment of this Python on its path."""
    if missing := missing_programs():
        refuse = pytest.fail if "CI_NEEDS_SLURM" in os.environ else pytest.skip
        refuse(f"no Slurm here, {', '.join(missing)} missing: apt-get install {PACKAGES}")
    found = Cluster(tmp_path_factory.mktemp("slurm"))
    found.environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{found.environment['PATH']}"
    try:
        found.start()
        yield found
    finally:
        found.stop()
        shutil.rmtree(found.folder, ignore_errors=True)


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    """Every point of the slow sweep, solved in one process."""
    return solved(SLOW_SWEEP, tmp_path_factory.mktemp("expected"))


slow = toml_file("sweep", SLOW_SWEEP)


def log(tmp_path):
    return f"--output={tmp_path}/%x-%j.log"


def logs(tmp_path) -> str:
    return "\n".join(path.read_text() for path in tmp_path.glob("*.log"))


def test_array_and_dependent_collect(cluster, slow, tmp_path, expected):
    folder = tmp_path / "out"
    array = cluster.submit("--array=3-6", log(tmp_path), SCRIPTS / "array.sh", slow, folder)
    table = cluster.submit(f"--dependency=afterany:{array}", log(tmp_path), SCRIPTS / "collect.sh", folder)
    cluster.wait(table)
    assert set(cluster.field(array, "JobState")) == {"COMPLETED"}, logs(tmp_path)
    assert_same_points(contents(folder), expected)
    assert Table.load(folder / "sweep.h5")["outcome"].tolist() == [["done"] * 2] * 3
    assert files(folder) == [".lock", "points", "sweep.h5", "sweep.png", "sweep.toml"]


def test_ranks_are_signalled_requeued_and_finish(cluster, slow, tmp_path, expected):
    folder = tmp_path / "out"
    job = cluster.submit("--ntasks=2", "--nodes=1", log(tmp_path), SCRIPTS / "sweep.sh", slow, folder)
    wait_for(lambda: len(contents(folder)) > 0, message=lambda: logs(tmp_path))
    # What Slurm itself sends ahead of the time limit.
    cluster.run("scancel", "--signal=USR1", job)
    cluster.wait(job)
    assert cluster.field(job, "Restarts") == ["1"]
    assert "stopped by SIGUSR1" in logs(tmp_path)
    assert "6 of 6 points done" in logs(tmp_path)
    assert files(folder) == [".lock", "points", "sweep.toml"]
    assert_same_points(contents(folder), expected)


def test_ranks_on_two_nodes(cluster, slow, tmp_path, expected):
    folder = tmp_path / "out"
    job = cluster.submit("--ntasks=2", "--nodes=2", log(tmp_path), SCRIPTS / "sweep.sh", slow, folder)
    cluster.wait(job)
    assert cluster.field(job, "NodeList") == ["n[0-1]"]
    assert_same_points(contents(folder), expected)


def test_time_limit_signals_and_requeues(cluster, slow, tmp_path):
    slow.write_text(SLOW_SWEEP.replace("[0.5, 1.0]", "{ linspace = [0.5, 1.0, 60] }"))
    # Slurm looks at limits about twice a minute, and this one is near from the start.
    limits = ("--time=2", "--signal=USR1@115", "--ntasks=2", "--nodes=1")
    job = cluster.submit(*limits, log(tmp_path), SCRIPTS / "sweep.sh", slow, tmp_path / "out")
    wait_for(lambda: cluster.field(job, "Restarts") == ["1"], message=lambda: logs(tmp_path))
    assert "stopped by SIGUSR1" in logs(tmp_path)
    cluster.run("scancel", job)


def test_node_down_and_requeue(cluster, slow, tmp_path, expected):
    folder = tmp_path / "out"
    job = cluster.submit("--array=0-0", log(tmp_path), SCRIPTS / "array.sh", slow, folder)
    wait_for(lambda: len(contents(folder)) > 0, message=lambda: logs(tmp_path))
    (node,) = cluster.field(job, "NodeList")
    cluster.run("scontrol", "update", f"NodeName={node}", "State=DOWN", "Reason=test")
    wait_for(lambda: cluster.field(job, "Restarts") == ["1"])
    cluster.run("scontrol", "update", f"NodeName={node}", "State=RESUME")
    cluster.wait(job)
    assert_same_points(contents(folder), expected)


def test_rank_killed_ends_the_job(cluster, slow, tmp_path):
    folder = tmp_path / "out"
    job = cluster.submit("--ntasks=2", "--nodes=1", log(tmp_path), SCRIPTS / "sweep.sh", slow, folder)
    wait_for(lambda: len(contents(folder)) > 0, message=lambda: logs(tmp_path))
    ranks = [
        process
        for process in psutil.process_iter(["cmdline"])
        # None of a process that has just ended.
        if (process.info["cmdline"] or [])[2:5] == ["sweep", str(slow), "-o"]
    ]
    ranks[-1].kill()
    cluster.wait(job, ("FAILED",))
    again = cluster.submit("--ntasks=2", log(tmp_path), SCRIPTS / "sweep.sh", slow, folder)
    cluster.wait(again)
    assert files(folder) == [".lock", "points", "sweep.toml"]


def test_cancelled_is_not_requeued(cluster, slow, tmp_path):
    job = cluster.submit("--ntasks=2", log(tmp_path), SCRIPTS / "sweep.sh", slow, tmp_path / "out")
    wait_for(lambda: len(contents(tmp_path / "out")) > 0, message=lambda: logs(tmp_path))
    cluster.run("scancel", job)
    cluster.wait(job, ("CANCELLED",))
    assert cluster.field(job, "Restarts") == ["0"]


def test_one_point_is_signalled_requeued_and_finishes(cluster, tmp_path):
    problem = tmp_path / "point.toml"
    problem.write_text(SLOW_SWEEP.split("[sweep")[0].replace("width = 4", "width = 4\nsamples_per_parameter = 1.0"))
    run = tmp_path / "run.h5"
    job = cluster.submit(log(tmp_path), SCRIPTS / "point.sh", problem, run, "--checkpoint", "0")
    wait_for(run.exists, message=lambda: logs(tmp_path))
    cluster.run("scancel", "--signal=USR1", job)
    cluster.wait(job)
    assert cluster.field(job, "Restarts") == ["1"]
    assert run_file.read(run).complete


def test_ranks_without_mpi_are_refused(cluster, tmp_path):
    (tmp_path / "sweep.toml").write_text(SWEEP)
    command = f"DMFT_MPI=none {SCRIPTS / 'sweep.sh'} {tmp_path / 'sweep.toml'} {tmp_path / 'out'}"
    job = cluster.submit("--ntasks=2", log(tmp_path), f"--wrap={command}")
    cluster.wait(job, ("FAILED",))
    assert "2 processes were started, but MPI sees 1" in logs(tmp_path)
    assert not (tmp_path / "out").exists()


def test_some_parts_of_an_array_are_run_again(cluster, slow, tmp_path):
    folder = tmp_path / "out"
    cluster.environment["DMFT_TASKS"] = "6"
    try:
        job = cluster.submit("--array=1,4", log(tmp_path), SCRIPTS / "array.sh", slow, folder)
    finally:
        del cluster.environment["DMFT_TASKS"]
    cluster.wait(job)
    assert len(contents(folder)) == 2
    gaps = cluster.submit("--array=1,4", log(tmp_path), SCRIPTS / "array.sh", slow, folder)
    cluster.wait(gaps, ("FAILED",))
    assert "wanted --array=FIRST-LAST, or DMFT_TASKS=N" in logs(tmp_path)


def test_program_that_is_not_on_the_path(cluster, slow, tmp_path):
    """It is said in one line; a file of the user that puts it there helps."""
    slow.write_text(SWEEP)
    setup = tmp_path / "setup.sh"
    setup.write_text(f"PATH={Path(sys.executable).parent}:$PATH\n")
    path = cluster.environment["PATH"]
    without = [folder for folder in path.split(os.pathsep) if not (Path(folder) / "dmft").exists()]
    cluster.environment["PATH"] = os.pathsep.join(without)
    cluster.environment["DMFT_SETUP"] = ""
    try:
        lost = cluster.submit("--array=0-0", log(tmp_path), SCRIPTS / "array.sh", slow, tmp_path / "out")
        cluster.wait(lost, ("FAILED",))
        assert "dmft is not on PATH" in logs(tmp_path)
        cluster.environment["DMFT_SETUP"] = str(setup)
        found = cluster.submit("--array=0-0", log(tmp_path), SCRIPTS / "array.sh", slow, tmp_path / "out")
        cluster.wait(found)
    finally:
        cluster.environment["PATH"] = path
        del cluster.environment["DMFT_SETUP"]
    assert len(contents(tmp_path / "out")) == 6


def test_point_that_lacks_memory_says_what_to_ask_for_and_is_not_failed(cluster, tmp_path):
    sweep, folder = tmp_path / "sweep.toml", tmp_path / "out"
    sweep.write_text(
        SWEEP.replace('"problem.init_scale" = [0.5, 1.0]', '"solver.tolerance" = [1e-3, 1e-9]\n"solver.stages" = [1]')
    )
    job = cluster.submit("--array=0-0", "--mem=400", log(tmp_path), SCRIPTS / "array.sh", sweep, folder)
    cluster.wait(job, ("FAILED",))
    said = logs(tmp_path)
    assert cluster.field(job, "ExitCode") == ["2:0"], said
    assert "3 of 6 points done, 3 need more memory" in said
    assert re.search(r"need \d+ MiB, \d+ MiB of the 400 MiB of this Slurm job are available; wanted --mem=\d+M, or", said), said
    assert not any("failed" in path.name for path in (folder / "points").iterdir())


# Options that the job scripts may use, and what their values look like.
OPTIONS = {
    "job-name": r"dmft-\w+",
    "ntasks": r"\d+",
    "cpus-per-task": r"\d+",
    "array": r"\d+-\d+",
    "time": r"\d\d:\d\d:\d\d",
    "signal": r"USR1@\d+",
    "requeue": None,
    "mem": r"\d+M",
    "mem-per-cpu": r"\d+M",
    "output": r"%x-(%j|%A_%a)\.log",
    "open-mode": "append",
}


@pytest.mark.parametrize("script", sorted(SCRIPTS.glob("*.sh")), ids=lambda script: script.stem)
def test_directives_are_known_and_where_slurm_reads_them(script):
    """sbatch takes a misspelt #SBATCH, or one below the first command, for a comment."""
    lines = script.read_text().splitlines()
    assert lines[0] == "#!/bin/bash"
    first_command = next(number for number, line in enumerate(lines) if line and not line.startswith("#"))
    found = []
    for number, line in enumerate(lines):
        if re.match(r"#\s*S\w*H\b", line, flags=re.IGNORECASE) and "sbatch --" not in line:
            assert number < first_command
            option = re.fullmatch(r"#SBATCH --([a-z-]+)(?:=(\S+))?", line)
            assert option, line
            pattern = OPTIONS[option[1]]
            assert (option[2] is None) if pattern is None else re.fullmatch(pattern, option[2] or ""), line
            found.append(option[1])
    assert len(found) == len(set(found))
    assert {"job-name", "ntasks", "time", "open-mode"} <= set(found)
    assert os.access(script, os.X_OK)
    # Where and for whom is for the command line.
    assert not {"partition", "account"} & set(found)
