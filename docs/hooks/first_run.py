"""The output of the commands of the first run, which are executed when the site is built."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from mkdocs.exceptions import PluginError

ROOT = Path(__file__).parents[2]
COMMANDS = (
    "dmft solve runs/quickstart.toml -o run.h5",
    "dmft plot run.h5 -o run.png",
    "dmft show run.h5 --at 10",
)


def printed() -> str:
    """The commands, each with its output, as a block of a console."""
    with TemporaryDirectory() as folder:
        (Path(folder) / "runs").symlink_to(ROOT / "runs")
        parts = [f"$ {command}\n{output(command, folder)}" for command in COMMANDS]
    return "```console\n" + "\n".join(parts) + "\n```"


def output(command: str, folder: str) -> str:
    """Standard output of a command in a folder; one that fails stops the build."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "NO_COLOR": "1"}
    words = [sys.executable, "-m", *command.split()]
    ended = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise PluginError(f"{command}: {ended.stderr.strip()}")
    return ended.stdout.rstrip()
