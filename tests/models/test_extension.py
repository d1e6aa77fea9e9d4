"""The theory of docs/extending.md: one file outside the package, found through its entry point by every command."""

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from dmft import Problem, Solution, Table, solve
from dmft.cli.main import run
from dmft.problem import registry
from tests.pspin import pspin

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "spiked_tensor.py"
PROBLEM = """
[problem]
model = "spiked-tensor"
order = 3
signal = 1.0
alignment = 0.3
[solver]
t_max = 3.0
tolerance = 1e-4
"""


@pytest.fixture(autouse=True)
def installed(tmp_path, monkeypatch):
    """The example as another package would install it: a module, and metadata with the entry point."""
    shutil.copy(EXAMPLE, tmp_path)
    described = tmp_path / "spiked_tensor-1.0.dist-info"
    described.mkdir()
    (described / "METADATA").write_text("Metadata-Version: 2.1\nName: spiked-tensor\nVersion: 1.0\n")
    (described / "entry_points.txt").write_text("[dmft.models]\nspiked-tensor = spiked_tensor\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield
    registry._load.cache_clear()
    sys.modules.pop("spiked_tensor", None)


def spiked(**keys) -> Problem:
    return Problem.from_toml(PROBLEM).replace(**keys)


def test_every_command_knows_it(tmp_path, capsys):
    problem, sweep = tmp_path / "problem.toml", tmp_path / "sweep.toml"
    problem.write_text(PROBLEM)
    sweep.write_text(f'{PROBLEM}[sweep.axes]\n"problem.signal" = [0.5, 2.0]\n')
    made = {name: str(tmp_path / name) for name in ("run.h5", "run.png", "out", "sweep.png")}
    for command, part in (
        (["solve", str(problem), "-o", made["run.h5"]], "alignment"),
        (["show", made["run.h5"]], "spiked-tensor"),
        (["plot", made["run.h5"], "-o", made["run.png"], "--observables", "alignment"], ""),
        (["sweep", str(sweep), "-o", made["out"]], "2 of 2 points done"),
        (["collect", made["out"]], "2 points: 2 done"),
        (["plot", f"{made['out']}/sweep.h5", "-o", made["sweep.png"]], ""),
        (["cite", made["run.h5"]], "saraomannelli2019passed"),
    ):
        assert run(command) == 0
        assert part in capsys.readouterr().out
    assert Path(made["run.png"]).stat().st_size > 0
    assert Solution.load(made["run.h5"]).complete
    assert Table.load(f"{made['out']}/sweep.h5")["final_alignment"].shape == (2,)


def test_without_a_signal_it_is_the_spherical_pspin_glass():
    found, known = solve(spiked(signal=0.0, alignment=0.0)), solve(pspin({"3": 0.5}, t_max=3.0, tolerance=1e-4))
    for t in (0.1, 0.5, 1.0, 2.0, 3.0):
        # Each is within the tolerance of the exact solution.
        assert found.at(t)["energy"] == pytest.approx(known.at(t)["energy"], rel=2e-4)


@pytest.mark.parametrize(("order", "signal", "alignment"), [(2, 2.0, 0.1), (3, 1.5, 0.4), (4, 0.5, -0.3)])
def test_energy_and_multiplier_of_homogeneous_functions(order, signal, alignment):
    """Euler: <w, grad H> = p H, with or without a signal, so nu = -p E; and descent never raises the energy."""
    found = solve(spiked(order=order, signal=signal, alignment=alignment)).observables
    np.testing.assert_allclose(found["multiplier"], -order * found["energy"], atol=1e-6 * np.abs(found["multiplier"]).max())
    assert (np.diff(found["energy"]) <= 1e-9).all()


def test_signal_is_found_from_a_tilted_start():
    found = solve(spiked(order=2, signal=4.0, alignment=0.1, t_max=20.0)).observables["alignment"]
    # A symmetric random matrix with edge 2 and a spike theta = 2 lambda has v^2 = 1 - 1/theta^2 for its first eigenvector.
    assert found[-1] ** 2 == pytest.approx(1 - (1 / 8) ** 2, abs=1e-3)
