"""Finite networks trained by the algorithms of the exact theory: agreement in the limit, and going on from a checkpoint."""

import numpy as np
import pytest

from dmft import simulate, solve
from dmft.models.experiment import Setup, experiment

from .test_solve import problem

KINDS = [
    {"batch": 0.5, "momentum": 0.3},
    {"activation": "relu", "width": 1, "labels": "sign", "batch": 0.5, "batch_time": 1.0},
    {"labels": "sign", "loss": "logistic", "constraint": "none", "weight_decay": 0.1, "batch": 0.5, "batch_time": 1.0},
    {"loss": "huber", "momentum": 0.5, "nesterov": True, "train_second_layer": False},
]


@pytest.mark.slow
@pytest.mark.parametrize("keys", KINDS, ids=str)
def test_networks_agree_in_the_limit(keys):
    """Of deviations extrapolated in 1/d, in combined standard errors; one in 20,000 is larger by chance."""
    asked = problem(samples=2048, replicates=2, **keys)
    theory, (small, large) = solve(asked), (simulate(asked, dim=dim, seeds=24, times=6) for dim in (100, 200))
    # What the theory derives from others is not measured.
    measured = [name for name in theory.observables if name in large.observables]
    assert {"train_error", "test_error", "alignment", "second_layer"} <= set(measured)
    for name in measured:
        limit = 2 * large.observables[name][-1] - small.observables[name][-1]
        parts = (2 * large.standard_errors[name][-1], small.standard_errors[name][-1], theory.standard_errors[name][-1])
        assert abs(limit - theory.observables[name][-1]) <= 4 * np.hypot.reduce(parts) + 1e-12, name


@pytest.mark.parametrize("keys", KINDS, ids=str)
def test_a_seed_goes_on_from_a_checkpoint(keys):
    class Watch:
        begun = None
        states: list = []

        def __call__(self, time, state):
            self.states.append(state())

    made, watch = experiment(problem(t_max=2.0, **keys), Setup(dim=20, times=4)), Watch()
    watch.states = []
    whole = made.run(3, watch)
    later = Watch()
    later.begun = watch.states[2]
    for name, values in made.run(3, later).observables.items():
        np.testing.assert_array_equal(values, whole.observables[name])
