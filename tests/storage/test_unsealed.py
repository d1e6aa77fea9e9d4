"""Files without a checksum: read with a word, looked through by a process that may hang or crash in place of this one."""

import io
import random
import warnings
import zipfile

import h5py
import numpy as np
import pytest

from dmft import Problem, solve
from dmft.storage import arrays_file, run_file, seal
from dmft.storage.hdf5 import FileError
from dmft.storage.seal import Unsealed
from dmft.storage.stranger import Examiner
from tests.damage import edit


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    problem = Problem(width=4, samples_per_parameter=1.0, activation=[0, 0.8, 0.6], t_max=1.0, tolerance=1e-2)
    path = tmp_path_factory.mktemp("unsealed") / "run.h5"
    solve(problem, output=path)
    return path


@pytest.fixture
def run(original, tmp_path):
    path = tmp_path / "run.h5"
    path.write_bytes(original.read_bytes())
    return path


def change(path, edit_file):
    edit(path, edit_file, sealed=False)
    return path


def test_is_read_with_a_word_and_continued(run, original):
    change(run, lambda file: None)
    with pytest.warns(Unsealed, match=r"run\.h5: has no checksum"):
        found = run_file.read(run)
    assert np.array_equal(found.state.history["C"], run_file.read(original).state.history["C"])
    problem = found.problem.replace(t_max=2.0)
    with pytest.warns(Unsealed):
        longer = solve(problem, output=run)
    assert longer.complete
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert run_file.read(run).time[-1] == 2.0


def put(name, values):
    def change_it(file):
        del file[name]
        file[name] = values

    return change_it


def link(target):
    def change_it(file):
        del file["state/C"]
        file["state/C"] = target

    return change_it


def external(file):
    del file["weights"]
    file.create_dataset("weights", (3,), float, external=[("/etc/hostname", 0, 24)])


def huge(file):
    n = 2**28
    del file["state/C"]
    file.create_dataset("state/C", (n,), float, chunks=(1024,), compression="gzip")


def bomb(file):
    del file["state/C"]
    file.create_dataset("state/C", (2**22,), float, chunks=(2**20,), fillvalue=1.0)


def set_attribute(name, value, at="/"):
    return lambda file: file[at].attrs.__setitem__(name, value)


def set_entry(name, place, value):
    def change_it(file):
        file[name][place] = value

    return change_it


WRONG = {
    "scalar": put("state/C", 1.0),
    "text": put("state/C", "text"),
    "shape": put("state/C", np.zeros((2, 3, 4))),
    "group": lambda file: (file.__delitem__("state/C"), file.create_group("state/C")),
    "missing": lambda file: file.__delitem__("state/C"),
    "no weights": lambda file: file.__delitem__("weights"),
    "no time": put("time", np.zeros(0)),
    "unsorted": set_entry("time", 2, 0.0),
    "late start": set_entry("time", 0, 0.001),
    "nan time": set_entry("time", -1, np.nan),
    "nan in a state": set_entry("state/C", (0, 1, 1), np.nan),
    "infinite state": set_entry("state/kick", (0, 0), np.inf),
    "changed state": set_entry("state/C", (0, 2, 1), 0.123),
    "changed kernel": set_entry("kernels/C_d", (2, 1), 0.123),
    "soft link": link(h5py.SoftLink("/state/R")),
    "loop": link(h5py.SoftLink("/state/C")),
    "external link": link(h5py.ExternalLink("other.h5", "/x")),
    "hard link": lambda file: (file.__delitem__("state/C"), file.__setitem__("state/C", file["state/R"])),
    "circle": lambda file: file["state"].__setitem__("state", file["/"]),
    "external storage": external,
    "huge": huge,
    "bomb": bomb,
    "named type": lambda file: file.__setitem__("type", np.dtype("f8")),
    "outcome": set_attribute("outcome", "splendid"),
    "outcome number": set_attribute("outcome", 1.0),
    "problem": set_attribute("problem", "[problem]"),
    "problem array": set_attribute("problem", [1.0, 2.0]),
    "next step": set_attribute("next_step", np.nan, "state"),
    "next step text": set_attribute("next_step", "1", "state"),
    "iterations": set_attribute("iterations", [1, 2]),
    "schema": set_attribute("schema", 2),
    "schema array": set_attribute("schema", [1, 1]),
}


@pytest.mark.parametrize("kind", WRONG)
def test_what_is_wrong_is_refused_in_one_line(run, kind):
    before = change(run, WRONG[kind]).read_bytes()
    with warnings.catch_warnings():
        # One line, not a warning as well.
        warnings.simplefilter("error")
        with pytest.raises(FileError) as raised:
            run_file.read(run)
    assert "\n" not in str(raised.value)
    assert run.read_bytes() == before


def test_a_file_that_has_lost_its_checksum_is_not_an_old_one(run):
    run.write_bytes(run.read_bytes()[: -seal.SIZE])
    with pytest.raises(FileError, match="lost its checksum"):
        run_file.read(run)


def test_damage_of_any_kind_ends_and_is_noticed_or_harmless(run):
    """Without a checksum, some bytes of text and of padding may change unseen; nothing hangs and nothing crashes."""
    content, draw = change(run, lambda file: None).read_bytes(), random.Random(7)
    for _ in range(10):
        damaged, place = bytearray(content), draw.randrange(len(content))
        damaged[place : place + 16] = bytes(len(damaged[place : place + 16]))
        run.write_bytes(damaged)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                found = run_file.read(run)
            except FileError:
                continue
        history = found.state.history
        assert all(np.isfinite(history[name]).all() for name, field in history.fields.items() if field.two_time)


def test_a_process_that_hangs_is_replaced(monkeypatch, run):
    """The time limit is one of processor time and acts inside of compiled code; the next file has a process of its own."""
    examiner = Examiner()
    monkeypatch.setattr("dmft.storage.stranger.CODE", "from tests.storage.test_unsealed import hang; hang({})")
    assert "HDF5 fails" in examiner.complaint(run.read_bytes())
    monkeypatch.undo()
    assert examiner.complaint(run.read_bytes()) == ""
    examiner.end()


def test_a_process_that_does_not_read_is_replaced(monkeypatch):
    """More than a pipe holds is sent to it."""
    examiner = Examiner()
    monkeypatch.setattr("dmft.storage.stranger.CODE", "import time; time.sleep(600)  # {}")
    monkeypatch.setattr("dmft.storage.stranger.PATIENCE", 0.1)
    assert "does not come to an end" in examiner.complaint(bytes(1 << 20))
    examiner.end()


def hang(answers):
    """In place of `serve`: a file for which HDF5 does not come to an end."""
    from dmft.storage import stranger

    def loop(content):
        while True:
            pass

    stranger.complaints, stranger.SECONDS = loop, 0.1
    stranger.serve(answers)


def test_states_of_simulations(tmp_path):
    path, arrays = tmp_path / "seed-0.state.npz", {"w": np.arange(5.0), "seconds": np.array(1.0)}
    arrays_file.write(path, arrays)
    content = path.read_bytes()
    assert arrays_file.read(path).keys() == arrays.keys()
    for place in range(0, len(content), 7):
        damaged = bytearray(content)
        damaged[place] ^= 4
        path.write_bytes(damaged)
        with pytest.raises(FileError):
            arrays_file.read(path)


def test_states_of_earlier_versions(tmp_path):
    path = tmp_path / "seed-0.state.npz"
    np.savez(path, w=np.arange(5.0))
    assert np.array_equal(arrays_file.read(path)["w"], np.arange(5.0))
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(FileError):
        arrays_file.read(path)
    image = io.BytesIO()
    np.save(image, np.array([{}], dtype=object), allow_pickle=True)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("w.npy", image.getvalue())
    with pytest.raises(FileError):
        arrays_file.read(path)
