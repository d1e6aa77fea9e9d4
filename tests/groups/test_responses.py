"""Responses of groups at any times, and the clock of their runs, which is that of the sum over groups."""

import numpy as np
import pytest

from dmft import Problem, Solution, solve
from dmft.engines import clock

BASE = {"samples_per_parameter": 1.0, "activation": [0.1, 0.8, 0.6], "noise": 0.3, "t_max": 10.0}
THREE = {
    **BASE,
    "width": 4,
    "target": {"1,0": 0.7, "0,2": 0.5, "1,1": -0.4},
    "neurons": [
        {"count": 1, "second_layer": 1.0, "alignment": [0.3, 0.1]},
        {"count": 2, "second_layer": -0.7, "alignment": [-0.2, 0.2]},
        {"count": 1, "second_layer": 0.5, "alignment": [0.0, -0.4]},
    ],
}
HALVES = [{"fraction": 0.5, "alignment": 0.1}] * 2
TIMES, STARTS = np.array([0.5, 3.0, 10.0])[:, None], np.array([0.0, 0.3, 2.9])


@pytest.fixture(scope="module")
def runs() -> list[Solution]:
    """Three groups at a tolerance and at a tenth of it."""
    return [solve(Problem(**THREE, tolerance=tolerance)) for tolerance in (1e-4, 1e-5)]


@pytest.mark.parametrize("name", ["R_d", "R_o", "R_F"])
def test_responses_at_any_times_do_not_depend_on_the_grid(runs, name):
    coarse, fine = (run.response(name, TIMES, STARTS) for run in runs)
    assert fine.shape == (3, 3, *runs[1].kernels[name].shape[2:])
    np.testing.assert_allclose(coarse, fine, atol=1e-5 * np.abs(fine).max())
    assert not fine[0, 2].any()


@pytest.mark.parametrize("name", ["R_d", "R_o", "R_F"])
def test_a_response_to_the_start_is_that_of_the_run(runs, name):
    nodes = slice(7, None, 9)
    found = runs[1].response(name, runs[1].time[nodes], 0.0)
    np.testing.assert_allclose(found, runs[1].kernels[name][nodes, 0], atol=1e-6)


@pytest.mark.slow
def test_responses_of_two_halves_are_those_of_one_network():
    keys = {**BASE, "width": 4, "target": [0.2, 1.0, 0.4], "tolerance": 1e-6}
    whole, halves = solve(Problem(**keys, alignment=0.1)), solve(Problem(**keys, neurons=HALVES))
    for name, entry in (("R_d", (..., 0)), ("R_o", (..., 0, 1)), ("R_o", (..., 1, 1)), ("R_F", ...)):
        found = halves.response(name, TIMES, STARTS)[entry]
        np.testing.assert_allclose(found, whole.response(name, TIMES, STARTS), atol=1e-6, err_msg=name)


def clocks(problem: Problem) -> list[tuple]:
    """Of every cell of a run, at the end of its iteration: what makes the speed, and the excess of the energy.

    That is correlations and squares of scalars.
    """
    seen: dict[float, tuple] = {}
    original = clock.excess

    def kept(tableau, dt, C, scalars, energy, unresolved, residual):
        seen[dt] = C, scalars.T @ scalars, original(tableau, dt, C, scalars, energy, 0.0, 0.0).of_all
        return original(tableau, dt, C, scalars, energy, unresolved, residual)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(clock, "excess", kept)
        solve(problem)
    return list(seen.values())


def test_the_clock_of_two_halves_is_that_of_one_network():
    keys = {**BASE, "width": 4, "target": [0.2, 1.0, 0.4], "tolerance": 1e-4}
    whole, halves = clocks(Problem(**keys, alignment=0.1)), clocks(Problem(**keys, neurons=HALVES))
    # The lengths of cells differ by less than the tolerance, up to a cell of which one run takes a part.
    for one, other in zip(whole[:4], halves[:4], strict=True):
        np.testing.assert_allclose(other[0], one[0], atol=1e-4)
        np.testing.assert_allclose(other[1], one[1], atol=1e-4)


def test_the_energy_of_different_groups_is_lost_to_their_speeds():
    assert max(excess for _, _, excess in clocks(Problem(**THREE, tolerance=1e-6))) < 1e-3
