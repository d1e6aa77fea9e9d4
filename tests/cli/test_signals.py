"""A signal stops a run after a checkpoint; whatever stops it, the same command goes on, bit for bit as if nothing had been."""

import os
import random
import signal
import sys
import time

import pytest

from dmft import Outcome, Solution
from dmft.cli.progress import Meter
from dmft.cli.signals import SIGNALS
from dmft.storage import run_file
from tests.comparison import assert_same, datasets
from tests.processes import PATIENCE, start


def wait_for(path, process):
    """Wait until the first checkpoint of a process is there."""
    end = time.monotonic() + PATIENCE
    while not path.exists():
        assert process.poll() is None
        assert time.monotonic() < end
        time.sleep(0.002)


@pytest.mark.slow
@pytest.mark.parametrize("number", SIGNALS)
def test_signal_stops_after_a_checkpoint(dmft, slow, tmp_path, uninterrupted, number):
    path = tmp_path / "run.h5"
    process = start("solve", slow, "-o", path, "--checkpoint", "0")
    wait_for(path, process)
    process.send_signal(number)
    out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 4
    assert out == ""
    assert err.count("\n") == 1
    for part in (str(path), number.name, "the same command goes on"):
        assert part in err
    stopped = Solution.load(path)
    assert stopped.outcome is Outcome.INTERRUPTED
    assert 0 < stopped.time[-1] < 20.0
    assert dmft("solve", slow, "-o", path).code == 0
    assert_same(datasets(path), uninterrupted)


def test_signal_before_the_first_cell(dmft, quick, solved_once, tmp_path, monkeypatch):
    """The problem has been read, so that the first cell is finished and written."""
    path = tmp_path / "run.h5"
    begin = Meter.__init__

    def begin_and_signal(*arguments):
        begin(*arguments)
        os.kill(os.getpid(), signal.SIGTERM)

    with monkeypatch.context() as patch:
        patch.setattr(Meter, "__init__", begin_and_signal)
        ended = dmft("solve", quick, "-o", path)
    assert ended.code == 4
    assert ended.err.count("\n") == 1
    assert len(Solution.load(path).time) == 1 + 6
    assert dmft("solve", quick, "-o", path).code == 0
    assert_same(datasets(path), datasets(solved_once))


@pytest.mark.parametrize("number", SIGNALS)
def test_signal_while_the_input_is_read_ends_at_once(dmft, slow, tmp_path, monkeypatch, number):
    monkeypatch.setattr("dmft.cli.solve._stored", lambda *_: os.kill(os.getpid(), number))
    ended = dmft("solve", slow, "-o", tmp_path / "run.h5")
    assert (ended.code, ended.out, ended.err) == (4, "", f"dmft: stopped by {number.name}\n")
    assert not (tmp_path / "run.h5").exists()


def test_signal_in_the_last_cell_changes_nothing(dmft, quick, tmp_path, monkeypatch):
    def call_and_signal(meter, march, cell):
        count(meter, march, cell)
        if cell.time == 20.0:
            os.kill(os.getpid(), signal.SIGINT)

    count = Meter.__call__
    monkeypatch.setattr(Meter, "__call__", call_and_signal)
    ended = dmft("solve", quick, "-o", tmp_path / "run.h5")
    assert (ended.code, ended.err) == (0, "")
    assert Solution.load(tmp_path / "run.h5").complete


@pytest.mark.slow
@pytest.mark.parametrize("number", SIGNALS)
def test_more_signals_while_the_checkpoint_is_written(dmft, slow, tmp_path, uninterrupted, monkeypatch, number):
    path = tmp_path / "run.h5"
    save = run_file.write

    def save_under_fire(*arguments):
        os.kill(os.getpid(), number)
        save(*arguments)
        os.kill(os.getpid(), signal.SIGTERM)

    with monkeypatch.context() as patch:
        patch.setattr(run_file, "write", save_under_fire)
        ended = dmft("solve", slow, "-o", path, "--checkpoint", "0")
    assert (ended.code, ended.err.count("\n")) == (4, 1)
    assert Solution.load(path).outcome is Outcome.INTERRUPTED
    assert dmft("solve", slow, "-o", path).code == 0
    assert_same(datasets(path), uninterrupted)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("module", ["dmft.cli.streams", "typer", "dmft.cli.plan", "numpy", "pydantic", "dmft.problem.problem"])
def test_signal_in_the_first_moments_is_one_line(quick, tmp_path, module, number):
    """The signal comes while a module is imported."""
    code = f"""
import os, sys
from importlib.abc import MetaPathFinder
from dmft.cli.main import main

class Signal(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == {module!r}:
            sys.meta_path.remove(self)
            os.kill(os.getpid(), {int(number)})

sys.meta_path.insert(0, Signal())
main()
"""
    process = start("-c", code, "plan", quick, program=[sys.executable])
    out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out) == (4, "")
    # Before the streams are protected there is nothing to say it with.
    assert err == ("" if module == "dmft.cli.streams" else f"dmft: stopped by {number.name}\n")


@pytest.mark.parametrize(
    ("where", "command"),
    [
        ("dmft.running.plan._pilot", ["plan", "{problem}"]),
        ("dmft.sweeps.folder._take", ["sweep", "{sweep}", "-o", "{out}"]),
        *(
            pytest.param(where, command, marks=pytest.mark.slow)
            for where, command in (
                ("dmft.problem.sweep.Sweep.validate", ["sweep", "{sweep}", "-o", "{out}"]),
                ("dmft.sweeps.plan.by_cost", ["plan", "{sweep}"]),
                ("dmft.simulation.run.numbered", ["simulate", "{problem}", "--dim", "5", "-o", "{out}"]),
            )
        ),
    ],
)
def test_what_can_be_done_again_is_ended_at_once(quick, tmp_path, where, command):
    """Validation, planning and waiting for another process."""
    sweep = tmp_path / "sweep.toml"
    sweep.write_text(quick.read_text() + '[sweep.axes]\n"problem.noise" = [0.1, 0.2]\n')
    module, _, name = where.rpartition(".")
    code = f"""
import os, pkgutil, signal
from dmft.cli.main import main
setattr(pkgutil.resolve_name({module!r}), {name!r}, lambda *_, **__: os.kill(os.getpid(), signal.SIGINT))
main()
"""
    places = {"sweep": sweep, "problem": quick, "out": tmp_path / "out"}
    process = start("-c", code, *(word.format(**places) for word in command), program=[sys.executable])
    out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out, err) == (4, "", "dmft: stopped by SIGINT\n")


def test_handlers_are_put_back(dmft, quick, tmp_path):
    before = [signal.getsignal(number) for number in SIGNALS]
    assert dmft("solve", quick, "-o", tmp_path / "run.h5").code == 0
    assert [signal.getsignal(number) for number in SIGNALS] == before


@pytest.mark.slow
def test_killed_at_any_moment(dmft, slow, tmp_path, uninterrupted):
    path = tmp_path / "run.h5"
    chance = random.Random(1)
    reached = 0.0
    for _ in range(5):
        process = start("solve", slow, "-o", path, "--checkpoint", "0")
        wait_for(path, process)
        began = path.stat().st_mtime_ns
        while path.stat().st_mtime_ns == began and process.poll() is None:
            time.sleep(0.002)
        time.sleep(chance.uniform(0.0, 0.04))
        process.kill()
        process.communicate(timeout=PATIENCE)
        found = Solution.load(path)
        assert found.outcome is Outcome.RUNNING
        assert reached < found.time[-1] < 20.0
        reached = found.time[-1]
    # What a process that is killed in the middle of writing leaves behind, and one of these may have left, is removed later.
    (tmp_path / ".dmft-0123456789abcdef.part").write_bytes(b"half")
    for half in tmp_path.glob("*.part"):
        os.utime(half, (0, 0))
    assert dmft("solve", slow, "-o", path).code == 0
    assert sorted(p.name for p in tmp_path.iterdir()) == ["run.h5", "slow.toml"]
    assert_same(datasets(path), uninterrupted)
