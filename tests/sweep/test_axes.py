"""Axes and lists of points: what is read, what points are called, what is refused."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dmft import Problem, ProblemError, Sweep
from dmft.problem.axes import distinct_texts, identity
from tests.problem_files import SWEEP

BASE = {
    "problem": {"width": 4, "samples_per_parameter": 1.0, "activation": "erf", "target": [0, 1], "noise": 0.3},
    "solver": {"t_max": 2.0},
}


def test_points_are_the_product_of_the_axes_the_last_one_fastest():
    sweep = Sweep.from_toml(SWEEP)
    assert sweep.shape == (3, 2)
    keys = [sweep.problem(index).tables["problem"] for index in range(len(sweep))]
    assert [key["init_scale"] for key in keys] == [0.5, 1.0] * 3
    assert [key["samples_per_parameter"] for key in keys] == [0.5, 0.5, 1.0, 1.0, 2.0, 2.0]
    assert sweep.slug(3) == "samples_per_parameter=1,init_scale=1"


def test_spacings_are_those_of_numpy():
    axes = {"problem.noise": {"linspace": [0.0, 1.0, 7]}, "problem.samples_per_parameter": {"geomspace": [0.1, 10.0, 25]}}
    noise, ratio = Sweep(BASE, axes).axes
    assert noise.column("problem.noise") == pytest.approx(np.linspace(0.0, 1.0, 7), abs=1e-15)
    assert ratio.column("problem.samples_per_parameter") == pytest.approx(np.geomspace(0.1, 10.0, 25), rel=1e-14)


def test_widths_in_a_geometric_series_are_whole():
    sweep = Sweep(BASE, {"problem.width": {"geomspace": [10, 1e6, 6]}})
    assert [sweep.problem(index).tables["problem"]["width"] for index in range(6)] == [10**k for k in range(1, 7)]


def test_dotted_keys_need_no_quotes():
    assert Sweep.from_toml(SWEEP.replace('"problem.init_scale"', "problem.init_scale")).axes == Sweep.from_toml(SWEEP).axes


def test_a_list_of_points_is_one_axis():
    points = [{"problem.width": 10, "solver.t_max": 1e3}, {"problem.width": math.inf, "solver.t_max": 5}]
    sweep = Sweep(BASE, {"problem.noise": [0.1, 0.2]}, points=points)
    assert sweep.shape == (2, 2)
    problem = sweep.problem(2)
    assert (problem.tables["problem"]["width"], problem.solver.t_max) == (math.inf, 5.0)
    assert sweep.slug(2) == "width=inf,t_max=5,noise=0.1"


def test_texts_and_lists_can_be_axes():
    sweep = Sweep(BASE, {"problem.activation": ["erf", [0.0, 1.0], [0.0, 0.5]], "problem.train_second_layer": [True, False]})
    sweep.validate()
    assert [sweep.slug(index) for index in (0, 3)] == [
        "activation=erf,train_second_layer=true",
        "activation=1,train_second_layer=false",
    ]


def test_toml_gives_the_same_sweep():
    points = [{"problem.width": 10, "solver.t_max": 1e3}, {"problem.width": math.inf, "solver.t_max": 5}]
    sweep = Sweep(Problem.from_tables(BASE), {"problem.noise": np.array([0.1, 0.2])}, points=points, keep="kernels")
    again = Sweep.from_toml(sweep.to_toml())
    again.refuse_other(sweep)
    assert again.axes == sweep.axes
    assert again.keep == "kernels"


scalars = st.one_of(st.floats(allow_nan=False), st.integers(-(10**9), 10**9), st.booleans(), st.text(max_size=50))


@pytest.mark.slow
@given(st.lists(scalars, min_size=1, max_size=20, unique_by=identity))
def test_names_are_different_safe_and_short(values):
    texts = distinct_texts(values)
    assert len(set(texts)) == len(values)
    assert all(text and len(text) <= 40 and not set(text) & set('/\\\0 "*:<>?|') for text in texts)


def test_names_are_short_for_many_axes():
    keys = ("noise", "alignment", "init_scale", "samples_per_parameter")
    axes = {f"problem.{key}": [0.1 + k / 1e9 for k in range(3)] for key in keys}
    axes |= {f"solver.{key}": [10 + k for k in range(3)] for key in ("t_max", "max_nodes", "max_iterations")}
    sweep = Sweep(BASE, axes)
    assert len(sweep.slug(5)) <= 160
    assert sweep.slug(5) != sweep.slug(6)


WRONG = {
    "no axes": ({}, "no axes"),
    "no list": ({"problem.noise": 0.3}, "axis problem.noise = 0.3: wanted a list"),
    "empty": ({"problem.noise": []}, r"axis problem.noise = \[\]: wanted a list"),
    "other spacing": (
        {"problem.noise": {"logspace": [0, 1, 3]}},
        "point noise_logspace=0: noise.logspace: noise is not a table",
    ),
    "two numbers": ({"problem.noise": {"linspace": [0, 1]}}, "axis problem.noise = .*number"),
    "one number": ({"problem.noise": {"linspace": 3}}, "axis problem.noise = .*number"),
    "zero points": ({"problem.noise": {"linspace": [0, 1, 0]}}, "axis problem.noise = "),
    "half a point": ({"problem.noise": {"linspace": [0, 1, 1.5]}}, "axis problem.noise = "),
    "from zero": ({"problem.noise": {"geomspace": [0, 1, 3]}}, "axis problem.noise: geomspace from 0 to 1"),
    "no table": ({"noise": [0.1]}, "axis 'noise': wanted problem.KEY or solver.KEY"),
    "twice": ({"problem.noise": [0.1, 0.2, 0.1]}, "axis noise: problem.noise = 0.1 twice"),
    "unknown key": ({"problem.niose": [0.1]}, "point niose=0.1: unknown key 'niose'.*'noise'"),
    "wrong value": ({"problem.width": [1, 1.5]}, "point width=1.5: width = 1.5: wanted a whole number"),
    "both ratios": (
        {"problem.samples_per_parameter": [1.0], "problem.samples_per_dimension": [1.0]},
        "axes samples_per_parameter, samples_per_dimension: wanted exactly one",
    ),
    "too many": ({"problem.noise": {"linspace": [0, 1, 10**4]}, "problem.alignment": {"linspace": [0, 1, 10**4]}}, "at most"),
}


@pytest.mark.parametrize(("axes", "message"), WRONG.values(), ids=WRONG)
def test_wrong_axes_are_one_line_that_names_axis_and_value(axes, message):
    with pytest.raises(ProblemError, match=message) as raised:
        Sweep(BASE, axes).validate()
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("[sweep.axes]", "[sweep]\nkeeep = 1\n[sweep.axes]"), "'keeep'.*'keep'"),
        (("[sweep.axes]", '[sweep]\nkeep = "all"\n[sweep.axes]'), 'keep = "all": wanted one of observables, kernels'),
        (("[sweep.axes]", "[swep.axes]"), "sweep. is missing"),
        (("[sweep.axes]", "[[sweep.points]]\n'problem.width' = 3\n[[sweep.points]]\n[sweep.axes]"), "point 2 of"),
        (("[sweep.axes]", "[sweep]\npoints = 3\n[sweep.axes]"), "sweep.points"),
        (("[sweep.axes]", "[[sweep.points]]\n'problem.init_scale' = 3\n[sweep.axes]"), "problem.init_scale' is given twice"),
    ],
)
def test_wrong_sweep_files(change, message):
    with pytest.raises(ProblemError, match=message):
        Sweep.from_toml(SWEEP.replace(*change))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("[0.5, 1.0]", "[0.5, 1.5]"), "axis problem.init_scale has 1.0 there, not wanted and lacks 1.5 that is wanted"),
        (("[0.5, 1.0]", "[0.5, 1.0, 2.0]"), "axis problem.init_scale lacks 2.0 that is wanted"),
        (("[0.5, 1.0]", "[1.0, 0.5]"), "axis problem.init_scale has the same values there in another order"),
        (("problem.init_scale", "problem.noise"), "axis problem.init_scale is there, but not wanted"),
        (("noise = 0.3", "noise = 0.4"), "problem.noise = 0.3 there, 0.4 wanted"),
        (("t_max = 2.0", "t_max = 3.0"), "solver.t_max = 2.0 there, 3.0 wanted"),
        (("[sweep.axes]", '[sweep]\nkeep = "kernels"\n[sweep.axes]'), 'keep = "observables" there, "kernels" wanted'),
    ],
)
def test_another_sweep_is_named(change, message):
    with pytest.raises(ProblemError, match=message):
        Sweep.from_toml(SWEEP).refuse_other(Sweep.from_toml(SWEEP.replace(*change)))


def test_what_says_the_same_is_the_same():
    other = SWEEP.replace("[solver]", "# a comment\n[solver]\nstages = 6\nmax_nodes = 10_000")
    Sweep.from_toml(SWEEP).refuse_other(Sweep.from_toml(other.replace("width = 4", "width = 4.0")))
