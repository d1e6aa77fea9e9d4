"""Verdicts have the error rates that they claim: under the null hypothesis, with power, and without an agreement never seen."""

import numpy as np
import pytest
from scipy import stats

from dmft.mathematics.significance import holm
from dmft.simulation.agreement import Agreement, Comparison, Finding
from dmft.simulation.compare import standard_error

TIMES, OBSERVABLES = 40, 6


def samples(random, seeds: int, memory: float) -> np.ndarray:
    """Standard normal trajectories (seeds, observables, times): neighbouring times and observables correlated like `memory`."""
    noise = random.standard_normal((seeds, OBSERVABLES, TIMES))
    for axis in (1, 2):
        noise = np.moveaxis(noise, axis, 0)
        for k in range(1, len(noise)):
            noise[k] = memory * noise[k - 1] + np.sqrt(1 - memory**2) * noise[k]
        noise = np.moveaxis(noise, 0, axis)
    return noise


def comparison(values: np.ndarray, theory: float = 1.0, **keys) -> Comparison:
    """Of a theory that is constant in time with such trajectories of deviations."""
    seeds = len(values)
    found = {
        f"observable_{k}": Agreement(
            time=np.geomspace(1, 100, TIMES),
            theory=np.full(TIMES, theory),
            deviation=values[:, k].mean(axis=0),
            error=standard_error(values[:, k]),
            degrees=np.full(TIMES, seeds - 1.0),
            allowed=np.zeros(TIMES),
        )
        for k in range(values.shape[1])
    }
    return Comparison(found, (100,), (seeds,), **keys)


@pytest.mark.parametrize(
    ("seeds", "memory"),
    [
        (4, 0.0),
        (16, 0.9),
        *(pytest.param(*rest, marks=pytest.mark.slow) for rest in ((4, 0.9), (4, 0.999), (16, 0.0), (16, 0.999))),
    ],
)
def test_chance_is_called_significant_as_often_as_stated(seeds, memory):
    """Rate of any significant deviation under the null: at most the level, and near it for independent comparisons."""
    random, level, trials = np.random.default_rng(seeds), 0.1, 400
    wrong = sum(not comparison(samples(random, seeds, memory), level=level).agrees() for _ in range(trials))
    assert wrong <= stats.binom.isf(1e-3, trials, level)
    if memory == 0.0:
        assert wrong >= stats.binom.ppf(1e-3, trials, 1 - (1 - level / (TIMES * OBSERVABLES)) ** (TIMES * OBSERVABLES))


def test_all_true_deviations_are_within_the_bound():
    """The simultaneous bound holds for all times and observables together, up to the level."""
    random, level, trials, true = np.random.default_rng(1), 0.1, 400, 0.7
    missed = 0
    for _ in range(trials):
        found = comparison(true + samples(random, 6, 0.9), level=level)
        each = level / found.comparisons
        missed += any((one.bound(each) < true).any() for one in found.observables.values())
    assert missed <= stats.binom.isf(1e-3, trials, level)


def test_a_deviation_of_the_detectable_size_is_found_half_of_the_time():
    random, trials, seeds, hits = np.random.default_rng(2), 300, 16, 0
    detectable = stats.t.isf(0.01 / (2 * TIMES * OBSERVABLES), seeds - 1) / np.sqrt(seeds)
    for _ in range(trials):
        values = samples(random, seeds, 0.0)
        values[:, 2, 7] += detectable
        hits += bool(comparison(values).significant["observable_2"][7])
    assert 0.35 < hits / trials < 0.65


def test_few_seeds_cannot_agree_on_a_factor_of_four():
    """Four seeds whose mean is four times the theory, with a scatter that makes it insignificant."""
    values = 3.0 + 2.0 * samples(np.random.default_rng(3), 4, 0.95)
    found = comparison(values)
    assert found.agrees()
    assert all(verdict.finding is Finding.OPEN and verdict.bound > 3 for verdict in found.verdicts.values())


@pytest.mark.parametrize(("scatter", "finding"), [(0.01, Finding.DIFFERS), (0.1, Finding.DIFFERS), (1.0, Finding.OPEN)])
def test_a_fifth_in_sixteen_seeds_is_no_agreement(scatter, finding):
    values = 0.21 + scatter * samples(np.random.default_rng(4), 16, 0.95)
    assert {verdict.finding for verdict in comparison(values).verdicts.values()} == {finding}


def test_agreement_is_within_a_stated_size():
    found = comparison(1e-3 * samples(np.random.default_rng(5), 16, 0.95))
    assert {verdict.finding for verdict in found.verdicts.values()} == {Finding.AGREES}
    assert all(verdict.bound < 3e-3 and verdict.seen == TIMES for verdict in found.verdicts.values())
    strict = comparison(1e-3 * samples(np.random.default_rng(5), 16, 0.95), within=1e-4)
    assert {verdict.finding for verdict in strict.verdicts.values()} == {Finding.OPEN}


def test_relative_deviations_are_pointwise():
    """A decaying observable is judged at its late value; one that changes sign at the size next to its zero."""
    time = np.geomspace(1, 1e3, 31)
    ones = np.ones_like(time)
    decaying = Agreement(time, 1 / time, 4e-3 * ones, 1e-4 * ones, 15 * ones, 0 * ones)
    assert decaying.relative(decaying.deviation)[-1] == pytest.approx(4.0)
    crossing = np.sin(time / 100)
    size = Agreement(time, crossing, ones, ones, ones, ones).size
    change = int(np.flatnonzero(np.diff(np.sign(crossing)))[0])
    assert size[change] == pytest.approx(max(abs(crossing[change - 1 : change + 2])))
    assert size[change + 1] == pytest.approx(max(abs(crossing[change : change + 3])))
    assert Agreement(time, 0 * time, ones, ones, ones, ones).size.max() == 0.0


def test_without_a_standard_error_any_deviation_is_certain():
    values = np.zeros((4, OBSERVABLES, TIMES)) + samples(np.random.default_rng(6), 4, 0.0)
    values[:, 3, 0] = 1e-3
    found = comparison(values)
    assert found.comparisons == TIMES * OBSERVABLES - 1
    assert found.significant["observable_3"].tolist() == [True] + [False] * (TIMES - 1)


def test_holm():
    """The textbook example: 0.01 and 0.013 pass at 0.05, 0.03 does not although it is below 0.05/1."""
    found = holm(np.array([0.03, 0.01, 0.04, 0.013]), 0.05)
    assert found.tolist() == [False, True, False, True]
    assert holm(np.array([]), 0.05).tolist() == []
    assert holm(np.full(3, 1e-9), 0.05).all()
