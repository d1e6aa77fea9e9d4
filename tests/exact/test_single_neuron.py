"""A single neuron: no other neuron, and long runs that a formal overlap with one would break."""

import numpy as np
import pytest

from dmft import Problem, Solution, solve
from dmft.engines.kinds import empty_history
from tests.shown import texts

PLAIN = {
    "width": 1,
    "samples_per_parameter": 4.0,
    "activation": "tanh",
    "target": [0.0, 1.0],
    "noise": 0.3,
    "alignment": 0.05,
    "t_max": 100.0,
}
CASES = {
    "tanh": PLAIN,
    "erf, many samples": PLAIN | {"activation": "erf", "samples_per_parameter": 13.0, "noise": 1.0, "alignment": 0.3},
    "sin, large start, no alignment": PLAIN | {"activation": "sin", "noise": 0.0, "alignment": 0.0, "init_scale": 3.7},
}


@pytest.mark.parametrize(
    "case", [pytest.param(case, marks=[pytest.mark.slow] if case.startswith("erf") else []) for case in CASES]
)
def test_runs_to_the_end_within_the_tolerance(case):
    solution = solve(Problem(**CASES[case], tolerance=1e-5))
    assert solution.complete
    assert max(solution.errors(solve(Problem(**CASES[case], tolerance=1e-7))).values()) < 3e-5


@pytest.mark.parametrize("scheme", [{}, {"scheme": "gradient-descent", "learning_rate": 0.25}])
def test_there_is_no_other_neuron(scheme, tmp_path):
    solution = solve(Problem(**PLAIN | {"t_max": 5.0} | scheme))
    solution.save(tmp_path / "run.h5")
    for found in (solution, Solution.load(tmp_path / "run.h5")):
        assert "neuron_overlap" not in found.observables
        assert set(found.kernels) == {"C_d", "R_d", "C_F", "R_F"}
    assert empty_history(solution.problem).fields["C"].sizes["channel"] == 1


@pytest.mark.slow
def test_figure_of_one_neuron():
    drawn = " ".join(texts(solve(Problem(**PLAIN | {"t_max": 5.0})).plot()))
    assert "C_d" in drawn
    assert "C_o" not in drawn


def test_least_squares():
    """A linear neuron with a trained length is linear regression: theory, section "exact checks"."""
    solution = solve(Problem(width=1, samples_per_dimension=3.0, activation="linear", target="linear", noise=0.5, t_max=200.0))
    np.testing.assert_allclose([solution.train_error[-1], solution.test_error[-1]], [0.25 / 3, 0.1875], rtol=1e-5)
