"""The gallery: every committed figure with the commands that draw it and the CPU time that they took."""

from __future__ import annotations

import json
import runpy
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from dmft.version import REPOSITORY

ROOT = Path(__file__).parents[2]
SCRIPT = runpy.run_path(str(ROOT / "runs" / "draw_all.py"))
SOURCE = f"{REPOSITORY}/blob/main/"


def on_files(files: Files, config: MkDocsConfig, **_: object) -> Files:
    """Add the figures that stand in runs/ to the site."""
    for path in (path for paths in pictures().values() for path in paths):
        if path.startswith("runs/"):
            files.append(File.generated(config, address(path), abs_src_path=str(ROOT / path)))
    return files


def pictures() -> dict[str, list[str]]:
    """The figures of each entry, as paths in the repository."""
    found = {}
    for name, commands in SCRIPT["FIGURES"].items():
        words = [word for command in commands for word in command.split() if word.endswith(".png")]
        found[name] = words or SCRIPT["WRITTEN"][name]
    return found


def address(path: str) -> str:
    """Where a figure stands on the site."""
    return path.removeprefix("docs/") if path.startswith("docs/") else "gallery/" + path.removeprefix("runs/").replace("/", "-")


def page() -> str:
    """A section for each entry."""
    seconds, shown = json.loads((ROOT / "runs" / "seconds.json").read_text()), pictures()
    return "\n\n".join(section(name, shown[name], seconds.get(name)) for name in SCRIPT["FIGURES"])


def section(name: str, shown: list[str], seconds: float | None) -> str:
    """Title, figures, commands and time of one entry."""
    title = SCRIPT["TITLES"][name]
    images = "\n\n".join(f"![{title}]({address(path)})" for path in shown)
    commands = "\n".join(spoken(command) for command in SCRIPT["FIGURES"][name])
    read_me = Path(shown[0]).parent / "README.md"
    more = f"[Question, answer and numbers]({SOURCE}{read_me}). " if (ROOT / read_me).is_file() else ""
    cost = "" if seconds is None else f"{duration(seconds)} of CPU time."
    return f"## {title}\n\n{images}\n\n{more}{cost}\n\n```sh\n{commands}\n```"


def spoken(command: str) -> str:
    """A command as one types it in the root of the repository."""
    command = command.replace("{work}/", "").removesuffix(" --force")
    return command if command.startswith("dmft") else f"python {command}"


def duration(seconds: float) -> str:
    """Two digits of seconds, or minutes."""
    return f"{seconds:.2g} s" if seconds < 100 else f"{seconds / 60:.0f} min"
