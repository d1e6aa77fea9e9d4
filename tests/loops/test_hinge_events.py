"""Weights of a hinge loss and kinks of relu during a step, against small steps that switch."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dmft.models.hinge.events import follow, part_active

seeds = st.integers(0, 2**32 - 1)
quick = settings(max_examples=60, deadline=None)


def drawn(seed, size):
    """Distances, a kernel, a drift that satisfies some, weights of the beginning, some of which are held."""
    random = np.random.default_rng(seed)
    features = random.standard_normal((size, size + 3))
    m, held = random.standard_normal(size), random.uniform(size=size) < 0.3
    m[held] = 0.0
    weights = np.where(held, random.uniform(0.1, 0.9, size), (m < 0).astype(float))
    return m, features @ features.T / size, random.standard_normal(size), weights


def small_steps(m, K, drift, steps):
    """Distances at t = 1 and means of the weights, by implicit steps: weight, or m beyond its step, vanishes."""
    step, total = 1 / steps, np.zeros_like(m)
    weights = (m < 0).astype(float)
    for _ in range(steps):
        for _ in range(200):
            old = weights.copy()
            for j in range(len(m)):
                weights[j] = np.clip(weights[j] - (m[j] / step + drift[j] + K[j] @ weights) / K[j, j], 0.0, 1.0)
            if np.abs(weights - old).max() < 1e-10:
                break
        m = m + step * (drift + K @ weights)
        total += step * weights
    return m, total


@quick
@given(seeds, st.integers(1, 5))
def test_weights_by_small_steps(seed, size):
    m, K, drift, weights = drawn(seed, size)
    _, mean = follow(m, K, drift, weights, 1.0)
    there, twin = small_steps(m, K, drift, 400)
    scale = np.abs(K).sum() + np.abs(drift).sum()
    np.testing.assert_allclose(m + drift + K @ mean, there, atol=0.01 * scale)
    np.testing.assert_allclose(mean.sum(), twin.sum(), atol=0.05 * size)


@quick
@given(seeds, st.integers(1, 30))
def test_at_the_end_weights_and_distances_fit(seed, size):
    m, K, drift, weights = drawn(seed, size)
    last, mean = follow(m, K, drift, weights, 1.0)
    there = m + drift + K @ mean
    small = 1e-8 * (np.abs(K).sum() + np.abs(drift).sum())
    assert ((last >= 0) & (last <= 1) & (mean >= -1e-12) & (mean <= 1 + 1e-12)).all()
    held = (last > 0) & (last < 1)
    assert np.abs(there[held]).max(initial=0.0) < small
    assert (there[last == 1] < small).all()
    assert (there[last == 0] > -small).all()


def test_a_held_example_that_is_off_the_limit_is_brought_there():
    m, K, drift = np.array([-1e-3, 0.0]), np.array([[2.0, 0.5], [0.5, 1.0]]), np.array([-1.0, 3.0])
    last, mean = follow(m, K, drift, np.array([0.4, 0.0]), 0.1)
    assert abs((m + 0.1 * (drift + K @ mean))[0]) < 1e-12
    assert 0 < last[0] < 1
    assert last[1] == mean[1] == 0.0


@pytest.mark.slow
@quick
@given(seeds)
def test_part_active_by_small_steps(seed):
    random = np.random.default_rng(seed)
    fields, F_x, own, a = random.standard_normal((3, 4)), random.standard_normal((3, 4)), random.standard_normal(3), 2.0
    found = part_active(0.5 * fields, F_x, own, np.full(4, a), 1.0)
    on = a * (F_x + np.where(fields > 0, 0.0, own[:, None]))
    off = on - a * own[:, None]
    steps, spent, w_x = 4000, np.zeros((3, 4)), 0.5 * fields
    for _ in range(steps):
        spent += (w_x > 0) / steps
        w_x = w_x + np.where(w_x > 0, on, off) / steps
    np.testing.assert_allclose(found, spent, atol=2e-3)
