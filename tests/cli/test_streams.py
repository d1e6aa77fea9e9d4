"""Output that cannot be written: a log never matters to a run, results that are lost are said."""

import os
import resource
import shutil
import signal
import subprocess
import sys

import pytest

from tests.comparison import assert_same, datasets
from tests.processes import PATIENCE, start

PROGRAM = [sys.executable, "-m", "dmft"]
# Redirections of a shell: closed, full, and a pipe that nobody reads.
LOGS = ("2>&-", ">&-", "2>/dev/full", ">/dev/full", ">/dev/full 2>/dev/full", ">&- 2>&- <&-", "2>&1 | true")


def shell(command: str, *arguments) -> int:
    """Exit status of the first command of a line of bash, in which $@ are the arguments."""
    line = f'{command}; exit "${{PIPESTATUS[0]}}"'
    return subprocess.run(["bash", "-c", line, "bash", *map(str, arguments)], timeout=PATIENCE, check=False).returncode


@pytest.mark.slow
@pytest.mark.parametrize("log", LOGS)
def test_log_that_cannot_be_written_changes_nothing(quick, solved, tmp_path, log):
    assert shell(f'"$@" {log}', *PROGRAM, "solve", quick, "-o", tmp_path / "run.h5") == 0
    assert_same(datasets(tmp_path / "run.h5"), datasets(solved))


@pytest.mark.slow
@pytest.mark.parametrize("log", ["2>&-", "2>/dev/full"])
def test_exit_status_of_what_is_refused_or_fails_stays(quick, tmp_path, log):
    failing = ["--set", "solver.max_nodes=10"]
    assert shell(f'"$@" {log}', *PROGRAM, "solve", quick, "-o", tmp_path / "run.h5", *failing) == 3
    assert shell(f'"$@" {log}', *PROGRAM, "solve", tmp_path / "none.toml", "-o", tmp_path / "run.h5") == 2
    assert shell(f'"$@" {log}', *PROGRAM, "solv") == 2


@pytest.mark.slow
def test_reader_that_leaves_early(solved):
    assert shell('"$@" | head -n 1 > /dev/null', *PROGRAM, "show", solved) == 0


def test_results_that_are_lost_are_said(solved):
    with open("/dev/full", "w") as full:
        process = start("show", solved, stdout=full)
        _, err = process.communicate(timeout=PATIENCE)
        assert (process.returncode, err) == (2, "dmft: standard output: No space left on device\n")


def test_name_that_is_not_text_is_printed_with_escapes(solved, tmp_path):
    path = os.fsencode(tmp_path) + b"/\xff.h5"
    shutil.copy(solved, path)
    ended = subprocess.run([*PROGRAM, "show", path], capture_output=True, timeout=PATIENCE, check=False)
    assert (ended.returncode, ended.stderr) == (0, b"")
    assert ended.stdout.splitlines()[0].endswith(b"/\\xff.h5")


def limited(size):
    """For a new process: files of at most so many bytes, as on a disk that is nearly full."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


@pytest.mark.slow
def test_figure_on_a_full_disk_is_one_line(solved, tmp_path):
    process = start("plot", solved, "-o", tmp_path / "run.png", preexec_fn=limited(2000))
    out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out) == (2, "")
    assert err == f"dmft: {tmp_path / 'run.png'}: cannot be drawn (File too large)\n"
    assert not (tmp_path / "run.png").exists()


@pytest.mark.slow
def test_figure_without_latex_is_one_line(solved, tmp_path):
    (tmp_path / "matplotlibrc").write_text("text.usetex: True\n")
    environment = {**os.environ, "MATPLOTLIBRC": str(tmp_path), "PATH": "/nonexistent"}
    process = subprocess.run(
        [*PROGRAM, "plot", solved, "-o", tmp_path / "run.png"], env=environment, capture_output=True, text=True, check=False
    )
    assert process.returncode == 2
    assert process.stderr.startswith(f"dmft: {tmp_path / 'run.png'}: cannot be drawn (")
    assert process.stderr.count("\n") == 1
    assert not (tmp_path / "run.png").exists()


@pytest.mark.parametrize("name", ["x" * 260 + ".png", "no/folder/x.png", "."])
def test_figure_that_cannot_be_written_is_refused(dmft, solved, tmp_path, name):
    ended = dmft("plot", solved, "-o", tmp_path / name)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.count("\n") == 1


def test_signal_ignored_from_the_start_stays_ignored(quick, tmp_path):
    """As by nohup."""

    def ignore():
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

    code = "import os, signal\nfrom dmft.cli.progress import Meter\nbegin = Meter.__init__\n"
    code += "def init(*keys):\n    begin(*keys)\n    os.kill(os.getpid(), signal.SIGHUP)\n"
    code += "Meter.__init__ = init\nfrom dmft.cli.main import main\nmain()"
    process = start("-c", code, "solve", quick, "-o", tmp_path / "run.h5", program=[sys.executable], preexec_fn=ignore)
    _, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, err) == (0, "")
