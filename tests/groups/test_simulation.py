"""Trained networks and Gaussian fields with groups of neurons and several directions against the theory."""

import numpy as np
import pytest

from dmft import Problem, Simulation, simulate, solve
from dmft.simulation.compare import compare

NEURONS = [
    {"count": 2, "second_layer": 1.0, "alignment": [0.3, 0.1]},
    {"count": 1, "second_layer": -0.7, "alignment": [-0.2, 0.2]},
]
PROBLEM = Problem(
    width=3, samples_per_dimension=3.0, activation=[0.0, 0.8, 0.6], target={"1,0": 0.7, "0,1": 0.3, "1,1": -0.4}, noise=0.3,
    neurons=NEURONS, t_max=2.0, tolerance=1e-5,
)  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("solver", [{}, {"scheme": "gradient-descent", "learning_rate": 0.1}])
def test_gaussian_fields_tend_to_the_theory(solver):
    """Every entry of every observable at the end, extrapolated to 1/d = 0, within 4.5 standard errors."""
    problem = PROBLEM.replace(**solver)
    theory = solve(problem).entries_at(2.0)
    small, large = (simulate(problem, dim=dim, seeds=seeds, fields="gaussian", times=4) for dim, seeds in ((24, 24), (48, 12)))
    for name, expected in theory.items():
        limit = 2 * large.entries[name][-1] - small.entries[name][-1]
        error = np.hypot(2 * large.entry_errors[name][-1], small.entry_errors[name][-1])
        assert abs(limit - expected) < 4.5 * error + 1e-9, name


def test_networks_have_the_observables_of_the_theory(tmp_path):
    found = simulate(PROBLEM.replace(activation="erf"), dim=20, seeds=2, times=4, two_time=True, output=tmp_path / "sim.h5")
    loaded = Simulation.load(tmp_path / "sim.h5")
    theory = solve(PROBLEM.replace(activation="erf"))
    for one in (found, loaded):
        for name, values in one.observables.items():
            assert values.shape[1:] == theory.observables[name].shape[1:]
            np.testing.assert_allclose(values[0], theory.observables[name][0], atol=1.0)
        for name in ("second_layer", "alignment", "neuron_overlap"):
            np.testing.assert_allclose(one.observables[name][0][..., :1], theory.observables[name][0][..., :1], atol=0.5)
        assert one.kernels["C_d"].shape == (len(one.time), len(one.time), 2)
        assert one.kernels["C_o"].shape == (len(one.time), len(one.time), 2, 2)
    assert "alignment[1][0]" in compare(theory, [loaded]).observables
    assert loaded.plot().axes


def test_a_committee_is_trained():
    problem = Problem(
        width=2, samples_per_dimension=3.0, activation="tanh", target={"committee": "tanh", "directions": 2}, t_max=1.0,
        neurons=[{"count": 1, "alignment": [0.5, 0.0]}, {"count": 1, "alignment": [0.0, 0.5]}],
    )  # fmt: skip
    found = simulate(problem, dim=60, seeds=6, times=4)
    theory = solve(problem)
    assert abs(found.test_error[0] - theory.test_error[0]) < 4.5 * found.standard_errors["test_error"][0] + 0.02
    np.testing.assert_allclose(found.alignment[-1], theory.alignment[-1], atol=0.1)
