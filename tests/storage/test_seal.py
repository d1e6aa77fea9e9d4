"""The seal: any change of any byte is noticed, and other programs read the file as before."""

import hashlib
import random

import h5py
import numpy as np
import pytest
import xarray as xr

from dmft import solve
from dmft.storage import run_file, seal
from dmft.storage.hdf5 import FileError
from dmft.storage.seal import Seal


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    from dmft import Problem

    problem = Problem(model="spherical-pspin", couplings={"3": 0.5}, t_max=1.0, tolerance=1e-2)
    path = tmp_path_factory.mktemp("seal") / "run.h5"
    solve(problem, output=path)
    return path


def test_the_seal_is_what_a_shell_computes(run):
    content = run.read_bytes()
    assert len(seal.seal(b"")) == len(seal.seal(content)) == seal.SIZE
    assert hashlib.sha256(content[: -seal.SIZE]).hexdigest().encode() in content[-seal.SIZE :]
    assert seal.verify(content) is Seal.WHOLE


def test_any_changed_byte_is_refused(run, tmp_path):
    """One bit in every stretch of the file, and every byte of its ends."""
    content, draw = run.read_bytes(), random.Random(0)
    places = {*range(64), *range(len(content) - seal.SIZE, len(content)), *range(0, len(content), 997)}
    for place in sorted(places):
        damaged = bytearray(content)
        damaged[place] ^= 1 << draw.randrange(8)
        (tmp_path / "run.h5").write_bytes(damaged)
        with pytest.raises(FileError, match=r"damaged|not an HDF5"):
            run_file.read(tmp_path / "run.h5")


@pytest.mark.parametrize("kept", [0, 1, 100, 4096, -1, -seal.SIZE // 2, -seal.SIZE, -seal.SIZE - 1])
def test_any_truncation_is_refused(run, tmp_path, kept):
    (tmp_path / "run.h5").write_bytes(run.read_bytes()[:kept])
    with pytest.raises(FileError):
        run_file.read(tmp_path / "run.h5")


@pytest.mark.parametrize("more", [b"\0", b"\n", bytes(seal.SIZE)])
def test_anything_added_is_refused(run, tmp_path, more):
    content = run.read_bytes()
    for changed in (content + more, more + content, content[:5000] + more + content[5000:]):
        (tmp_path / "run.h5").write_bytes(changed)
        with pytest.raises(FileError):
            run_file.read(tmp_path / "run.h5")


def test_a_file_changed_with_h5py_is_refused(run, tmp_path):
    (tmp_path / "run.h5").write_bytes(run.read_bytes())
    with h5py.File(tmp_path / "run.h5", "r+") as file:
        file["time"][-1] = 2.0
    with pytest.raises(FileError, match="checksum"):
        run_file.read(tmp_path / "run.h5")


def test_xarray_finds_out_by_itself_how_to_open_it(run):
    with xr.open_dataset(run, group="observables") as found:
        assert np.array_equal(found["energy"], run_file.read(run).energy)
