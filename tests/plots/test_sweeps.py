"""The figure of a sweep: symbols, what is held fixed, and points that failed, are missing, or have no result."""

import numpy as np
import pytest

from dmft.plots.sweeps import NOT_REACHED
from dmft.problem.sweep import Sweep
from dmft.results.table import Table
from tests.shown import texts

RATIOS, WIDTHS = [0.1, 1.0, 10.0], [10, 100]


def table(axes):
    """A table of made-up results; the first point failed, the last one is missing, one before it never overfitted."""
    sweep = Sweep.from_tables(
        {
            "problem": {"width": 10, "samples_per_parameter": 1.0, "activation": "erf", "target": [0, 1], "noise": 0.3},
            "solver": {"t_max": 10.0},
            "sweep": {"axes": axes},
        }
    )
    shape = tuple(len(values) for values in axes.values())
    numbers = np.geomspace(1e-3, 1.0, int(np.prod(shape)))
    numbers[[0, -1]] = np.nan
    outcome = np.full(numbers.shape, "done", dtype=object)
    outcome[0], outcome[-1] = "stuck", "missing"
    values = {name: numbers.copy() for name in ("final_train_error", "final_alignment", "smallest_test_error")}
    values |= {"overfitting_time": np.where(np.arange(len(numbers)) == 1, np.nan, numbers), "outcome": outcome}
    values["reason"] = np.where(outcome == "stuck", "why", np.where(outcome == "missing", "missing", "")).astype(object)
    return Table(sweep, {name: array.reshape(shape) for name, array in values.items()}, {})


def test_axes_have_symbols_and_the_scale_of_their_values():
    figure = table({"problem.samples_per_parameter": RATIOS, "problem.width": WIDTHS}).plot()
    panel = figure.axes[0]
    assert panel.get_xlabel() == "samples per parameter  $n/(md)$"
    assert panel.get_ylabel() == "width  $m$"
    assert (panel.get_xscale(), panel.get_yscale()) == ("log", "log")


def test_headline_says_what_is_held_fixed():
    title = table({"problem.width": WIDTHS, "problem.init_scale": RATIOS}).plot().get_suptitle()
    for part in (r"$\tau = 0.3$", "$n/(md) = 1$", "1 stuck", "1 missing"):
        assert part in title
    assert "$m =" not in title


def test_keys_and_results_of_groups_are_named():
    given = {
        "model": "two-layer-flow",
        "width": 4,
        "samples_per_parameter": 1.0,
        "activation": "erf",
        "target": {"1,0": 0.7, "0,2": 0.5},
        "alignment": [0.1, 0.2],
        "neurons": [{"count": 2}, {"count": 2, "second_layer": -1.0}],
    }
    swept = {"problem.neurons.1.second_layer": [-1.0, 1.0], "problem.noise": [0.1, 0.2]}
    sweep = Sweep.from_tables({"problem": given, "solver": {"t_max": 1.0}, "sweep": {"axes": swept}})
    figure = Table(sweep, {**made_up(sweep), "final_alignment[1][0]": np.ones((2, 2))}, {}).plot()
    assert figure.axes[0].get_xlabel() == "second layer of neurons[1]"
    assert figure.axes[0].get_title().endswith("group 1, direction 0")
    # The groups of the headline would be those of one of the points.
    assert "groups" not in figure.get_suptitle()


def made_up(sweep):
    """Outcomes of points that are all done."""
    return {name: np.full(sweep.shape, value, dtype=object) for name, value in (("outcome", "done"), ("reason", ""))}


@pytest.mark.parametrize(
    "axes", [{"problem.noise": [0.1, 0.2, 0.3, 0.4]}, {"problem.noise": [0.1, 0.2], "problem.width": WIDTHS}]
)
def test_failed_missing_and_not_reached_are_told_apart(axes):
    figure = table(axes).plot()
    (legend,) = figure.legends
    assert {text.get_text() for text in legend.texts} == {"failed", "missing", "not reached"}


def test_pictures_mark_each_kind_of_hole():
    figure = table({"problem.noise": [0.1, 0.2], "problem.width": WIDTHS}).plot()
    panel = next(axes for axes in figure.axes if "overfitting" in axes.get_title())
    assert panel.get_facecolor()[0] == float(NOT_REACHED)
    assert [line.get_xydata().tolist() for line in panel.lines] == [[[0.1, 10.0]]]
    assert any(collection.get_hatch() for collection in panel.collections)


def test_chosen_columns():
    found = table({"problem.width": WIDTHS, "problem.noise": RATIOS})
    figure = found.plot(observables=["overfitting_time", "alignment"], size=(5, 3))
    assert figure.axes[0].get_title() == "overfitting time"
    assert "final alignment" in " ".join(texts(figure))
    with pytest.raises(ValueError, match="wanted some of final_alignment"):
        found.plot(observables=["nothing"])
    with pytest.raises(ValueError, match="over its axes"):
        found.plot(x="alignment")
