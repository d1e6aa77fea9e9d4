"""Runs with samples that are stopped, resumed and extended."""

import numpy as np

from dmft import Outcome, Problem, Solution, solve
from dmft.running.solve import StopRun


def assert_bit_for_bit(asked: Problem, output, stop_after: float = 0.0) -> None:
    """A file that begins with one set, is stopped and resumed, and then gets all samples is that of one run."""
    whole = solve(asked)

    def stop(march, cell):
        if cell.time > stop_after:
            raise StopRun

    fewer = asked.replace(samples=1024, replicates=1)
    assert solve(fewer, observers=[stop], output=output).outcome is Outcome.INTERRUPTED
    assert solve(fewer, output=output).outcome is Outcome.DONE
    solve(asked, output=output)
    found = Solution.load(output)
    for name, values in whole.observables.items():
        np.testing.assert_array_equal(found.observables[name], values, err_msg=name)
    for name, values in whole.standard_errors.items():
        np.testing.assert_array_equal(found.standard_errors[name], values, err_msg=name)
    np.testing.assert_array_equal(found.kernels["C_d"], whole.kernels["C_d"])
