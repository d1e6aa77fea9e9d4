"""States of samples in a cell: Newton's method with shared and own responses, and responses by elimination."""

import numpy as np
import pytest

from dmft.models.two_layer_flow.exact.crowd import Crowd
from dmft.models.two_layer_flow.exact.newton import Equations
from dmft.models.two_layer_flow.exact.own import SMALLEST, Slopes, own_responses
from dmft.models.two_layer_flow.exact.states import State

NODES, SAMPLES = 3, 200


def equations(m: int, strength: float, seed: int = 0) -> Equations:
    """Those of g_i = (f - y) tanh'(h_i), f the mean of tanh(h_i); the larger R, the farther from linear."""
    random, basis = np.random.default_rng(seed), Crowd((m,)).basis
    size, y = NODES * m, random.standard_normal(SAMPLES)
    R = strength * (random.standard_normal((size, size)) / size + np.eye(size))

    def state(h: np.ndarray, part: np.ndarray | None) -> State:
        value = np.tanh(basis.T @ h)
        slope = 1 - value**2
        f = value.mean(axis=1)
        off = f - (y if part is None else y[part])
        slopes = Slopes(np.full(f.shape, 1 / m), slope, -2 * off[:, None] * value * slope)
        return State(off[:, None] * (basis @ slope), f, off, value, slopes)

    return Equations(R, 2 * random.standard_normal((NODES, m, SAMPLES)), state, basis)


@pytest.mark.parametrize("strength", [0.1, 0.5])
@pytest.mark.parametrize("m", [1, 2, 7])
def test_states_solve_the_equations_of_every_sample(m, strength):
    made = equations(m, strength)
    found = made.solved(made.c, None, 1e-11)
    assert found is not None
    h, state = found
    assert made.defect(h, state).size.max() < 1e-9
    np.testing.assert_allclose(state.g, made.state(h, None).g, rtol=1e-12, atol=1e-15)


def test_states_from_those_before_are_as_accurate_as_their_defects_ask_for():
    made = equations(2, 0.3)
    found = made.solved(made.c, None, 1e-11)
    assert found is not None
    h, state = found
    moved = made._replace(c=made.c + 1e-3)
    defect = np.sqrt((moved.defect(h, state).size ** 2).mean())
    again = moved.solved(h, made.responses(state), 1e-11, 1e-2)
    assert again is not None
    left = moved.defect(*again).size.max()
    assert 1e-9 * defect < left < 1e-2 * defect * (1 + np.abs(h).max())


def test_samples_without_a_state_are_none_that_are_found():
    made = equations(2, 0.3)
    made.c[:, :, 5] = np.nan
    assert made.solved(np.nan_to_num(made.c), None, 1e-11) is None


@pytest.mark.parametrize("m", [1, 2, 7])
def test_responses_with_small_pivots_are_those_of_whole_matrices(m):
    """R = -1/J + small at the first node of a sample: its pivot is small, and elimination without exchanges inaccurate."""
    random, basis, s = np.random.default_rng(m), np.eye(m), 3
    c, q, e = np.zeros((s, 40)), np.ones((s, m, 40)), random.uniform(0.5, 1.5, (s, m, 40))
    R = random.standard_normal((s * m, s * m)) / 4
    e[0, 0, 7] = -1 / R[0, 0] * (1 - 1e-9)
    assert abs(1 + e[0, 0, 7] * R[0, 0]) < SMALLEST
    found = own_responses(R, Slopes(c, q, e), basis)
    for p in range(40):
        J = np.diag(e[:, :, p].ravel())
        expected = np.linalg.solve(np.eye(s * m) + J @ R, J).T
        np.testing.assert_allclose(
            found[p], expected, atol=1e-11 * np.abs(expected).max() * np.linalg.cond(np.eye(s * m) + J @ R)
        )
