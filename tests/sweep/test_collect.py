"""The table of a sweep: values, layout, and what reads it."""

import shutil
import subprocess

import h5py
import numpy as np
import pytest
import xarray as xr

from dmft import Solution, Sweep, Table
from dmft.models.two_layer_flow.description import DESCRIPTION
from dmft.sweeps.collect import collect, overfitting_time
from tests.comparison import assert_same, datasets
from tests.problem_files import SWEEP

POINTS = SWEEP.replace("[sweep.axes]", '[sweep]\nkeep = "kernels"\n[sweep.axes]') + (
    '\n[[sweep.points]]\n"problem.width" = 4\n"solver.t_max" = 2\n[[sweep.points]]\n"problem.width" = inf\n"solver.t_max" = 3\n'
)


PSPIN = """
[problem]
model = "spherical-pspin"
couplings = { "2" = 0.5 }
[solver]
t_max = 2.0
tolerance = 1e-3
[sweep]
keep = "kernels"
[sweep.axes]
"problem.couplings.3" = [0.5, 1.0, 2.0]
"""


def solution(folder, index):
    return Solution.load(folder / "points" / f"{Sweep.load(folder / 'sweep.toml').slug(index)}.h5")


def test_every_row_is_what_its_run_says(dmft, swept):
    ended = dmft("collect", swept)
    assert (ended.code, ended.out) == (0, f"6 points: 6 done, {swept / 'sweep.h5'}\n")
    table = Table.load(swept / "sweep.h5")
    assert list(table.axes) == ["samples_per_parameter", "init_scale"]
    for index, place in enumerate(np.ndindex(3, 2)):
        found = solution(swept, index)
        assert table["outcome"][place] == "done"
        assert table["reason"][place] == ""
        assert Solution.load(swept / table["file"][place]).problem == found.problem
        for name, values in found.observables.items():
            assert table[f"final_{name}"][place] == values[-1]
            assert np.array_equal(table.curves[name][place][: len(values)], values)
            assert np.isnan(table.curves[name][place][len(values) :]).all()
        assert (table["time_of_smallest_test_error"][place], table["smallest_test_error"][place]) == found.early_stopping
        assert table["nodes"][place] == len(found.time)
        assert table["time_reached"][place] == found.time[-1] == 2.0


def test_a_saved_table_is_read_back(swept):
    made, read = collect(swept), Table.load(swept / "sweep.h5")
    assert made.values.keys() == read.values.keys()
    for name, values in made.values.items():
        assert np.array_equal(values, read[name], equal_nan=values.dtype != object), name


def test_missing_points_are_rows_that_say_so(dmft, swept):
    (swept / "points" / "samples_per_parameter=1,init_scale=1.h5").unlink()
    assert dmft("collect", swept).out.startswith("6 points: 5 done, 1 missing")
    table = Table.load(swept / "sweep.h5")
    assert table["outcome"][1, 1] == "missing"
    assert np.isnan(table["final_test_error"]).tolist() == [[False, False], [False, True], [False, False]]


@pytest.mark.parametrize(
    "damage", ["flip", "folder", *(pytest.param(damage, marks=pytest.mark.slow) for damage in ("half", "empty"))]
)
def test_a_damaged_run_file_is_a_row_that_says_so_and_is_solved_again_on_request(dmft, quick, swept, damage):
    path = swept / "points" / "samples_per_parameter=1,init_scale=1.h5"
    whole, image = datasets(path), bytearray(path.read_bytes())
    if damage == "folder":
        path.unlink()
        path.mkdir()
    else:
        image[len(image) // 2] ^= 4
        path.write_bytes({"half": image[: len(image) // 2], "flip": image, "empty": b""}[damage])
    assert "1 unreadable" in dmft("collect", swept).out
    table = Table.load(swept / "sweep.h5")
    assert table["outcome"][1, 1] == "unreadable"
    assert "--retry" in table["reason"][1, 1]
    assert "complete already" in dmft("sweep", quick, "-o", swept).out
    ended = dmft("sweep", quick, "-o", swept, "--retry")
    if damage == "folder":
        assert (ended.code, ended.err.count("\n")) == (2, 1)
        return
    assert (ended.code, ended.err) == (0, "")
    assert_same(datasets(path), whole)
    assert "6 done" in dmft("collect", swept).out


def test_xarray_opens_one_array_over_the_axes(dmft, swept):
    dmft("collect", swept)
    with xr.open_dataset(swept / "sweep.h5", engine="h5netcdf") as table:
        assert table.final_test_error.dims == ("samples_per_parameter", "init_scale")
        assert table.curve_test_error.dims == ("samples_per_parameter", "init_scale", "node")
        one = table.sel(samples_per_parameter=1.0, init_scale=0.5)
        assert float(one.final_test_error) == solution(swept, 2).test_error[-1]
        assert str(one.outcome.values) == "done"
        assert one.overfitting_time.attrs["units"] == "time unit"
    with xr.open_datatree(swept / "sweep.h5", engine="h5netcdf") as tree:
        assert "final_test_error" in tree


def test_lists_of_points_and_kernels(dmft, quick, tmp_path):
    quick.write_text(POINTS)
    assert dmft("sweep", quick, "-o", tmp_path / "out", "--quiet").code == 0
    dmft("collect", tmp_path / "out")
    with xr.open_dataset(tmp_path / "out" / "sweep.h5", engine="h5netcdf") as table:
        assert table.final_test_error.dims == ("point", "samples_per_parameter", "init_scale")
        assert set(table.coords) >= {"point", "width", "t_max"}
        assert table.width.values.tolist() == [4.0, np.inf]
        kernel = table.C_d.isel(point=1, samples_per_parameter=2, init_scale=0).values
    found = solution(tmp_path / "out", 10)
    n = len(found.time)
    assert np.array_equal(kernel[:n, :n], found.kernels["C_d"])
    assert np.isnan(kernel[n:]).all()
    assert np.isnan(kernel[:, n:]).all()
    assert set(Table.load(tmp_path / "out" / "sweep.h5").kernels) == set(found.kernels)


def test_any_model_is_swept_with_its_own_observables(dmft, quick, tmp_path):
    quick.write_text(PSPIN)
    folder = tmp_path / "out"
    assert dmft("sweep", quick, "-o", folder, "--quiet").code == 0
    assert dmft("collect", folder).code == 0
    table = Table.load(folder / "sweep.h5")
    assert table.axes["couplings_3"].tolist() == [0.5, 1.0, 2.0]
    runs = [solution(folder, index) for index in range(3)]
    assert [run.problem.parameters.couplings for run in runs] == [{"2": 0.5, "3": f} for f in (0.5, 1.0, 2.0)]
    shown = table.description
    for name in shown.observables:
        assert table[f"final_{name}"].tolist() == [run.observables[name][-1] for run in runs]
    assert not any(name.startswith(("smallest", "overfitting")) for name in table.values)
    assert set(table.kernels) == set(shown.kernels)
    with h5py.File(folder / "sweep.h5") as file:
        assert all({"units", "meaning"} <= set(dataset.attrs) for dataset in file.values() if not dataset.is_scale)
    titles = [panel.get_title() for panel in table.plot().axes]
    assert titles == [f"final {shown.observables[name].label}" for name in shown.swept]


@pytest.mark.parametrize("model", ["two-layer-flow", "spherical-pspin"])
def test_runs_without_kernels_are_drawn(dmft, quick, tmp_path, model):
    quick.write_text(SWEEP if model == "two-layer-flow" else PSPIN.replace("kernels", "observables"))
    assert dmft("sweep", quick, "-o", tmp_path / "out", "--quiet").code == 0
    found = solution(tmp_path / "out", 0)
    assert not found.kernels
    assert found.plot().axes


def test_axes_of_texts(dmft, quick, tmp_path):
    quick.write_text(SWEEP.replace('"problem.init_scale" = [0.5, 1.0]', '"problem.activation" = ["erf", [0.0, 1.0]]'))
    assert dmft("sweep", quick, "-o", tmp_path / "out", "--quiet").code == 0
    dmft("collect", tmp_path / "out", "--no-curves")
    with xr.open_dataset(tmp_path / "out" / "sweep.h5", engine="h5netcdf") as table:
        assert table.activation.values.tolist() == ["erf", "[0.0, 1.0]"]
        assert float(table.final_test_error.sel(activation="erf")[0]) > 0
        assert "curve_test_error" not in table


@pytest.mark.skipif(shutil.which("h5dump") is None, reason="h5dump is not installed")
def test_h5dump_reads_it(dmft, swept):
    dmft("collect", swept)
    command = ["h5dump", "-d", "/smallest_test_error", swept / "sweep.h5"]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "SIMPLE { ( 3, 2 ) / ( 3, 2 ) }" in text
    assert f"smallest value, between the nodes, of {DESCRIPTION.observables['test_error'].meaning}" in text


def test_every_array_has_units_and_a_meaning(dmft, swept):
    dmft("collect", swept)
    with h5py.File(swept / "sweep.h5") as file:
        for name, dataset in file.items():
            if not dataset.is_scale:
                assert {"units", "meaning"} <= set(dataset.attrs), name


def test_overfitting_time(small):
    import dmft

    found = dmft.solve(small.replace(t_max=1000.0, tolerance=1e-3))
    time = overfitting_time(found, "test_error", found.early_stopping)
    assert found.early_stopping.time < time < 1000.0
    assert found.at(time)["test_error"] == pytest.approx(1.1 * found.early_stopping.value, rel=1e-10)
    early = dmft.solve(small.replace(t_max=0.1))
    assert np.isnan(overfitting_time(early, "test_error", early.early_stopping))


def test_what_is_no_table_and_no_folder_is_refused(dmft, quick, swept):
    for command in (["collect", quick.parent], ["status", quick.parent], ["collect", quick.parent / "absent"]):
        ended = dmft(*command)
        assert ended.code == 2
        assert "no sweep.toml: wanted the folder of a sweep" in ended.err
    assert dmft("show", swept / "sweep.toml").code == 2


@pytest.mark.slow
def test_a_damaged_point_is_a_row_and_is_solved_again(quick, tmp_path, dmft):
    out = tmp_path / "damaged"
    assert dmft("sweep", quick, "-o", out).code == 0
    path = sorted((out / "points").iterdir())[2]
    whole = datasets(path)
    path.write_bytes(path.read_bytes()[:-1000])
    table = collect(out)
    assert (table["outcome"] == "unreadable").sum() == 1
    assert (table["outcome"] == "done").sum() == 5
    assert dmft("check", out).code == 2
    assert dmft("sweep", quick, "-o", out, "--retry").code == 0
    assert_same(datasets(path), whole)
    assert (collect(out)["outcome"] == "done").all()
    assert dmft("check", out).code == 0
