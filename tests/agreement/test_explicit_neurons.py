"""Two channels against explicit neuron indices."""

import numpy as np
import pytest

from dmft import Problem, solve

from .explicit_neurons import ExplicitNeurons

CASES = {
    "one neuron": {"width": 1, "alignment": 0.3},
    "two neurons": {"width": 2, "alignment": 0.3},
    "three neurons, random start": {"width": 3, "alignment": 0.0},
    "three neurons, few samples": {"width": 3, "alignment": -0.4, "samples_per_parameter": 0.3},
    "two neurons, frozen second layer": {"width": 2, "alignment": 0.2, "train_second_layer": False},
}


# Of three neurons with one or three stages: a second each.
ALL = [
    pytest.param(case, stages, marks=[pytest.mark.slow] if CASES[case]["width"] == 3 and stages != 2 else [])
    for case in CASES
    for stages in (1, 2, 3)
]


@pytest.mark.parametrize(("case", "stages"), ALL)
def test_channels_equal_explicit_neurons(case, stages):
    keys = {"samples_per_parameter": 0.8, **CASES[case]}
    problem = Problem(
        activation=[0.2, 0.8, 0.5, 0.3], target=[0.1, 0.9, 0.4], noise=0.4, init_scale=1.1,
        t_max=0.5, tolerance=5e-3 if stages > 1 else 0.1, stages=stages, **keys,
    )  # fmt: skip
    solution = solve(problem)
    assert solution.complete
    history = solution.state.history
    explicit = ExplicitNeurons(problem, solution.time)
    (C, R, a, v), (C0_F, C_F, R_F) = explicit.solve()
    m, n = explicit.m, explicit.n
    assert n < 90
    C, R = C.reshape(m, n, m, n), R.reshape(m, n, m, n)
    model = problem.parameters.build()
    kernels = model.kernels(history)
    # The fixed points are solved to 1e-3 of the tolerance; the two ways agree to that, and not by chance to less.
    close = {"rtol": 0, "atol": 3e-3 * problem.solver.tolerance}
    np.testing.assert_allclose(kernels["C_d"], C[0, :, 0, :], **close)
    np.testing.assert_allclose(kernels["R_d"], R[0, :, 0, :], **close)
    if m > 1:
        np.testing.assert_allclose(kernels["C_o"], C[0, :, 1, :], **close)
        np.testing.assert_allclose(kernels["R_o"], R[0, :, 1, :], **close)
    np.testing.assert_allclose(kernels["C_F"], C_F, **close)
    np.testing.assert_allclose(kernels["R_F"], R_F - np.eye(n), **close)
    np.testing.assert_allclose(solution.test_error, np.diag(C0_F) / 2, **close)
    np.testing.assert_allclose(solution.second_layer, a[0], **close)
    np.testing.assert_allclose(solution.alignment, v[0], **close)
    # What is left of the fixed point in C, 1e-3 of the tolerance, is that in nu times the step.
    left = np.abs(history["stage_multiplier"][1:] - explicit.nu[1:]) * np.repeat(np.diff(solution.time[::stages]), stages)
    assert left.max() < 1e-3 * problem.solver.tolerance
