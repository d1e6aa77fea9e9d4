"""What holds on every trajectory of gradient flow."""

import numpy as np
import pytest

from dmft import Problem, solve
from dmft.mathematics.tableau import lagrange

PROBLEMS = {
    "mean-field": {"width": 3, "alignment": 0.1, "target": [0.2, 1.0, 0.4]},
    "lazy": {"width": 30, "init": "lazy", "target": [0.0, 0.8, 0.6]},
    "pure noise": {"width": 2, "target": "none", "samples_per_parameter": 0.4},
    "single neuron": {"width": 1, "target": "tanh", "alignment": -0.2},
    "frozen second layer": {"width": 5, "target": "linear", "train_second_layer": False},
}


@pytest.fixture(scope="module", params=PROBLEMS)
def solution(request):
    keys = {"samples_per_parameter": 1.0, "activation": [0.1, 0.7**0.5, 0.3**0.5], "noise": 0.3, **PROBLEMS[request.param]}
    return solve(Problem(**keys, t_max=20.0, tolerance=1e-7))


def derivative(time):
    """Matrix of d/dt on the nodes of one cell and the node before it."""
    # By the barycentric formula; the diagonal makes constants vanish.
    gaps = time[:, None] - time[None, :]
    np.fill_diagonal(gaps, 1.0)
    weight = 1 / gaps.prod(axis=1)
    matrix = weight[None, :] / weight[:, None] / gaps
    np.fill_diagonal(matrix, 0.0)
    np.fill_diagonal(matrix, -matrix.sum(axis=1))
    return matrix


def cells(solution):
    """The nodes of each cell with the one before it, and the matrix of d/dt on them."""
    stages = solution.problem.solver.stages
    for first in range(0, len(solution.time) - 1, stages):
        nodes = slice(first, first + stages + 1)
        yield nodes, derivative(solution.time[nodes])


def rates(solution, values):
    """d/dt of a function of time on the inner nodes of every cell."""
    return np.concatenate([(d @ values[nodes])[1:-1] for nodes, d in cells(solution)])


def squared_speeds(solution, C):
    """d_t d_t' C at t' = t on the inner nodes of every cell."""
    return np.concatenate([np.diagonal(d @ C[nodes, nodes] @ d.T)[1:-1] for nodes, d in cells(solution)])


def test_derivative_matrix_is_exact_for_polynomials():
    time = np.array([0.0, 0.3, 0.7, 1.0])
    np.testing.assert_allclose(derivative(time) @ time**3, 3 * time**2, atol=1e-13)
    np.testing.assert_allclose(lagrange(time, time), np.eye(4), atol=1e-13)


def test_energy_identity(solution):
    """d train/dt = -(d_t d_t' C_d at t' = t, plus (da/dt)^2): the risk falls by the squared speed of the weights."""
    falls = rates(solution, solution.train_error)
    speeds = squared_speeds(solution, solution.kernels["C_d"]) + rates(solution, solution.second_layer) ** 2
    assert np.abs(falls + speeds).max() < 1e-5 * np.abs(speeds).max()


def test_training_error_never_climbs(solution):
    assert np.diff(solution.train_error).max() < 1e-7 * solution.train_error[0]


def test_weights_stay_on_the_sphere(solution):
    np.testing.assert_allclose(np.diag(solution.kernels["C_d"]), 1.0, atol=1e-12)


def test_correlations_are_covariances(solution):
    m = solution.problem.parameters.width
    for name in ("C_d", "C_F"):
        C = solution.kernels[name]
        np.testing.assert_allclose(C, C.T, atol=1e-7 * np.abs(C).max())
    C_d = solution.kernels["C_d"]
    C_o = solution.kernels["C_o"] if m > 1 else np.zeros_like(C_d)
    for C in (C_d + (m - 1) * C_o, C_d - C_o, solution.kernels["C_F"]):
        assert np.linalg.eigvalsh(C).min() > -1e-7 * np.abs(C).max()


def test_responses_are_causal(solution):
    for name in solution.problem.parameters.build().response_kernels:
        assert not np.triu(solution.kernels[name], 1).any()
    np.testing.assert_allclose(np.diag(solution.kernels["R_d"]), 1.0)
    np.testing.assert_allclose(np.diag(solution.kernels.get("R_o", np.zeros((1, 1)))), 0.0)


def test_residual_response_inverts_one_plus_S(solution):
    """(1 + S) R_F = 1 and C_F = R_F C0_F R_F^T with S made again from the stored kernels."""
    history = solution.state.history
    model = solution.problem.parameters.build()
    kernels, a, m = model.kernels(history), solution.second_layer, solution.problem.parameters.width
    response = model.covariance.evaluate(kernels["C_d"])[1] * kernels["R_d"]
    if m > 1:
        response += (m - 1) * model.covariance.evaluate(kernels["C_o"])[1] * kernels["R_o"]
    S = model.inverse_alpha * np.outer(a, a) * response
    n = history.n
    R_F = kernels["R_F"] + np.eye(n)
    np.testing.assert_allclose((np.eye(n) + S) @ R_F, np.eye(n), atol=1e-9)
    np.testing.assert_allclose(R_F @ history["C0_F"] @ R_F.T, kernels["C_F"], atol=1e-10)


def test_multiplier_of_the_stages_and_of_the_state_agree(solution):
    """nu from the constraint |w| = 1 on the nodes, and nu as the force along w, are two ways to the same function."""
    ends = slice(solution.problem.solver.stages, None, solution.problem.solver.stages)
    stage, state = solution.state.history["stage_multiplier"][ends], solution.multiplier[ends]
    assert np.abs(stage - state).max() < 2e-3 * np.abs(state).max()
