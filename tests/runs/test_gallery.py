"""The gallery has every figure, and the commands that it shows draw them."""

import json
import os
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.processes import PATIENCE

ROOT = Path(__file__).parents[2]
SCRIPT = runpy.run_path(str(ROOT / "runs" / "draw_all.py"))
# The entries of less than a minute.
CHEAP = ("quickstart", "pspin", "online_sgd_run")


def test_every_entry_has_a_title_and_a_time():
    assert SCRIPT["TITLES"].keys() == SCRIPT["FIGURES"].keys()
    assert json.loads((ROOT / "runs" / "seconds.json").read_text()).keys() == SCRIPT["FIGURES"].keys()


def test_the_time_of_an_entry_is_that_of_all_its_commands(tmp_path, monkeypatch):
    """A second run goes on from files of the first one: its time is not noted."""
    main, scope = SCRIPT["main"], SCRIPT["main"].__globals__
    commands = {"one": ["dmft solve a.toml -o {work}/a.h5"], "two": ["dmft sweep b.toml -o {work}/b"]}
    for name, value in {
        "FIGURES": commands,
        "COPIES": {},
        "SECONDS": tmp_path / "seconds.json",
        "execute": lambda command, work: Path(command.split()[-1].format(work=work)).touch(),
        "cpu_seconds": iter([0.0, 3.0, 4.0, 9.0, 10.0, 11.0, 12.0, 14.0]).__next__,
    }.items():
        monkeypatch.setitem(scope, name, value)
    main(str(tmp_path / "work"))
    assert json.loads((tmp_path / "seconds.json").read_text()) == {"one": 3.0, "two": 5.0}
    (tmp_path / "work" / "a.h5").unlink()
    main(str(tmp_path / "work"))
    assert json.loads((tmp_path / "seconds.json").read_text()) == {"one": 1.0, "two": 5.0}


@pytest.mark.slow
@pytest.mark.parametrize("name", CHEAP)
def test_the_commands_draw_the_figure(name, tmp_path):
    shutil.copytree(ROOT / "runs", tmp_path / "runs")
    shutil.copytree(ROOT / "docs" / "figures", tmp_path / "docs" / "figures")
    figure = next(word for word in SCRIPT["FIGURES"][name][-1].split() if word.endswith(".png"))
    (tmp_path / figure).unlink()
    command = [sys.executable, "runs/draw_all.py", str(tmp_path / "work"), name]
    subprocess.run(command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=True, timeout=PATIENCE)
    assert (tmp_path / figure).stat().st_size > 10_000
