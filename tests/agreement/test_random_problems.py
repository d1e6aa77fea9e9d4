"""Random problems: no failure without a reason, the tolerance, and the identities of the theory."""

import os

import numpy as np
import pytest

from dmft import solve
from tests.random_problems import KINDS, drawn

SEED = int(os.environ.get("DMFT_SEED", "1"))
NUMBER = 8


def check(kind: str, index: int) -> None:
    """Solve one problem at two tolerances; what fails says how to draw it again."""
    problem = drawn(kind, SEED, index)
    label = f"DMFT_SEED={SEED}, {kind} {index}: {problem.to_toml()}"
    solution, exact = solve(problem), solve(problem.replace(tolerance=1e-7))
    assert solution.complete, label
    assert exact.complete, label
    errors = solution.errors(exact)
    assert max(errors.values()) < 3e-4, f"{errors} {label}"
    name = "train_error" if "train_error" in solution.observables else "energy"
    energy = solution.observables[name]
    assert np.diff(energy).max() < 1e-4 * np.abs(energy).max(), label


@pytest.mark.parametrize("kind", KINDS)
def test_a_random_problem(kind):
    check(kind, 0)


@pytest.mark.slow
@pytest.mark.parametrize("index", range(1, NUMBER))
@pytest.mark.parametrize("kind", KINDS)
def test_random_problems(kind, index):
    check(kind, index)
