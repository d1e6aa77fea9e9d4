"""HDF5 files without a seal: looked through in a process of their own, because damaged ones can loop or crash inside HDF5.

The process reads everything in a file once.  What it could read, another process can read from the same bytes.  It stays for
the next file, and is replaced when it had to be killed.

    to it    the length of a file, 8 bytes, and the file
    from it  one line: empty, or what is wrong with the file
"""

from __future__ import annotations

import atexit
import io
import os
import resource
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from time import monotonic

import h5py
import numpy as np
from h5py import h5o  # pyright: ignore[reportAttributeAccessIssue]

# Of processor time, for a file and for each of its bytes: many times what it takes.
SECONDS, SECONDS_A_BYTE = 1.0, 1e-7
# Of time: a busy machine may give little of it to this process.
PATIENCE = 60.0
LENGTH = 8
CODE = "from dmft.storage.stranger import serve; serve({})"
# zlib makes data at most 1032 times smaller.
LARGEST_RATIO, SMALL = 1032, 1 << 16
MOST_OBJECTS = 10_000


class Examiner:
    """A process that looks through files; started with the first one."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._answers = -1

    def complaint(self, content: bytes) -> str:
        """Defect of an HDF5 file in a few words; empty if there is none."""
        process = self._process or self._start()
        assert process.stdin is not None
        deadline = monotonic() + PATIENCE * (SECONDS + SECONDS_A_BYTE * len(content))
        try:
            for part in (len(content).to_bytes(LENGTH, "little"), content):
                _send(process.stdin.fileno(), part, deadline)
            return self._answer(deadline)
        except BrokenPipeError:
            self.end()
            return "is damaged, HDF5 fails on it"
        except TimeoutError:
            self.end()
            return "is damaged, HDF5 does not come to an end with it"

    def _start(self) -> subprocess.Popen[bytes]:
        # Answers have a pipe of their own: anything may print to standard output when Python starts.
        self._answers, theirs = os.pipe()
        code = f"import sys; sys.path[:] = {sys.path!r}; " + CODE.format(theirs)
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-c", code],
                bufsize=0,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=[theirs],
                start_new_session=True,
            )
        finally:
            os.close(theirs)
        assert self._process.stdin is not None
        os.set_blocking(self._process.stdin.fileno(), False)
        atexit.register(self.end)
        return self._process

    def _answer(self, deadline: float) -> str:
        line = b""
        while not line.endswith(b"\n"):
            ready, _, _ = select.select([self._answers], [], [], max(deadline - monotonic(), 0.0))
            part = os.read(self._answers, 4096) if ready else b""
            if not part:
                raise BrokenPipeError if ready else TimeoutError
            line += part
        return line.decode(errors="replace").strip()

    def end(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is not None:
            atexit.unregister(self.end)
            process.kill()
            with suppress(BrokenPipeError):
                process.communicate()
            os.close(self._answers)


def _send(descriptor: int, content: bytes, deadline: float) -> None:
    """Write into a pipe.  Raises TimeoutError if its reader does not take it in time."""
    left = memoryview(content)
    while left:
        _, ready, _ = select.select([], [descriptor], [], max(deadline - monotonic(), 0.0))
        if not ready:
            raise TimeoutError
        left = left[os.write(descriptor, left) :]


EXAMINER = Examiner()


def serve(answers: int) -> None:
    """Look through one file after another, until there are no more."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    while length := int.from_bytes(sys.stdin.buffer.read(LENGTH), "little"):
        content = sys.stdin.buffer.read(length)
        # The signal that comes ends the process, within HDF5 too.
        signal.setitimer(signal.ITIMER_PROF, SECONDS + SECONDS_A_BYTE * length)
        try:
            complaint = next(complaints(content), "")
        except Exception as error:  # h5py raises nearly anything for contents that are not what they were
            complaint = f"is damaged ({error})"
        os.write(answers, " ".join(complaint.split()).encode(errors="replace")[:1000] + b"\n")


def complaints(content: bytes) -> Iterator[str]:
    """Defect of an HDF5 file: links out of it or in circles, data outside of it, more data than it can hold."""
    with h5py.File(io.BytesIO(content), "r") as file:
        waiting, seen = [file["/"]], set()
        while waiting:
            item = waiting.pop()
            address = h5o.get_info(item.id).addr
            if address in seen or len(seen) > MOST_OBJECTS:
                yield f"is damaged, {item.name} is found twice"
                return
            seen.add(address)
            for name in item.attrs:
                _ = item.attrs[name]
            if isinstance(item, h5py.Group):
                for name in item:
                    if not isinstance(item.get(name, getlink=True), h5py.HardLink):
                        yield f"holds a link, {item.name}/{name}"
                        return
                    waiting.append(item[name])
            else:
                yield from _complaints_of(item, len(content))


def _complaints_of(dataset: h5py.Dataset | h5py.Datatype, size: int) -> Iterator[str]:
    if not isinstance(dataset, h5py.Dataset):
        yield f"holds a type, {dataset.name}"
    elif dataset.external:
        yield f"holds data of another file, {dataset.name}"
    elif dataset.is_virtual:
        return
    elif dataset.nbytes > LARGEST_RATIO * min(dataset.id.get_storage_size(), size) + SMALL:
        yield f"is damaged, {dataset.name} of the shape {dataset.shape} is larger than what is stored"
    else:
        np.asarray(dataset[()])
