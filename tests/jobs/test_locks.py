"""Output files are written by one process at a time, and a lock can be looked at by who may only read it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dmft.jobs.locks import InUseError, Locks, Taken, lock_file, output_lock

TRY = """
import sys
from pathlib import Path
from dmft.jobs.locks import InUseError, output_lock
try:
    with output_lock(Path(sys.argv[1])) as taken:
        print(taken.name)
except InUseError as error:
    print(error)
"""


def elsewhere(code, *arguments, **options) -> str:
    """What Python code prints in a process of its own: locks are those of a process."""
    ended = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True, check=True, **options
    )
    return ended.stdout.strip()


def test_output_is_locked_by_one_process_and_nothing_is_left(tmp_path):
    output = tmp_path / "run.h5"
    (tmp_path / "link.h5").symlink_to(output)
    with output_lock(output) as taken:
        assert taken is Taken.OURS
        for name in ("run.h5", "link.h5"):
            assert "another process is writing this file" in elsewhere(TRY, tmp_path / name)
        assert elsewhere(TRY, tmp_path / "other.h5") == "OURS"
        with pytest.raises(InUseError, match="by this process"), output_lock(tmp_path / "link.h5"):
            pass
    assert elsewhere(TRY, output) == "OURS"
    assert [path.name for path in tmp_path.iterdir()] == ["link.h5"]


def test_lock_of_a_process_that_was_killed_is_free(tmp_path):
    output = tmp_path / "run.h5"
    code = TRY.replace("print(taken.name)", "import os; os.kill(os.getpid(), 9)")
    subprocess.run([sys.executable, "-c", code, str(output)], check=False)
    assert lock_file(output).exists()
    assert elsewhere(TRY, output) == "OURS"
    assert list(tmp_path.iterdir()) == []


def test_lock_of_the_longest_name(tmp_path):
    with output_lock(tmp_path / ("x" * 255)) as taken:
        assert taken is Taken.OURS


def test_lock_follows_no_planted_link(tmp_path):
    target = tmp_path / "target"
    target.write_text("mine")
    lock_file(tmp_path / "run.h5").symlink_to(target)
    with pytest.raises(OSError, match="symbolic links"), output_lock(tmp_path / "run.h5"):
        pass
    assert target.read_text() == "mine"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_who_may_only_read_sees_the_lock(tmp_path):
    path = tmp_path / "lock"
    locks = Locks(path)
    locks.take(3, 2)
    path.chmod(0o444)
    for folder in (tmp_path, *tmp_path.parents):
        if folder == Path("/"):
            break
        folder.chmod(folder.stat().st_mode | 0o555)
    code = """
import os, sys
from pathlib import Path
from dmft.jobs.locks import Locks
os.setuid(65534)
try:
    Locks(Path(sys.argv[1]))
except PermissionError:
    print(Locks(Path(sys.argv[1]), look_only=True).held_by_others(0, 10))
"""
    assert elsewhere(code, path) == "[range(3, 5)]"
    locks.close()
