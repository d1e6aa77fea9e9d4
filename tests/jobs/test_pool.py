"""The pool of worker processes: whatever they print, import or die of, every task is run once or has its reason."""

import os
import signal
import sys
import textwrap
from pathlib import Path

import pytest

from dmft.jobs.pool import Recipe, WorkerPool
from dmft.jobs.tasks import Ending, Result, StartError

WORKER = """
import os, signal, subprocess, sys, time
from pathlib import Path
from dmft.jobs.tasks import StartError, Ending, Result

class Worker:
    def __init__(self, stop, folder):
        self.stop, self.folder = stop, Path(folder)

    def run(self, index):
        with (self.folder / "ran").open("a") as file:
            file.write(f"{index}\\n")
        return self.one(index) or Result(index, Ending.DONE, "done")

    def one(self, index):
        pass

    def times(self, index):
        return (self.folder / "ran").read_text().split().count(str(index))

def build(stop, folder):
    return Made(stop, folder)
"""


@pytest.fixture
def pool(tmp_path, monkeypatch):
    """Run tasks 0, 1, 2 in two processes of a worker with this method `one`; results by task, and those of killed tasks."""
    monkeypatch.syspath_prepend(tmp_path)

    def call(one="", stop=lambda: False, before="", number=3):
        method = textwrap.indent(textwrap.dedent(one) or "pass", " " * 8)
        made = f"\nclass Made(Worker):\n    def one(self, index):\n{method}\n"
        (tmp_path / "worker_of_test.py").write_text(before + WORKER + made)
        results, killed = {}, []

        def watch(result):
            if result is not None:
                assert result.index not in results
                results[result.index] = result

        made = WorkerPool(Recipe("worker_of_test:build", {"folder": str(tmp_path)}), range(number), stop, watch, killed.append)
        made.run(2)
        return results, killed

    return call


def assert_all_done(results, number=3):
    assert results == {index: Result(index, Ending.DONE, "done") for index in range(number)}


def ran(tmp_path) -> list[int]:
    return sorted(map(int, (tmp_path / "ran").read_text().split()))


def test_every_task_is_run_once(pool, tmp_path):
    results, killed = pool(number=20)
    assert_all_done(results, 20)
    assert ran(tmp_path) == list(range(20))
    assert killed == []


def test_modules_of_the_current_folder_are_not_imported(pool, tmp_path, monkeypatch):
    elsewhere = tmp_path / "elsewhere"
    for name in ("dmft", "numpy", "json", "worker_of_test", "signal"):
        (elsewhere / name).mkdir(parents=True)
        (elsewhere / name / "__init__.py").write_text(f"open({str(tmp_path / 'imported')!r}, 'w').close()")
    monkeypatch.chdir(elsewhere)
    # As in an interactive session, or with python -c.
    monkeypatch.setattr(sys, "path", ["", *sys.path])
    results, _ = pool("import numpy; assert numpy.array")
    assert_all_done(results)
    assert not (tmp_path / "imported").exists()


def test_another_package_of_this_name_on_the_import_path_is_not_taken(pool, tmp_path, monkeypatch):
    (tmp_path / "dmft").mkdir()
    (tmp_path / "dmft" / "__init__.py").write_text("raise SystemExit('another package')")
    results, _ = pool()
    assert_all_done(results)


PRINTS = r"""
import os, sys
os.write(1, b'{"result": {"index": 0, "ending": "failed", "outcome": "forged"}}\n' * 1000)
os.write(1, bytes(range(256)) * 4)
os.write(2, b"\x00\x00\x00\x02{}\n")
sys.stdout.write("text\n")
sys.stdin.read()
"""


@pytest.mark.parametrize("code", [PRINTS, "import sys; sys.stdout = sys.stderr = None", "raise ValueError('no')"])
def test_nothing_that_is_printed_at_the_start_is_taken_for_an_answer(pool, tmp_path, monkeypatch, code):
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(code)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path / "site"), os.environ.get("PYTHONPATH", "")]))
    results, killed = pool("print('{}', flush=True)")
    assert_all_done(results)
    assert killed == []


@pytest.mark.parametrize(
    ("before", "reason"),
    [
        ("import no_such_module\n", "could not start: ModuleNotFoundError: No module named 'no_such_module'"),
        ("raise MemoryError('at the start')\n", "could not start: MemoryError: at the start"),
        ("raise SystemExit(7)\n", "2 worker processes ended by status 7 before they were ready"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)\n", "2 worker processes ended by signal 9 before"),
    ],
)
def test_failure_of_the_start_is_no_failure_of_a_task(pool, tmp_path, before, reason):
    with pytest.raises(StartError, match=reason):
        pool(before=before)
    assert not (tmp_path / "ran").exists()


def test_one_failed_start_is_tried_again(pool, tmp_path):
    once = "from pathlib import Path\ntry:\n    (Path(__file__).parent / 'first').touch(exist_ok=False)\n"
    once += "except FileExistsError:\n    pass\nelse:\n    raise SystemExit(1)\n"
    results, _ = pool(before=once)
    assert_all_done(results)


def test_process_that_ends_once_is_replaced(pool, tmp_path):
    results, killed = pool("if index == 1 and self.times(1) == 1: os.kill(os.getpid(), signal.SIGKILL)")
    assert_all_done(results)
    assert ran(tmp_path) == [0, 1, 1, 2]
    assert killed == []


@pytest.mark.parametrize(
    ("ending", "cause"), [("os.kill(os.getpid(), signal.SIGKILL)", "signal 9"), ("os._exit(5)", "status 5")]
)
def test_task_that_ends_its_processes_has_failed(pool, tmp_path, ending, cause):
    results, killed = pool(f"if index == 1: {ending}")
    assert [results[index].ending for index in range(3)] == [Ending.DONE, Ending.FAILED, Ending.DONE]
    assert results[1].reason.startswith(f"2 processes ended by {cause} at this point")
    assert killed == [results[1]]
    assert ran(tmp_path) == [0, 1, 1, 2]


def test_child_of_a_worker_that_keeps_the_channel_open_delays_nothing(pool):
    one = """
    if index == 1 and self.times(1) == 1:
        from dmft.jobs import worker_process
        descriptor = int(sys.argv[1])
        os.set_inheritable(descriptor, True)
        subprocess.Popen(["sleep", "5"], close_fds=False)
        os._exit(1)
    """
    results, _ = pool(one)
    assert_all_done(results)


def test_error_of_the_disk_ends_all(pool):
    with pytest.raises(OSError, match="No space left"):
        pool("raise OSError(28, 'No space left on device')")


def test_stop_ends_tasks_after_a_checkpoint(pool, tmp_path):
    wait = """
    while not self.stop():
        time.sleep(0.01)
    (self.folder / f"checkpoint-{index}").touch()
    return Result(index, Ending.INTERRUPTED, "interrupted")
    """
    results, _ = pool(wait, stop=lambda: (tmp_path / "ran").exists() and len(ran(tmp_path)) == 2)
    assert results == {}
    assert len(list(tmp_path.glob("checkpoint-*"))) == 2


def test_limit_on_processor_time_of_one_process_stops_all(pool, tmp_path):
    wait = """
    if index == 0:
        os.kill(os.getpid(), signal.SIGXCPU)
    while not self.stop():
        time.sleep(0.01)
    (self.folder / f"checkpoint-{index}").touch()
    return Result(index, Ending.INTERRUPTED, "interrupted")
    """
    results, _ = pool(wait)
    assert results == {}
    assert (tmp_path / "checkpoint-0").exists()
    assert 2 not in ran(tmp_path)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2])
def test_signals_to_the_job_are_for_the_pool(pool, number):
    results, _ = pool(f"os.kill(os.getpid(), {int(number)})")
    assert_all_done(results)


def test_descriptors_are_closed(pool):
    before = len(list(Path("/proc/self/fd").iterdir()))
    pool(number=6)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
