"""dmft solve: result, summary, resuming, extending, failing, progress."""

import os
import pty
import subprocess
import sys

import numpy as np
import pytest

from dmft import Outcome, Problem, Solution, solve
from tests.comparison import assert_same, datasets
from tests.problem_files import POINT
from tests.processes import PATIENCE, start


def test_file_holds_what_the_library_finds(solved):
    expected = solve(Problem.from_toml(POINT))
    found = Solution.load(solved)
    assert found.complete
    assert found.problem == expected.problem
    for name, values in expected.observables.items():
        assert (found.observables[name] == values).all()


def test_summary_is_one_line(dmft, quick, tmp_path):
    ended = dmft("solve", quick, "-o", tmp_path / "run.h5")
    assert ended.code == 0
    assert ended.err == ""
    assert ended.out.count("\n") == 1
    solution = Solution.load(tmp_path / "run.h5")
    for part in ("done", "t = 20", f"{len(solution.time)} nodes", f"{solution.test_error[-1]:.6g}", str(tmp_path / "run.h5")):
        assert part in ended.out


def test_set_changes_the_problem(dmft, quick, tmp_path):
    changes = ["--set", "problem.width=5", "--set", "problem.activation=erf", "--set", "problem.samples_per_dimension=3"]
    assert dmft("solve", quick, "-o", tmp_path / "run.h5", *changes).code == 0
    found = Solution.load(tmp_path / "run.h5").problem
    expected = Problem.from_toml(POINT).replace(width=5, activation="erf", samples_per_parameter=3 / 5)
    assert found == expected


def test_complete_file_is_left_alone(dmft, quick, solved):
    before = solved.stat()
    ended = dmft("solve", quick, "-o", solved)
    assert ended.code == 0
    assert ended.out.startswith("complete already: ")
    assert ended.out.count("\n") == 1
    assert (solved.stat().st_mtime_ns, solved.stat().st_ino) == (before.st_mtime_ns, before.st_ino)


def test_larger_t_max_extends(dmft, quick, solved):
    before = datasets(solved)
    assert dmft("solve", quick, "-o", solved, "--set", "solver.t_max=40.0").code == 0
    after = Solution.load(solved)
    assert after.time[-1] == 40.0
    assert after.complete
    assert (after.test_error[: len(before["time"])] == before["observables/test_error"]).all()


def test_quiet_prints_nothing(dmft, quick, tmp_path):
    ended = dmft("solve", quick, "-o", tmp_path / "run.h5", "--quiet")
    assert (ended.code, ended.out, ended.err) == (0, "", "")


FAILURES = {
    Outcome.NOT_CONVERGED: ("max_iterations", 1),
    Outcome.STUCK: ("max_nodes", 40),
}


@pytest.mark.parametrize("outcome", FAILURES)
def test_failure_is_one_line_and_keeps_the_accepted_cells(dmft, quick, tmp_path, outcome):
    key, limit = FAILURES[outcome]
    ended = dmft("solve", quick, "-o", tmp_path / "run.h5", "--set", f"solver.{key}={limit}")
    found = Solution.load(tmp_path / "run.h5")
    assert ended.code == 3
    assert ended.out == ""
    assert ended.err.count("\n") == 1
    for part in (str(tmp_path / "run.h5"), outcome.value, outcome.advice, f"t = {found.time[-1]:.6g}", f"{found.residual:.1e}"):
        assert part in ended.err
    assert found.outcome is outcome
    expected = solve(Problem.from_toml(POINT).replace(**{key: limit}))
    assert len(found.time) > 1
    assert np.array_equal(found.time, expected.time)
    assert np.array_equal(found.test_error, expected.test_error)


def test_failed_run_goes_on_with_a_larger_limit(dmft, quick, solved, tmp_path):
    assert dmft("solve", quick, "-o", tmp_path / "run.h5", "--set", "solver.max_nodes=40").code == 3
    assert dmft("solve", quick, "-o", tmp_path / "run.h5").code == 0
    assert_same(datasets(tmp_path / "run.h5"), datasets(solved))


def test_log_line_tells_how_the_run_fares(dmft, quick, tmp_path, monkeypatch):
    monkeypatch.setattr("dmft.cli.progress.LOG_SECONDS", 0.0)
    ended = dmft("solve", quick, "-o", tmp_path / "run.h5")
    lines = ended.err.splitlines()
    solution = Solution.load(tmp_path / "run.h5")
    assert len(lines) == (len(solution.time) - 1) // solution.problem.solver.stages
    for number, line in enumerate(lines, 1):
        assert line.startswith("t = ")
        assert f"  cell {number}  " in line
        for part in ("t = ", "of 20", "nodes", "iterations", "residual", "|C_d(t,t)-1|", "left"):
            assert part in line


@pytest.mark.slow
def test_live_line_on_a_terminal(slow, tmp_path):
    ours, theirs = pty.openpty()
    process = start("solve", slow, "-o", tmp_path / "run.h5", "--no-verify", stderr=theirs)
    os.close(theirs)
    shown = b""
    # Reading from a terminal whose other end is closed is an error, not an end of file.
    try:
        while part := os.read(ours, 4096):
            shown += part
    except OSError:
        pass
    os.close(ours)
    out, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    assert out.count("\n") == 1
    assert shown.count(b"cell ") > 1
    assert shown.count(b"\n") <= 1


HEAVY = ("matplotlib", "numba", "h5py", "scipy", "rich")


@pytest.mark.parametrize(("command", "unwanted"), [("--help", HEAVY), ("solve", ("matplotlib", "rich"))])
def test_only_what_is_needed_is_imported(quick, tmp_path, command, unwanted):
    arguments = ["solve", str(quick), "-o", str(tmp_path / "run.h5")] if command == "solve" else [command]
    code = f"import sys; from dmft.cli.main import run; run({arguments!r}); print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "dmft.cli.main" in modules
    assert not set(unwanted) & set(modules)
