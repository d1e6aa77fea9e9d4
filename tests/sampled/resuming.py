"""Runs with samples that are stopped, resumed and extended."""

import pytest

from dmft import Outcome, Problem, solve
from dmft.engines import sampled
from dmft.running.solve import StopRun
from tests.comparison import assert_same, datasets


def assert_bit_for_bit(asked: Problem, folder, stop_after: float = 0.0) -> None:
    """A file that begins with one set, is stopped and resumed, and then gets all samples is that of one run.

    That one is made in the longest rounds, the other in the shortest ones.
    """
    whole, output = folder / "whole.h5", folder / "in-parts.h5"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sampled, "ROUND", 1e9)
        solve(asked, output=whole)

    def stop(march, cell):
        if cell.time > stop_after:
            raise StopRun

    fewer = asked.replace(samples=1024, replicates=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sampled, "ROUND", 0.0)
        assert solve(fewer, observers=[stop], output=output).outcome is Outcome.INTERRUPTED
        assert solve(fewer, output=output).outcome is Outcome.DONE
        solve(asked, output=output)
    assert_same(datasets(whole), datasets(output))
