"""Hinge loss: training of finite networks against the node that stands for infinitely many units."""

import numpy as np
import pytest

from dmft import solve
from tests.finite_networks import standard_errors_away, trained
from tests.hinge import hinge, one_sided


def distances(problem, dim, seeds):
    """z of every observable at a few times."""
    times, found = trained(problem, dim, seeds, 5, tolerance=1e-2)
    theory = problem.parameters.build().evaluate(times)
    # Steps, and what N/M of the outputs at t = 0 adds to the losses.
    return {name: standard_errors_away(values, theory[name], 5e-3) for name, values in found.items()}


@pytest.mark.slow
@pytest.mark.parametrize("keys", [{}, {"laziness": 0.2}, {"laziness": 5.0, "weight_variance": 0.5}], ids=["1", "rich", "lazy"])
def test_wide_networks_follow_the_node(keys):
    """Data sets of 30 examples in 6 dimensions."""
    for name, z in distances(hinge(samples=30, dimension=6, units=800, t_max=4.0, **keys), 6, 6).items():
        assert np.abs(z).max() < 4.0, name


@pytest.mark.parametrize("dimension", [2, pytest.param(6, marks=pytest.mark.slow)])
def test_infinite_data(dimension):
    """Fresh examples at every step: f = s x_1 whatever the dimension is."""
    for name, z in distances(hinge(units=150 * dimension, t_max=4.0), dimension, 4).items():
        assert np.abs(z).max() < 4.0, name


@pytest.mark.slow
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


@pytest.mark.slow
@pytest.mark.parametrize("keys", [{}, {"laziness": 0.2}], ids=["1", "rich"])
def test_wide_networks_follow_the_population(keys):
    """One-sided data: 25 examples in 5 dimensions, each unit in the examples that it sees."""
    problem = one_sided(population=800, units=500, t_max=3.0 * keys.get("laziness", 1.0) ** 0.5, tolerance=1e-3, **keys)
    times, runs = trained(problem, 5, 6, 4, tolerance=1e-2)
    solution = solve(problem)
    for name, values in runs.items():
        theory = np.array([solution.at(t)[name] for t in times])
        assert np.abs(standard_errors_away(values, theory, 1e-2)).max() < 4.0, name
