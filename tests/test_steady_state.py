"""States at rest and their stability, on equations with known ones."""

import numpy as np
import pytest

from dmft.mathematics.differences import jacobian
from dmft.models.online_sgd.steady_state import steady_state


def found(f, start):
    return steady_state(f, lambda y: jacobian(f, y, np.ones_like(y)), np.array(start, dtype=float))


def lorenz(y, rho=2.0):
    return np.array([10 * (y[1] - y[0]), y[0] * (rho - y[2]) - y[1], y[0] * y[1] - 8 / 3 * y[2]])


def test_stable_state():
    side = np.sqrt(8 / 3)
    state = found(lorenz, [1.5, 1.5, 1.2])
    np.testing.assert_allclose(state.y, [side, side, 1.0], rtol=1e-12)
    assert state.stable
    assert state.distance == pytest.approx((1.2 - 1.0) / 1.5, rel=0.05)
    expected = np.roots([1, 41 / 3, 8 / 3 * 12, 160 / 3])
    np.testing.assert_allclose(np.sort(state.eigenvalues.real), np.sort(expected.real), rtol=1e-6)
    assert state.verdict.startswith("stable")


def test_unstable_state():
    """The origin, moved, so that there is something to be close to."""
    state = found(lambda y: lorenz(y - 5.0), [5.01, 5.0, 5.2])
    np.testing.assert_allclose(state.y, 5.0, rtol=1e-12)
    assert not state.stable
    assert state.growth == pytest.approx((-11 + np.sqrt(161)) / 2, rel=1e-6)
    assert state.verdict.startswith("unstable: what grows fastest does so at the rate 0.844")


def test_a_line_of_states_is_marginal():
    """Newton's method moves no further than it has to."""
    state = found(lambda y: np.array([1.0, 2.0]) * (1.0 - y[0] - 2 * y[1]), [0.9, 0.2])
    assert state.y[0] + 2 * state.y[1] == pytest.approx(1.0, rel=1e-12)
    np.testing.assert_allclose(state.y, np.array([0.9, 0.2]) - 0.3 * np.array([0.2, 0.4]), rtol=1e-9)
    assert not state.stable
    assert state.verdict.startswith("marginal")


def test_none_is_none():
    assert found(lambda y: np.array([1.0 + y[0] ** 2]), [0.3]) is None
    assert found(lambda y: np.array([np.exp(-y[0])]), [1.0]) is None
    assert found(lambda y: np.array([np.nan]), [1.0]) is None
