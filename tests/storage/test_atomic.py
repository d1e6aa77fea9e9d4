"""Files that appear complete or not at all: what is left behind, links, names."""

import fcntl
import os
import time

import pytest

from dmft import ProblemError
from dmft.storage import atomic
from dmft.storage.atomic import refuse_unwritable, remove_left_behind, write_whole

LONG_AGO = time.time() - 2 * atomic.MINUTE


def part(folder, name="0123456789abcdef", written=LONG_AGO):
    """A file as a killed process leaves it."""
    path = folder / f".dmft-{name}.part"
    path.write_text("half")
    os.utime(path, (written, written))
    return path


def names(folder):
    return sorted(os.listdir(folder))


def test_a_part_left_by_a_killed_process_goes_with_the_next_write(tmp_path):
    part(tmp_path)
    write_whole(tmp_path / "run.h5", b"whole")
    assert names(tmp_path) == ["run.h5"]
    assert (tmp_path / "run.h5").read_bytes() == b"whole"


def test_a_write_in_progress_is_left_alone(tmp_path):
    busy, new = part(tmp_path), part(tmp_path, "f" * 16, time.time())
    with busy.open("rb+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        write_whole(tmp_path / "run.h5", b"whole")
        assert names(tmp_path) == sorted([busy.name, new.name, "run.h5"])
    remove_left_behind(tmp_path, nobody_writes=True)
    assert names(tmp_path) == ["run.h5"]


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    def full(descriptor):
        raise OSError(28, "No space left on device")

    (tmp_path / "run.h5").write_text("old")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_whole(tmp_path / "run.h5", b"new")
    assert names(tmp_path) == ["run.h5"]
    assert (tmp_path / "run.h5").read_text() == "old"


@pytest.mark.parametrize("planted", ["folder", "link", "fifo", "file"])
def test_nothing_planted_under_a_temporary_name_is_touched_or_in_the_way(tmp_path, planted):
    """Names as earlier versions and this one give them; a number of a process that is none."""
    target = tmp_path / "target"
    target.write_text("precious")
    for name in (".run.h5.host-99999999999999999999.part", ".dmft-0123456789abcdef.part", ".run.h5.part"):
        path = tmp_path / name
        {"folder": path.mkdir, "link": lambda p=path: p.symlink_to(target), "fifo": lambda p=path: os.mkfifo(p)}.get(
            planted, path.touch
        )()
    write_whole(tmp_path / "run.h5", b"whole")
    assert (tmp_path / "run.h5").read_bytes() == b"whole"
    assert target.read_text() == "precious"


def test_temporary_names_are_short_and_not_known_in_advance(tmp_path, monkeypatch):
    """A name as long as the file system has them can be written, and no two writes take the same temporary name."""
    seen = []
    replace = os.replace
    monkeypatch.setattr(os, "replace", lambda one, other: (seen.append(one.name), replace(one, other)))
    path = tmp_path / ("x" * 255)
    for _ in range(2):
        write_whole(path, b"whole")
    assert path.read_bytes() == b"whole"
    assert len(set(seen)) == 2
    assert max(map(len, seen)) <= 32


def test_a_name_that_is_not_utf8(tmp_path):
    path = tmp_path / os.fsdecode(b"r\xff\xe9.h5")
    write_whole(path, b"whole")
    assert path.read_bytes() == b"whole"


def irregular(folder):
    """Names that no file can be put at, and a word of the reason."""
    (folder / "folder").mkdir()
    os.mkfifo(folder / "fifo")
    (folder / "loop").symlink_to("loop")
    (folder / "to_fifo").symlink_to("fifo")
    return {
        "folder": "folder",
        "fifo": "regular",
        "to_fifo": "regular",
        "loop": "symbolic links",
        "/dev/null": "regular",
        "x" * 256: "too long",
        "none/run.h5": "No such file",
        "zero\0byte": "zero",
    }


def test_what_cannot_hold_a_file_is_refused(tmp_path):
    for name, reason in irregular(tmp_path).items():
        with pytest.raises(ProblemError, match=reason):
            refuse_unwritable(tmp_path / name)
        with pytest.raises(OSError):
            write_whole(tmp_path / name, b"whole")
    assert (tmp_path / "fifo").is_fifo()


def test_a_link_to_nothing_is_followed(tmp_path):
    (tmp_path / "there").mkdir()
    (tmp_path / "link").symlink_to("there/run.h5")
    refuse_unwritable(tmp_path / "link")
    write_whole(tmp_path / "link", b"whole")
    assert (tmp_path / "there" / "run.h5").read_bytes() == b"whole"
