"""Figures of what a reader chooses: several runs, observables, axes, size, style; kernels of every group."""

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from dmft import Problem, plot, simulate, solve
from dmft.plots import labels
from dmft.plots.headline import put_headline
from dmft.plots.pictures import MOST, parts
from dmft.plots.style import COLOURS
from tests.shown import texts


@pytest.fixture(scope="module")
def runs():
    problem = Problem(
        width=3, samples_per_parameter=1.0, activation=[0.1, 0.8, 0.5], target=[0, 1], noise=0.3, t_max=3.0, tolerance=1e-2
    )
    return [solve(problem), solve(problem.replace(width=6, t_max=2.0))]


@pytest.fixture(scope="module")
def grouped():
    neurons = [{"count": 2, "second_layer": 1.0}, {"count": 1, "second_layer": -1.0, "alignment": [0.1, 0.2]}]
    target = {"1,0": 0.7, "0,2": -0.5}
    given = {
        "width": 3,
        "samples_per_parameter": 1.0,
        "activation": [0, 0.8, 0.5],
        "noise": 0.3,
        "t_max": 1.0,
        "tolerance": 1e-2,
    }
    return solve(Problem(target=target, neurons=neurons, **given))


def test_several_runs_are_told_by_colour_and_by_what_differs(runs):
    figure = plot(runs)
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["$m = 3$", "$m = 6$"]
    assert [line.get_color() for line in legend.get_lines()] == list(COLOURS[:2])
    for panel in figure.axes:
        assert [line.get_color() for line in panel.lines] == list(COLOURS[:2])
        for run, line in zip(runs, panel.lines, strict=True):
            assert np.asarray(line.get_xdata())[-1] == run.time[-1]
    assert "$m" not in figure.get_suptitle()
    assert r"\tau = 0.3" in figure.get_suptitle()


@pytest.mark.slow
def test_runs_that_differ_in_much_keep_their_panels(runs, grouped):
    """Long names stand below the panels, those of entries in them; tolerances tell nothing where the physics differs."""
    figure = plot([runs[0], grouped])
    figure.draw_without_rendering()
    (legend,) = figure.legends
    first, second = (text.get_text() for text in legend.get_texts())
    assert "tolerance" not in first + second
    below = legend.get_window_extent().y1
    assert all(panel.get_window_extent().y0 > below for panel in figure.axes)
    named = [[text.get_text() for text in panel.get_legend().get_texts()] for panel in figure.axes if panel.get_legend()]
    assert ["group 0", "group 1"] in named


def test_chosen_observables_in_their_order(runs):
    figure = plot(runs[0], observables=["multiplier", "alignment"])
    ends = [np.asarray(panel.lines[0].get_ydata())[-1] for panel in figure.axes]
    assert ends == pytest.approx([runs[0].multiplier[-1], runs[0].alignment[-1]])


def test_one_observable_against_another(runs):
    (panel,) = plot(runs[0], observables=["test_error"], x="train_error", y_scale="log").axes
    x, y = panel.lines[0].get_data()
    assert (x[-1], y[-1]) == pytest.approx((runs[0].train_error[-1], runs[0].test_error[-1]))
    assert (panel.get_xlabel(), panel.get_xscale(), panel.get_yscale()) == ("train error", "linear", "log")


def test_simulations_are_points_in_the_colour_of_their_run(runs):
    simulation = simulate(runs[1].problem, dim=10, seeds=2, tolerance=1e-2)
    (panel,) = plot([*runs, simulation], observables=["test_error"]).axes
    assert [to_hex(container[0].get_color()) for container in panel.containers] == [COLOURS[1].lower()]


@pytest.mark.parametrize("chosen", [pytest.param(False, marks=pytest.mark.slow), True])
def test_axes_and_size(runs, chosen):
    asked = {"observables": ["test_error"]} if chosen else {}
    figure = plot(runs[0], x_scale="linear", x_limits=(0.5, 2.0), size=(6.0, 4.0), **asked)
    panel = figure.axes[0] if chosen else figure.subfigs[0].axes[0]
    assert (panel.get_xscale(), panel.get_xlim()) == ("linear", (0.5, 2.0))
    assert tuple(figure.get_size_inches()) == (6.0, 4.0)


def test_paper_has_the_widths_of_columns_and_no_headline(runs):
    one, two = plot(runs, observables=["test_error"], style="paper"), plot(runs[0], style="paper")
    assert [figure.get_size_inches()[0] for figure in (one, two)] == [3.375, 7.0]
    assert not one.get_suptitle()
    assert max(text.get_fontsize() for text in one.axes[0].get_xticklabels()) <= 8.0


@pytest.mark.parametrize(
    ("look", "message"),
    [
        ({"observables": ["tset_error"]}, "test_error"),
        ({"x": "nothing"}, "wanted some of"),
        ({"style": "poster"}, "screen, paper"),
        ({"size": (0.0, 1.0)}, "> 0"),
        ({"x_limits": (2.0, 1.0)}, "first < last"),
        ({"x_limits": (0.0, 1.0), "x_scale": "log"}, "0 < first"),
    ],
)
def test_what_does_not_fit_is_refused(runs, look, message):
    with pytest.raises(ValueError, match=message):
        plot(runs[0], **look)


@pytest.mark.slow
def test_kernels_of_every_group_and_pair(grouped):
    figure = grouped.plot()
    shown = [text.get_text() for axes in figure.subfigs[1].axes for text in axes.texts]
    for kernel, places in (
        ("C_d", ["group 0", "group 1"]),
        ("C_o", ["group 0, group 0", "group 0, group 1", "group 1, group 1"]),
    ):
        assert [text.partition("\n")[2] for text in shown if kernel in text] == places
    assert len(parts(grouped)) == 2 + 3 + 2 + 1 <= MOST


@pytest.mark.slow
def test_rows_of_kernels_stand_beside_the_panels(runs):
    left, right = runs[0].plot().subfigs
    edges = [axes.get_position() for axes in (left.axes[0], left.axes[1])]
    pictures = [axes.get_position() for axes in right.axes if axes.get_subplotspec()]
    for place, box in enumerate(pictures):
        assert (box.y0, box.y1) == pytest.approx((edges[place // 2].y0, edges[place // 2].y1))


def test_groups_by_colour_and_directions_by_line(grouped):
    lines = plot(grouped, observables=["alignment"]).axes[0].lines
    assert [line.get_color() for line in lines] == [COLOURS[0]] * 2 + [COLOURS[1]] * 2
    assert [line.get_linestyle() for line in lines] == ["-", "--"] * 2
    assert [line.get_label() for line in lines][-1] == "group 1, direction 1"


def test_legends_name_groups_and_directions_once(grouped):
    figure = plot(grouped, observables=["alignment", "neuron_overlap", "second_layer"])
    named = [[text.get_text() for text in axes.get_legend().get_texts()] for axes in figure.axes]
    assert named == [
        ["group 0", "group 1", "direction 0", "direction 1"],
        ["group 0", "group 1", "with group 0", "with group 1"],
        ["group 0", "group 1"],
    ]
    # Two groups have one overlap.
    assert [line.get_label() for line in figure.axes[1].lines] == ["group 0, group 0", "group 0, group 1", "group 1, group 1"]


def test_simulations_alone_have_lines_that_tell_directions_apart(grouped):
    simulation = simulate(grouped.problem.replace(t_max=0.5), dim=10, seeds=2, times=3)
    lines = [bars[0] for bars in plot(simulation, observables=["alignment"]).axes[0].containers]
    assert [line.get_linestyle() for line in lines] == ["-", "--"] * 2


@pytest.mark.parametrize("width", [4.0, 7.0, 12.0])
def test_headlines_end_lines_outside_of_formulas(grouped, width):
    figure = Figure(figsize=(width, 3.0))
    title = labels.title(grouped.problem)
    put_headline(figure, title, "large")
    lines = figure.get_suptitle().split("\n")
    assert all(line.count("$") % 2 == 0 for line in lines)
    assert "".join(lines).replace(" ", "") == title.replace(" ", "")
    heading = figure.texts[0]
    for line in lines:
        heading.set_text(line)
        assert heading.get_window_extent().width <= figure.bbox.width


@pytest.mark.slow
def test_titles_of_targets_and_groups(grouped):
    title = labels.title(grouped.problem)
    assert r"$\varphi$ = $0.7\,\mathrm{He}_{1,0} - 0.5\,\mathrm{He}_{0,2}$" in title
    assert "groups of $2$, $1$ neurons, second layer $1$, $-1$, $v(0)$ = $\\mathrm{default}$, $(0.1, 0.2)$" in title
    assert texts(grouped.plot())


@pytest.mark.parametrize(
    ("target", "written"),
    [
        ({"committee": "erf", "directions": 2}, r"$\mathrm{erf}(z_{1}) + \mathrm{erf}(z_{2})$"),
        ({"committee": "tanh", "directions": 5}, r"$\mathrm{tanh}(z_{1}) + ... + \mathrm{tanh}(z_{5})$"),
        ({"committee": [0.0, 0.0, 1.0], "directions": 2}, "$f(z_{1}) + f(z_{2})$ with $f$ = [0, 0, 1]"),
    ],
)
def test_committees_in_titles(target, written):
    start = [0.1] * target["directions"]
    problem = Problem(width=3, samples_per_parameter=1.0, activation="erf", target=target, alignment=start, t_max=1.0)
    assert written in labels.title(problem)


def test_units_are_in_titles_of_given_starts():
    """Unless the starts differ, in which case they are those of one of the runs."""
    start = {"student_overlap": [[1.0]], "cross_overlap": [[0.1, 0.2]]}
    problem = Problem(model="online-sgd", activation="erf", learning_rate=0.5, t_max=1.0, **start)
    assert "$K = 1$,  $M = 2$" in labels.title(problem)
    assert "$K = 1$,  $M = 2$" in labels.title(problem, without=["learning_rate"])
    assert "K" not in labels.title(problem, without=["student_overlap"])
