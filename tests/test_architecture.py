"""Arrows point one way: the mathematics knows no files, no terminal, no MPI, and nothing of what is built on it."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "dmft"
MATHEMATICS = [
    *(PACKAGE / name for name in ("description.py", "differences.py", "hermite.py", "marchenko_pastur.py")),
    *(PACKAGE / name for name in ("kernels.py", "steady_state.py", "tableau.py")),
    *sorted((PACKAGE / "gaussian_integrals").glob("*.py")),
    *sorted((PACKAGE / "models").glob("*.py")),
    *sorted((PACKAGE / "solver").glob("*.py")),
]
SIMULATED = [
    PACKAGE / "simulation" / f"{name}.py"
    for name in ("experiment", "fields", "hinge", "marching", "random_features", "two_layer_flow")
]
OUTSIDE = {"h5py", "mpi4py", "rich", "typer", "matplotlib", "xarray", "pathlib", "os", "sys", "io", "logging", "signal"}
LATER = (
    "dmft.running.solve",
    "dmft.results.solution",
    "dmft.storage",
    "dmft.cli",
    "dmft.plots",
    "dmft.running.plan",
    "dmft.running.cost",
    "dmft.simulation",
    "dmft.sweeps",
)


def imports(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


@pytest.mark.parametrize("path", [*MATHEMATICS, *SIMULATED], ids=lambda path: str(path.relative_to(PACKAGE)))
def test_mathematics_is_apart_from_the_world(path):
    allowed = tuple(f"dmft.simulation.{other.stem}" for other in SIMULATED) if path in SIMULATED else ()
    for name in imports(path):
        assert name.split(".")[0] not in OUTSIDE
        assert name.startswith(allowed) or not name.startswith(LATER)
    calls = {
        node.func.id
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    assert not calls & {"open", "print", "input"}


def test_plots_never_solve():
    for path in (PACKAGE / "plots").glob("*.py"):
        assert not any(name.startswith(("dmft.running.solve", "dmft.engines.march", "dmft.models")) for name in imports(path))
