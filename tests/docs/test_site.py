"""The site as a browser shows it: no equation is cut off on a wide screen or on a telephone."""

import html
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.processes import PATIENCE

ROOT = Path(__file__).parents[2]
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
PAGES = [path.stem for path in sorted((ROOT / "docs").glob("*.md"))]
PAGES += [f"tutorials/{path.stem}" for path in sorted((ROOT / "docs" / "tutorials").glob("*.ipynb"))]
# Equations that reach beyond the screen or beyond a box that hides them; a box that scrolls to the right hides nothing.
SCRIPT = """
function clipped(page) {
  const found = [], view = page.defaultView, width = page.documentElement.clientWidth;
  for (const math of page.querySelectorAll('math')) {
    const own = math.getBoundingClientRect();
    if (!own.width) continue;
    let left = own.left, right = own.right, top = own.top, bottom = own.bottom;
    for (const part of math.querySelectorAll('*')) {
      const box = part.getBoundingClientRect();
      if (!box.width) continue;
      left = Math.min(left, box.left); right = Math.max(right, box.right);
      top = Math.min(top, box.top); bottom = Math.max(bottom, box.bottom);
    }
    let hidden = right > width + 1;
    for (let around = math.parentElement; around && around !== page.documentElement; around = around.parentElement) {
      const style = view.getComputedStyle(around), box = around.getBoundingClientRect();
      if (['auto', 'scroll'].includes(style.overflowX)) {
        hidden = left < box.left - 1 || (style.overflowY === 'hidden' && (top < box.top - 1 || bottom > box.bottom + 1));
        break;
      }
      hidden ||= ['hidden', 'clip'].includes(style.overflowX) && (right > box.right + 1 || left < box.left - 1);
    }
    if (hidden) found.push(math.textContent.slice(0, 60));
  }
  return {equations: page.querySelectorAll('math').length, clipped: found};
}
"""
FRAME = """<iframe id="page" width="{width}" height="900" src="{page}.html"></iframe><pre id="result"></pre><script>{script}
document.getElementById('page').onload = () => setTimeout(() => {{
  const found = clipped(document.getElementById('page').contentDocument);
  document.getElementById('result').textContent = 'FOUND' + JSON.stringify(found) + 'END';
}}, 800);
</script>"""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The built site."""
    folder = tmp_path_factory.mktemp("site")
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1", "PYTHONPATH": str(ROOT)}
    build = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    subprocess.run(build, cwd=ROOT, env=environment, check=True, capture_output=True)
    return folder


def seen(site: Path, page: str, width: int) -> dict:
    """Number of equations of a page, and those that are cut off."""
    (site / "frame.html").write_text(FRAME.format(width=width, page=page, script=SCRIPT))
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--allow-file-access-from-files", "--disable-web-security"]
    options += [f"--user-data-dir={site / 'browser'}", "--window-size=1500,1000", "--virtual-time-budget=8000", "--dump-dom"]
    command = [str(CHROMIUM), *options, f"file://{site}/frame.html"]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=True).stdout
    return json.loads(html.unescape(re.findall(r"FOUND(.*?)END</pre>", shown, re.DOTALL)[0]))


def test_home_page_names_every_page():
    nav = yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"]
    pages = re.findall(r"[\w/-]+\.md", str(nav))
    assert len(pages) >= len(PAGES)
    home = (ROOT / "docs" / "index.md").read_text()
    assert [page for page in pages if page != "index.md" and f"({page})" not in home] == []


@pytest.mark.slow
def test_arguments_of_the_reference_are_lists(site):
    """With types in the signature, and no line broken where that of the docstring is."""
    reference = (site / "python.html").read_text()
    solve = reference[reference.index('id="dmft.solve"') : reference.index('id="dmft.simulate"')]
    assert "<li><code>output</code>: run file to write; checkpointed" in solve
    assert "continued if it exists.  A file that holds another problem" in re.sub(r"</?code>", "", solve)
    assert "Problem" in re.sub("<[^>]+>", "", solve[: solve.index("</pre>")])


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium")
@pytest.mark.parametrize("width", [1300, 390])
@pytest.mark.parametrize("page", [page for page in PAGES if page != "index"])
def test_no_equation_is_clipped(site, page, width):
    assert seen(site, page, width)["clipped"] == []


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium")
def test_a_clipped_equation_is_found(site):
    theory = site / "theory.html"
    hiding = "<style>.equation {overflow: hidden !important}</style></head>"
    (site / "hiding.html").write_text(theory.read_text().replace("</head>", hiding))
    found = seen(site, "hiding", 390)
    assert len(found["clipped"]) > 10
    assert found["equations"] > 100
