"""Every committed figure is drawn by runs/draw_all.py, and from scripts and problem files that exist."""

import runpy
from pathlib import Path

ROOT = Path(__file__).parents[2]
SCRIPT = runpy.run_path(str(ROOT / "runs" / "draw_all.py"))
COMMANDS = [command for commands in SCRIPT["FIGURES"].values() for command in commands]
WORDS = {word for command in COMMANDS for word in command.split()}


def test_every_figure_is_drawn():
    figures = {str(path.relative_to(ROOT)) for folder in ("docs/figures", "runs") for path in (ROOT / folder).rglob("*.png")}
    drawn = {word for word in WORDS if word.endswith(".png")} | set(SCRIPT["COPIES"].values()) | {"docs/figures/race.png"}
    assert figures == drawn


def test_copies_are_the_figures_of_runs():
    for source, copy in SCRIPT["COPIES"].items():
        assert (ROOT / source).read_bytes() == (ROOT / copy).read_bytes(), copy


def test_what_is_used_exists():
    for word in WORDS:
        if word.startswith("runs/") and word.endswith((".py", ".toml")):
            assert (ROOT / word).is_file(), word


def test_every_page_shows_figures_that_exist():
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *(ROOT / "runs").rglob("README.md")]
    for page in pages:
        for part in page.read_text().split("](")[1:]:
            target = part.split(")")[0]
            if target.endswith(".png"):
                assert (page.parent / target).is_file(), f"{page}: {target}"
