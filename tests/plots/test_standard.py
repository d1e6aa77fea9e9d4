"""The standard figure: what it says, where it marks early stopping, and what it does with odd runs."""

import subprocess
import sys

import numpy as np
import pytest
from matplotlib.colors import LogNorm, SymLogNorm
from matplotlib.figure import Figure

from dmft import Problem, Solution, solve
from dmft.plots.labels import function_name, number
from dmft.plots.pictures import ONE_SIGN, TWO_SIGNS, on_log_grid, parts, scale
from tests.conftest import small_problem
from tests.shown import texts

ODD = {
    "lazy": {"init": "lazy", "width": 100, "alignment": 0.0},
    "pure noise": {"target": "none", "alignment": 0.0},
    "wide": {"width": 1e6},
    "infinitely wide": {"width": float("inf"), "samples_per_parameter": None, "samples_per_dimension": 2.0},
    "few nodes": {"t_max": 1e-3},
    "frozen": {"train_second_layer": False},
    "interpolating": {"samples_per_parameter": 0.2, "t_max": 1e3},
}


@pytest.fixture(scope="module")
def solution():
    """A run to beyond its smallest test error."""
    return solve(small_problem(t_max=200.0, tolerance=1e-3))


@pytest.fixture(scope="module")
def drawn(solution) -> Figure:
    """The standard figure of this run."""
    return solution.plot()


@pytest.mark.slow
@pytest.mark.parametrize("case", ODD)
def test_odd_runs_are_drawn(small, case):
    drawn = texts(solve(small.replace(tolerance=1e-3, **ODD[case])).plot())
    for label in ("C_d", "C_o", "R_d", "C_F", "test error", "train error"):
        assert any(label in text for text in drawn)


def test_title_and_ending_tell_the_parameter_point_and_raise_no_alarm(solution, drawn):
    found = " ".join(texts(drawn))
    for part in ("two-layer-flow", "$m = 3$", "$n/(md) = 1$", "[0.1, 0.837, 0.548]", r"\tau = 0.3", "mean-field"):
        assert part in found
    assert "DONE" not in found
    assert f"{len(solution.time)} nodes" in found


def test_early_stopping_is_marked(solution, drawn):
    best = solution.early_stopping
    assert 0 < best.time < 200.0
    errors = drawn.subfigs[0].axes[0]
    points = [np.asarray(line.get_xydata()) for line in errors.lines if line.get_marker() == "o"]
    assert np.allclose(points, [[best]], rtol=1e-12)
    assert f"${number(best.value)}$ at $t = {number(best.time)}$" in errors.texts[0].get_text()


def test_curves_go_through_the_nodes(solution, drawn):
    test, train = drawn.subfigs[0].axes[0].lines[:2]
    for line, name in ((test, "test_error"), (train, "train_error")):
        times, values = np.asarray(line.get_data())
        assert times[-1] == solution.time[-1]
        inside = solution.time >= times[0]
        assert np.interp(solution.time[inside], times, values) == pytest.approx(solution.observables[name][inside], rel=1e-3)


@pytest.mark.parametrize(
    "limits",
    [
        # This one fails in the first cell: there is nothing to draw.
        {"max_iterations": 1, "smallest_step": 0.5},
        pytest.param({"max_iterations": 1}, marks=pytest.mark.slow),
        pytest.param({"max_nodes": 20}, marks=pytest.mark.slow),
    ],
)
def test_failed_run_says_so(small, limits):
    solution = solve(small.replace(**limits))
    assert solution.outcome.failed
    drawn = " ".join(" ".join(texts(solution.plot())).split())
    assert solution.outcome.value.upper() in drawn
    assert solution.outcome.advice in drawn


def test_interpolation_is_exact_for_what_is_linear_in_each_time():
    time = np.array([0.0, 0.1, 0.5, 2.0, 3.0])
    kernel = np.tril(1 + np.minimum.outer(time, time) + 0.5 * np.maximum.outer(time, time))
    grid = np.geomspace(0.05, 3.0, 40)
    picture = on_log_grid(time, kernel, grid)
    t, t_prime = np.meshgrid(grid, grid, indexing="ij")
    assert np.array_equal(np.ma.getmaskarray(picture), t_prime > t)
    # Up to the diagonal, where the mirror image has a kink.
    expected = 1 + t_prime + 0.5 * t
    assert np.allclose(picture[t >= t_prime], expected[t >= t_prime], rtol=1e-12)


def test_colours_fit_the_signs():
    one, two = np.geomspace(1e-3, 1, 100), np.linspace(-0.5, 1, 100)
    assert scale(one, logarithmic=False)[1] == ONE_SIGN
    assert scale(two, logarithmic=False)[1] == TWO_SIGNS
    assert isinstance(scale(one, logarithmic=True)[0], LogNorm)
    assert isinstance(scale(two, logarithmic=True)[0], SymLogNorm)
    for logarithmic in (False, True):
        middle = scale(two, logarithmic)[0](0.0)
        assert middle == pytest.approx(0.5)


@pytest.mark.parametrize("values", [np.zeros(10), np.full(10, 2.0), np.full(10, -2.0)])
@pytest.mark.parametrize("logarithmic", [False, True])
def test_constant_pictures_have_a_scale(values, logarithmic):
    norm, _ = scale(values, logarithmic)
    assert norm.vmin is not None
    assert norm.vmax is not None
    assert norm.vmin < norm.vmax


def test_numbers_and_names():
    assert number(0.14687) == "0.147"
    assert number(1e6) == "10^{6}"
    assert number(1.25e-5) == r"1.25\times10^{-5}"
    assert number(float("inf")) == r"\infty"
    assert function_name("erf") == "erf"
    assert function_name([0.0, 1 / 3, 1, 0, 5]) == "[0, 0.333, 1, 0, ...]"


@pytest.mark.slow
def test_needs_no_display_and_no_pyplot(small, tmp_path):
    solve(small.replace(tolerance=1e-3)).save(tmp_path / "run.h5")
    code = (
        f"import sys, dmft; dmft.Solution.load({str(tmp_path / 'run.h5')!r}).plot({str(tmp_path / 'run.png')!r}); "
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert (tmp_path / "run.png").stat().st_size > 10_000
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run.h5", "run.png"]


def test_a_figure_that_fails_leaves_nothing(solution, tmp_path):
    with pytest.raises(ValueError, match="bmp"):
        solution.plot(tmp_path / "run.bmp", observables=["test_error"])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_problem_and_solution_are_untouched(small):
    problem = Problem.from_toml(small.to_toml())
    solution = solve(small.replace(tolerance=1e-3))
    before = {name: kernel.copy() for name, kernel in solution.kernels.items()}
    Solution.plot(solution)
    assert small == problem
    for name, kernel in before.items():
        assert np.array_equal(kernel, solution.kernels[name])


def test_labels_of_bars_of_colours_do_not_touch(solution, drawn):
    """Neither along one bar nor from one picture to the next, also where both ends of a scale have a label."""
    drawn.draw_without_rendering()
    bars = [bar for part in drawn.subfigs for axes in part.axes for bar in axes.child_axes]
    assert len(bars) == len(parts(solution))
    boxes = [box for bar in bars for box in shown_labels(bar)]
    assert [(i, j) for i, one in enumerate(boxes) for j, two in enumerate(boxes[:i]) if one.overlaps(two)] == []


def shown_labels(bar):
    """Places of the labels of a bar of colours, without those beyond its ends, which matplotlib does not draw."""
    low, high = bar.get_ylim()
    places = zip(bar.get_yticks(), bar.get_yticklabels(), strict=True)
    return [label.get_window_extent() for value, label in places if low <= value * (1 + 1e-9) and value <= high * (1 + 1e-9)]
