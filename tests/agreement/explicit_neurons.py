"""The same discrete equations written the long way: one index a neuron, whole matrices over all nodes, no recursion.

Shares with the solver the nodes and the tableau, and nothing else: no channels, no cells solved one after the other, no
elimination of the history, activations by NumPy polynomials.  w(t) of m neurons on n nodes is a vector of length m n,

    w = G (w_0 + L (b u + zeta)),   G = (1 - L (M - N))^(-1),   R = G L,   C = <w w^T>.
"""

import numpy as np
from scipy.optimize import root

from dmft.mathematics.hermite import signal_series
from dmft.mathematics.tableau import radau


def integration_matrix(time, stages):
    """L with w = w_0 + L f on the nodes: whole cells before, the tableau inside the own cell; node 0 is never a source."""
    tableau = radau(stages)
    n = len(time)
    L = np.zeros((n, n))
    for first in range(1, n, stages):
        cell = slice(first, first + stages)
        dt = time[first + stages - 1] - time[first - 1]
        L[cell, cell] = dt * tableau.A
        L[first + stages :, cell] = dt * tableau.b
    return L


class ExplicitNeurons:
    def __init__(self, problem, time):
        p = problem.parameters
        activation, target = p.activation_series(), np.array(p.target)
        self.m, self.n = int(p.width), len(time)
        self.alpha = p.samples_per_parameter * p.width
        self.h = np.polynomial.Polynomial(activation**2)
        self.phat = np.polynomial.Polynomial(signal_series(activation, target))
        self.label_variance = np.sum(target**2) + p.noise**2
        self.a0, self.v0, self.train_second_layer = p.init_scale, p.alignment, p.train_second_layer
        self.L1 = integration_matrix(time, problem.solver.stages)
        self.L = np.kron(np.eye(self.m), self.L1)
        self.nu = np.zeros(self.n)

    def start(self):
        m, n = self.m, self.n
        C = np.eye(m) + self.v0**2 * (1 - np.eye(m))
        blocks = np.kron(np.eye(m), self.L1)
        return np.kron(C, np.ones((n, n))), blocks, np.full((m, n), self.a0), np.full((m, n), self.v0)

    def update(self, C, R, a, v):
        """One pass of the self-consistency loop, multiplier included."""
        m, n, alpha = self.m, self.n, self.alpha
        aa = np.outer(a.ravel(), a.ravel())
        one = np.ones(n)

        def over_neurons(X):
            return X.reshape(m, n, m, n).sum(axis=(0, 2))

        signal = (a * self.phat(v)).mean(axis=0)
        C0_F = over_neurons(aa * self.h(C)) / m**2 - signal[:, None] - signal[None, :] + self.label_variance
        S = over_neurons(aa * self.h.deriv(1)(C) * R) / (alpha * m)
        R_F = np.linalg.inv(np.eye(n) + S)
        C_F = R_F @ C0_F @ R_F.T
        R_F_blocks, C_F_blocks = np.tile(R_F, (m, m)), np.tile(C_F, (m, m))
        M = aa * (-self.h.deriv(1)(C) * R_F_blocks / m + self.h.deriv(2)(C) * R * C_F_blocks / alpha)
        D = aa * self.h.deriv(1)(C) * C_F_blocks / alpha
        b = (a * self.phat.deriv()(v) * (R_F @ one)).ravel()

        def state(nu):
            G = np.linalg.inv(np.eye(m * n) - self.L @ (M - np.diag(np.tile(nu, m))))
            R_new = G @ self.L
            mean = R_new @ b
            ones = G @ np.kron(np.eye(m), one[:, None])
            overlap0 = np.eye(m) + self.v0**2 * (1 - np.eye(m))
            drifted = np.outer(ones @ np.full(m, self.v0), mean)
            C_new = ones @ overlap0 @ ones.T + drifted + drifted.T + np.outer(mean, mean) + R_new @ D @ R_new.T
            return C_new, R_new, (ones @ np.full(m, self.v0) + mean).reshape(m, n)

        def violation(nu):
            return np.append(np.diag(state(np.append(0.0, nu))[0])[1:n] - 1, [])

        self.nu = np.append(0.0, root(violation, self.nu[1:], tol=1e-13).x)
        C_new, R_new, v_new = state(self.nu)

        loss = (aa * self.h(C) * R_F_blocks).reshape(m, n, m, n).sum(axis=(2, 3)) / m
        feedback = (aa * self.h.deriv(1)(C) * R * C_F_blocks).reshape(m, n, m, n).sum(axis=(2, 3)) / alpha
        rate = self.phat(v) * (R_F @ one) - (loss - feedback) / a
        a_new = self.a0 + rate @ self.L1.T if self.train_second_layer else a
        return (C_new, R_new, a_new, v_new), (C0_F, C_F, R_F)

    def solve(self, tolerance=1e-12):
        x = self.start()
        for _ in range(400):
            new, residual = self.update(*x)
            change = max(np.abs(p - q).max() for p, q in zip(new, x, strict=True))
            x = new
            if change < tolerance:
                return x, residual
        raise AssertionError(f"not converged: last change {change:.1e}")
