"""dmft solve --verify: errors estimated by a second run, stored, shown and drawn."""

import numpy as np
import pytest

from dmft import Solution, solve
from dmft.cli.exit_codes import ExitCode
from dmft.plots import labels
from dmft.running.verify import verify


def test_estimated_errors_are_those_against_a_much_finer_run(small):
    problem = small.replace(tolerance=1e-4, t_max=5.0)
    found, exact = verify(solve(problem)), solve(problem.replace(tolerance=1e-9))
    for name, errors in found.estimated_errors.items():
        expected = np.abs(found.observables[name] - [exact.at(t)[name] for t in found.time])
        np.testing.assert_allclose(errors, expected, atol=2e-5 * np.abs(found.observables[name]).max())
    name, worst = found.largest_estimated_error()
    assert worst == pytest.approx(found.errors(exact)[name] / 1e-4, rel=0.3)
    assert f"errors up to {worst:.2g} tolerances" in labels.ending(found)


def test_command_stores_and_says_them(dmft, quick, solved):
    assert not Solution.load(solved).estimated_errors
    told = dmft("solve", quick, "-o", solved, "--verify")
    assert told.code == ExitCode.DONE
    assert "tolerances (" in told.out
    found = Solution.load(solved)
    assert found.estimated_errors.keys() == found.observables.keys()
    assert all(errors.shape == found.time.shape for errors in found.estimated_errors.values())
    assert "largest error" in dmft("show", solved).out
