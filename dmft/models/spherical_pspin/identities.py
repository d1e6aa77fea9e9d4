"""Identities of gradient descent on a sphere."""

from __future__ import annotations

from dmft.models import identities
from dmft.problem.description import Solved


def of(solution: Solved, homogeneous: int | None) -> dict[str, float]:
    """Identities of C, the energy and the multiplier; homogeneous: the degree p of H, if it has one alone."""
    energy, C = solution.observables["energy"], solution.kernels["C"]
    found = {"C(t,t) = 1": identities.unit(solution, C), "C >= 0": identities.correlation(solution, C)}
    if solution.problem.solver.scheme == "radau":
        found["dE/dt = -|dw/dt|^2"] = identities.fall(solution, energy, identities.squared_speed(solution, C))
        found["E never climbs"] = identities.climb(solution, energy)
        if homogeneous is not None:
            multiplier = solution.observables["multiplier"]
            size = float(abs(multiplier).max())
            found["nu = -p E"] = identities.defect(solution, multiplier + homogeneous * energy, size)
    return found
