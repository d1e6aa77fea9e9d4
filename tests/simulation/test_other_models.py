"""Simulations of other models go through the same commands."""

import numpy as np
import pytest

from dmft import Problem, ProblemError, Simulation, simulate, solve
from dmft.simulation.compare import compare
from tests.plots.test_standard import texts


@pytest.fixture(scope="module")
def random_features() -> Problem:
    return Problem(
        model="random-features",
        activation="erf",
        hidden_ratio=2.0,
        learning_rate=1.5,
        noise=0.3,
        teacher_output=[1.0],
        t_max=5.0,
    )


@pytest.fixture(scope="module")
def simulations(random_features) -> list[Simulation]:
    return [simulate(random_features, dim=dim, seeds=10, times=10) for dim in (50, 100)]


def test_random_features_agree_with_their_theory(random_features, simulations):
    found = compare(solve(random_features), simulations)
    assert set(found.observables) == {"generalization_error"}
    assert found.agrees()
    wrong = solve(random_features.replace(noise=0.6))
    object.__setattr__(wrong, "problem", random_features)
    assert not compare(wrong, simulations).agrees()


def test_what_the_file_says(simulations):
    assert np.array_equal(simulations[0].time, simulations[1].time)
    assert simulations[0].sizes == {"hidden_units": 100}
    assert simulations[0].evaluations[0] == 500


def test_figures_without_all_observables(random_features, simulations, dmft, tmp_path):
    """The theory knows more observables than a simulation of it."""
    simulations[0].save(tmp_path / "sim.h5")
    ended = dmft("plot", tmp_path / "sim.h5", "-o", tmp_path / "sim.png")
    assert ended.code == 0
    assert "10 networks in $d = 50$" in " ".join(texts(solve(random_features).plot(simulations=simulations)))
    assert dmft("show", tmp_path / "sim.h5").code == 0
    assert dmft("cite", tmp_path / "sim.h5").code == 0


def test_what_it_does_not_have_is_refused(random_features):
    for keys in ({"fields": "gaussian"}, {"two_time": True}):
        with pytest.raises(ProblemError, match="it has no others"):
            simulate(random_features, dim=20, **keys)
