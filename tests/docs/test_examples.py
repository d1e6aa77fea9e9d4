"""The Python examples of the README and of every page run as they stand, one after the other, in a copy of the source."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.processes import PATIENCE

ROOT = Path(__file__).parents[2]
# A comment `<!-- example: reason` holds code that a page does not show, such as a smaller version of a command.
EXAMPLE = re.compile(r"^(?:```python|<!-- example: [^\n]*)\n(.*?)^(?:```|-->)$", re.DOTALL | re.MULTILINE)
PAGES = {path: EXAMPLE.findall(path.read_text()) for path in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))}


@pytest.mark.slow
@pytest.mark.parametrize("page", [path for path, examples in PAGES.items() if examples], ids=lambda path: path.name)
def test_examples_run(page, tmp_path):
    shutil.copytree(ROOT / "runs", tmp_path / "runs", ignore=shutil.ignore_patterns("*.h5", "*.png"))
    (tmp_path / "page.py").write_text("\n\n".join(PAGES[page]))
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "MPLBACKEND": "agg"}
    result = subprocess.run(
        [sys.executable, "page.py"], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=PATIENCE
    )
    assert result.returncode == 0, result.stderr
