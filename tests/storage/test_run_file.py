"""Run files: layout, round trip, continuation bit for bit, refusal, atomic writes."""

import resource
import shutil
import signal
import subprocess

import h5py
import numpy as np
import pytest
import xarray as xr

from dmft import Outcome, Problem, ProblemError, Solution, solve
from dmft.models.two_layer_flow.description import OF_REAL_NETWORKS
from dmft.running.solve import StopRun
from dmft.storage import schema
from dmft.storage.hdf5 import FileError
from tests.comparison import assert_same, datasets
from tests.conftest import small_problem


@pytest.fixture(scope="module")
def solution():
    return solve(small_problem())


def contents(path):
    """Every dataset and every attribute that does not tell of the run itself."""
    with h5py.File(path) as file:
        told = {"problem": file.attrs["problem"], "next_step": file["state"].attrs["next_step"]}
    return datasets(path) | told


def assert_same_files(one, other):
    assert_same(contents(one), contents(other))


def test_layout_is_the_schema(solution, tmp_path):
    solution.save(tmp_path / "run.h5")
    with h5py.File(tmp_path / "run.h5") as file:
        assert set(file.attrs) >= set(schema.ATTRIBUTES)
        assert file.attrs["schema"] == 1
        assert file.attrs["outcome"] == "done"
        assert bool(file.attrs["complete"])
        assert Problem.from_toml(file.attrs["problem"]) == solution.problem
        n = len(solution.time)
        description = solution.problem.parameters.description
        for group, entries, shape in (
            ("observables", schema.observables(description.observables, {}), (n,)),
            ("kernels", schema.kernels(description.kernels, {}), (n, n)),
        ):
            assert set(file[group]) == set(entries) - set(OF_REAL_NETWORKS)
            for name, dataset in file[group].items():
                assert dataset.shape == shape
                assert dataset.attrs["units"] == entries[name].units
                assert dataset.attrs["meaning"] == entries[name].meaning
                assert dataset.dims[0][0].name == "/time"
        assert file["time"].is_scale
        assert file["time"][-1] == 20.0


def test_xarray_reads_it(solution, tmp_path):
    solution.save(tmp_path / "run.h5")
    with xr.open_datatree(tmp_path / "run.h5", engine="h5netcdf") as tree:
        curve = tree["observables"]["test_error"].sel(time=1.0, method="nearest")
        assert float(curve) in solution.test_error
        assert tree["kernels"]["C_d"].dims == ("time", "time_prime")


@pytest.mark.skipif(shutil.which("h5dump") is None, reason="h5dump is not installed")
def test_h5dump_reads_it(solution, tmp_path):
    solution.save(tmp_path / "run.h5")
    text = subprocess.run(["h5dump", "-H", tmp_path / "run.h5"], capture_output=True, text=True, check=True).stdout
    assert 'DATASET "test_error"' in text


def test_round_trip(solution, tmp_path):
    solution.save(tmp_path / "run.h5")
    loaded = Solution.load(tmp_path / "run.h5")
    assert loaded.problem == solution.problem
    assert loaded.outcome is Outcome.DONE
    for name in solution.observables:
        assert np.array_equal(loaded.observables[name], solution.observables[name])
    for name in solution.kernels:
        assert np.array_equal(loaded.kernels[name], solution.kernels[name])
    loaded.save(tmp_path / "again.h5")
    assert_same_files(tmp_path / "run.h5", tmp_path / "again.h5")


@pytest.mark.parametrize("cells", [1, 2, 7])
def test_stopped_and_resumed_is_uninterrupted(small, tmp_path, cells):
    def stop(march, cell):
        if cell.cell == cells:
            raise StopRun

    stopped = solve(small, output=tmp_path / "run.h5", observers=[stop])
    assert stopped.outcome is Outcome.INTERRUPTED
    assert len(stopped.time) == 1 + cells * small.solver.stages
    assert solve(small, output=tmp_path / "run.h5").complete
    solve(small, output=tmp_path / "whole.h5")
    assert_same_files(tmp_path / "run.h5", tmp_path / "whole.h5")


def test_stopped_after_every_cell_is_uninterrupted(small, tmp_path):
    def stop(march, cell):
        raise StopRun

    while not solve(small, output=tmp_path / "run.h5", observers=[stop]).complete:
        pass
    solve(small, output=tmp_path / "whole.h5")
    assert_same_files(tmp_path / "run.h5", tmp_path / "whole.h5")


def test_checkpoints_do_not_change_the_result(small, tmp_path):
    solve(small, output=tmp_path / "run.h5", checkpoint_every=0.0)
    solve(small, output=tmp_path / "whole.h5")
    assert_same_files(tmp_path / "run.h5", tmp_path / "whole.h5")


def test_larger_t_max_extends(small, tmp_path):
    path = tmp_path / "run.h5"
    first = solve(small, output=path)
    longer = solve(small.replace(t_max=100.0), output=path)
    assert longer.complete
    assert longer.time[-1] == 100.0
    n = len(first.time)
    assert np.array_equal(longer.time[:n], first.time)
    assert np.array_equal(longer.kernels["C_d"][:n, :n], first.kernels["C_d"])
    fresh = solve(small.replace(t_max=100.0))
    assert longer.test_error[-1] == pytest.approx(fresh.test_error[-1], rel=small.solver.tolerance)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"noise": 0.2}, "noise"),
        ({"tolerance": 1e-4}, "tolerance"),
        ({"width": 4}, "width"),
        ({"t_max": 5.0}, "t_max"),
    ],
)
def test_another_problem_is_refused_and_named(small, tmp_path, keys, message):
    path = tmp_path / "run.h5"
    solve(small, output=path)
    before = path.read_bytes()
    with pytest.raises(ProblemError, match=message):
        solve(small.replace(**keys), output=path)
    assert path.read_bytes() == before


def test_limits_may_be_raised(small, tmp_path):
    path = tmp_path / "run.h5"
    stuck = solve(small.replace(max_nodes=30), output=path)
    assert stuck.outcome is Outcome.STUCK
    assert 1 < len(stuck.time) <= 30
    assert np.array_equal(Solution.load(path).test_error, stuck.test_error)
    assert solve(small, output=path).complete
    solve(small, output=tmp_path / "whole.h5")
    assert_same_files(path, tmp_path / "whole.h5")


def test_either_sample_ratio_gives_the_same_file(tmp_path):
    keys = {"activation": "erf", "target": [0, 1], "width": 10, "alignment": 0.1, "t_max": 3.0, "tolerance": 1e-4}
    solve(Problem(samples_per_parameter=0.5, **keys), output=tmp_path / "parameter.h5")
    solve(Problem(samples_per_dimension=5.0, **keys), output=tmp_path / "dimension.h5")
    assert_same_files(tmp_path / "parameter.h5", tmp_path / "dimension.h5")


@pytest.mark.parametrize("content", [b"", b"not HDF5 at all"])
def test_a_file_that_is_no_run_file_is_left_alone(small, tmp_path, content):
    path = tmp_path / "run.h5"
    path.write_bytes(content)
    with pytest.raises(FileError):
        Solution.load(path)
    with pytest.raises(ProblemError, match="run file"):
        solve(small, output=path)
    assert path.read_bytes() == content


def test_an_hdf5_file_of_another_kind_is_refused(tmp_path):
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["x"] = [1.0]
    with pytest.raises(FileError, match="schema"):
        Solution.load(tmp_path / "other.h5")


def test_a_missing_folder_is_refused_before_the_work(small, tmp_path):
    with pytest.raises(ProblemError, match="folder"):
        solve(small, output=tmp_path / "none" / "run.h5")


@pytest.fixture
def full_disk(solution, tmp_path):
    """No file of this process may grow beyond half of what the run file needs."""
    solution.save(tmp_path / "probe.h5")
    size = (tmp_path / "probe.h5").stat().st_size
    (tmp_path / "probe.h5").unlink()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size // 2, limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    signal.signal(signal.SIGXFSZ, before)


def test_a_full_disk_is_one_error_and_leaves_the_old_file(solution, tmp_path, full_disk):
    path = tmp_path / "run.h5"
    path.write_text("old")
    with pytest.raises(OSError):
        solution.save(path)
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["run.h5"]


def test_a_link_is_followed(solution, tmp_path):
    (tmp_path / "there").mkdir()
    (tmp_path / "link.h5").symlink_to(tmp_path / "there" / "run.h5")
    solution.save(tmp_path / "link.h5")
    assert (tmp_path / "link.h5").is_symlink()
    assert Solution.load(tmp_path / "there" / "run.h5").complete
