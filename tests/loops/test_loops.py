"""Every compiled loop against its readable twin in NumPy, on random input."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.polynomial import Polynomial

from dmft.engines.loops import history_terms, overlap_terms, solve_own_block
from dmft.mathematics.hermite import Covariance, power_series, series
from dmft.mathematics.tableau import radau
from dmft.models.two_layer_flow.equations import _force_rows, _neuron_correlations, _residual_rows

sizes = st.tuples(st.integers(1, 5), st.integers(0, 12))
numbers = st.floats(-2.0, 2.0)
seeds = st.integers(0, 2**32 - 1)
quick = settings(max_examples=60, deadline=None)


def random_rows(seed: int, *shapes):
    rng = np.random.default_rng(seed)
    return [rng.uniform(-1, 1, shape) for shape in shapes]


@quick
@given(arrays(float, st.integers(1, 9), elements=numbers), arrays(float, st.integers(1, 7), elements=st.floats(-1.0, 1.0)))
def test_power_series(coefficients, x):
    value, slope = power_series(coefficients, x)
    twin = Polynomial(coefficients)
    np.testing.assert_allclose(value, twin(x), atol=1e-12)
    np.testing.assert_allclose(slope, twin.deriv()(x), atol=1e-12)


@quick
@given(arrays(float, st.integers(1, 9), elements=numbers), arrays(float, (2, 3), elements=st.floats(-1.0, 1.0)))
def test_series_covariance(powers, q):
    twin = Polynomial(powers)
    h, h1, h2 = Covariance(powers).evaluate(q)
    np.testing.assert_allclose(h, twin(q), atol=1e-12)
    np.testing.assert_allclose(h1, twin.deriv(1)(q), atol=1e-11)
    np.testing.assert_allclose(h2, twin.deriv(2)(q), atol=1e-10)


@quick
@given(arrays(float, 6, elements=st.floats(-1.0, 1.0)))
def test_closed_form_of_erf_is_its_series(q):
    powers = series("erf") ** 2
    closed, summed = Covariance(powers, closed_form=True).evaluate(q), Covariance(powers).evaluate(q)
    np.testing.assert_allclose(closed, summed, atol=2e-12)
    at_one = [Covariance(powers, closed_form=closed) for closed in (True, False)]
    assert [one.slope_at_one for one in at_one] == pytest.approx([one.evaluate(np.ones(1))[1, 0] for one in at_one], rel=1e-14)


@quick
@given(seeds, sizes, st.floats(0.0, 1.0))
def test_neuron_correlations(seed, size, e):
    s, n = size
    (C,) = random_rows(seed, (2, s, n + s))
    out = np.empty_like(C)
    _neuron_correlations(C, e, out)
    np.testing.assert_allclose(out, [C[0] + (1 - e) * C[1], C[0] - e * C[1]], atol=1e-15)


@quick
@given(seeds, sizes, st.floats(0.0, 1.0), st.floats(0.0, 5.0))
def test_residual_rows(seed, size, e, inverse_alpha):
    s, n = size
    R, h, h1, a, a_phat = random_rows(seed, (2, s, n + s), (2, s, n + s), (2, s, n + s), n + s, n + s)
    S, C0_F = np.empty((2, s, n + s))
    _residual_rows(R, h, h1, a, a_phat, e, inverse_alpha, 0.7, S, C0_F)
    aa = np.outer(a[n:], a)
    R_d, others = e * R[0] + (1 - e) * R[1], (1 - e) * (R[0] - R[1])
    np.testing.assert_allclose(S, inverse_alpha * aa * (h1[0] * R_d + h1[1] * others), atol=1e-13)
    np.testing.assert_allclose(C0_F, aa * (e * h[0] + (1 - e) * h[1]) - a_phat[n:, None] - a_phat + 0.7, atol=1e-13)


@quick
@given(seeds, sizes, st.floats(0.01, 1.0), st.floats(0.0, 5.0))
def test_force_rows(seed, size, e, inverse_alpha):
    """The twin uses M_d, M_o and m; the loop is regular at e = 0."""
    s, n = size
    R, h, h1, h2, R_F, C_F, a = random_rows(seed, *[(2, s, n + s)] * 4, *[(s, n + s)] * 2, n + s)
    M, D = np.empty((2, 2, s, n + s))
    response, loss = np.empty((2, s))
    _force_rows(R, R_F, C_F, h, h1, h2, a, e, inverse_alpha, M, D, response, loss)
    m, aa = 1 / e, np.outer(a[n:], a)
    R_x = [e * R[0] + (1 - e) * R[1], e * (R[0] - R[1])]
    M_d, M_o = (aa * (-e * h1[x] * R_F + inverse_alpha * h2[x] * R_x[x] * C_F) for x in (0, 1))
    D_d, D_o = (inverse_alpha * aa * h1[x] * C_F for x in (0, 1))
    np.testing.assert_allclose(M, [M_d + (m - 1) * M_o, M_d - M_o], atol=1e-10)
    np.testing.assert_allclose(D, [(D_d + (m - 1) * D_o) / m, D_d - D_o], atol=1e-11)
    np.testing.assert_allclose(response, R_F.sum(axis=1), atol=1e-13)
    kernel = R_F * (h[0] + (m - 1) * h[1]) / m - inverse_alpha * (h1[0] * R_x[0] + (m - 1) * h1[1] * R_x[1]) * C_F
    np.testing.assert_allclose(loss, kernel @ a, atol=1e-9)


def wide(A, G):
    """A (x) 1_G over (node, group)."""
    return np.kron(A, np.eye(G))


@quick
@given(seeds, st.integers(1, 4), st.integers(1, 8), st.integers(1, 3), st.integers(1, 3), st.integers(0, 2))
def test_history_terms(seed, s, n, channels, G, directions):
    rows, last = (channels, s * G, n * G), (channels, G, n * G)
    A, MC, MR, DR, drift, overlap, M_overlap, C_last, R_last, v_last = random_rows(
        seed,
        (s, s),
        rows,
        rows,
        rows,
        (directions, s * G),
        (directions, n * G),
        (directions, s * G),
        last,
        last,
        (directions, G),
    )
    C_rhs, R_rhs, v_rhs = np.empty(rows), np.empty(rows), np.empty(drift.shape)
    history_terms(A, G, MC, MR, DR, drift, overlap, C_last, R_last, C_rhs, R_rhs)
    overlap_terms(A, G, M_overlap, drift, v_last, v_rhs)
    force = MC + DR
    force[0] += drift.T @ overlap
    np.testing.assert_allclose(C_rhs, np.tile(C_last, (1, s, 1)) + wide(A, G) @ force, atol=1e-13)
    np.testing.assert_allclose(R_rhs, np.tile(R_last, (1, s, 1)) + wide(A, G) @ MR, atol=1e-13)
    np.testing.assert_allclose(v_rhs, np.tile(v_last, (1, s)) + (M_overlap + drift) @ wide(A, G).T, atol=1e-13)


@quick
@given(seeds, st.integers(1, 3), st.integers(1, 2), st.integers(1, 3), st.integers(0, 2), st.booleans())
def test_own_block(seed, s, channels, G, directions, constrained):
    """For a small step: the result satisfies the implicit equations and the constraints, which it was not written as.

    A stack of G x G blocks next to one of scalar channels, one constraint for each group, or none.
    """
    rng = np.random.default_rng(seed)
    tableau = 0.03 * radau(s).A
    widths, counts = (G, 1), (1, channels)
    A = tuple(wide(tableau, width) for width in widths)
    shapes = [(count, s * width, s * width) for count, width in zip(counts, widths, strict=True)]
    blocks = tuple(rng.uniform(-1, 1, (7, *shape)) for shape in shapes)
    M, D, MC, DR, P, C, R = zip(*blocks, strict=True)
    # Noise is symmetric, and the correlation with the last node is near its value there.
    for X in D:
        X += X.transpose(0, 2, 1).copy()
    C_last = tuple(
        np.tile(np.eye(width)[None], (count, 1, s)) + 0.03 * rng.uniform(-1, 1, (count, width, s * width))
        for count, width in zip(counts, widths, strict=True)
    )
    drift, v_rhs = rng.uniform(-1, 1, (2, directions, s * G))
    constraints = (np.arange(G)[None], rng.integers(G, size=(channels, 1)))
    weights = (np.full((1, G), 0.8), rng.uniform(0.1, 0.2, (channels, 1)))
    in_all = [1.0 / (0.8 + weights[1][constraints[1] == k].sum()) for k in range(G)]
    weights = tuple(w * np.array(in_all)[place] for w, place in zip(weights, constraints, strict=True))
    nu = np.zeros((s, G if constrained else 0))
    v = np.empty(drift.shape)
    defect = solve_own_block(A, blocks, C_last, drift, v_rhs, weights, constraints, nu, v)
    assert defect < 1e-12
    total = np.zeros((s, G))
    for q, width in enumerate(widths):
        for c in range(counts[q]):
            each = nu[:, constraints[q][c]].ravel() if constrained else np.zeros(s * width)
            stiff = M[q][c] - np.diag(each)
            np.testing.assert_allclose(R[q][c], A[q] @ (np.eye(s * width) + stiff @ R[q][c]), atol=1e-13)
            force = (MC[q][c] + DR[q][c]) @ P[q][c].T + D[q][c] @ R[q][c].T
            if q == c == 0:
                force += drift.T @ v
                np.testing.assert_allclose(v, v_rhs + v @ (A[0] @ stiff).T, atol=1e-13)
            last = np.tile((C_last[q][c] @ P[q][c].T), (s, 1))
            np.testing.assert_allclose(C[q][c], last + A[q] @ (stiff @ C[q][c] + force), atol=1e-12)
            for g in range(width):
                total[:, constraints[q][c, g]] += weights[q][c, g] * np.diag(C[q][c])[g::width]
    if constrained:
        np.testing.assert_allclose(total, 1.0, atol=1e-11)


def test_a_wrong_loop_would_be_seen():
    """The comparison itself can fail: a covariance with one wrong power is caught."""
    powers = np.array([0.1, 0.5, 0.3])
    with pytest.raises(AssertionError):
        np.testing.assert_allclose(Covariance(powers).evaluate(np.ones(1))[0], Polynomial(powers * 1.001)(1.0), atol=1e-12)
