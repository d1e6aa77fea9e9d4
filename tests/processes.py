"""Commands in processes of their own, waited for and ended."""

import subprocess
import sys
import sysconfig
import time
from contextlib import suppress
from pathlib import Path

import psutil

# Of a machine that is busy with other work: what takes so long hangs.
PATIENCE = 1800.0
PROGRAM = Path(sysconfig.get_path("scripts")) / "dmft"
MPIEXEC = Path(sys.executable).with_name("mpiexec")


def start(*arguments, program=(PROGRAM,), **options) -> subprocess.Popen:
    """Start a command in a process of its own, as a user does; of this program, unless another is given."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **options}
    return subprocess.Popen([*map(str, program), *map(str, arguments)], **pipes)


def on_ranks(*arguments, **options) -> subprocess.Popen:
    """Start a command on two ranks."""
    return start(*arguments, program=(MPIEXEC, "-n", 2, PROGRAM), **options)


def wait_until(condition, process=None) -> None:
    """Wait for something that a process is about to do."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert process is None or process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.01)


def workers(process) -> list[psutil.Process]:
    """Processes that solve points, below a launcher or master."""
    found = []
    for child in psutil.Process(process.pid).children(recursive=True):
        # One that has just ended has no command line.
        with suppress(psutil.Error):
            if any(words in " ".join(child.cmdline()) for words in ("worker_process.py", "dmft sweep")):
                found.append(child)
    return found


def end_all(process) -> None:
    """Kill a command and all that it started."""
    everything = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
    for one in everything:
        one.kill()
    psutil.wait_procs(everything, timeout=PATIENCE)
    process.communicate(timeout=PATIENCE)
