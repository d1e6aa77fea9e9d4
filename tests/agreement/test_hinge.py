"""Hinge loss: training of finite networks against the node that stands for infinitely many units."""

import numpy as np
import pytest

from dmft.models.hinge import examples
from dmft.simulation.hinge import Network, Weights
from tests.finite_networks import standard_errors_away, trained
from tests.hinge import hinge


def distances(problem, dim, seeds):
    """z of every observable at a few times."""
    times, found = trained(problem, dim, seeds, 5, tolerance=1e-2)
    theory = problem.parameters.build().evaluate(times)
    # Steps, and what N/M of the outputs at t = 0 adds to the losses.
    return {name: standard_errors_away(values, theory[name], 5e-3) for name, values in found.items()}


@pytest.mark.parametrize("keys", [{}, {"laziness": 0.2}, {"laziness": 5.0, "weight_variance": 0.5}], ids=["1", "rich", "lazy"])
def test_wide_networks_follow_the_node(keys):
    """Data sets of 30 examples in 6 dimensions."""
    for name, z in distances(hinge(samples=30, dimension=6, units=800, t_max=4.0, **keys), 6, 6).items():
        assert np.abs(z).max() < 4.0, name


@pytest.mark.parametrize("dimension", [2, 6])
def test_infinite_data(dimension):
    """Fresh examples at every step: f = s x_1 whatever the dimension is."""
    for name, z in distances(hinge(units=150 * dimension, t_max=4.0), dimension, 4).items():
        assert np.abs(z).max() < 4.0, name


def test_corrections_of_finitely_many_units():
    """Distances of f from the theory, root mean squares over seeds, fall as 1/sqrt M."""
    units, found = np.array([50, 200, 800]), []
    for M in units:
        problem = hinge(samples=30, dimension=6, units=int(M), t_max=4.0)
        times, runs = trained(problem, 6, 8, 4, tolerance=5e-3)
        theory = problem.parameters.build().evaluate(times)["slope"]
        found.append(np.sqrt(np.mean((runs["slope"] - theory)[:, 2:] ** 2)))
    slope, _ = np.polyfit(np.log(units), np.log(found), 1)
    assert -0.8 < slope < -0.3


def test_one_sided_data_are_close_to_mirrored_ones():
    """Without mirror images the nodes see different examples; in 400 examples it hardly matters."""
    p = hinge(samples=400, dimension=4).parameters
    random = np.random.default_rng(0)
    network, weights = Network(p.laziness, p.threshold), Weights(random.standard_normal(800), random.standard_normal((800, 4)))
    x = examples(4, 400, p.seed)
    for _ in range(100):
        weights = weights.moved(network.rate(weights, x), 0.04)
    theory = p.build().evaluate(np.array([4.0]))
    assert weights.a @ weights.w[:, 0] / 1600 == pytest.approx(theory["slope"][0], rel=0.1)
    assert network.loss(weights, x) == pytest.approx(theory["train_error"][0], rel=0.1)
