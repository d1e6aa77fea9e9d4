"""Hinge loss: training of finite networks against the node that stands for infinitely many units."""

import numpy as np
import pytest

from dmft.models.hinge import HingeParameters
from dmft.simulation.hinge import simulate
from tests.hinge import hinge

TIMES = np.array([1.0, 2.0, 4.0])


def trained(parameters: HingeParameters, dimension: int, units: int, seeds: int, **keys) -> dict[str, np.ndarray]:
    """Observables at TIMES, (seeds, times) each."""
    runs = [simulate(parameters, dimension, seed, TIMES, units=units, learning_rate=0.02, **keys) for seed in range(seeds)]
    return {name: np.array([run[name] for run in runs]) for name in runs[0]}


@pytest.mark.parametrize("keys", [{}, {"laziness": 0.2}, {"laziness": 5.0, "weight_variance": 0.5}], ids=["1", "rich", "lazy"])
def test_wide_networks_follow_the_node(keys):
    """Data sets of 30 examples in 6 dimensions: within four standard errors of the mean, and what test examples leave open."""
    parameters = hinge(samples=30, dimension=6, **keys).parameters
    theory = parameters.build().evaluate(TIMES)
    found = trained(parameters, 6, 1000, 6)
    for name in ("train_error", "slope", "generalization_error"):
        error = found[name].std(axis=0, ddof=1) / np.sqrt(6)
        z = (found[name].mean(axis=0) - theory[name]) / np.maximum(error, 2e-3 * theory[name].max())
        assert np.abs(z).max() < 4.0, name


def test_corrections_of_finitely_many_units():
    """Distances of f from the theory, root mean squares over seeds, fall as 1/sqrt M."""
    parameters = hinge(samples=30, dimension=6).parameters
    theory = parameters.build().evaluate(TIMES)["slope"]
    units = np.array([50, 200, 800])
    distances = [np.sqrt(np.mean((trained(parameters, 6, M, 8)["slope"] - theory) ** 2)) for M in units.tolist()]
    slope, _ = np.polyfit(np.log(units), np.log(distances), 1)
    assert -0.8 < slope < -0.3


def test_infinite_data():
    """Fresh examples at every step, in growing dimension, with M ~ N^2 units: f = s x_1 whatever the dimension is."""
    theory = hinge().parameters.build().evaluate(TIMES)
    for dimension, units in ((2, 400), (6, 1200)):
        found = trained(hinge().parameters, dimension, units, 2)
        assert found["slope"].mean(axis=0) == pytest.approx(theory["slope"], rel=0.08)
        assert found["generalization_error"].mean(axis=0) == pytest.approx(theory["generalization_error"], rel=0.08)
        assert found["slope_across"].max() < 0.1 * theory["slope"].max()


def test_one_sided_data_are_close_to_mirrored_ones():
    """Without mirror images the nodes see different examples; in 400 examples it hardly matters."""
    parameters = hinge(samples=400, dimension=4).parameters
    theory = parameters.build().evaluate(TIMES)
    found = trained(parameters, 4, 400, 2, mirrored=False)
    assert found["slope"].mean(axis=0) == pytest.approx(theory["slope"], rel=0.1)


def test_dimension_of_the_data():
    with pytest.raises(ValueError, match="dimension = 5"):
        simulate(hinge(samples=10, dimension=6).parameters, 5, 0, TIMES)
