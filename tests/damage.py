"""Files changed from outside, for tests of what a reader says."""

from collections.abc import Callable
from pathlib import Path

import h5py

from dmft.storage import seal


def edit(path: Path, change: Callable[[h5py.File], object], *, sealed: bool = True) -> None:
    """Change a file with h5py, and seal it again or leave it as versions without seals wrote theirs."""
    with h5py.File(path, "r+") as file:
        change(file)
        if not sealed:
            del file.attrs[seal.ATTRIBUTE]
    content = path.read_bytes()
    assert seal.MARK not in content[-seal.SIZE :]
    if sealed:
        path.write_bytes(content + seal.seal(content))
