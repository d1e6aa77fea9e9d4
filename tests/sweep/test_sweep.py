"""dmft sweep in one process: what is written, what is solved again, how points fail, how many files."""

import errno
import os
import signal

import numpy as np
import pytest

import dmft as package
from dmft import Outcome, Problem, ProblemError, Solution, Sweep
from dmft.jobs.locks import Taken, output_lock
from dmft.running.cost import TooLargeError
from dmft.storage import run_file
from dmft.sweeps.folder import Folder, open_folder, slice_of, spread
from dmft.sweeps.run import by_cost, missing, part
from dmft.sweeps.worker import PointSolver
from tests.problem_files import SWEEP
from tests.sweep_folders import assert_same_points, contents, files

FAILING = SWEEP.replace('"problem.init_scale" = [0.5, 1.0]', '"solver.max_nodes" = [10, 10_000]')


def test_values_set_on_the_command_line(dmft, quick, tmp_path):
    out = tmp_path / "out"
    assert dmft("sweep", quick, "-o", out, "--set", "solver.t_max=0.5").code == 0
    assert {run_file.read(path).time[-1] for path in (out / "points").iterdir()} == {0.5}
    ended = dmft("sweep", quick, "-o", out, "--set", "solver.t_max=0.2")
    assert ended.code == 2
    assert "t_max" in ended.err


def test_every_point_is_a_run_file(dmft, quick, tmp_path):
    ended = dmft("sweep", quick, "-o", tmp_path / "out")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith("done: 6 of 6 points done")
    assert files(tmp_path / "out") == [".lock", "points", "sweep.toml"]
    sweep = Sweep.load(quick)
    for index in range(6):
        found = Solution.load(tmp_path / "out" / "points" / f"{sweep.slug(index)}.h5")
        expected = package.solve(sweep.problem(index))
        assert found.problem == sweep.problem(index)
        assert found.complete
        assert found.kernels == {}
        for name, values in expected.observables.items():
            assert np.array_equal(found.observables[name], values)


def test_kernels_are_kept_if_asked_for(dmft, quick, tmp_path):
    quick.write_text(SWEEP.replace("[sweep.axes]", '[sweep]\nkeep = "kernels"\n[sweep.axes]'))
    assert dmft("sweep", quick, "-o", tmp_path / "out", "--quiet").code == 0
    path = tmp_path / "out" / "points" / "samples_per_parameter=1,init_scale=1.h5"
    problem = Sweep.load(quick).problem(3)
    assert np.array_equal(Solution.load(path).kernels["C_d"], package.solve(problem).kernels["C_d"])
    (tmp_path / "point.toml").write_text(problem.to_toml())
    assert dmft("solve", tmp_path / "point.toml", "-o", path, "--set", "solver.t_max=3.0").code == 0


@pytest.mark.slow
def test_a_file_of_observables_is_shown_drawn_and_not_extended(dmft, quick, tmp_path):
    assert dmft("sweep", quick, "-o", tmp_path / "out", "--quiet").code == 0
    path = tmp_path / "out" / "points" / "samples_per_parameter=1,init_scale=1.h5"
    assert dmft("show", path).code == 0
    assert dmft("plot", path, "-o", tmp_path / "figure.png").code == 0
    (tmp_path / "point.toml").write_text(Sweep.load(quick).problem(3).to_toml())
    assert "complete already" in dmft("solve", tmp_path / "point.toml", "-o", path).out
    ended = dmft("solve", tmp_path / "point.toml", "-o", path, "--set", "solver.t_max=3.0")
    assert ended.code == 2
    assert "observables only" in ended.err


def test_the_same_command_solves_exactly_what_is_missing(dmft, quick, tmp_path, reference):
    points = tmp_path / "out" / "points"
    assert dmft("sweep", quick, "-o", tmp_path / "out", "--quiet").code == 0
    gone = ["samples_per_parameter=0.5,init_scale=1.h5", "samples_per_parameter=2,init_scale=0.5.h5"]
    for name in gone:
        (points / name).unlink()
    before = {path.name: path.stat().st_mtime_ns for path in points.iterdir()}
    assert dmft("sweep", quick, "-o", tmp_path / "out").code == 0
    after = {path.name: path.stat().st_mtime_ns for path in points.iterdir()}
    assert set(after) == {*before, *gone}
    assert {name: after[name] for name in before} == before
    assert_same_points(contents(tmp_path / "out"), reference)
    assert "complete already" in dmft("sweep", quick, "-o", tmp_path / "out").out


def test_parts_make_up_the_whole(dmft, quick, tmp_path, reference):
    for task in (2, 0, 3, 1):
        assert dmft("sweep", quick, "-o", tmp_path / "out", "--task", task, "--tasks", 4).code == 0
    assert_same_points(contents(tmp_path / "out"), reference)


@pytest.mark.parametrize(("number", "tasks"), [(6, 4), (3, 5), (750, 16)])
def test_every_point_is_in_one_part(number, tasks):
    sweep = Sweep(Problem.from_toml(SWEEP.split("[sweep")[0].replace("width", "samples_per_parameter = 1\nwidth")),
                  {"problem.noise": {"linspace": [0.0, 1.0, number]}})  # fmt: skip
    parts = [part(sweep, task, tasks).tolist() for task in range(tasks)]
    assert sorted(index for one in parts for index in one) == list(range(number))


def test_parts_are_spread_evenly():
    """The sum of any smooth cost over a part is that over every other part, nearly."""
    cost = np.linspace(1.0, 10.0, 1000)[spread(1000)]
    sums = [cost[slice(*slice_of(1000, task, 20))].sum() for task in range(20)]
    assert max(sums) / min(sums) < 1.1


def test_the_largest_expected_cost_comes_first(quick):
    quick.write_text(SWEEP.replace('"problem.init_scale" = [0.5, 1.0]', '"solver.t_max" = [2.0, 2e4]'))
    order = by_cost(Sweep.load(quick), list(range(6)))
    assert [index % 2 for index in order] == [1, 1, 1, 0, 0, 0]


def test_a_sweep_of_many_points_begins_without_a_look_at_each(monkeypatch):
    sweep = Sweep.from_toml(SWEEP.replace("2.0, 3]", "2.0, 50_000]"))
    monkeypatch.setattr(Sweep, "problem", lambda *_: pytest.fail("made a problem"))
    order = by_cost(sweep, list(range(100_000)))
    assert sorted(order) == list(range(100_000))
    # Every tenth of the order has points of every tenth of the grid.
    assert {point // 10_000 for point in order[-10_000:]} == set(range(10))


def test_many_points_are_spread_over_folders(dmft, quick, tmp_path, monkeypatch, reference):
    monkeypatch.setattr("dmft.sweeps.folder.FAN", 4)
    assert dmft("sweep", quick, "-o", tmp_path / "out", "--quiet").code == 0
    found = contents(tmp_path / "out")
    assert [name.split("/")[0] for name in found] == ["000"] * 4 + ["001"] * 2
    assert_same_points({name.split("/")[1]: found[name] for name in found}, reference)
    assert "complete already" in dmft("sweep", quick, "-o", tmp_path / "out").out
    assert dmft("collect", tmp_path / "out").out.startswith("6 points: 6 done")


def test_a_failed_point_is_kept_with_its_reason_and_the_others_are_solved(dmft, quick, tmp_path):
    quick.write_text(FAILING)
    for _ in range(2):
        ended = dmft("sweep", quick, "-o", tmp_path / "out")
        assert ended.code == 3
        assert ended.err.count("\n") == 1
        for words in ("3 of 6 points done, 3 failed", "max_nodes=10 stuck: ", Outcome.STUCK.advice, "--retry"):
            assert words in ended.err
    found = sorted(path.name for path in (tmp_path / "out" / "points").iterdir())
    assert [name.endswith(".failed.h5") for name in found] == [True, False] * 3
    assert Solution.load(tmp_path / "out" / "points" / found[0]).outcome is Outcome.STUCK


def test_failed_points_are_solved_again_on_request_with_other_limits(dmft, quick, tmp_path):
    quick.write_text(SWEEP.replace("t_max = 2.0", "t_max = 2.0\nmax_nodes = 10"))
    assert dmft("sweep", quick, "-o", tmp_path / "out").code == 3
    quick.write_text(SWEEP)
    assert dmft("sweep", quick, "-o", tmp_path / "out").code == 3
    assert dmft("sweep", quick, "-o", tmp_path / "out", "--retry").code == 0
    assert not any("failed" in path.name for path in (tmp_path / "out" / "points").iterdir())


@pytest.fixture
def trouble(monkeypatch):
    """A point at which the solver raises an error."""

    def solve(problem, **keys):
        if problem.tables["problem"]["init_scale"] == 1.0:
            raise RuntimeError("the sky\nfell down")
        return package.solve(problem, **keys)

    monkeypatch.setattr("dmft.sweeps.worker.solve", solve)


def test_a_point_that_raises_is_a_row_with_its_reason(dmft, quick, tmp_path, trouble, monkeypatch):
    ended = dmft("sweep", quick, "-o", tmp_path / "out")
    assert ended.code == 3
    assert "3 of 6 points done, 3 failed" in ended.err
    assert "raised: RuntimeError: the sky fell down" in ended.err
    assert ended.err.count("\n") == 1
    text = (tmp_path / "out" / "points" / "samples_per_parameter=1,init_scale=1.failed.txt").read_text()
    assert "Traceback" in text
    dmft("collect", tmp_path / "out")
    table = package.Table.load(tmp_path / "out" / "sweep.h5")
    assert table["outcome"].tolist() == [["done", "raised"]] * 3
    assert table["reason"][0, 1] == "RuntimeError: the sky fell down"
    assert np.isnan(table["final_test_error"][:, 1]).all()
    monkeypatch.undo()
    assert dmft("sweep", quick, "-o", tmp_path / "out", "--retry").code == 0
    assert files(tmp_path / "out") == [".lock", "points", "sweep.h5", "sweep.toml"]
    assert len(contents(tmp_path / "out")) == len(list((tmp_path / "out" / "points").iterdir())) == 6


def test_a_full_disk_stops_the_sweep_and_leaves_nothing_half(dmft, quick, tmp_path, monkeypatch, reference):
    written = []

    def full(path, *arguments, **keys):
        if len(written) == 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written.append(path)
        return write(path, *arguments, **keys)

    from dmft.storage.run_file import write

    with monkeypatch.context() as patch:
        patch.setattr("dmft.storage.run_file.write", full)
        ended = dmft("sweep", quick, "-o", tmp_path / "out")
    assert ended.code == 2
    assert ended.err == f"dmft: {tmp_path / 'out'}: No space left on device\n"
    assert len(contents(tmp_path / "out")) == 2
    assert dmft("sweep", quick, "-o", tmp_path / "out").code == 0
    assert_same_points(contents(tmp_path / "out"), reference)


def test_a_wrong_point_is_refused_before_anything_runs(dmft, quick, tmp_path):
    quick.write_text(SWEEP.replace("[0.5, 1.0]", '[0.5, "one"]'))
    ended = dmft("sweep", quick, "-o", tmp_path / "out")
    assert ended.code == 2
    assert ended.err.count("\n") == 1
    for words in (str(quick), "point samples_per_parameter=0.5,init_scale=one", 'init_scale = "one": wanted a number'):
        assert words in ended.err
    assert not (tmp_path / "out").exists()


def test_a_folder_of_something_else_is_refused(dmft, quick, tmp_path):
    (tmp_path / "out" / "points").mkdir(parents=True)
    ended = dmft("sweep", quick, "-o", tmp_path / "out")
    assert ended.code == 2
    assert "no sweep.toml" in ended.err
    assert dmft("sweep", quick, "-o", quick).code == 2


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--jobs", 0], "--jobs = 0"),
        (["--task", 3, "--tasks", 3], "--task = 3"),
        (["--task", 1], "--task = 1"),
        (["--checkpoint", -1], "--checkpoint = -1"),
    ],
)
def test_wrong_options(dmft, quick, tmp_path, options, words):
    ended = dmft("sweep", quick, "-o", tmp_path / "out", *options)
    assert ended.code == 2
    assert words in ended.err
    assert not (tmp_path / "out").exists()


def test_a_file_system_without_locks_is_said(dmft, quick, tmp_path, monkeypatch):
    monkeypatch.setattr("dmft.jobs.locks.Locks.take", lambda *_: Taken.UNKNOWN)
    ended = dmft("sweep", quick, "-o", tmp_path / "out")
    assert ended.code == 0
    assert "no locks" in ended.err


def test_a_stretch_with_checkpoints_is_the_same_to_the_last_bit(dmft, quick, tmp_path, reference):
    assert dmft("sweep", quick, "-o", tmp_path / "out", "--checkpoint", 0, "--quiet").code == 0
    assert files(tmp_path / "out") == [".lock", "points", "sweep.toml"]
    assert_same_points(contents(tmp_path / "out"), reference)


def test_a_signal_stops_after_a_checkpoint_and_nothing_is_lost(dmft, quick, tmp_path, reference, monkeypatch):
    def solve_and_signal(worker, index):
        if len(list(worker.folder.group(0).iterdir())) == 2:
            os.kill(os.getpid(), signal.SIGUSR1)
        return solve(worker, index)

    solve = PointSolver.run
    with monkeypatch.context() as patch:
        patch.setattr(PointSolver, "run", solve_and_signal)
        ended = dmft("sweep", quick, "-o", tmp_path / "out")
    assert ended.code == 4
    assert "stopped by SIGUSR1, 2 of 6 points done: the same command goes on from there" in ended.err
    assert files(tmp_path / "out")[:2] == [".lock", "checkpoints"]
    (checkpoint,) = (tmp_path / "out" / "checkpoints").iterdir()
    assert Solution.load(checkpoint).outcome is Outcome.INTERRUPTED
    assert dmft("sweep", quick, "-o", tmp_path / "out").code == 0
    assert files(tmp_path / "out") == [".lock", "points", "sweep.toml"]
    assert_same_points(contents(tmp_path / "out"), reference)


def test_a_damaged_checkpoint_is_begun_anew(dmft, quick, tmp_path, reference):
    with open_folder(tmp_path / "out", Sweep.load(quick)) as (folder, _, _):
        folder.checkpoint(3).parent.mkdir()
        folder.checkpoint(3).write_bytes(b"half a file")
    assert dmft("sweep", quick, "-o", tmp_path / "out").code == 0
    assert_same_points(contents(tmp_path / "out"), reference)


def test_what_a_killed_process_was_writing_is_removed(dmft, quick, tmp_path):
    with open_folder(tmp_path / "out", Sweep.load(quick)) as (folder, _, _):
        half = folder.group(0) / ".dmft-0123456789abcdef.part"
    half.write_bytes(b"half")
    assert dmft("sweep", quick, "-o", tmp_path / "out").code == 0
    assert not half.exists()


@pytest.mark.parametrize("fan", [1000, 4])
def test_what_a_point_left_when_it_was_killed_at_its_end_is_removed(dmft, quick, tmp_path, monkeypatch, reference, fan):
    monkeypatch.setattr("dmft.sweeps.folder.FAN", fan)
    with open_folder(tmp_path / "out", Sweep.load(quick)) as (folder, _, _):
        left = [folder.checkpoint(1), folder.checkpoint(5), folder.failed_run(2), folder.failed_text(3)]
    assert dmft("sweep", quick, "-o", tmp_path / "out").code == 0
    for path in left:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"older than the result")
        os.utime(path, ns=(0, 0))
    # One that is newer belongs to a process that solves the point again, say because its result is damaged.
    newer = folder.checkpoint(4)
    newer.write_bytes(b"newer than the result")
    assert dmft("sweep", quick, "-o", tmp_path / "out").code == 0
    assert [path for path in (*left, newer) if path.exists()] == [newer]
    newer.unlink()
    assert dmft("sweep", quick, "-o", tmp_path / "out").code == 0
    found = contents(tmp_path / "out")
    assert_same_points({name.split("/")[-1]: found[name] for name in found}, reference)
    assert not newer.parent.exists()


def test_from_python(quick, tmp_path, reference):
    table = package.sweep(Sweep.load(quick), tmp_path / "out")
    assert table["final_test_error"].shape == (3, 2)
    assert_same_points(contents(tmp_path / "out"), reference)
    assert missing(Folder.load(tmp_path / "out")) == []
    with pytest.raises(ProblemError, match="init_scale"):
        package.sweep(Sweep.from_toml(SWEEP.replace("[0.5, 1.0]", "[0.7]")), tmp_path / "out")


def test_sweep_file_of_the_user_in_the_folder_stays_as_it_is(dmft, tmp_path):
    """Comments, order and spelling are the user's, whatever the command line changes."""
    folder = tmp_path / "own"
    folder.mkdir()
    own = folder / "sweep.toml"
    own.write_text("# mine\n" + SWEEP.replace("width = 4", "width = 4.0   # narrow"))
    before = own.read_bytes()
    for options in ([], ["--set", "solver.max_nodes=9999"], ["--jobs", 2, "--retry"]):
        assert dmft("sweep", own, "-o", folder, *options).code == 0
        assert own.read_bytes() == before
    assert dmft("status", folder).code == dmft("collect", folder).code == 0
    assert dmft("sweep", own, "-o", folder, "--set", "problem.width=5").code == 2
    assert own.read_bytes() == before


@pytest.mark.slow
def test_limits_from_the_command_line_reach_the_processes(dmft, tmp_path):
    (tmp_path / "own").mkdir()
    own = tmp_path / "own" / "sweep.toml"
    own.write_text("# mine\n" + SWEEP.replace("tolerance", "max_nodes = 10\ntolerance"))
    assert dmft("sweep", own, "-o", tmp_path / "own", "--jobs", 2).code == 3
    options = ("--set", "solver.max_nodes=9999", "--retry", "--jobs", 2)
    assert dmft("sweep", own, "-o", tmp_path / "own", *options).code == 0


@pytest.mark.parametrize("length", [256, 4040, 4100])
def test_name_that_is_too_long_is_found_before_the_work(dmft, quick, tmp_path, monkeypatch, length):
    """The name of the folder itself, the path of its points, the path of the folder."""
    monkeypatch.setattr(PointSolver, "run", None)
    folder = tmp_path / ("x" * length)
    if length > 256:
        path = str(tmp_path) + "/" + "/".join(["x" * 200] * 20)
        folder = path[:length].rstrip("/") + "x" * max(0, length - len(path))
    ended = dmft("sweep", quick, "-o", folder)
    assert (ended.code, ended.out) == (2, "")
    assert "cannot be written (File name too long)" in ended.err
    assert ended.err.count("\n") == 1


def test_point_that_lacks_memory_is_not_a_failed_one(dmft, quick, tmp_path, monkeypatch, reference):
    """With less memory the others are solved; with more, the same command solves it."""
    refuse = "dmft.sweeps.worker.solve"

    def solve(problem, **keys):
        if problem.tables["problem"]["init_scale"] == 1.0:
            raise TooLargeError("1000 nodes need 800 MiB, 300 MiB are available; wanted --mem=900M")
        return package.solve(problem, **keys)

    with monkeypatch.context() as patch:
        patch.setattr(refuse, solve)
        ended = dmft("sweep", quick, "-o", tmp_path / "out")
    assert ended.code == 2
    assert "3 of 6 points done, 3 need more memory, the first of them samples_per_parameter=0.5,init_scale=1: " in ended.err
    assert "wanted --mem=900M" in ended.err
    assert "failed" not in " ".join(os.listdir(tmp_path / "out" / "points"))
    assert dmft("sweep", quick, "-o", tmp_path / "out").code == 0
    assert_same_points(contents(tmp_path / "out"), reference)


def test_second_run_into_one_new_file_is_refused(dmft, quick, tmp_path):
    problem = tmp_path / "point.toml"
    problem.write_text(Sweep.load(quick).problem(0).to_toml())
    with output_lock(tmp_path / "run.h5"):
        ended = dmft("solve", problem, "-o", tmp_path / "run.h5")
        assert (ended.code, ended.out) == (2, "")
        assert "is being written by this process" in ended.err
        with pytest.raises(ProblemError, match="is being written"):
            package.solve(Sweep.load(quick).problem(0), output=tmp_path / "run.h5")
    assert dmft("solve", problem, "-o", tmp_path / "run.h5").code == 0
