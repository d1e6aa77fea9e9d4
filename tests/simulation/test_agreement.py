"""Theory and simulated Gaussian fields agree: each kind of activation, labels, start and width, in the limit of small 1/d.

The whole product of them is in runs/benchmarks/agreement.py and docs/simulation.md.
"""

from dataclasses import replace

import pytest

from dmft import Problem, simulate, solve
from dmft.simulation.compare import compare

pytestmark = pytest.mark.slow

LINEAR, QUADRATIC, CUBIC = [0.0, 1.0], [0.1, 0.7**0.5, 0.3**0.5], [0.1, 0.5**0.5, 0.3**0.5, 0.2**0.5]
NOISE = {"target": "none", "noise": 1.0}
TARGET = {"target": [0.2, 0.9, 0.4, 0.3], "noise": 0.3, "alignment": 0.2}

CASES = {
    "linear, noise, lazy": ({"activation": LINEAR, "width": 2, "init": "lazy", **NOISE}, (30, 60)),
    "quadratic, target": ({"activation": QUADRATIC, "width": 5, **TARGET}, (20, 40)),
    "quadratic, noise, lazy": ({"activation": QUADRATIC, "width": 2, "init": "lazy", **NOISE}, (20, 40)),
    "cubic, target": ({"activation": CUBIC, "width": 1, **TARGET}, (12, 24)),
    "erf cut at degree 3": ({"activation": "erf", "activation_degree": 3, "width": 2, **TARGET}, (12, 24)),
    "frozen second layer": ({"activation": QUADRATIC, "width": 2, "train_second_layer": False, **TARGET}, (20, 40)),
}


@pytest.mark.parametrize("case", CASES)
def test_theory_is_the_limit_of_gaussian_fields(case):
    keys, dims = CASES[case]
    problem = Problem(samples_per_dimension=1.0, t_max=4.0, tolerance=1e-4, **keys)
    simulations = [simulate(problem, dim=dim, seeds=24, fields="gaussian", times=8, tolerance=3e-3) for dim in dims]
    found = compare(solve(problem), simulations)
    assert found.agrees(), {name: agreement.z for name, agreement in found.observables.items()}


def test_gradient_descent_with_a_large_learning_rate():
    """Step by step the theory of gradient descent, and not that of the flow."""
    keys = {"width": 3, "samples_per_dimension": 2.0, "activation": QUADRATIC, "t_max": 4.0, **TARGET}
    problem = Problem(scheme="gradient-descent", learning_rate=0.8, **keys)
    simulations = [simulate(problem, dim=dim, seeds=24, fields="gaussian", times=8) for dim in (20, 40)]
    assert compare(solve(problem), simulations).agrees()
    assert not compare(replace(solve(Problem(**keys)), problem=problem), simulations).agrees()


def test_a_linear_network_needs_no_approximation():
    """Networks themselves, for the activation for which the Gaussian approximation is exact."""
    problem = Problem(width=3, samples_per_dimension=2.0, activation="linear", t_max=5.0, tolerance=1e-4, **TARGET)
    simulations = [simulate(problem, dim=dim, seeds=24, times=8, tolerance=3e-3) for dim in (50, 100)]
    assert compare(solve(problem), simulations).agrees()


def test_the_gaussian_approximation_of_a_network_is_seen():
    """One quadratic neuron on few samples is not its Gaussian field, and the comparison says so; the field itself agrees."""
    problem = Problem(width=1, samples_per_dimension=1.0, activation=QUADRATIC, t_max=4.0, tolerance=1e-4, **TARGET)
    theory = solve(problem)
    keys = {"dim": 60, "seeds": 24, "times": 8, "tolerance": 3e-3}
    assert not compare(theory, [simulate(problem, **keys)]).agrees()
    assert compare(theory, [simulate(problem, fields="gaussian", **keys)]).agrees()
