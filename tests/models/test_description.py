"""What a model declares is all that run files, command line and figures need: every model, and one that only a test knows."""

import re

import h5py
import numpy as np
import pytest

from dmft import Problem, Solution, solve
from dmft.cli.main import run
from dmft.models.spherical_pspin.equations import SphericalPSpin
from dmft.models.two_layer_flow.description import OF_REAL_NETWORKS
from dmft.plots import labels
from dmft.problem import registry
from dmft.problem.description import Ageing, Citation, Curve, Curves, Description, Picture, Quantity
from dmft.problem.parameters import Parameters
from dmft.running.cost import two_time_arrays
from dmft.storage import schema
from tests.comparison import assert_same, datasets

PROBLEMS = {
    "two-layer-flow": {"width": 4, "samples_per_parameter": 1.0, "activation": [0.1, 0.8, 0.5], "target": [0.0, 1.0]},
    "spherical-pspin": {"couplings": {"3": 0.5, "4": 0.25}},
    "random-features": {"hidden_ratio": 0.5, "activation": "relu", "teacher_output": [1.0, -0.5], "learning_rate": 0.7},
    "online-sgd": {
        "activation": "erf",
        "learning_rate": 0.5,
        "train_second_layer": True,
        "student_units": 3,
        "teacher_units": 2,
        "dimension": 100,
    },
    "hinge": {"laziness": 0.5, "samples": 12, "dimension": 4},
    "matrix": {"strength": 2.0},
}

# Two-time arrays of the solver; two if not named.
ARRAYS = {"two-layer-flow": 7, "random-features": 0, "hinge": 0, "online-sgd": 0}

SHOWN = Description(
    title=("$g = {strength}$", "absent {nothing}"),
    observables={"depth": Quantity("1", "-E, energy below the start", "depth  $-E$")},
    kernels={"Q": Quantity("1", "overlap of two times", "$Q(t,t')$")},
    summary=("depth",),
    swept=("depth",),
    smallest="depth",
    pictures=(Picture("Q"),),
    citations=(Citation("the model of a test", "@misc{nobody,\n}"),),
)


class Matrix(SphericalPSpin):
    """The p = 2 model under another name, with an observable and a kernel of its own."""

    observables = SHOWN.observable_fields({})
    energy = ""

    def observe(self, history, rows, forces, multiplier):
        return {"depth": -super().observe(history, rows, forces, multiplier)["energy"]}

    def kernels(self, history):
        return {"Q": history["C"][0]}

    def responses(self, history):
        return {}


class MatrixParameters(Parameters):
    """A model as another package would write it."""

    description = SHOWN
    strength: float

    def build(self):
        return Matrix(np.array([0.0, self.strength]), 0.0)

    def panels(self):
        return Curves((Curve("depth"),), "depth"), Ageing("Q")

    def findings(self, found):
        return {"depth of a test": [("deepest", f"{found.observables['depth'].max():.8g}")]}


@pytest.fixture(autouse=True)
def matrix():
    """Register the model of the test, for the test."""
    with registry.trying("matrix", MatrixParameters):
        yield


@pytest.fixture(params=PROBLEMS)
def problem(request) -> Problem:
    return Problem(model=request.param, **PROBLEMS[request.param], t_max=20.0, tolerance=1e-4)


@pytest.fixture
def path(problem, tmp_path):
    (tmp_path / "problem.toml").write_text(problem.to_toml())
    assert run(["solve", str(tmp_path / "problem.toml"), "-o", str(tmp_path / "run.h5"), "--quiet"]) == 0
    return tmp_path / "run.h5"


def test_every_model_is_tried():
    assert set(registry.names()) == PROBLEMS.keys()


def test_file_holds_what_the_description_names(problem, path):
    described, axes = problem.parameters.description, problem.parameters.axes
    groups = {
        "observables": schema.observables(described.observables, axes),
        "kernels": schema.kernels(described.kernels, axes),
        "order_parameters": schema.order_parameters(described.order_parameters, axes),
    }
    # These runs are of the Gaussian theory.
    for group in ("observables", "kernels"):
        groups[group] = {name: entry for name, entry in groups[group].items() if name not in OF_REAL_NETWORKS}
    entries = {f"{group}/{name}": entry for group, found in groups.items() for name, entry in found.items()}
    with h5py.File(path) as file:
        assert {f"{group}/{name}" for group in groups for name in file.get(group, ())} == entries.keys()
        for name, entry in entries.items():
            assert file[name].attrs["units"] == entry.units
            assert file[name].attrs["meaning"] == entry.meaning
            assert [scales[0].name for scales in file[name].dims] == [f"/{axis}" for axis in entry.dimensions]


def test_resumed_and_extended_is_as_at_one_go(problem, path, tmp_path):
    solve(problem.replace(max_nodes=30), output=tmp_path / "parts.h5")
    solve(problem, output=tmp_path / "parts.h5")
    assert_same(datasets(tmp_path / "parts.h5"), datasets(path))
    longer = solve(problem.replace(t_max=40.0), output=path)
    assert longer.complete
    assert longer.time[-1] == 40.0
    assert Solution.load(path).problem == problem.replace(t_max=40.0)


def test_summary_names_what_the_description_says(problem, path, capsys):
    assert run(["solve", str(path.with_name("problem.toml")), "-o", str(path)]) == 0
    out = capsys.readouterr().out
    solution = Solution.load(path)
    for name in problem.parameters.description.summary:
        assert f"{name.replace('_', ' ')} {solution.observables[name][-1]:.6g}" in out


def test_show_reports_observables_and_findings(problem, path, capsys):
    assert run(["show", str(path)]) == 0
    out = capsys.readouterr().out
    solution = Solution.load(path)
    described = problem.parameters.description.observables.keys() - set(OF_REAL_NETWORKS)
    for name in described:
        assert re.search(rf"^  {name} +\S+ +\S+ +\S+$", out, flags=re.MULTILINE)
    for title, rows in problem.parameters.findings(solution).items():
        assert f"\n{title}\n" in out
        for row in rows:
            assert re.search("  ".join(map(re.escape, row)).replace("  ", r"\s+"), out)
    assert run(["show", str(path), "--at", "3"]) == 0
    shown = dict(line.split() for line in capsys.readouterr().out.splitlines() if line.startswith("  "))
    assert shown.keys() == described


def test_constants_are_attributes_and_shown(problem, path, capsys):
    constants = problem.parameters.constants()
    assert constants.keys() == problem.parameters.description.constants.keys()
    with h5py.File(path) as file:
        assert {name: file.attrs[name] for name in constants} == constants
    assert run(["show", str(path)]) == 0
    out = capsys.readouterr().out
    for name, value in constants.items():
        assert re.search(rf"^  {name} +{value:.8g}$", out, flags=re.MULTILINE)


def test_cite_names_the_theory(problem, path, capsys):
    assert run(["cite", str(path)]) == 0
    out = capsys.readouterr().out
    for citation in problem.parameters.description.citations:
        assert f"% {citation.purpose}\n{citation.entry}\n" in out
    assert "@software{dmft" in out


def test_plan_counts_the_arrays_of_the_model(problem, tmp_path, capsys):
    (tmp_path / "problem.toml").write_text(problem.to_toml())
    assert run(["plan", str(tmp_path / "problem.toml")]) == 0
    assert two_time_arrays(problem) == ARRAYS.get(problem.parameters.model, 2)


@pytest.mark.slow
def test_figure_shows_panels_and_pictures(problem, path):
    solution = Solution.load(path)
    figure = solution.plot(path.with_suffix(".png"))
    assert path.with_suffix(".png").stat().st_size > 10_000
    # A figure without pictures is not divided.
    panels, pictures = (part.axes for part in figure.subfigs) if figure.subfigs else (figure.axes, [])
    assert len(panels) >= len(problem.parameters.panels())
    labels = [text.get_text() for axes in pictures for text in axes.texts]
    described = problem.parameters.description
    assert labels == [described.kernels[picture.kernel].label for picture in described.pictures]
    assert problem.parameters.model in figure.get_suptitle()
    assert "absent" not in figure.get_suptitle()


def test_mixed_couplings_stand_in_the_title():
    problem = Problem(model="spherical-pspin", couplings={"1": 1, "3": 0.5, "12": 1e-7}, t_max=1.0)
    assert r"$f(q) = q + 0.5\,q^{3} + 10^{-7}\,q^{12}$" in labels.title(problem)


def test_what_a_model_does_not_have_is_an_attribute_error():
    solution = solve(Problem(model="spherical-pspin", couplings={"3": 0.5}, t_max=1.0))
    for name in ("early_stopping", "generalization_gap", "test_error"):
        with pytest.raises(AttributeError, match=name):
            getattr(solution, name)
    assert solution.minimum("energy").value == pytest.approx(solution.energy[-1])


def test_early_stopping_is_the_minimum_that_the_description_names():
    solution = solve(Problem(model="hinge", laziness=0.5, samples=12, dimension=4, t_max=20.0))
    assert solution.early_stopping == solution.minimum("generalization_error")
    np.testing.assert_array_equal(solution.generalization_gap, solution.generalization_error - solution.train_error)
