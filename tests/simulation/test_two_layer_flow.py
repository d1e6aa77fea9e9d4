"""Finite networks against what is known of them without the theory: definitions, closed forms, another integrator."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from dmft import Problem
from dmft.models.two_layer_flow.simulation import activation, label
from dmft.problem.table import ProblemError

from .conftest import Onlooker, made, trajectory

KINDS = ["network", "gaussian"]
GENERIC = {"network": {"activation": "erf", "target": "tanh"}, "gaussian": {}}


@pytest.mark.parametrize("v", [0.0, 0.4, -0.7])
def test_start(problem, v):
    """Unit vectors with exactly this overlap with u, otherwise independent; equal a."""
    network, y = made(problem.replace(alignment=v, width=4, init="lazy", init_scale=0.5), 500).draw(seed=3)
    W, a = network.split(y)
    np.testing.assert_allclose(np.linalg.norm(W, axis=1), 1.0, rtol=1e-14)
    assert np.array_equal(W[:, 0], np.full(4, v))
    assert np.array_equal(a, np.ones(4))
    overlaps = (W @ W.T)[np.triu_indices(4, 1)]
    assert np.abs(overlaps - v**2).max() < 5 * (1 - v**2) / np.sqrt(500)


def test_seeds_are_independent_and_both_kinds_start_alike(problem):
    starts = [made(problem, 50, fields=fields).draw(seed)[1] for fields in KINDS for seed in (0, 1)]
    assert np.array_equal(starts[0], starts[2])
    assert np.abs(np.corrcoef(starts[0][1:-3], starts[1][1:-3])[0, 1]) < 0.3


@pytest.mark.parametrize("kind", KINDS)
def test_motion_is_along_the_gradient_of_the_risk(problem, kind):
    """dy/dt = -m (1 - w w^T) grad of (1/2n) sum (f - y)^2, by differences of the risk."""
    network, y = made(problem.replace(**GENERIC[kind]), 6, fields=kind).draw(0)
    gradient = np.empty_like(y)
    for k, shift in enumerate(1e-6 * np.eye(y.size)):
        gradient[k] = (network.forces(y + shift).train_error - network.forces(y - shift).train_error) / 2e-6
    (W, _), (dW, da) = network.split(y), network.split(gradient)
    tangent = dW - np.sum(W * dW, axis=1, keepdims=True) * W
    np.testing.assert_allclose(network.rate(y), -network.width * np.append(tangent, da), atol=1e-8)


@pytest.mark.parametrize("kind", KINDS)
def test_flow_agrees_with_another_integrator(problem, kind):
    problem = problem.replace(**GENERIC[kind], t_max=20.0)
    experiment = made(problem, 30, fields=kind, times=12)
    found = experiment.run(0, Onlooker()).observables
    network, y = experiment.draw(0)
    exact = solve_ivp(lambda _, y: network.rate(y), (0, 20), y, "DOP853", experiment.times(), rtol=1e-10, atol=1e-12).y.T
    expected = [experiment.observe(network, point, y) for point in exact]
    for name, values in found.items():
        value = np.array([row[name] for row in expected])
        np.testing.assert_allclose(
            values, value, rtol=0, atol=2 * experiment.setup.tolerance * np.abs(value).max(), err_msg=name
        )


def test_gradient_descent_makes_its_steps(problem):
    """Against a loop that writes every step out, at times that are whole steps."""
    experiment = made(problem.replace(scheme="gradient-descent", learning_rate=0.1, t_max=3.0), 20, times=6)
    found, times = experiment.run(0, Onlooker()).observables, experiment.times()
    np.testing.assert_allclose(times / 0.1, np.round(times / 0.1), atol=1e-12)
    assert times[-1] == pytest.approx(3.0)
    network, y = experiment.draw(0)
    X, (W, a), n = network.fields.samples, network.split(y.copy()), len(network.labels)
    coefficients = np.polynomial.hermite_e.HermiteE([0.1, 0.7**0.5, 0.3**0.5 / 2**0.5])
    errors = []
    for _ in range(31):
        Z = W @ X.T
        F = a @ coefficients(Z) / 3 - network.labels
        errors.append(F @ F / (2 * n))
        force = -(a[:, None] / n) * (F * coefficients.deriv()(Z)) @ X
        W, a = W + 0.1 * (force - np.sum(W * force, axis=1, keepdims=True) * W), a - 0.1 * coefficients(Z) @ F / n
        W /= np.linalg.norm(W, axis=1, keepdims=True)
    np.testing.assert_allclose(found["train_error"], np.array(errors)[np.round(times / 0.1).astype(int)], rtol=1e-10)


def test_training_error_never_climbs_and_neurons_stay_on_the_sphere(problem):
    onlooker = Onlooker()
    found = made(problem.replace(activation="tanh", t_max=50.0), 25).run(0, onlooker)
    assert (np.diff(found.observables["train_error"]) < 0).all()
    W = onlooker.states[-1]["y"][:-3].reshape(3, 25)
    np.testing.assert_allclose(np.linalg.norm(W, axis=1), 1.0, rtol=1e-14)


def test_population_error_is_that_of_fresh_samples(problem):
    """By Monte Carlo, within 4.5 standard errors; for the named functions, whose h and phat are not polynomials too."""
    p = problem.replace(activation="erf", target="relu")
    experiment = made(p, 8)
    network, y = experiment.draw(0)
    W, a = network.split(y)
    random = np.random.default_rng(5)
    x = random.standard_normal((200_000, 8))
    f = a @ activation(p.parameters)(W @ x.T)[0] / 3
    errors = (f - label(p.parameters, x[:, :1]) - 0.3 * random.standard_normal(len(x))) ** 2 / 2
    exact = experiment.observe(network, y, y)["test_error"]
    assert abs(errors.mean() - exact) < 4.5 * errors.std() / np.sqrt(len(x))


@pytest.mark.parametrize("keys", [{}, {"target": {"1,0": 0.8, "0,2": 0.5}, "alignment": [0.2, 0.1]}], ids=["one", "several"])
def test_a_real_network_has_the_kink_that_the_theory_cuts(problem, keys):
    """The same seed of the exact theory, whose networks are coded apart, makes the same steps; not so the polynomial."""
    steps = {"scheme": "gradient-descent", "learning_rate": 0.1, "t_max": 1.0}
    base = {**problem.tables["problem"], **keys, **steps, "activation": "relu"}
    cut, kinked = Problem(**base, activation_degree=4), Problem(**base, theory="exact")
    real, expected = trajectory(cut, 12, fields="real-network"), trajectory(kinked, 12)
    for name in ("train_error", "second_layer", "alignment", "memory_of_start", "neuron_overlap"):
        np.testing.assert_allclose(real[name][[0, -1]], expected[name][[0, -1]], rtol=1e-9, atol=1e-12, err_msg=name)
    np.testing.assert_allclose(real["test_error"][[0, -1]], expected["test_error"][[0, -1]], rtol=0.02)
    assert "complexity" not in real
    polynomial = trajectory(cut, 12)
    assert np.abs(polynomial["train_error"] - real["train_error"]).max() > 0.01


def test_a_jump_has_no_gradient(problem):
    with pytest.raises(ProblemError, match="a jump has no gradient"):
        made(problem.replace(activation="sign", activation_degree=5), 12, fields="real-network")


def test_a_linear_network_is_its_gaussian_field(problem):
    """The same numbers are drawn for both; only rounding differs."""
    p = problem.replace(activation="linear", target="linear")
    network, gaussian = (trajectory(p, 20, fields=kind) for kind in KINDS)
    for name in network:
        np.testing.assert_allclose(network[name], gaussian[name], rtol=1e-6, atol=1e-9)
    assert gaussian.keys() - network.keys() == {"multiplier"}


def test_linear_network_ends_at_least_squares(problem):
    p = problem.replace(activation="linear", target="linear", width=1, samples_per_dimension=3.0, t_max=200.0)
    experiment = made(p, 12)
    network, _ = experiment.draw(0)
    X, y = network.fields.samples, network.labels
    best = np.linalg.lstsq(X, y)[0]
    found = experiment.run(0, Onlooker()).observables
    residual = y - X @ best
    assert found["train_error"][-1] == pytest.approx(residual @ residual / (2 * len(y)), rel=1e-6)
    expected = (np.sum((best - np.eye(12)[0]) ** 2) + 0.3**2) / 2
    assert found["test_error"][-1] == pytest.approx(expected, rel=1e-5)
    assert abs(found["second_layer"][-1]) == pytest.approx(np.linalg.norm(best), rel=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_going_on_from_any_state_changes_nothing(problem, kind):
    experiment = made(problem, 15, fields=kind, two_time=True)
    whole = Onlooker()
    expected = experiment.run(0, whole)
    for state in whole.states[:: len(whole.states) // 5]:
        found = made(problem, 15, fields=kind, two_time=True).run(0, Onlooker(begun=state))
        assert found.evaluations == expected.evaluations
        for one, other in zip(found[:2], expected[:2], strict=True):
            assert one.keys() == other.keys()
            assert all(np.array_equal(one[name], other[name], equal_nan=True) for name in one)


def test_two_time_correlations(problem):
    found = made(problem, 40, two_time=True, times=10).run(0, Onlooker())
    np.testing.assert_allclose(np.diag(found.kernels["C_d"]), 1.0, rtol=1e-13)
    np.testing.assert_allclose(found.kernels["C_d"][:, 0], found.observables["memory_of_start"], rtol=1e-12)
    np.testing.assert_allclose(np.diag(found.kernels["C_o"]), found.observables["neuron_overlap"], rtol=1e-12)
    assert np.array_equal(found.kernels["C_o"], found.kernels["C_o"].T)


def test_one_neuron_has_no_overlap_with_another(problem):
    found = made(problem.replace(width=1), 20, two_time=True).run(0, Onlooker())
    assert "neuron_overlap" not in found.observables
    assert set(found.kernels) == {"C_d"}


def test_frozen_second_layer_stays(problem):
    assert (trajectory(problem.replace(train_second_layer=False), 20)["second_layer"] == 1.0).all()


def test_descent_that_diverges_keeps_what_was_reached(problem):
    p = problem.replace(scheme="gradient-descent", learning_rate=50.0, t_max=1e5)
    with np.errstate(all="ignore"):
        found = made(p, 20).run(0, Onlooker()).observables
    assert np.isfinite(found["train_error"][0])
    assert np.isnan(found["train_error"][-1])


def test_refusals(problem):
    with pytest.raises(ProblemError, match="width = inf"):
        made(problem.replace(width=np.inf, samples_per_dimension=2.0), 20)
    with pytest.raises(ProblemError, match=r"dim = 2: wanted enough"):
        made(problem.replace(samples_per_dimension=0.1), 2)
    with pytest.raises(ProblemError, match=r"dim = 1: wanted a number >= 2"):
        made(problem, 1)
    with pytest.raises(ProblemError, match='fields = "other": wanted network or real-network or gaussian'):
        made(problem, 10, fields="other")
