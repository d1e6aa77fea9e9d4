"""dmft show, plot, cite, plan and --version: what they print and write."""

import re

import pytest

from dmft import Problem, Solution, __version__
from dmft.running.plan import plan
from tests.problem_files import POINT
from tests.shown import rows


def test_show_tells_what_is_in_the_file(dmft, solved):
    ended = dmft("show", solved)
    solution = Solution.load(solved)
    assert (ended.code, ended.err) == (0, "")
    assert solution.problem.to_toml() in ended.out
    assert "done: t_max was reached" in ended.out
    shown = rows(ended.out)
    for name, values in solution.observables.items():
        assert [float(text) for text in shown[name]] == pytest.approx([values[-1], values.min(), values.max()], rel=1e-7)
    best = solution.early_stopping
    assert f"{best.value:.8g} at t = {best.time:.8g}" in ended.out
    assert f"{solution.generalization_gap[-1]:.8g} at the end" in ended.out
    assert shown["nodes"] == [str(len(solution.time))]
    assert shown["version"] == [__version__]


@pytest.mark.parametrize("time", [0.0, 1.2345, 20.0])
def test_show_at_a_time(dmft, solved, time):
    ended = dmft("show", solved, "--at", time)
    assert ended.code == 0
    shown = rows(ended.out)
    expected = Solution.load(solved).at(time)
    assert shown.keys() == expected.keys()
    for name, value in expected.items():
        assert float(shown[name][0]) == pytest.approx(value, rel=1e-7)


def test_show_a_failed_run(dmft, quick, tmp_path):
    assert dmft("solve", quick, "-o", tmp_path / "run.h5", "--set", "solver.max_nodes=40").code == 3
    ended = dmft("show", tmp_path / "run.h5")
    assert ended.code == 0
    assert "stuck: " in ended.out
    assert "raise max_nodes" in ended.out


SIGNATURES = {"png": b"\x89PNG", "pdf": b"%PDF", "svg": b"<?xml"}


@pytest.mark.slow
@pytest.mark.parametrize("suffix", SIGNATURES)
def test_plot_in_every_format(dmft, solved, tmp_path, suffix):
    target = tmp_path / f"figure.{suffix}"
    ended = dmft("plot", solved, "-o", target)
    assert (ended.code, ended.out, ended.err) == (0, f"{target}\n", "")
    assert target.read_bytes().startswith(SIGNATURES[suffix])


@pytest.mark.slow
def test_plot_beside_the_file(dmft, solved):
    assert dmft("plot", solved).code == 0
    assert sorted(path.name for path in solved.parent.iterdir()) == ["quick.h5", "quick.png", "quick.toml"]


def test_cite_is_bibtex_with_a_purpose_each(dmft, solved):
    ended = dmft("cite", solved)
    assert (ended.code, ended.err) == (0, "")
    entries = re.findall(r"^% .+\n@\w+\{(\w+),$", ended.out, flags=re.MULTILINE)
    assert len(entries) == len(set(entries)) == ended.out.count("@")
    assert ended.out.count("{") == ended.out.count("}")
    for part in ("2502.21269", "Montanari", "Hairer", "Walker", "1715", __version__):
        assert part in ended.out


def test_plan_prints_the_estimate(dmft, quick):
    ended = dmft("plan", quick, "--set", "solver.tolerance=1e-3")
    assert (ended.code, ended.err) == (0, "")
    shown = rows(ended.out)
    estimate = plan(Problem.from_toml(POINT).replace(tolerance=1e-3))
    assert shown["points"] == ["1"]
    assert shown["nodes"] == [str(estimate.nodes)]
    assert shown["memory"][1] in ("MiB", "GiB")
    assert shown.keys() == {"points", "nodes", "memory", "file", "time"}


def test_version(dmft):
    ended = dmft("--version")
    assert (ended.code, ended.out) == (0, f"dmft {__version__}\n")


def test_help_lists_the_commands(dmft):
    ended = dmft("--help")
    assert ended.code == 0
    for command in ("solve", "plan", "show", "plot", "cite"):
        assert f"  {command} " in ended.out
