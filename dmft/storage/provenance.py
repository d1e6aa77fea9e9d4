"""Where a file came from: version, commit, command."""

from __future__ import annotations

import shlex
import subprocess
import sys
from functools import cache
from pathlib import Path

from dmft.version import __version__


@cache
def source_commit() -> str:
    """Commit of the source tree that this program runs from, with "+changes" if it was edited; empty if there is none."""
    source = Path(__file__).resolve().parents[1]
    if not (source.parent / ".git").exists():
        return ""
    try:
        described = subprocess.run(
            ["git", "-C", str(source.parent), "describe", "--always", "--abbrev=40", "--dirty=+changes", "--exclude=*"],
            capture_output=True, text=True, timeout=10, check=True,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return ""
    return described.stdout.strip()


def provenance() -> dict[str, str]:
    """Attributes for a file written by this process."""
    # Names of files need not be UTF-8, texts in HDF5 must be.
    command = shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]).encode(errors="backslashreplace").decode()
    return {"dmft_version": __version__, "git": source_commit(), "command": command}
