"""The gallery has every figure, and the commands that it shows draw them."""

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


def test_every_entry_has_a_title():
    assert SCRIPT["TITLES"].keys() == SCRIPT["FIGURES"].keys()


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
