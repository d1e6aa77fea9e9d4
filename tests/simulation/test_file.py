"""Simulation files: what is in them, who can read them, and that nothing is lost on the way."""

import shutil
import subprocess

import h5py
import numpy as np
import pytest
import xarray as xr

from dmft import Problem, Simulation, simulate
from dmft.storage import schema
from dmft.storage.hdf5 import FileError
from tests.damage import edit


@pytest.fixture(scope="module")
def simulation() -> Simulation:
    """Three seeds with two-time correlations."""
    problem = Problem(width=2, samples_per_dimension=2.0, activation="tanh", target="tanh", noise=0.1, t_max=2.0)
    return simulate(problem, dim=12, seeds=3, times=7, two_time=True)


@pytest.fixture
def path(simulation, tmp_path):
    simulation.save(tmp_path / "sim.h5")
    return tmp_path / "sim.h5"


def test_everything_is_there_and_says_what_it_is(simulation, path):
    description = simulation.problem.parameters.description
    meanings = {**description.observables, **description.kernels}
    with h5py.File(path) as file:
        assert set(schema.SIMULATION_ATTRIBUTES) == set(file.attrs)
        assert (file.attrs["dim"], file.attrs["samples"], bool(file.attrs["complete"])) == (12, 24, True)
        assert set(file) - {"observables", "kernels", "standard_errors", "seeds"} == set(schema.SIMULATION_ROOT)
        assert file["seed"][:].tolist() == [0, 1, 2]
        assert set(file["observables"]) == set(simulation.trajectories)
        for group, lead in (("observables", ()), ("standard_errors", ()), ("seeds", (3,))):
            for name in simulation.trajectories:
                dataset = file[f"{group}/{name}"]
                assert dataset.shape == (*lead, 7)
                assert dataset.attrs["units"] == meanings[name].units
                assert meanings[name].meaning in dataset.attrs["meaning"]
                assert dataset.dims[len(lead)][0].name == "/time"
        assert file["seeds/C_d"].shape == (3, 7, 7)
        assert file["kernels/C_o"].shape == (7, 7)


def test_means_and_standard_errors(simulation, path):
    with h5py.File(path) as file:
        values = file["seeds/test_error"][:]
        np.testing.assert_allclose(file["observables/test_error"][:], values.mean(axis=0))
        np.testing.assert_allclose(file["standard_errors/test_error"][:], values.std(axis=0, ddof=1) / 3**0.5)


def test_xarray_reads_it(simulation, path):
    with xr.open_datatree(path, engine="h5netcdf") as tree:
        curve = tree["observables"]["test_error"].sel(time=2.0)
        assert float(curve) == simulation.test_error[-1]
        assert tree["seeds"]["train_error"].dims == ("seed", "time")
        assert tree["seeds"]["C_d"].dims == ("seed", "time", "time_prime")
        assert float(tree["seeds"]["train_error"].sel(seed=1)[0]) == simulation.trajectories["train_error"][1, 0]


@pytest.mark.skipif(shutil.which("h5dump") is None, reason="h5dump is not installed")
def test_h5dump_reads_it(path):
    text = subprocess.run(
        ["h5dump", "-d", "/standard_errors/test_error", path], capture_output=True, text=True, check=True
    ).stdout
    assert "standard error of the mean over seeds" in text


def test_round_trip(simulation, path, tmp_path):
    loaded = Simulation.load(path)
    assert (loaded.problem, loaded.setup) == (simulation.problem, simulation.setup)
    for mine, other in ((simulation.trajectories, loaded.trajectories), (simulation.two_time, loaded.two_time)):
        assert mine.keys() == other.keys()
        assert all(np.array_equal(mine[name], other[name]) for name in mine)
    assert np.array_equal(loaded.evaluations, simulation.evaluations)
    loaded.save(tmp_path / "again.h5")
    with h5py.File(path) as one, h5py.File(tmp_path / "again.h5") as other:
        assert one.attrs["wall_time"] == other.attrs["wall_time"]


def test_one_seed_has_no_standard_error(tmp_path, simulation):
    one = simulate(simulation.problem, dim=12, seeds=[1], times=7)
    assert np.isnan(one.standard_errors["test_error"]).all()
    assert np.array_equal(one.test_error, simulation.trajectories["test_error"][1])


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda file: file.attrs.__setitem__("simulation_schema", 7), "simulation_schema = 7, not 1: wanted a simulation"),
        (lambda file: file.attrs.__delitem__("simulation_schema"), "simulation_schema = None"),
        (lambda file: file.__delitem__("time"), "is not a whole simulation file"),
    ],
)
def test_what_is_no_simulation_is_refused(path, damage, message):
    edit(path, damage)
    with pytest.raises(FileError, match=message):
        Simulation.load(path)


def test_missing_and_damaged_files(tmp_path):
    (tmp_path / "text.h5").write_text("no HDF5")
    for name, message in (("none.h5", "No such file"), ("text.h5", "not an HDF5 file")):
        with pytest.raises(FileError, match=message):
            Simulation.load(tmp_path / name)


def test_a_damaged_seed_is_simulated_again(tmp_path, simulation, monkeypatch):
    path = tmp_path / "sim.h5"
    # A process that is killed leaves seeds beside the file.
    with monkeypatch.context() as patch:
        patch.setattr("dmft.simulation.folder.Seeds.collect", lambda self: None)
        with pytest.raises(FileError):
            simulate(simulation.problem, dim=12, seeds=3, times=7, output=path)
    seed = tmp_path / "sim.h5.seeds" / "seed-1.h5"
    seed.write_bytes(seed.read_bytes()[:-100])
    found = simulate(simulation.problem, dim=12, seeds=3, times=7, output=path)
    assert found.seeds.tolist() == [0, 1, 2]
    assert np.array_equal(found.trajectories["test_error"], simulation.trajectories["test_error"])
    assert not seed.parent.exists()
