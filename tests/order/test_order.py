"""Convergence orders as fitted slopes, on uniform grids without step control."""

from functools import cache

import numpy as np
import pytest

from dmft import Problem
from dmft.engines.march import March
from dmft.mathematics.tableau import MAX_STAGES, order_condition_defect, radau


class UniformMarch(March):
    """Every step the same and accepted."""

    def _fit(self, step: float) -> float:
        whole, left = self.settings.t_max / self.steps, self.settings.t_max - self.time
        return whole if left > 1.5 * whole else left

    def _attempt(self, step):
        attempt = super()._attempt(step)
        assert attempt.ending.name == "CONVERGED"
        return type(attempt)(**{**attempt.__dict__, "error": 0.0})


@cache
def values_at_end(stages: int, steps: int) -> np.ndarray:
    problem = Problem(
        width=4, samples_per_parameter=0.7, activation=[0.1, 0.8, 0.5], target=[0.2, 1.0], noise=0.3, alignment=0.2,
        t_max=1.0, tolerance=1e-10, stages=stages,
    )  # fmt: skip
    march = UniformMarch(problem.parameters.build(), problem.solver)
    march.steps = steps
    assert len(list(march)) == steps
    names = ("train_error", "test_error", "second_layer", "alignment", "neuron_overlap", "memory_of_start")
    return np.array([march.history[name][-1] for name in names])


@pytest.mark.parametrize(("stages", "steps"), [(1, (16, 32, 64)), (2, (8, 12, 16, 24)), (3, (4, 6, 8, 12)), (4, (3, 4, 6, 8))])
def test_order_at_cell_ends_is_twice_the_stages_minus_one(stages, steps):
    exact = values_at_end(6, 8)
    errors = np.array([np.abs(values_at_end(stages, n) - exact) for n in steps])
    slopes = -np.polyfit(np.log(steps), np.log(errors), 1)[0]
    np.testing.assert_allclose(slopes.mean(), radau(stages).order, atol=0.35)


@pytest.mark.parametrize("stages", range(1, MAX_STAGES + 1))
def test_tableaux_meet_their_order_conditions(stages):
    assert order_condition_defect(radau(stages)) < 1e-11


def test_two_stage_tableau_is_the_published_one():
    np.testing.assert_allclose(radau(2).A, [[5 / 12, -1 / 12], [3 / 4, 1 / 4]], atol=1e-15)
    np.testing.assert_allclose(radau(2).c, [1 / 3, 1], atol=1e-15)
