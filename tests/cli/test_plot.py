"""dmft plot: several files, options, and figures that are not overwritten."""

import pytest

from dmft import Solution, solve


@pytest.fixture
def other(solved, tmp_path):
    """The run with another number of neurons."""
    path = tmp_path / "other.h5"
    solve(Solution.load(solved).problem.replace(width=5, t_max=2.0)).save(path)
    return path


@pytest.mark.slow
def test_several_runs_with_options(dmft, solved, other, tmp_path):
    options = [
        "--observables",
        "test_error, alignment",
        "--linx",
        "--logy",
        "--xlim",
        "0,2",
        "--size",
        "4x3",
        "--style",
        "paper",
    ]
    for suffix in ("png", "pdf", "svg"):
        figure = tmp_path / f"both.{suffix}"
        assert dmft("plot", solved, other, "-o", figure, *options).code == 0
        assert figure.stat().st_size > 1000


@pytest.mark.parametrize("suffix", ["png", *(pytest.param(vector, marks=pytest.mark.slow) for vector in ("pdf", "svg"))])
def test_a_figure_of_another_file_stays(dmft, solved, other, tmp_path, suffix):
    figure = tmp_path / f"figure.{suffix}"
    look = ["--observables", "test_error", "--size", "3x2"]
    assert dmft("plot", solved, "-o", figure, *look).code == 0
    before = figure.read_bytes()
    refused = dmft("plot", other, "-o", figure)
    assert refused.code == 2
    assert f"is the figure of {solved.name}" in refused.err or solved.name in refused.err
    assert figure.read_bytes() == before
    assert dmft("plot", solved, "-o", figure, *look).code == 0
    assert dmft("plot", other, "-o", figure, *look, "--force").code == 0


@pytest.mark.parametrize("suffix", ["png", *(pytest.param(vector, marks=pytest.mark.slow) for vector in ("pdf", "svg"))])
def test_a_figure_of_several_files_is_that_of_each(dmft, solved, other, tmp_path, suffix):
    """The figure of one file becomes that of two; that of two is not lost to either of them alone."""
    figure, look = tmp_path / f"a, b.{suffix}", ["--observables", "test_error", "--size", "3x2"]
    assert dmft("plot", solved, "-o", figure, *look).code == 0
    assert dmft("plot", other, solved, "-o", figure, *look).code == 0
    for alone in (solved, other):
        assert f"is the figure of {other.name}, {solved.name}" in dmft("plot", alone, "-o", figure, *look).err
    assert dmft("plot", solved, other, "-o", figure, *look).code == 0


def test_a_picture_that_is_no_figure_stays(dmft, solved, tmp_path):
    figure = tmp_path / "drawn.png"
    figure.write_bytes(b"by hand")
    refused = dmft("plot", solved, "-o", figure)
    assert refused.code == 2
    assert "does not say which file" in refused.err
    assert figure.read_bytes() == b"by hand"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--size", "4"], "--size"),
        (["--xlim", "a,b"], "wanted two numbers"),
        (["--style", "poster"], "screen, paper"),
        (["--observables", "nothing"], "wanted some of"),
        (["--xlim", "2,1"], "first < last"),
    ],
)
def test_bad_options(dmft, solved, tmp_path, options, message):
    refused = dmft("plot", solved, "-o", tmp_path / "figure.png", *options)
    assert refused.code == 2
    assert message in refused.err
    assert len(refused.err.splitlines()) == 1
    assert not (tmp_path / "figure.png").exists()
