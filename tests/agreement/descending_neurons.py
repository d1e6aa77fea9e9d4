"""Gradient descent written the long way: one index a neuron, one step after the other, every product in full.

Shares with the solver the parameters, and nothing else: no channels, no blocks, activations by NumPy polynomials.
C[i, k, j, l] = <w_i(k), w_j(l)> for m neurons at n nodes; R[i, k, j, l] = response of w_i(k) to a force on w_j at step l.
"""

import numpy as np

from dmft.mathematics.hermite import signal_series


class DescendingNeurons:
    def __init__(self, problem):
        p, self.eta = problem.parameters, problem.solver.learning_rate
        activation, target = p.activation_series(), np.array(p.target)
        self.m, self.n = m, n = int(p.width), round(problem.solver.t_max / self.eta) + 1
        self.alpha = p.samples_per_parameter * m
        self.h = np.polynomial.Polynomial(activation**2)
        self.phat = np.polynomial.Polynomial(signal_series(activation, target))
        self.label_variance = np.sum(target**2) + p.noise**2
        self.train_second_layer = p.train_second_layer
        self.C, self.R = np.zeros((m, n, m, n)), np.zeros((m, n, m, n))
        self.a, self.v = np.full((m, n), p.init_scale), np.full((m, n), p.alignment)
        self.multiplier, self.train, self.test = np.zeros((3, n))
        self.C[:, 0, :, 0] = np.eye(m) + p.alignment**2 * (1 - np.eye(m))
        self.R_F = np.zeros((n, n))

    def march(self):
        for k in range(self.n - 1):
            self._step(*self._forces(k), k)
            self._make_equal(k + 1)
        self._forces(self.n - 1)
        return self

    def _make_equal(self, k):
        """Take out what rounding makes of the differences between neurons: they may grow by a factor a step."""
        for value in (self.a, self.v):
            value[:, k] = value[:, k].mean()
        same = np.eye(self.m, dtype=bool)
        for row in (self.C[:, k], self.R[:, k]):
            for pairs in (same, ~same):
                row[pairs] = row[pairs].mean(axis=0) if pairs.any() else 0.0
        self.C[:, :, :, k] = self.C[:, k].transpose(1, 2, 0)

    def _forces(self, k):
        """Force on node k: kernels M, D with the nodes up to k, (m, m, k + 1), drift (m,) and da/dt (m,)."""
        m, alpha, past = self.m, self.alpha, slice(0, k + 1)
        C, R, a, v = self.C[:, past, :, past], self.R[:, past, :, past], self.a[:, past], self.v[:, past]
        aa = np.einsum("ik,jl->ikjl", a, a)
        signal = (a * self.phat(v)).mean(axis=0)
        C0_F = (aa * self.h(C)).sum(axis=(0, 2)) / m**2 - signal[:, None] - signal + self.label_variance
        S = (aa * self.h.deriv(1)(C) * R).sum(axis=(0, 2)) / (alpha * m)
        self.R_F[past, past] = R_F = np.linalg.inv(np.eye(k + 1) + S)
        self.C_F = C_F = R_F @ C0_F @ R_F.T
        self.test[k], self.train[k] = C0_F[k, k] / 2, C_F[k, k] / 2
        aa, C, R = aa[:, k].transpose(0, 1, 2), C[:, k], R[:, k]
        M = aa * (-self.h.deriv(1)(C) * R_F[k] / m + self.h.deriv(2)(C) * R * C_F[k] / alpha)
        D = aa * self.h.deriv(1)(C) * C_F[k] / alpha
        response = R_F[k].sum()
        drift = a[:, k] * self.phat.deriv()(v[:, k]) * response
        loss = np.einsum("ijl,jl->i", self.h(C) * R_F[k] / m - self.h.deriv(1)(C) * R * C_F[k] / alpha, a)
        return M, D, drift, self.phat(v[:, k]) * response - loss

    def _step(self, M, D, drift, rate, k):
        """w(k + 1) = [w(k) + eta (F(k) - lambda w(k))]/z with lambda = <w(k), F(k)>, and z from |w(k + 1)| = 1."""
        eta, m, new = self.eta, self.m, k + 1
        C, R, v = self.C, self.R, self.v

        def along(W, V):
            """<F_i(k), w>, for w with <w_j(l), w> = W[j, l], overlap V with u and responses in D already."""
            return np.einsum("ijl,jl...->i...", M, W) + np.multiply.outer(drift, V)

        noise = np.einsum("ijs,nljs->inl", D, R[:, : k + 1, :, : k + 1])
        force = along(C[:, : k + 1, :, : k + 1], v[:, : k + 1]) + noise
        self.multiplier[k] = np.diagonal(force[:, :, k]).mean()
        keep = 1 - eta * self.multiplier[k]
        row = keep * C[:, k, :, : k + 1] + eta * force
        response = keep * R[:, k, :, : k + 1] + eta * np.einsum("ijs,jsnl->inl", M, R[:, : k + 1, :, : k + 1])
        response[range(m), range(m), k] += eta
        overlap = keep * v[:, k] + eta * (np.einsum("ijl,jl->i", M, v[:, : k + 1]) + drift)
        force_on_new = np.einsum("ijl,njl->in", M, row) + np.einsum("ijl,njl->in", D, response) + np.outer(drift, overlap)
        corner = keep * row[:, :, k].T + eta * force_on_new
        z = np.sqrt(np.diagonal(corner).mean())
        C[:, new, :, : k + 1] = row / z
        C[:, : k + 1, :, new] = np.moveaxis(row / z, 0, 2)
        C[:, new, :, new], R[:, new, :, : k + 1], v[:, new] = corner / z**2, response / z, overlap / z
        self.a[:, new] = self.a[:, k] + eta * rate * self.train_second_layer
