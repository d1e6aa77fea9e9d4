"""What is written in several places is the same everywhere, and the prose keeps to the rules of the house."""

import ast
import re
import subprocess
import sys
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest
import yaml

import dmft
from dmft import Problem
from dmft.cli.cite import citations
from dmft.version import REPOSITORY
from tests.processes import PATIENCE

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "dmft"
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
CITATION = yaml.safe_load((ROOT / "CITATION.cff").read_text())
TEXTS = (".py", ".md", ".toml", ".yaml", ".yml", ".cff", ".sh", ".def", ".ipynb", ".bib", ".css", ".json")
REQUIREMENT = re.compile(r"(?P<name>[\w.-]+)(\[.*\])?>=(?P<version>[\d.]+)")


def program() -> str:
    """The BibTeX entry of the program itself."""
    problem = Problem(width=3, activation="erf", target=[0, 1], samples_per_parameter=1.0, t_max=1.0)
    found = citations(problem, {"dmft_version": dmft.__version__, "git": ""}, ())
    return next(cited.entry for cited in found if cited.entry.startswith("@software"))


def test_citation_file_and_cite_agree():
    for wanted in (CITATION["title"], CITATION["version"], CITATION["authors"][0]["name"], CITATION["repository-code"]):
        assert f"{{{wanted}}}" in program()


def test_version_is_the_same_everywhere():
    assert CITATION["version"] == dmft.__version__
    assert f"## {dmft.__version__} ({CITATION['date-released']})" in (ROOT / "CHANGELOG.md").read_text()


# Files in formats that cannot read the address elsewhere; all others read it in the last one.
WITH_ADDRESS = {"pyproject.toml", "CITATION.cff", "dmft/version.py"}


def test_address_of_the_repository_is_the_same_everywhere():
    urls = PYPROJECT["project"]["urls"]
    assert CITATION["repository-code"] == urls["Repository"] == REPOSITORY
    assert all(urls[name].startswith(f"{REPOSITORY}/") for name in ("Issues", "Changelog"))


def test_address_of_the_repository_stands_in_no_other_file():
    owner = REPOSITORY.split("/")[-2]
    folders = ("dmft", "docs", "runs", "slurm", "conda", "tests", ".github", ".ci")
    files = [path for path in ROOT.iterdir() if path.is_file()]
    files += [path for folder in folders for path in (ROOT / folder).rglob("*") if path.is_file()]
    texts = [path for path in files if path.suffix in TEXTS]
    found = {str(path.relative_to(ROOT)) for path in texts if owner in path.read_text(errors="replace")}
    assert found == WITH_ADDRESS


def test_conda_recipe_finds_version_and_address():
    """The patterns that the recipe looks for in a file are there."""
    recipe = (ROOT / "conda" / "meta.yaml").read_text()
    asked = re.findall(r"""set (\w+) = load_file_regex\(load_file="(.*?)", regex_pattern='(.*?)'\)\.group\(1\)""", recipe)
    found = {name: re.search(pattern, (ROOT / file).read_text()) for name, file, pattern in asked}
    assert {name: match and match[1] for name, match in found.items()} == {
        "version": dmft.__version__,
        "repository": REPOSITORY,
    }


def test_source_archive_has_all_that_tests_read():
    read = {name for path in (ROOT / "tests").rglob("*.py") for name in re.findall(r'ROOT / "([\w.]+)"', path.read_text())}
    packed = PYPROJECT["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]
    # pyproject.toml is always packed.
    assert {name for name in read - {"pyproject.toml"} if not any(fnmatch(name, pattern) for pattern in packed)} == set()
    assert {"conda", "docs", "runs"} <= read


def test_lowest_versions_are_the_lower_bounds():
    bounds = {}
    for requirement in PYPROJECT["project"]["dependencies"]:
        found = REQUIREMENT.match(requirement)
        assert found, f"{requirement}: wanted a lower bound"
        bounds[found["name"]] = found["version"]
    lines = [line.split("==") for line in (ROOT / ".ci" / "lowest.txt").read_text().splitlines() if not line.startswith("#")]
    lowest = dict(lines)
    assert set(bounds) <= set(lowest)
    assert all(f"{lowest[name]}.".startswith(f"{bound}.") for name, bound in bounds.items())


def test_conda_recipe_has_the_lower_bounds():
    recipe = (ROOT / "conda" / "meta.yaml").read_text()
    for requirement in PYPROJECT["project"]["dependencies"]:
        name, version = requirement.split(">=")
        assert re.search(rf"- {name}(-base)? >={re.escape(version)}\n", recipe), requirement


def test_package_says_that_it_is_typed():
    assert (PACKAGE / "py.typed").exists()


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_docstrings_say_what_a_thing_is_or_does(path):
    tree = ast.parse(path.read_text())
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    documented = [(node, ast.get_docstring(node) or "") for node in ast.walk(tree) if isinstance(node, kinds)]
    riddles = [getattr(node, "name", "module") for node, text in documented if re.match(r"(What|How|Whether|Which)\b", text)]
    assert riddles == []


def test_functions_are_compiled_in_one_place():
    found = [path.name for path in PACKAGE.rglob("*.py") if re.search(r"^\s*(import numba|from numba)", path.read_text(), re.M)]
    assert found == ["compiled.py"]


QUICK = """
[problem]
width = 3
activation = "erf"
samples_per_parameter = 1.0
target = [0.0, 1.0]
[solver]
t_max = 1.0
tolerance = 1e-3
"""
SWEEP = QUICK + '[sweep.axes]\n"problem.width" = [1, 2]\n'


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A run, and a sweep of two points."""
    folder = tmp_path_factory.mktemp("files")
    (folder / "problem.toml").write_text(QUICK)
    (folder / "sweep.toml").write_text(SWEEP)
    run = [sys.executable, "-m", "dmft"]
    subprocess.run([*run, "solve", "problem.toml", "-o", "run.h5", "-q"], cwd=folder, check=True)
    subprocess.run([*run, "sweep", "sweep.toml", "-o", "scan", "-q"], cwd=folder, check=True)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    ["--help", "solve --help", "show run.h5", "cite run.h5", "status scan", "collect scan", "plot run.h5"],
)
def test_what_compiles_nothing_starts_without_numba(files, command):
    code = f"import sys; from dmft.cli.main import run; run({command.split()!r}); assert 'numba' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], cwd=files, check=True, capture_output=True, timeout=PATIENCE)
