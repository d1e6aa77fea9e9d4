"""Theories are found by name: those of the package by their folder, one at a time, others by entry points."""

import subprocess
import sys

import pytest

from dmft import Problem, ProblemError
from dmft.problem import registry


def modules_after(code: str) -> set[str]:
    """Modules that a fresh interpreter has imported after running some code."""
    lines = f"import sys\n{code}\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", lines], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_one_theory_imports_no_other_and_compiles_nothing():
    code = 'from dmft import Problem\nProblem(model="spherical-pspin", couplings={"3": 0.5}, t_max=1.0).to_toml()'
    found = modules_after(code)
    theories = {name for name in found if name.startswith("dmft.models.")}
    assert "dmft.models.spherical_pspin.parameters" in theories
    assert {name.split(".")[2] for name in theories} == {"spherical_pspin"}
    assert not found & {"numba", "scipy", "matplotlib", "h5py"}


def test_names_import_no_theory():
    found = modules_after("from dmft.problem import registry\nassert len(registry.names()) >= 5")
    assert not [name for name in found if name.startswith("dmft.models.")]


@pytest.mark.parametrize("name", ["nothing", "two_layer_flow", "two-layer", "", "protocol", "../hinge", 3, ["hinge"]])
def test_what_is_no_theory_is_refused(name):
    with pytest.raises(ProblemError, match=r"model = .*: wanted one of .*spherical-pspin"):
        Problem(model=name, t_max=1.0)


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Installs a package of one module with these entry points."""

    def install(source: str, points: str) -> None:
        (tmp_path / "elsewhere.py").write_text(source)
        described = tmp_path / "elsewhere-1.0.dist-info"
        described.mkdir()
        (described / "METADATA").write_text("Metadata-Version: 2.1\nName: elsewhere\nVersion: 1.0\n")
        (described / "entry_points.txt").write_text(f"[dmft.models]\n{points}\n")
        monkeypatch.syspath_prepend(tmp_path)

    yield install
    registry._load.cache_clear()
    sys.modules.pop("elsewhere", None)


THEORY = "from dmft.problem.parameters import Parameters\nclass Mine(Parameters):\n    size: float\n"


@pytest.mark.parametrize("place", ["elsewhere", "elsewhere:Mine"])
def test_theory_of_another_package_is_found(package, place):
    package(THEORY, f"mine = {place}")
    assert "mine" in registry.names()
    assert Problem(model="mine", size=2.0, t_max=1.0).size == 2.0


def test_theory_of_this_package_cannot_be_replaced(package):
    package(THEORY, "hinge = elsewhere")
    assert registry.load("hinge").__module__ == "dmft.models.hinge.parameters"


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("import nonexistent", r'model = "mine" cannot be loaded \(ModuleNotFoundError'),
        ("", "elsewhere has 0 subclasses of Parameters, wanted one"),
        (THEORY + "class Other(Mine):\n    pass\n", "elsewhere has 2 subclasses"),
    ],
)
def test_what_cannot_be_loaded_is_said(package, source, said):
    package(source, "mine = elsewhere")
    with pytest.raises(ProblemError, match=said):
        Problem(model="mine", t_max=1.0)
