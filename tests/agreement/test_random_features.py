"""Random features against finite networks: exact covariances of the features, and online SGD."""

import numpy as np
import pytest

from dmft.models.random_features.simulation import Network
from tests.finite_networks import trained
from tests.random_features import random_features

pytestmark = pytest.mark.slow

TIMES = np.array([0.3, 1.0, 3.0, 6.0])


def finite_theory(parameters, dimension, seed):
    """The theory with the features of one finite network, (times,): a mean over teachers of one unit along each axis.

    erf units, whose covariances are arcsines.  A mode has dx/dt = -2 eta lambda x + (eta^2/K) lambda^2 (e_0(inf) + sum x).
    """
    hidden = Network.drawn(parameters, dimension, np.random.default_rng(seed)).hidden
    overlaps = hidden @ hidden.T
    sizes = 1 + np.diag(overlaps)
    rates, vectors = np.linalg.eigh(2 / np.pi * np.arcsin(overlaps / np.sqrt(np.outer(sizes, sizes))))
    signals = vectors.T @ (2 / np.pi * np.arcsin(hidden / np.sqrt(2 * sizes)[:, None]))
    start = np.mean(signals**2, axis=1) / rates / 2
    eta, width = parameters.learning_rate, len(rates)
    rest = parameters.teacher.variance / 2 - start.sum()
    noise = eta**2 / width * rates**2
    matrix = -2 * eta * np.diag(rates) + noise[:, None]
    settled = np.linalg.solve(matrix, -noise * rest)
    values, V = np.linalg.eig(matrix)
    amplitudes = V.sum(axis=0) * np.linalg.solve(V, start - settled)
    return rest + settled.sum() + (np.exp(np.outer(TIMES, values)) @ amplitudes).real


def test_covariances_of_features():
    """The series of a finite network against the arcsine of erf."""
    network = Network.drawn(random_features().parameters, 60, np.random.default_rng(3))
    phi, psi, square = network.covariances()
    overlaps = network.hidden @ network.hidden.T
    sizes = 1 + np.diag(overlaps)
    np.testing.assert_allclose(phi, 2 / np.pi * np.arcsin(overlaps / np.sqrt(np.outer(sizes, sizes))), atol=1e-12)
    cross = 2 / np.pi * np.arcsin(network.hidden @ network.teacher.T / np.sqrt(2 * sizes)[:, None])
    np.testing.assert_allclose(psi, cross @ [1.0, 0.5], atol=1e-12)
    assert square == pytest.approx(1.25 / 3 + 0.09, rel=1e-12)


def test_features_with_overlapping_teacher_units():
    """Drawn teachers have the overlaps asked for, and relu features the covariances of samples."""
    overlaps = [[1.5, 0.5], [0.5, 0.5]]
    parameters = random_features(activation="relu", teacher_overlap=overlaps, learning_rate=1.0).parameters
    random = np.random.default_rng(1)
    network = Network.drawn(parameters, 20, random)
    np.testing.assert_allclose(network.teacher @ network.teacher.T, overlaps, atol=1e-14)
    phi, psi, square = network.covariances()
    x = random.standard_normal((200_000, 20))
    g, y = network.features(x), network.labels(x, random)
    assert np.abs(g.T @ g / len(x) - phi).max() < 0.03
    assert np.abs(g.T @ y / len(x) - psi).max() < 0.03
    assert np.mean(y**2) == pytest.approx(square, rel=0.03)


def test_finite_networks_approach_the_theory():
    """The distance of the mean over all teachers, root mean square over draws, falls as 1/N: a fitted slope."""
    parameters = random_features(hidden_ratio=0.8, teacher_output=[1.0]).parameters
    theory = parameters.build().evaluate(TIMES)["generalization_error"]
    sizes = np.array([100, 200, 400, 800])
    found = np.array([[finite_theory(parameters, N, seed) for seed in range(5)] for N in sizes])
    distances = np.sqrt(np.mean((found / theory - 1) ** 2, axis=(1, 2)))
    slope, _ = np.polyfit(np.log(sizes), np.log(distances), 1)
    assert distances[-1] < 3e-3
    assert -1.3 < slope < -0.7


def sgd(problem, dim, seeds):
    """Errors of real SGD at a few times > 0, (seeds, times), and those of the theory."""
    times, found = trained(problem, dim, seeds, 6)
    later = times > 0
    theory = problem.parameters.build().evaluate(times[later])["generalization_error"]
    return found["generalization_error"][:, later], theory


def largest_z(runs):
    """(mean - theory)/standard error of each size; one scatter, in units of 1/sqrt N, from all sizes together."""
    scatter = np.sqrt(np.mean([N * found.var(axis=0, ddof=1) for N, (found, _) in runs.items()], axis=0))
    z = [(found.mean(axis=0) - theory) / (scatter / np.sqrt(N * len(found))) for N, (found, theory) in runs.items()]
    return np.abs(z).max()


def test_sgd_within_standard_errors():
    """N = 200, 400, 800: means within standard errors of the theory, and distances that fall as 1/sqrt N."""
    problem = random_features(hidden_ratio=0.8, t_max=6.0)
    runs = {N: sgd(problem, N, seeds) for N, seeds in {200: 10, 400: 5, 800: 3}.items()}
    assert largest_z(runs) < 4.0
    distances = [np.sqrt(np.mean((found / theory - 1) ** 2)) for found, theory in runs.values()]
    slope, _ = np.polyfit(np.log(list(runs)), np.log(distances), 1)
    assert -0.9 < slope < -0.3
    assert distances[-1] < 0.03


@pytest.mark.parametrize(("activation", "learning_rate"), [("relu", 1.0), ("softplus", 0.5)])
def test_sgd_of_features_with_a_mean(activation, learning_rate):
    """The mode of the mean is learned at once, and its noise, which no N averages out, counts from the beginning."""
    found, theory = sgd(
        random_features(hidden_ratio=1.0, activation=activation, learning_rate=learning_rate, t_max=6.0), 100, 24
    )
    assert np.abs((found.mean(axis=0) - theory) / (found.std(axis=0, ddof=1) / np.sqrt(24))).max() < 4.0
