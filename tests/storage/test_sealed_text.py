"""Text files that the program writes and reads again: damage is noticed, what people write is taken as it is."""

import pytest

from dmft import ProblemError, Sweep
from dmft.problem.toml import read_toml_file
from dmft.simulation.folder import Seeds, folder_of
from dmft.storage import failure_file
from dmft.sweeps.collect import collect
from dmft.sweeps.folder import Folder
from dmft.system.sealed_text import MARK, DamagedText, sealed, verified
from tests.problem_files import SWEEP

TEXT = SWEEP.replace("0.3", "0.25")


def damages(content: bytes):
    """Contents in which something below the mark is changed, missing or added."""
    for place in range(len(MARK), len(content)):
        yield content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]
        yield content[:place]
        yield content[:place] + content[place + 1 :]
        yield content[:place] + b"\x00" + content[place:]


def test_any_change_below_the_mark_is_noticed():
    content = sealed(TEXT)
    assert verified(content).decode() == TEXT
    for changed in damages(content):
        with pytest.raises(DamagedText):
            verified(changed)


def test_text_without_a_seal_is_taken_as_it_is(tmp_path):
    for content in (TEXT.encode(), sealed(TEXT), b"\xef\xbb\xbf" + TEXT.encode()):
        (tmp_path / "sweep.toml").write_bytes(content)
        assert Sweep.load(tmp_path / "sweep.toml").to_toml() == Sweep.from_toml(TEXT).to_toml()


def test_a_digit_changed_in_the_file_of_a_sweep(dmft, tmp_path):
    sweep, out = tmp_path / "sweep.toml", tmp_path / "out"
    sweep.write_text(SWEEP.replace("3] }", "1] }").replace("t_max = 2.0", "t_max = 0.1"))
    assert dmft("sweep", sweep, "-o", out, "-q").code == 0
    assert dmft("check", out).out == "3 of 3 files are whole\n"
    stored = out / "sweep.toml"
    stored.write_bytes(stored.read_bytes().replace(b"noise = 0.3", b"noise = 0.2"))
    with pytest.raises(ProblemError, match="checksum in its first line"):
        read_toml_file(stored)
    for command in (("sweep", sweep, "-o", out), ("status", out), ("collect", out), ("plan", stored), ("check", out)):
        ended = dmft(*command)
        assert ended.code == 2
        assert "checksum in its first line" in (ended.err or ended.out)


def test_a_reason_that_is_damaged_is_unreadable_and_the_point_solved_again(dmft, tmp_path):
    sweep, out = tmp_path / "sweep.toml", tmp_path / "out"
    sweep.write_text(SWEEP.replace("3] }", "1] }").replace("t_max = 2.0", "t_max = 0.1"))
    assert dmft("sweep", sweep, "-o", out, "-q").code == 0
    folder = Folder.load(out)
    folder.run(0).unlink()
    failure_file.write(folder.failed_text(0), "raised", "an error\nof two lines", "and a traceback")
    assert collect(out)["reason"].ravel()[0] == "an error of two lines"
    content = folder.failed_text(0).read_bytes()
    for damaged in (content.replace(b"error", b"arrow"), content[:-5], b"", b"\xff"):
        folder.failed_text(0).write_bytes(damaged)
        assert collect(out)["outcome"].ravel().tolist() == ["unreadable", "done"]
    assert dmft("sweep", sweep, "-o", out, "--retry", "-q").code == 0
    assert collect(out)["outcome"].ravel().tolist() == ["done", "done"]


def test_reasons_of_earlier_versions_are_read(tmp_path):
    (tmp_path / "failed.txt").write_text("raised: MemoryError: too much\nTraceback ...")
    assert failure_file.read(tmp_path / "failed.txt") == ("raised", "MemoryError: too much")


@pytest.mark.parametrize("text", ["", "[problem]\n", "[simulation]\ndim = 1\n[problem]\n[solver]\n", "\x00", None])
def test_the_file_of_a_simulation_that_is_damaged(dmft, tmp_path, text):
    problem, output = tmp_path / "p.toml", tmp_path / "sim.h5"
    problem.write_text(SWEEP.split("[sweep")[0].replace("width", "samples_per_parameter = 1.0\nwidth").replace("2.0", "0.5"))
    asked = folder_of(output) / "simulation.toml"
    asked.parent.mkdir()
    asked.write_bytes(sealed("[problem]\n").replace(b"bytes", b"bites") if text is None else text.encode())
    ended = dmft("simulate", problem, "-o", output, "--dim", 5, "--seeds", 1, "-q")
    assert (ended.code, ended.err.count("\n")) == (2, 1)
    assert "sim.h5.seeds/simulation.toml" in ended.err
    with pytest.raises(ProblemError):
        Seeds.load(output)
