"""Spherical p-spin glass: numbers of another program, and long times against refined runs."""

import json
from pathlib import Path

import numpy as np
import pytest

from dmft import solve
from tests.pspin import pspin

REFERENCE = json.loads((Path(__file__).parents[1] / "data" / "spherical_pspin.json").read_text())["rows"]


@pytest.fixture(scope="module")
def solution():
    """f = q^3, with cells short enough to read R(t, t/2) off its cell."""
    return solve(pspin({"3": 1.0}, 1000.0, tolerance=3e-9, stages=4))


@pytest.mark.slow
@pytest.mark.parametrize("row", REFERENCE, ids=lambda row: f"t = {row[0]:g}")
def test_numbers_of_another_program(solution, row):
    """DYNAMITE (Lang, Sachdev & Diehl, arXiv:2504.06849), whose error grows in proportion to t."""
    t, energy, multiplier, memory, correlation, response = row
    found = solution.at(t)
    assert found["energy"] == pytest.approx(energy, abs=5e-9 + 1.5e-9 * t)
    assert found["multiplier"] == pytest.approx(multiplier, abs=15e-9 + 4.5e-9 * t)
    assert found["memory_of_start"] == pytest.approx(memory, abs=5e-9 + 1.5e-9 * t)
    assert solution.correlation("C", t, t / 2) == pytest.approx(correlation, abs=5e-9 + 1.5e-8 * t)
    assert solution.response("R", t, t / 2) == pytest.approx(response, rel=1e-6 + 4e-8 * t)


@pytest.mark.slow
@pytest.mark.parametrize("couplings", [{"3": 0.5}, {"3": 0.5, "4": 0.5}], ids=["p = 3", "3 + 4"])
def test_long_times(couplings):
    """Over eight decades of time the energy stays within 1e-5 of a refined run of another order, and within the tolerance."""
    problem = pspin(couplings, 1e5)
    refined = solve(problem.replace(tolerance=1e-6, stages=8))
    found = solve(problem)
    assert found.complete
    assert refined.complete
    errors = found.errors(refined)
    assert errors["energy"] < problem.solver.tolerance
    assert errors["multiplier"] < problem.solver.tolerance
    times = np.geomspace(1e-3, 1e5, 200)
    energies = np.array([[run.at(t)["energy"] for run in (found, refined)] for t in times])
    assert np.abs(energies[:, 0] - energies[:, 1]).max() < 1e-5


@pytest.mark.parametrize("stages", [2, 9])
def test_any_number_of_stages_starts_from_zero_energy(stages):
    found, refined = (
        solve(pspin({"3": 0.5}, 3.0, **keys)) for keys in ({"stages": stages, "tolerance": 1e-3}, {"tolerance": 1e-6})
    )
    assert found.complete
    assert found.energy[-1] == pytest.approx(refined.energy[-1], rel=1e-2)


def test_threshold_is_approached_as_a_power_of_time():
    """E(t) = E_th + c t^(-2/3) with E_th = -2/sqrt(3) for f = q^3/2, and the multiplier its -3-fold."""
    solution = solve(pspin({"3": 0.5}, 1e4, tolerance=1e-6))
    times = np.geomspace(1e3, 1e4, 20)
    energy = solution.at(times)["energy"]
    _, threshold = np.polyfit(times ** (-2 / 3), energy, 1)
    assert threshold == pytest.approx(-2 / np.sqrt(3), abs=5e-5)
    slope, _ = np.polyfit(np.log(times), np.log(energy + 2 / np.sqrt(3)), 1)
    assert slope == pytest.approx(-2 / 3, abs=0.01)
