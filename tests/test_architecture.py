"""Arrows between rooms point one way, and the mathematics knows no files, no terminal and no MPI; see `architecture.py`."""

import shutil
from pathlib import Path

import pytest

import dmft
from tests.architecture import modules, violations

PACKAGE = Path(dmft.__file__).parent


def test_every_arrow_points_down():
    assert violations(PACKAGE) == []


def test_every_module_is_found():
    assert len(modules(PACKAGE)) == len(list(PACKAGE.rglob("*.py")))


@pytest.fixture
def house(tmp_path):
    """A small house that keeps the rules."""
    root = tmp_path / "dmft"
    for room in ("mathematics", "engines", "results", "api"):
        (root / room).mkdir(parents=True)
        (root / room / "__init__.py").write_text('"""A room."""\n')
    (root / "__init__.py").write_text("")
    assert violations(root) == []
    return root


@pytest.mark.parametrize(
    ("path", "source", "said"),
    [
        ("mathematics/new.py", "import h5py", "mathematics.new: imports h5py"),
        ("engines/deep/new.py", "def f():\n    from pathlib import Path", "engines.deep.new: imports pathlib"),
        ("engines/new.py", "print(1)", "engines.new: calls print()"),
        ("mathematics/new.py", "import dmft.engines", "mathematics.new: imports engines"),
        ("mathematics/new.py", "def f():\n    from dmft import engines", "mathematics.new: imports engines"),
        ("engines/new.py", "from dmft import solve", "engines.new: imports the package itself"),
        ("engines/new.py", "if TYPE_CHECKING:\n    from dmft.api import solve", "engines.new: imports api"),
        ("results/new.py", "from dmft.api import save", "results.new: imports api"),
        ("garden/new.py", "", "garden.new: its room has no floor"),
        ("new.py", "", "new: its room has no floor"),
    ],
)
def test_what_breaks_a_rule_is_found(house, path, source, said):
    (house / path).parent.mkdir(parents=True, exist_ok=True)
    (house / path).write_text(source)
    assert [line for line in violations(house) if line.startswith(said)]


def test_circle_within_a_room_is_found(house):
    (house / "engines" / "left.py").write_text("from dmft.engines.right import x")
    (house / "engines" / "right.py").write_text("from dmft.engines.left import y")
    assert any(line.startswith("circle: ") for line in violations(house))


def test_file_library_in_the_mathematics_of_the_package_is_found(tmp_path):
    copied = shutil.copytree(PACKAGE, tmp_path / "dmft", ignore=shutil.ignore_patterns("__pycache__"))
    (copied / "mathematics" / "new.py").write_text('"""A new file."""\n\nimport h5py\n')
    assert "mathematics.new: imports h5py, which the mathematics may not" in violations(copied)


def test_results_may_offer_what_the_interface_does(house):
    (house / "results" / "new.py").write_text("class Solution:\n    def save(self):\n        from dmft.api import save")
    assert violations(house) == []
