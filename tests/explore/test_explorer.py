"""The state of a page: what its controls change, what it solves, what it pins."""

import numpy as np
import pytest

from dmft.explore.explorer import Explorer, options
from dmft.problem import registry
from dmft.problem.description import Slider

SMALL = {
    "problem": {"width": 3, "samples_per_parameter": 1.0, "activation": [0.0, 1.0], "noise": 0.5},
    "solver": {"t_max": 1.0},
}


def test_a_change_is_solved_and_going_back_solves_nothing():
    explorer = Explorer(SMALL)
    first = explorer.answer()
    explorer.set("problem.noise", 0.2)
    second = explorer.answer()
    assert second.solution.observables["train_error"][0] != first.solution.observables["train_error"][0]
    explorer.set("problem.noise", 0.5)
    assert explorer.answer() is first


def test_one_of_two_ratios_replaces_the_other():
    explorer = Explorer(SMALL)
    explorer.set("problem.samples_per_dimension", 6.0)
    assert explorer.value("problem.samples_per_parameter") == 2.0


def test_what_is_no_problem_is_answered_with_a_line():
    explorer = Explorer(SMALL)
    explorer.set("problem.noise", -1.0)
    answer = explorer.answer()
    assert answer.solution is None
    assert answer.message.startswith("noise = -1.0: wanted")


def test_pins_are_named_by_what_differs():
    explorer = Explorer(SMALL)
    explorer.pin()
    explorer.set("problem.noise", 0.2)
    explorer.pin()
    assert [pinned.name for pinned in explorer.pinned] == ["first pinned", "noise = 0.2"]
    explorer.unpin()
    assert not explorer.pinned


def test_the_value_of_a_file_is_on_its_slider():
    control = Slider("problem.noise", "noise", 0.1, 10.0, decades=True)
    offered = options(control, 0.12345)
    assert 0.12345 in offered
    assert offered == sorted(offered)


@pytest.mark.parametrize("name", registry.names())
def test_every_theory_has_an_example_and_controls_of_it(name):
    description = registry.load(name).description
    explorer = Explorer(description.example)
    assert description.controls
    for control in description.controls:
        for value in (options(control, None)[0], options(control, None)[-1]):
            changed = Explorer(description.example)
            changed.set(control.key, value)
            assert changed.problem.parameters.model == name
    assert explorer.problem.parameters.model == name


GROUPS = {
    "problem": {
        "width": 4,
        "samples_per_parameter": 1.0,
        "activation": [0.0, 1.0, 0.5],
        "target": {"1,0": 0.7, "0,1": 0.3},
        "neurons": [{"fraction": 0.5, "alignment": [0.1, 0.0]}, {"fraction": 0.5, "second_layer": -1.0}],
    },
    "solver": {"t_max": 1.0, "tolerance": 1e-3},
}
THEORIES = {"two-layer": SMALL, "groups": GROUPS, "p-spin": registry.load("spherical-pspin").description.example}


@pytest.mark.parametrize(
    "tables",
    [pytest.param(tables, id=name, marks=[pytest.mark.slow] if name == "groups" else []) for name, tables in THEORIES.items()],
)
def test_what_is_found_is_drawn(tables):
    figures = pytest.importorskip("dmft.explore.figures", exc_type=ModuleNotFoundError)
    explorer = Explorer(tables)
    explorer.set("solver.t_max", 3.0)
    explorer.pin()
    solution = explorer.answer().solution
    for view in (figures.View(), figures.View(log_time=False, log_values=True)):
        drawn = figures.curve_figures(solution, explorer.pinned, view)
        assert drawn
        assert all(own.renderers for own in drawn)
    choices = figures.kernel_choices(solution)
    assert {kernel for kernel, _ in choices.values()} == set(solution.kernels)
    for kernel, index in choices.values():
        assert figures.kernel_figure(solution, kernel, index).renderers


def test_a_pin_of_another_number_of_groups_is_drawn_where_it_has_the_curve():
    figures = pytest.importorskip("dmft.explore.figures", exc_type=ModuleNotFoundError)
    explorer = Explorer(SMALL)
    explorer.pin()
    drawn = figures.curve_figures(Explorer(GROUPS).answer().solution, explorer.pinned, figures.View())
    counts = [len(own.renderers) for own in drawn]
    assert 4 in counts  # train and test error, each of both


@pytest.mark.parametrize("logarithmic", [False, True])
@pytest.mark.parametrize("corner", ["top_right", "top_left", "bottom_right", "bottom_left"])
def test_a_legend_hides_no_curve(corner, logarithmic):
    """A curve through three of the corners leaves the fourth, on either scale of the axes."""
    figures = pytest.importorskip("dmft.explore.figures", exc_type=ModuleNotFoundError)
    left, bottom = figures.CORNERS[corner]
    along = np.linspace(0.0, 1.0, 50)
    x = np.concatenate([np.full(50, 1.0 - left), along])
    y = np.concatenate([along, np.full(50, 1.0 - bottom)])
    drawn = figures.Line("", *(10.0 ** (4.0 * place) if logarithmic else place for place in (x, y)))
    view = figures.View(log_time=logarithmic, log_values=logarithmic)
    assert figures.emptiest_corner([drawn], view) == corner
