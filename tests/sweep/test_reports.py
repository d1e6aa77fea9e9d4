"""dmft status, show, plot and plan of sweeps."""

import subprocess
import sys
import time

import numpy as np
import psutil
import pytest

from dmft import Sweep, Table, __version__
from dmft.cli.sweep_progress import rate, speed
from dmft.jobs.locks import Locks, Taken
from dmft.sweeps.folder import open_folder
from dmft.system.memory import available_memory
from tests.problem_files import SWEEP
from tests.shown import rows


@pytest.fixture
def table(dmft, quick, tmp_path):
    """The table of `quick` with one failed point."""
    quick.write_text(SWEEP.replace('"problem.init_scale" = [0.5, 1.0]', '"solver.max_nodes" = [10, 10_000]'))
    assert dmft("sweep", quick, "-o", tmp_path / "out", "--quiet").code == 3
    dmft("collect", tmp_path / "out")
    return tmp_path / "out" / "sweep.h5"


def test_status_counts(dmft, table):
    (table.parent / "points" / "samples_per_parameter=1,max_nodes=10000.h5").unlink()
    ended = dmft("status", table.parent)
    assert ended.code == 0
    shown = rows(ended.out)
    assert [shown[name] for name in ("points", "done", "failed", "running", "missing")] == [["6"], ["2"], ["3"], ["0"], ["1"]]
    assert "not running; rerun the same dmft sweep command to finish" in ended.out


def test_cite_a_table(dmft, table):
    ended = dmft("cite", table)
    assert (ended.code, ended.err) == (0, "")
    for part in ("2502.21269", "Hairer", "Walker", __version__):
        assert part in ended.out


def elsewhere(code, *arguments) -> str:
    """What Python code prints in a process of its own: locks are those of a process."""
    ended = subprocess.run([sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True, check=True)
    return ended.stdout.strip()


def test_status_sees_who_is_at_work(quick, tmp_path):
    look = "import sys; from dmft.sweeps.status import status; s = status(sys.argv[1]); print(s.at_work, s.running)"
    with open_folder(tmp_path / "out", Sweep.load(quick)) as (folder, locks, _):
        assert locks.take(6 + 4, 1) is Taken.OURS
        assert elsewhere(look, folder.path) == "True 1"
    assert elsewhere(look, tmp_path / "out") == "False 0"


def test_locks_are_of_places(tmp_path):
    code = """
import sys
from pathlib import Path
from dmft.jobs.locks import Locks
locks = Locks(Path(sys.argv[1]))
print(*(locks.take(*places).name for places in ((0, 2), (4, 1), (5, 2))), locks.held_by_others(0, 10))
"""
    ours = Locks(tmp_path / "lock")
    assert ours.take(2, 3) is Taken.OURS
    assert elsewhere(code, tmp_path / "lock") == "OURS OTHERS OURS [range(2, 5)]"
    ours.give_back(4, 1)
    assert elsewhere(code, tmp_path / "lock") == "OURS OURS OURS [range(2, 4)]"
    ours.close()
    assert elsewhere(code, tmp_path / "lock") == "OURS OURS OURS []"


def test_show_a_table(dmft, table):
    ended = dmft("show", table)
    assert ended.code == 0
    shown = rows(ended.out)
    assert (shown["done"], shown["stuck"]) == (["3"], ["3"])
    found = Table.load(table)["final_test_error"]
    expected = [np.nanmin(found), np.nanmedian(found), np.nanmax(found)]
    assert [float(text) for text in shown["final_test_error"]] == pytest.approx(expected, rel=1e-5)
    assert "points without a result: 3" in ended.out
    assert "raise max_nodes" in ended.out


@pytest.mark.slow
@pytest.mark.parametrize(
    "axes",
    [
        '"problem.init_scale" = [0.5, 1.0]',
        '"problem.init_scale" = [0.5, 1.0]\n"problem.width" = [2, inf]',
        '"problem.activation" = ["erf", "tanh"]',
        '"solver.max_nodes" = [10, 10_000]',
        "",
    ],
)
def test_plot_over_any_axes(dmft, quick, tmp_path, axes):
    quick.write_text(SWEEP.replace('"problem.init_scale" = [0.5, 1.0]', axes))
    assert dmft("sweep", quick, "-o", tmp_path / "out", "--quiet").code in (0, 3)
    dmft("collect", tmp_path / "out")
    assert dmft("plot", tmp_path / "out" / "sweep.h5").code == 0
    assert (tmp_path / "out" / "sweep.png").read_bytes().startswith(b"\x89PNG")


def test_too_many_axes_for_a_figure_are_refused(dmft, quick, tmp_path, monkeypatch):
    # A long path would shorten the message.
    monkeypatch.chdir(tmp_path)
    more = '\n"problem.width" = [2, 3]\n"problem.noise" = [0.1, 0.2]'
    quick.write_text(SWEEP.replace("[0.5, 1.0]", "[0.5, 1.0]" + more).replace("t_max = 2.0", "t_max = 0.1"))
    assert dmft("sweep", quick, "-o", "out", "--quiet").code == 0
    dmft("collect", "out")
    ended = dmft("plot", "out/sweep.h5")
    assert ended.code == 2
    assert "3 samples_per_parameter x 2 init_scale x 2 width x 2" in ended.err
    assert "at most two axes, and a third one of at most 6 values" in ended.err


def test_plan_of_a_sweep(dmft, quick):
    ended = dmft("plan", quick, "--set", "solver.t_max=1.0")
    assert (ended.code, ended.err) == (0, "")
    shown = rows(ended.out)
    assert shown["points"] == ["6"]
    assert shown.keys() == {"points", "nodes", "memory", "files", "time"}
    quick.write_text(SWEEP.replace("[0.5, 1.0]", "[0.5, -1.0, true]"))
    assert dmft("plan", quick).code == 2


def test_limits_of_the_batch_system_count(monkeypatch):
    own = psutil.Process().memory_info().rss / 2**20
    monkeypatch.setenv("SLURM_MEM_PER_NODE", f"{own + 1000:.0f}")
    of_node = available_memory()
    assert 0 < of_node < 1100 * 2**20
    monkeypatch.setenv("SLURM_MEM_PER_CPU", f"{(own + 700) / 3:.0f}")
    monkeypatch.setenv("SLURM_CPUS_ON_NODE", "3")
    assert 0 < available_memory() < of_node
    monkeypatch.setenv("SLURM_MEM_PER_NODE", "1")
    assert available_memory() == 0
    for name in ("SLURM_MEM_PER_NODE", "SLURM_MEM_PER_CPU"):
        monkeypatch.setenv(name, "0")
    assert available_memory() > 0


def test_limits_of_the_control_group_count(monkeypatch, tmp_path):
    monkeypatch.setattr("dmft.system.memory.CGROUPS", tmp_path)
    (tmp_path / "memory.max").write_text("max\n")
    assert available_memory() > 10**6
    (tmp_path / "memory.max").write_text("3000000\n")
    (tmp_path / "memory.current").write_text("2000000\n")
    assert available_memory() == 10**6


def test_a_log_line_tells_how_the_sweep_fares(dmft, quick, tmp_path, monkeypatch):
    monkeypatch.setattr("dmft.cli.progress.LOG_SECONDS", 0.0)
    ended = dmft("sweep", quick, "-o", tmp_path / "out")
    assert ended.code == 0
    line = ended.err.splitlines()[-1]
    for words in ("6 of 6 points", "0 failed", "points a", "left 0 s"):
        assert words in line


@pytest.mark.parametrize(
    ("per_second", "words"), [(12.345, "12.3 points a second"), (0.5, "30 points a minute"), (0.001, "3.6 points an hour")]
)
def test_speed(per_second, words):
    assert speed(per_second) == words


def test_rate():
    assert rate(10, 5.0) == 2.0
    assert rate(0, time.monotonic()) == 0.0
