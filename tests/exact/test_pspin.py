"""Spherical p-spin glass: solvable cases, and what holds on every trajectory."""

import numpy as np
import pytest
from scipy.special import ive

from dmft import solve
from tests.pspin import pspin

from .test_identities import rates, squared_speeds

COUPLINGS = {
    "field": {"1": 0.7},
    "p = 2": {"2": 0.5},
    "p = 3": {"3": 0.5},
    "3 + 4": {"3": 0.5, "4": 0.5},
    "field + 2 + 6": {"1": 0.2, "2": 0.3, "6": 1.5},
}


def growth(t):
    """int rho(x) e^(2 x t) = 2 I_1(4t)/(4t) with rho the semicircle on [-2, 2]; without its factor e^(4t)."""
    z = 4 * np.asarray(t, dtype=float)
    return np.where(z > 0, 2 * ive(1, z) / np.where(z > 0, z, 1), 1.0)


@pytest.mark.parametrize("t_max", [10.0, pytest.param(1e4, marks=pytest.mark.slow)])
def test_two_spins_are_a_random_matrix(t_max):
    """Cugliandolo & Dean 1995 at T = 0: dw/dt = (J - nu) w with J a random symmetric matrix, each eigenvector on its own.

    With K = int rho(x) e^(2xt): |w|^2 = N gives e^(2 int nu) = K, so C = K((t+t')/2)/sqrt(K K'), R = K((t-t')/2) sqrt(K'/K),
    nu = (1/2) d ln K/dt = 2 I_2(4t)/I_1(4t) and E = -nu/2.
    """
    solution = solve(pspin({"2": 0.5}, t_max, tolerance=1e-8))
    t, after = solution.time[:, None], solution.time[None, :]
    np.testing.assert_allclose(solution.kernels["C"], growth((t + after) / 2) / np.sqrt(growth(t) * growth(after)), atol=3e-9)
    multiplier = 2 * ive(2, 4 * solution.time[1:]) / ive(1, 4 * solution.time[1:])
    np.testing.assert_allclose(solution.multiplier[1:], multiplier, rtol=1e-8)
    np.testing.assert_allclose(solution.energy[1:], -multiplier / 2, rtol=1e-8)


def test_response_of_two_spins():
    """At nodes a few cells before t, where the response is smooth on the scale of a cell, and from a kick at t = 0."""
    stages = 4
    solution = solve(pspin({"2": 0.5}, 10.0, tolerance=1e-9, stages=stages))
    t, before = solution.time[:, None], solution.time[None, :]
    exact = growth(np.maximum(t - before, 0) / 2) * np.sqrt(growth(before) / growth(t))
    cell = (np.arange(len(solution.time)) - 1) // stages
    earlier = cell[:, None] > cell[None, :] + 3
    np.testing.assert_allclose(solution.kernels["R"][earlier], exact[earlier], atol=3e-5)
    np.testing.assert_allclose(solution.kernels["R"][:, 0], exact[:, 0], atol=1e-9)


def test_a_field_alone_is_followed():
    """f = h^2 q: the overlap v with the field obeys dv/dt = h (1 - v^2), so that E = -h tanh(h t), nu = h tanh(h t)."""
    h = 1.3
    solution = solve(pspin({"1": h**2}, 20.0, tolerance=1e-8))
    t = solution.time
    np.testing.assert_allclose(solution.energy, -h * np.tanh(h * t), atol=2e-8)
    np.testing.assert_allclose(solution.multiplier, h * np.tanh(h * t), atol=2e-8)
    # What is left of the start is perpendicular to the field, and shrinks as 1/cosh.
    np.testing.assert_allclose(solution.memory_of_start, 1 / np.cosh(h * t), atol=2e-8)
    np.testing.assert_allclose(solution.kernels["R"][:, 0], 1 / np.cosh(h * t), atol=2e-8)


def test_a_run_at_rest_is_not_held_back_by_rounding():
    """Where the energy no longer falls, its rounding errors are no error of the clock."""
    solution = solve(pspin({"1": 0.37}, 120.0, tolerance=1e-8))
    assert solution.complete
    assert len(solution.time) < 200


@pytest.fixture(scope="module", params=COUPLINGS)
def solution(request):
    return solve(pspin(COUPLINGS[request.param], 100.0, tolerance=1e-7))


def test_multiplier_is_the_weighted_energy(solution):
    """nu = -sum_p p E_p with E_p = -int f_p p C^(p-1) R the energy of one power; E = sum_p E_p."""
    C, R = (solution.state.history[name][0] for name in ("C", "R"))
    couplings = {int(p): f for p, f in solution.problem.parameters.couplings.items()}
    energies = {p: -(f * p * C ** (p - 1) * R).sum(axis=1) for p, f in couplings.items()}
    np.testing.assert_allclose(sum(energies.values()), solution.energy, atol=1e-12)
    np.testing.assert_allclose(-sum(p * energy for p, energy in energies.items()), solution.multiplier, atol=1e-12)
    if len(energies) == 1:
        np.testing.assert_allclose(solution.multiplier, -next(iter(energies)) * solution.energy, atol=1e-12)


def test_energy_never_climbs(solution):
    assert np.diff(solution.energy).max() < 1e-9 * abs(solution.energy[-1])


def test_energy_falls_by_the_squared_gradient(solution):
    """dE/dt = -|dw/dt|^2/N = -d_t d_t' C(t, t') at t' = t."""
    falls, speeds = rates(solution, solution.energy), squared_speeds(solution, solution.kernels["C"])
    assert np.abs(falls + speeds).max() < 1e-5 * speeds.max()


def test_structure(solution):
    """|w|^2 = N, C a covariance, R causal with R(t, t) = 1."""
    C, R = solution.kernels["C"], solution.kernels["R"]
    np.testing.assert_allclose(np.diag(C), 1.0, atol=1e-12)
    np.testing.assert_allclose(C, C.T, atol=1e-7)
    assert np.linalg.eigvalsh(C).min() > -1e-7
    assert not np.triu(R, 1).any()
    np.testing.assert_allclose(np.diag(R), 1.0)


def test_memory_of_start_is_the_first_column(solution):
    assert np.array_equal(solution.memory_of_start, solution.kernels["C"][:, 0])
