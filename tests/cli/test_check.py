"""dmft check, and what all commands say of files that are damaged, old, or no files."""

import os

import numpy as np
import pytest

from tests.damage import edit

READERS = (["show"], ["plot"], ["cite"], ["check"], ["compare"])


def flip(path, place=5000):
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


def test_whole_damaged_and_old_files(dmft, solved, tmp_path):
    (tmp_path / "deep").mkdir()
    old, damaged = tmp_path / "deep" / "old.h5", tmp_path / "deep" / "damaged.h5"
    for path in (old, damaged):
        path.write_bytes(solved.read_bytes())
    ended = dmft("check", tmp_path)
    assert (ended.code, ended.out, ended.err) == (0, "3 of 3 files are whole\n", "")
    edit(old, lambda file: None, sealed=False)
    flip(damaged)
    ended = dmft("check", tmp_path)
    assert ended.code == 2
    assert ended.out.splitlines()[0].startswith(f"{damaged}: is damaged")
    assert "2 of 3 files are whole, 1 of them without a checksum" in ended.out
    assert dmft("check", solved, old).code == 0
    (tmp_path / "empty").mkdir()
    assert dmft("check", tmp_path / "empty").code == 2


@pytest.mark.parametrize("command", READERS, ids=" ".join)
def test_a_damaged_file_is_one_line_and_exit_status_2(dmft, solved, command):
    flip(solved)
    before = solved.read_bytes()
    ended = dmft(*command, solved, *([solved] if command == ["compare"] else []))
    assert ended.code == 2
    text = ended.out if command == ["check"] else ended.err
    assert "damaged" in text.splitlines()[0]
    assert command == ["check"] or (ended.err.count("\n") == 1 and len(ended.err) <= 201)
    assert solved.read_bytes() == before


def test_a_damaged_file_is_not_continued(dmft, quick, solved):
    flip(solved)
    before = solved.read_bytes()
    ended = dmft("solve", quick, "-o", solved, "--set", "solver.t_max=30.0")
    assert (ended.code, ended.err.count("\n")) == (2, 1)
    assert solved.read_bytes() == before


def test_an_old_file_is_read_with_a_word(dmft, quick, solved):
    edit(solved, lambda file: None, sealed=False)
    for command in (["show", solved], ["cite", solved], ["solve", quick, "-o", solved, "--set", "solver.t_max=21.0"]):
        ended = dmft(*command)
        assert ended.code == 0
        assert len([line for line in ended.err.splitlines() if "has no checksum" in line]) == 1


@pytest.mark.parametrize("command", READERS, ids=" ".join)
def test_what_is_no_regular_file_is_refused_at_once(dmft, solved, tmp_path, command):
    os.mkfifo(tmp_path / "fifo.h5")
    (tmp_path / "loop.h5").symlink_to("loop.h5")
    for name in ("fifo.h5", "loop.h5", "/dev/zero", "/dev/null", "absent.h5", "x" * 300):
        ended = dmft(*command, tmp_path / name, *([solved] if command == ["compare"] else []), *png(command, tmp_path))
        assert ended.code == 2
        assert (ended.err or ended.out).splitlines()[0].startswith(("dmft: ", str(tmp_path), "/dev"))


def png(command, folder):
    return ["-o", folder / "figure.png"] if command == ["plot"] else []


@pytest.mark.parametrize("command", ["solve", "plan", "sweep", "simulate"])
def test_problem_files_are_regular_files(dmft, tmp_path, command):
    os.mkfifo(tmp_path / "fifo.toml")
    output = [] if command == "plan" else ["-o", tmp_path / "out"]
    for name in ("fifo.toml", "/dev/zero", "."):
        ended = dmft(command, tmp_path / name, *output, *(["--dim", "5"] if command == "simulate" else []))
        assert (ended.code, ended.err.count("\n")) == (2, 1)


def test_outputs_are_regular_files(dmft, quick, tmp_path):
    os.mkfifo(tmp_path / "fifo")
    for name in ("fifo", "/dev/null", "x" * 300):
        for command in (["solve"], ["simulate", "--dim", "5", "--seeds", "1"]):
            ended = dmft(*command, quick, "-o", tmp_path / name)
            assert (ended.code, ended.err.count("\n")) == (2, 1)
    assert (tmp_path / "fifo").is_fifo()


def test_control_characters_of_files_are_not_printed(dmft, solved):
    edit(solved, lambda file: file.attrs.__setitem__("command", "dmft \x1b[31m\x07\u202e solve"))
    ended = dmft("show", solved)
    assert ended.code == 0
    assert r"dmft \x1b[31m\x07\u202e solve" in ended.out


@pytest.mark.slow
def test_names_that_are_not_utf8(dmft, quick, tmp_path):
    problem, run, figure = (tmp_path / os.fsdecode(b"p\xff\x1b" + end) for end in (b".toml", b".h5", b".png"))
    problem.write_bytes(quick.read_bytes())
    assert dmft("solve", problem, "-o", run).code == 0
    assert r"p\xff\x1b.h5" in dmft("show", run).out
    assert dmft("plot", run, "-o", figure).code == 0
    assert figure.exists()
    run.write_bytes(b"")
    assert r"p\xff\x1b.h5" in dmft("show", run).err


def test_every_message_is_one_short_line(dmft, tmp_path):
    path = tmp_path / "long.toml"
    key, digits = "k" * 5000, "1" * 5000
    for text in (f"[problem]\n{key} = 1", f"[problem]\nwidth = {digits}", f"[{key}]", f'[problem]\nmodel = "{key}\\u001b"'):
        path.write_text(text)
        ended = dmft("plan", path)
        assert ended.code == 2
        assert len(ended.err) <= 201
        assert ended.err.count("\n") == 1
        assert ended.err.strip().isprintable()
    assert len(dmft("solve", path, "-o", "y.h5", f"--{key}").err) <= 201


def test_arrays_of_numbers_that_are_not_finite_are_shown(dmft, solved):
    edit(solved, lambda file: file["observables/test_error"].__setitem__(3, np.nan))
    assert dmft("check", solved).code == 2
