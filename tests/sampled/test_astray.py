"""Sets of samples that go astray under gradient descent."""

import numpy as np
import pytest

from dmft import Outcome, Problem, solve
from dmft.engines.astray import astray

QUIET = np.zeros(60, dtype=bool)
FALLING = np.geomspace(1.0, 0.01, 60)


def run_away(errors, start, factor):
    """Errors that are overtaken by an error that grows from 1e-4 by a factor in each step, from a node on."""
    steps = np.arange(len(errors)) - start
    return errors + np.where(steps >= 0, 1e-4 * factor ** np.maximum(steps, 0), 0.0)


@pytest.mark.parametrize("factor", [1.4, 2.0, 1e4])
@pytest.mark.parametrize("others", [0, 1, 4])
def test_a_set_that_runs_away_is_right_until_it_leaves_the_others(factor, others):
    errors = np.array([run_away(FALLING, 30, factor), *(scale * FALLING for scale in np.linspace(0.7, 1.4, others))])
    found = astray(errors, QUIET, 1)
    assert found is not None
    assert found.right >= 30
    assert found.jumped == (factor > 2)
    rise = errors[0] / np.minimum.accumulate(errors[0])
    assert rise[: found.right].max() < 1.3
    # Nodes that were looked at before do not matter, nor do later ones.
    end = found.node + 1
    assert astray(errors[:, :end], QUIET[:end], found.node) == found


def test_a_set_that_is_lost_at_once_is_right_before():
    errors = np.array([FALLING, FALLING.copy()])
    errors[1, 40:] = np.nan
    assert astray(errors, QUIET, 1) == (40, 40, True)


def test_a_jump_that_makes_means_too_noisy_is_a_set_astray():
    errors = np.array([FALLING, FALLING.copy(), FALLING])
    errors[1, 40:] *= 5.0
    noisy = np.arange(60) >= 40
    assert astray(errors, QUIET, 1) is None
    assert astray(errors, noisy, 1) == (40, 40, True)
    # Noise of all sets, or without a jump, is noise.
    assert astray(np.array([FALLING, np.geomspace(1.0, 0.06, 60)]), noisy, 1) is None


def test_sets_that_rise_together_or_fluctuate_are_not_astray():
    random = np.random.default_rng(0)
    catapult = run_away(FALLING, 20, 1.6)
    together = np.array([np.minimum(catapult, 0.5) * scale for scale in (0.8, 1.0, 1.3)])
    assert astray(together, QUIET, 1) is None
    assert astray(FALLING * np.exp(0.3 * random.standard_normal((6, 60))), QUIET, 1) is None
    # A single set that rises from the start has nothing to be compared with.
    assert astray(run_away(np.ones((1, 60)), 1, 2.0), QUIET, 1) is None


@pytest.mark.slow
def test_steps_at_the_edge_of_stability_are_followed_until_a_set_goes_astray():
    """Training errors of three sets rise and settle, as those of networks; that of the next one reaches 2.8 and no number."""
    asked = Problem(
        width=2, samples_per_dimension=2.0, activation="tanh", target=[0.0, 1.0], noise=0.3, init_scale=1.5, alignment=0.1,
        theory="exact", scheme="gradient-descent", learning_rate=0.4, t_max=28.0, samples=128, replicates=2,
    )  # fmt: skip
    found, more = solve(asked), solve(asked.replace(replicates=4))
    assert found.outcome is Outcome.DONE
    assert found.train_error[found.time > 20.0].max() > 3 * found.train_error.min()
    assert more.outcome is Outcome.DIVERGED
    assert "learning_rate" in more.advice
    assert more.time[-1] > 20.0
    assert more.train_error[more.time > 20.0].max() < 0.1


def test_samples_in_the_tails_of_a_polynomial_activation_diverge():
    """The force of a quadratic neuron is cubic in the preactivation: the errors of one set are 0.6, 2, 576 and 1e17."""
    asked = Problem(
        width=1, samples_per_dimension=2.0, activation="quadratic", target=[0.0, 0.8, 0.4], noise=0.3, alignment=0.2,
        constraint="none", weight_decay=0.1, theory="exact", scheme="gradient-descent", learning_rate=0.2, t_max=1.0,
        samples=4096, replicates=4,
    )  # fmt: skip
    found, shorter = solve(asked), solve(asked.replace(learning_rate=0.1))
    assert found.outcome is Outcome.DIVERGED
    assert "learning_rate" in found.advice
    assert found.train_error.max() < 1.0
    assert shorter.outcome is Outcome.DONE
