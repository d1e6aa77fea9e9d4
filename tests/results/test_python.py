"""Results as Python users touch them: names, text, equality, times as arrays, paths, xarray, pandas, CSV and JSON."""

import ast
import copy
import csv
import inspect
import json
import pickle
import pydoc
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import dmft
from dmft.problem import registry
from dmft.problem.keys import Keys
from dmft.problem.output import OutputSettings
from dmft.problem.settings import SolverSettings
from dmft.results.result import Observed
from dmft.running.verify import verify

ROOT = Path(__file__).parents[2]
# Theories of this package.
OWN = [name for name in registry.names() if registry.load(name).__module__.startswith("dmft.")]
GROUPS = {
    "neurons": [{"fraction": 0.5, "second_layer": 1.0}, {"fraction": 0.5, "second_layer": -1.0}],
    "target": {"1,0": 0.7, "0,2": 0.5},
    "alignment": 0.0,
}


def short(name: str = "two-layer-flow", **keys) -> dmft.Problem:
    """The example of a theory, to a small time."""
    example = registry.load(name).description.example
    return dmft.Problem(problem={**example["problem"], "model": name}, solver={"t_max": 3.0, "tolerance": 1e-3}).replace(**keys)


@pytest.fixture(scope="module")
def solution():
    return dmft.solve(short())


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    axes = {"problem.width": [10, 20], "problem.init_scale": [0.5, 1.0, 2.0]}
    return dmft.sweep(dmft.Sweep(short(), axes), tmp_path_factory.mktemp("sweep"))


@pytest.fixture(scope="module")
def simulation():
    return dmft.simulate(short(width=2), dim=20, seeds=3, times=4, two_time=True)


def test_names_are_listed_and_corrected(solution, simulation):
    for result in (solution, simulation):
        assert {"test_error", "alignment", "to_xarray"} <= set(dir(result))
        with pytest.raises(AttributeError, match="did you mean 'test_error'"):
            _ = result.test_eror
    with pytest.raises(AttributeError, match="did you mean 'width'"):
        _ = solution.problem.widht
    with pytest.raises(AttributeError, match='model = "spherical-pspin" has no early_stopping'):
        _ = dmft.solve(short("spherical-pspin")).early_stopping


def test_type_checkers_know_the_observables_of_every_theory():
    known = {name for theory in OWN for name in registry.load(theory).description.observables}
    declared = {node.target.id for node in ast.walk(ast.parse(inspect.getsource(Observed))) if isinstance(node, ast.AnnAssign)}
    assert declared - {"problem"} == known


def test_type_checkers_know_the_keys_of_every_theory():
    tables = [*map(registry.load, OWN), SolverSettings, OutputSettings]
    declared = {node.target.id for node in ast.walk(ast.parse(inspect.getsource(Keys))) if isinstance(node, ast.AnnAssign)}
    assert declared == {name for table in tables for name in table.model_fields}
    assert not any(hasattr(dmft.Problem, name) for name in declared)


@pytest.mark.slow
def test_misspelt_names_are_type_errors(tmp_path):
    script = tmp_path / "typos.py"
    right = ["dmft.solve", "solution.test_error", "solution.problem.width", "dmft.simulate('a', dim=3, seeds=1).alignment"]
    wrong = ["dmft.sovle", "solution.tset_error", "solution.problem.widht", "dmft.simulate('a', dim=3, seeds=1).alinment"]
    lines = ["import dmft", "solution = dmft.solve('problem.toml')", *(f"print({name})" for name in right + wrong)]
    script.write_text("\n".join(lines))
    command = [sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", sys.executable, str(script)]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout
    complaints = json.loads(found)["generalDiagnostics"]
    assert [one["range"]["start"]["line"] for one in complaints] == list(range(len(lines) - len(wrong), len(lines)))


def test_errors_name_the_file(tmp_path):
    (tmp_path / "bad.toml").write_text("[problem]")
    calls = (
        dmft.load,
        dmft.solve,
        dmft.Sweep.load,
        dmft.Problem.load,
        dmft.Solution.load,
        dmft.Simulation.load,
        dmft.Table.load,
    )
    for call in calls:
        for name in ("absent", "bad.toml"):
            with pytest.raises(ValueError, match=re.escape(f"{tmp_path / name}: ")) as raised:
                call(tmp_path / name)
            assert str(raised.value).count(name) == 1
    with pytest.raises(TypeError, match="3: wanted a Problem, or the path"):
        dmft.solve(3)  # type: ignore[arg-type]


def test_plot_refuses_nothing_and_other_formats(solution, tmp_path):
    with pytest.raises(ValueError, match="wanted at least one"):
        dmft.plot([])
    with pytest.raises(ValueError, match=r"suffix = .gif: wanted one of .png, .pdf, .svg"):
        solution.plot(tmp_path / "run.gif")


def test_text_of_a_result_is_short_and_that_of_a_notebook_has_meanings(solution, simulation, table):
    for result in (solution, simulation, table):
        assert len(repr(result)) < 120
        assert "two-layer-flow" in repr(result)
        assert "<td>" in result._repr_html_()
    assert repr(solution) == f"<Solution: two-layer-flow, done at t = 3, {len(solution.time)} nodes>"
    assert "&lt;w_i, u&gt;, overlap of a neuron with the signal" in solution._repr_html_()


def test_results_are_equal_if_their_numbers_are(solution, simulation, table, tmp_path):
    for result in (solution, simulation, table):
        result.save(tmp_path / "file.h5")
        stored = dmft.load(tmp_path / "file.h5")
        assert stored == result
        assert copy.deepcopy(result) == result
        assert pickle.loads(pickle.dumps(result)) == result
        assert result != "another"
    assert replace(solution, wall_time=7.0) == solution
    moved = solution.test_error.copy()
    moved[-1] = np.nextafter(moved[-1], 1.0)
    assert replace(solution, observables={**solution.observables, "test_error": moved}) != solution
    assert replace(table, values={**table.values, "final_test_error": table["final_test_error"] + 1}) != table


def test_sweeps_are_equal_however_their_axes_are_written():
    spaced = dmft.Sweep(short(), {"problem.noise": {"linspace": [0, 1, 3]}})
    assert spaced == dmft.Sweep(short(), {"problem.noise": np.array([0.0, 0.5, 1.0])})
    assert spaced != dmft.Sweep(short(), {"problem.noise": [0.0, 0.5]})
    assert spaced != dmft.Sweep(short(width=11), {"problem.noise": [0.0, 0.5, 1.0]})


@pytest.mark.parametrize("keys", [{}, {"width": 2, **GROUPS}])
def test_times_may_be_an_array(keys):
    solution = dmft.solve(short(**keys))
    times = np.linspace(0.0, 3.0, 6).reshape(2, 3)
    together = solution.at(times)
    for place, t in np.ndenumerate(times):
        for name, alone in solution.at(t).items():
            np.testing.assert_allclose(together[name][place], alone, rtol=1e-12, atol=1e-14)
    assert isinstance(solution.at(1.0)["test_error"], float)
    assert solution.at([])["test_error"].shape == (0,)
    np.testing.assert_array_equal(solution.at(solution.time)["alignment"], solution.alignment)
    with pytest.raises(ValueError, match=r"t = 3.5: wanted a time in \[0, 3\]"):
        solution.at([1.0, 3.5])
    with pytest.raises(ValueError, match="t = nan"):
        solution.at(np.nan)


def test_order_parameters_at_an_array_of_times():
    solution = dmft.solve(short("online-sgd"))
    assert solution.order_parameters_at([0.5, 1.0])["Q"].shape == (2, *solution.order_parameters["Q"].shape[1:])


def test_a_path_is_taken_where_a_problem_is(tmp_path, solution):
    path = tmp_path / "problem.toml"
    path.write_text(short().to_toml())
    assert dmft.solve(path) == solution
    assert dmft.solve(str(path)) == solution
    assert dmft.simulate(path, dim=10, seeds=1, times=2).problem == short()
    assert dmft.Sweep(path, {"problem.width": [10]}).problem(0) == short()


def test_help_is_a_page():
    page = pydoc.plain(pydoc.render_doc(dmft))
    description = page[page.index("DESCRIPTION") : page.index("PACKAGE CONTENTS")]
    assert all(f"{name} " in description for name in dmft.__all__ if name != "__version__")
    assert all(len(line) <= 130 for line in description.splitlines())


@pytest.mark.parametrize("theory", OWN)
def test_dataset_of_every_theory_has_all_it_holds(theory):
    solution = dmft.solve(short(theory))
    dataset = solution.to_xarray()
    arrays = {**solution.observables, **solution.kernels, **solution.order_parameters}
    assert set(dataset.data_vars) == set(arrays)
    for name, values in arrays.items():
        np.testing.assert_array_equal(dataset[name], values)
        assert dataset[name].units
        assert dataset[name].meaning
        assert dataset[name].dims[0] == "time"
    assert dmft.Problem.from_toml(dataset.problem) == solution.problem
    frame = solution.to_dataframe()
    np.testing.assert_array_equal(frame["time"], solution.time)
    assert set(solution.entries) < set(frame)


def test_groups_and_directions_are_dimensions():
    dataset = dmft.solve(short(width=2, **GROUPS)).to_xarray()
    assert dataset.alignment.dims == ("time", "group", "direction")
    assert dataset.C_o.dims == ("time", "time_prime", "group", "other_group")
    assert dataset.sel(group=1, direction=0).alignment.dims == ("time",)


def test_errors_stand_beside_their_observables():
    exact = dmft.solve(
        short(width=2, theory="exact", scheme="gradient-descent", learning_rate=0.5, samples=256, replicates=3, seed=1)
    )
    dataset = exact.to_xarray()
    assert exact.standard_errors
    for name, errors in exact.standard_errors.items():
        np.testing.assert_array_equal(dataset[f"{name}_standard_error"], errors)
        assert dataset[f"{name}_standard_error"].dims == dataset[name].dims
        assert dataset[name].ancillary_variables == f"{name}_standard_error"
    assert "test_error_standard_error" in exact.to_dataframe()


def test_estimated_errors_stand_beside_their_observables(solution):
    assert "test_error_estimated_error" not in solution.to_xarray()
    verified = verify(solution)
    dataset = verified.to_xarray()
    np.testing.assert_array_equal(dataset.test_error_estimated_error, verified.estimated_errors["test_error"])
    assert dataset.test_error.ancillary_variables == "test_error_estimated_error"


def test_simulations_have_seeds(simulation):
    dataset = simulation.to_xarray()
    np.testing.assert_array_equal(dataset.test_error.mean("seed"), simulation.test_error)
    assert dataset.C_d.dims == ("seed", "time", "time_prime")
    frame = simulation.to_dataframe()
    np.testing.assert_array_equal(frame["test_error_standard_error"], simulation.standard_errors["test_error"])


def test_tables_have_their_axes(table):
    dataset = table.to_xarray()
    assert dataset.final_test_error.dims == ("width", "init_scale")
    assert float(dataset.final_test_error.sel(width=20, init_scale=0.5)) == table["final_test_error"][1, 0]
    assert dataset.curve_test_error.dims == ("width", "init_scale", "node")
    frame = table.to_dataframe().set_index(["width", "init_scale"])
    np.testing.assert_array_equal(frame["final_test_error"], table["final_test_error"].ravel())
    assert frame.loc[(20, 0.5), "outcome"] == "done"
    with pytest.raises(KeyError, match="did you mean 'final_test_error'"):
        table["final_tst_error"]


def test_a_list_of_points_has_its_keys_as_coordinates(tmp_path):
    points = [{"problem.width": 10, "problem.noise": 0.0}, {"problem.width": 20, "problem.noise": 0.5}]
    found = dmft.sweep(dmft.Sweep(short(), {"problem.alignment": [0.0, 0.1]}, points=points), tmp_path)
    assert found.to_xarray().width.dims == ("point",)
    frame = found.to_dataframe()
    assert frame["noise"].tolist() == [0.0, 0.0, 0.5, 0.5]
    assert frame["alignment"].tolist() == [0.0, 0.1, 0.0, 0.1]


def test_a_library_that_is_missing_is_named(monkeypatch, solution):
    monkeypatch.setitem(sys.modules, "xarray", None)
    monkeypatch.setitem(sys.modules, "pandas", None)
    for method in (solution.to_xarray, solution.to_dataframe):
        with pytest.raises(ImportError, match=r"wanted pip install 'dmft\[xarray\]'"):
            method()


def test_csv_holds_every_digit(solution, simulation, table, tmp_path):
    for result in (solution, simulation, table):
        result.export(tmp_path / "file.csv")
        with open(tmp_path / "file.csv", newline="") as file:
            rows = list(csv.reader(file))
        frame = result.to_dataframe()
        assert rows[0] == list(frame)
        assert len(rows) == 1 + len(frame)
        for name, texts in zip(rows[0], zip(*rows[1:], strict=True), strict=True):
            if frame[name].dtype == float:
                np.testing.assert_array_equal(np.array(texts, dtype=float), frame[name])


def test_json_is_read_by_xarray(solution, simulation, table, tmp_path):
    for result in (solution, simulation, table):
        dmft.export(result, tmp_path / "file.json")
        text = (tmp_path / "file.json").read_text()
        read = xr.Dataset.from_dict(json.loads(text, parse_constant=pytest.fail))
        dataset = result.to_xarray()
        assert set(read.variables) == set(dataset.variables)
        for name, values in dataset.variables.items():
            assert read[name].dims == values.dims
            if values.dtype.kind in "fi":
                np.testing.assert_array_equal(read[name].values.astype(float), values.values)


def test_another_ending_is_refused(solution, tmp_path):
    with pytest.raises(dmft.ProblemError, match=r"\.txt: wanted a name that ends in \.csv or \.json"):
        solution.export(tmp_path / "file.txt")
