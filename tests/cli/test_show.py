"""dmft show: kernels with units and meanings, JSON, and tables of sweeps at a time."""

import json
import shutil

import numpy as np
import pytest

from dmft import Problem, Solution, Sweep, Table, load, solve, sweep
from dmft.sweeps.collect import collect
from tests.problem_files import POINT


@pytest.fixture(scope="module")
def scan(tmp_path_factory):
    """The folder of a sweep, not to be changed."""
    folder = tmp_path_factory.mktemp("table") / "scan"
    axes = {"problem.noise": [0.0, 0.3], "problem.width": [4, 8, 16]}
    sweep(Sweep(Problem.from_toml(POINT).replace(tolerance=1e-3, t_max=5.0), axes), folder)
    return folder


@pytest.fixture
def table(scan, tmp_path):
    """The table in a copy of this folder."""
    return shutil.copytree(scan, tmp_path / "scan") / "sweep.h5"


def test_show_lists_kernels(dmft, solved):
    out = dmft("show", solved).out
    solution = Solution.load(solved)
    assert solution.kernels
    for name in solution.kernels:
        quantity = solution.problem.parameters.description.kernels[name]
        assert f"{name} {quantity.units} {quantity.meaning}" in " ".join(out.split())


def test_show_json_of_a_run(dmft, solved):
    solution = Solution.load(solved)
    found = json.loads(dmft("show", solved, "--json").out)
    assert found["problem"] == json.loads(json.dumps(solution.problem.tables))
    assert found["nodes"] == len(solution.time)
    assert found["observables"]["test_error"]["last"] == solution.test_error[-1]
    assert set(found["arrays"]) == set(solution.kernels)
    at = json.loads(dmft("show", solved, "--json", "--at", 3.0).out)
    assert at == {"time": 3.0, "observables": solution.entries_at(3.0)}


def test_groups_with_standard_errors(dmft, tmp_path):
    """An entry of a group has its error; two groups have one overlap; the problem has a line for each group."""
    neurons = [{"count": 1, "alignment": 0.1}, {"count": 1, "second_layer": -1.0}]
    sampled = {"theory": "exact", "samples": 64, "replicates": 2, "scheme": "gradient-descent", "learning_rate": 0.1}
    given = {"width": 2, "samples_per_parameter": 2.0, "activation": "tanh", "target": [0, 1.0], "neurons": neurons}
    solution, file = solve(Problem(**given, **sampled, t_max=0.3)), tmp_path / "run.h5"
    solution.save(file)
    lines = [line.split() for line in dmft("show", file).out.splitlines()]
    shown = {line[0]: line[-1] for line in lines if line}
    assert shown["second_layer[1]"] == f"{solution.standard_errors['second_layer'][-1, 1]:.2g}"
    assert "neuron_overlap[0][1]" in shown
    assert "neuron_overlap[1][0]" not in shown
    assert ["{", "count", "=", "1,", "second_layer", "=", "1.0,", "alignment", "=", "0.1", "},"] in lines
    at = {line.split()[0]: line.split()[1:] for line in dmft("show", file, "--at", 0.2).out.splitlines() if line.strip()}
    assert at["second_layer[1]"][0] == f"{solution.at(0.2)['second_layer'][1]:.8g}"
    assert float(at["second_layer[1]"][2]) > 0
    found = json.loads(dmft("show", file, "--json").out)
    assert found["observables"]["second_layer[1]"]["standard_error"] == solution.standard_errors["second_layer"][-1, 1]


def test_show_json_of_a_table_and_a_simulation(dmft, quick, table, tmp_path):
    found = json.loads(dmft("show", table, "--json").out)
    assert (found["points"], found["outcomes"], found["axes"]["width"]) == (6, {"done": 6}, [4, 8, 16])
    assert dmft("simulate", quick, "-o", tmp_path / "sim.h5", "--dim", 10, "--seeds", 2, "-q").code == 0
    found = json.loads(dmft("show", tmp_path / "sim.h5", "--json").out)
    assert found["observables"]["test_error"]["mean"] == load(tmp_path / "sim.h5").test_error[-1]


def test_show_a_table_at_a_time(dmft, table):
    found = Table.load(table)
    assert isinstance(found, Table)
    time = 2.0
    shown = json.loads(dmft("show", table, "--at", time, "--json").out)["points"]
    for index in range(len(found.sweep)):
        run = Solution.load(table.parent / "points" / f"{found.sweep.slug(index)}.h5")
        assert shown[found.sweep.slug(index)] == pytest.approx(run.entries_at(time), rel=1e-12)
    lines = dmft("show", table, "--at", time).out.splitlines()
    assert [line.split()[0] for line in lines[2:8]] == [found.sweep.slug(index) for index in range(6)]


def test_times_that_a_table_does_not_have_are_refused(dmft, table):
    ended = dmft("show", table, "--at", 6.0)
    assert (ended.code, ended.err) == (2, f"dmft: {table}: t = 6: wanted a time in [0, 5]\n")
    collect(table.parent, curves=False)
    ended = dmft("show", table, "--at", 1.0)
    assert ended.code == 2
    assert "the table has no curves" in ended.err


def test_points_that_ended_before_are_not_numbers(table):
    found = Table.load(table)
    early = found.curves["time"].copy()
    early[0, 0, early[0, 0] > 2.0] = np.nan
    cut = Table(found.sweep, found.values, {**found.curves, "time": early})
    assert np.isnan(cut.at(3.0)["test_error"][0, 0])
    assert np.isfinite(cut.at(3.0)["test_error"]).sum() == 5
