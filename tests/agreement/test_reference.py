"""Numbers that must come out, and an error that follows the tolerance."""

from dataclasses import replace

import numpy as np
import pytest

from dmft import Outcome, solve
from tests.conftest import OBSERVABLES, REFERENCE, reference_problem


@pytest.mark.parametrize("name", REFERENCE)
def test_reference_values(name):
    solution = solve(reference_problem(name, tolerance=1e-6))
    values = REFERENCE[name]["values"]
    assert solution.outcome is Outcome.DONE
    assert solution.time[-1] == REFERENCE[name]["problem"]["t_max"]
    for key, observable in OBSERVABLES.items():
        assert solution.observables[observable][-1] == pytest.approx(values[key], rel=1e-5, abs=1e-12), observable
    # The reference quotes the smallest test error among its own nodes.
    assert solution.at(values["ttestmin"])["test_error"] == pytest.approx(values["testmin"], rel=1e-5)
    assert solution.early_stopping.value <= values["testmin"] * (1 + 1e-6)
    for t, *row in values["curve_t_train_test_a_v"]:
        found = solution.at(t)
        for key, value in zip(("train", "test", "a", "v"), row, strict=True):
            assert found[OBSERVABLES[key]] == pytest.approx(value, rel=5e-3, abs=1e-6)


@pytest.fixture(scope="module", params=REFERENCE)
def exact(request):
    """The case solved two orders below the smallest tolerance of the test, with another order of the scheme."""
    return request.param, solve(reference_problem(request.param, tolerance=1e-10, stages=8))


@pytest.mark.slow
@pytest.mark.parametrize("stages", [5, 7])
def test_error_follows_tolerance(exact, stages):
    name, best = exact
    for tolerance in (1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8):
        solution = solve(reference_problem(name, tolerance=tolerance, stages=stages))
        assert max(solution.errors(best).values()) < 3 * tolerance


@pytest.mark.slow
def test_errors_are_relative_as_the_tolerance_is(exact):
    """An observable that is off by a thousandth of its value, or of a thousandth of its largest one, has error 1e-3."""
    _, best = exact
    assert max(best.errors(best).values()) < 1e-12
    values = best.train_error
    wrong = values + 1e-3 * np.maximum(values, 1e-3 * values.max())
    off = replace(best, observables={**best.observables, "train_error": wrong})
    errors = off.errors(best)
    assert errors["train_error"] == pytest.approx(1e-3, rel=1e-6)
    assert errors["test_error"] < 1e-12


@pytest.mark.slow
def test_error_falls_with_tolerance(exact):
    """Not only bounded: a decade of tolerance buys at least 0.65 of accuracy."""
    name, best = exact
    tolerances = np.geomspace(1e-3, 1e-8, 6)
    errors = [max(solve(reference_problem(name, tolerance=t)).errors(best).values()) for t in tolerances]
    assert np.polyfit(np.log(tolerances), np.log(errors), 1)[0] > 0.65
