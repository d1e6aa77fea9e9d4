"""Whether theory and simulation agree is a statistical statement: it has the error rates that it claims, and it can say no."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from dmft import Problem, ProblemError, Simulation, simulate, solve
from dmft.mathematics.significance import normal_deviation
from dmft.simulation.agreement import Finding
from dmft.simulation.compare import compare, limit_weights


@pytest.fixture(scope="module")
def small():
    """A problem whose simulation takes a moment, and its theory."""
    problem = Problem(
        width=2, samples_per_dimension=2.0, activation=[0.0, 0.8, 0.6], target=[0.0, 1.0], noise=0.3, alignment=0.3,
        t_max=3.0, tolerance=1e-5,
    )  # fmt: skip
    return problem, solve(problem)


@pytest.fixture(scope="module")
def simulations(small) -> list[Simulation]:
    """Gaussian fields in two dimensions."""
    return [simulate(small[0], dim=dim, seeds=12, fields="gaussian", times=8, two_time=True) for dim in (10, 20)]


@pytest.mark.parametrize("seeds", [3, 8, 100])
def test_z_is_normal_for_any_number_of_seeds(seeds):
    """Of normal samples with the right mean, z has a normal law: Kolmogorov-Smirnov at the one per cent level."""
    samples = np.random.default_rng(0).standard_normal((seeds, 4000))
    error = samples.std(axis=0, ddof=1) / np.sqrt(seeds)
    z = normal_deviation(samples.mean(axis=0), error, np.full(4000, seeds - 1.0))
    assert stats.kstest(z, "norm").pvalue > 0.01


def test_z_of_the_limit_is_normal(small, simulations):
    """The same for c_0 of three dimensions with different numbers of seeds and a bias c_1/d in each of them."""
    random, seeds, dims, found = np.random.default_rng(1), (6, 9, 12), (20, 40, 80), []
    problem, theory = small
    time = np.linspace(0.0, 3.0, 1500)
    expected = theory.at(time)["test_error"]
    for number, dim in zip(seeds, dims, strict=True):
        values = expected + 3.0 / dim + random.standard_normal((number, len(time))) / np.sqrt(dim)
        found.append(
            replace(
                simulations[0], setup=simulations[0].setup.model_copy(update={"dim": dim}), time=time, seeds=np.arange(number),
                trajectories={"test_error": values}, two_time={},
            )
        )  # fmt: skip
    z = compare(theory, found).observables["test_error"].z
    assert stats.kstest(z, "norm").pvalue > 0.01
    assert np.abs(compare(theory, found[:1]).observables["test_error"].z.mean()) > 0.5
    assert problem == theory.problem


def test_limit_weights_take_a_bias_of_one_over_d_away():
    dims, seeds = np.array([50, 100, 200]), np.array([30, 8, 11])
    weights = limit_weights(dims, seeds)
    assert weights @ (0.7 + 3.0 / dims) == pytest.approx(0.7)
    np.testing.assert_allclose(limit_weights(dims[:1], seeds[:1]), [1.0])
    np.testing.assert_allclose(limit_weights(np.array([50, 50]), np.array([3, 1])), [0.75, 0.25])


def test_without_a_standard_error():
    """At t = 0 some observables are the same in all seeds: no deviation is agreement, any other is not."""
    z = normal_deviation(np.array([0.0, 1e-9, -1e-9]), np.zeros(3), np.full(3, np.nan))
    assert z.tolist() == [0.0, np.inf, -np.inf]


def test_agreement_in_each_dimension_and_in_the_limit(small, simulations):
    _, theory = small
    for chosen in (simulations[:1], simulations[1:], simulations):
        found = compare(theory, chosen)
        assert found.extrapolated == (len(chosen) > 1)
        assert {"train_error", "test_error", "multiplier", "C_d", "C_o"} <= found.observables.keys()
        assert found.agrees()
        assert all(agreement.rms < 3 for agreement in found.observables.values())
        assert found.observables["alignment"].z[0] == 0.0


def test_theory_of_another_noise_is_rejected(small, simulations):
    problem, _ = small
    wrong = replace(solve(problem.replace(noise=0.6)), problem=problem)
    assert not compare(wrong, simulations).agrees()


@pytest.mark.slow
def test_bias_of_a_small_dimension_is_seen_and_extrapolated(small):
    """With many seeds the O(1/d) of a tiny system is rejected, and it shrinks like 1/d."""
    problem, theory = small
    found = [simulate(problem, dim=dim, seeds=100, fields="gaussian", times=6, tolerance=3e-3) for dim in (3, 6)]
    tiny, less = (compare(theory, [one]) for one in found)
    assert not tiny.agrees()
    biases = [one.observables["second_layer"].deviation[-1] for one in (tiny, less)]
    assert 1.4 < biases[0] / biases[1] < 3.2


def test_times_rounded_to_different_steps(small):
    """A bias of c(t)/d, taken at other times in another dimension, is taken away all the same."""
    problem, theory = small
    random, grid = np.random.default_rng(2), np.linspace(0.0, 3.0, 11)
    base = simulate(problem, dim=10, seeds=2, times=3)

    def made(dim, time):
        expected = theory.at(time)["test_error"]
        values = expected + 10 * (1 + time) / dim + 0.1 * random.standard_normal((9, 1)) * (1 + time)
        setup = base.setup.model_copy(update={"dim": dim})
        return replace(base, setup=setup, time=time, seeds=np.arange(9), trajectories={"test_error": values}, two_time={})

    found = compare(theory, [made(10, grid), made(20, np.append(0.0, np.minimum(grid[1:] + 0.1, 3.0)))])
    assert found.agrees()
    assert not compare(theory, [made(10, grid)]).agrees()


def test_only_as_far_as_the_theory_goes(small, simulations):
    problem, _ = small
    found = compare(solve(problem.replace(t_max=1.0)), simulations)
    assert found.observables["test_error"].time[-1] <= 1.0


def test_components_of_an_observable_are_judged_one_by_one(small, simulations):
    """Two groups of neurons: the second one deviates, and only that one is said to."""
    problem, theory = small
    one = simulations[0]
    asked = problem.replace(neurons=[{"count": 1}, {"count": 1}])
    both = np.stack([theory.observables["second_layer"]] * 2, axis=-1)
    grouped = replace(theory, problem=asked, observables={"second_layer": both}, kernels={})
    object.__setattr__(grouped, "at", lambda t: {"second_layer": np.stack([theory.at(t)["second_layer"]] * 2, axis=-1)})
    found = one.trajectories["second_layer"]
    trajectories = {"second_layer": np.stack([found, found + 0.5], axis=-1)}
    comparison = compare(grouped, [replace(one, problem=asked, trajectories=trajectories, two_time={})])
    alone = compare(theory, [one]).observables["second_layer"]
    assert comparison.observables.keys() == {"second_layer[0]", "second_layer[1]"}
    np.testing.assert_allclose(comparison.observables["second_layer[0]"].z, alone.z, atol=1e-12)
    assert comparison.verdicts["second_layer[0]"].finding is not Finding.DIFFERS
    assert comparison.verdicts["second_layer[1]"].finding is Finding.DIFFERS


def test_standard_errors_of_the_theory_are_added(small, simulations):
    """z of a sampled theory is normal where both scatter, and not where one of the errors is forgotten."""
    _, theory = small
    random, seeds, times = np.random.default_rng(3), 24, 1500
    time = np.linspace(0.0, 3.0, times)
    nodes = len(theory.time)
    expected = theory.at(time)["test_error"]
    own, others = 0.06, 0.05
    values = expected + own * random.standard_normal(times) + others * np.sqrt(seeds) * random.standard_normal((seeds, times))
    simulation = replace(simulations[0], time=time, seeds=np.arange(seeds), trajectories={"test_error": values}, two_time={})
    found = compare(theory, [simulation], {"test_error": np.full(nodes, own)}).observables["test_error"]
    forgotten = compare(theory, [simulation]).observables["test_error"]
    np.testing.assert_allclose(found.error**2 - forgotten.error**2, own**2)
    assert stats.kstest(found.z, "norm").pvalue > 0.01
    assert stats.kstest(forgotten.z, "norm").pvalue < 0.01


def test_refusals(small, simulations):
    problem, theory = small
    with pytest.raises(ProblemError, match=r"noise = 0.3 here, 0.6 wanted"):
        compare(solve(problem.replace(noise=0.6)), simulations)
    one = simulate(problem, dim=10, seeds=1, fields="gaussian")
    with pytest.raises(ProblemError, match="seeds = 1: wanted at least 2"):
        compare(theory, [one])
    others = simulate(problem, dim=10, seeds=2)
    with pytest.raises(ProblemError, match=r"another simulation than the first: (fields|times|two_time)"):
        compare(theory, [simulations[0], others])
    longer = simulate(problem.replace(t_max=4.0), dim=10, seeds=2, fields="gaussian", times=8, two_time=True)
    with pytest.raises(ProblemError, match=r"another simulation than the first: t_max = 4.0, not 3.0"):
        compare(theory, [simulations[0], longer])
