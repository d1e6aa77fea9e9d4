"""Gradient descent written the long way: one index a neuron, one step after the other, every product in full.

Shares with the solver the parameters, and nothing else: no channels, no blocks, activations by NumPy polynomials.
C[i, k, j, l] = <w_i(k), w_j(l)> for m neurons at n nodes; R[i, k, j, l] = response of w_i(k) to a force on w_j at step l.
Every neuron has its own a_i, v_i in all directions, and multiplier; those that start alike are kept alike.
"""

import numpy as np

from dmft.models.two_layer_flow import target


class DescendingNeurons:
    def __init__(self, problem):
        p, self.eta = problem.parameters, problem.solver.learning_rate
        activation = p.activation_series()
        series = p.target_by_index(len(activation) - 1)
        self.m, self.n = m, n = int(p.width), round(problem.solver.t_max / self.eta) + 1
        self.alpha = p.samples_per_parameter * m
        self.h = np.polynomial.Polynomial(activation**2)
        self.Phi = target.overlap(activation, series)
        self.label_variance = series.variance + p.noise**2
        self.train_second_layer = p.train_second_layer
        self.C, self.R = np.zeros((m, n, m, n)), np.zeros((m, n, m, n))
        groups = p.groups()
        self.alike = np.split(np.arange(m), np.cumsum([int(group.number) for group in groups])[:-1])
        self.a, self.v, self.multiplier = np.zeros((m, n)), np.zeros((m, n, p.directions)), np.zeros((m, n))
        for members, group in zip(self.alike, groups, strict=True):
            self.a[members], self.v[members] = group.second_layer, group.alignment
        self.train, self.test = np.zeros((2, n))
        self.C[:, 0, :, 0] = self.v[:, 0] @ self.v[:, 0].T
        self.C[range(m), 0, range(m), 0] = 1.0
        self.R_F = np.zeros((n, n))

    def march(self):
        for k in range(self.n - 1):
            self._step(*self._forces(k), k)
            self._make_equal(k + 1)
        self._forces(self.n - 1)
        return self

    def _make_equal(self, k):
        """Take out what rounding makes of the differences between alike neurons: they may grow by a factor a step."""
        same = np.eye(self.m, dtype=bool)
        for members in self.alike:
            for value in (self.a, self.v):
                value[members, k] = value[members, k].mean(axis=0)
            for others in self.alike:
                block = np.zeros((self.m, self.m), dtype=bool)
                block[np.ix_(members, others)] = True
                for row in (self.C[:, k], self.R[:, k]):
                    for pairs in (block & same, block & ~same):
                        if pairs.any():
                            row[pairs] = row[pairs].mean(axis=0)
        self.C[:, :, :, k] = self.C[:, k].transpose(1, 2, 0)

    def _forces(self, k):
        """Force on node k: kernels M, D with the nodes up to k, (m, m, k + 1), drift (m, r) and da/dt (m,)."""
        m, alpha, past = self.m, self.alpha, slice(0, k + 1)
        C, R, a, v = self.C[:, past, :, past], self.R[:, past, :, past], self.a[:, past], self.v[:, past]
        aa = np.einsum("ik,jl->ikjl", a, a)
        signal = (a * self.Phi(v)[0]).mean(axis=0)
        C0_F = (aa * self.h(C)).sum(axis=(0, 2)) / m**2 - signal[:, None] - signal + self.label_variance
        S = (aa * self.h.deriv(1)(C) * R).sum(axis=(0, 2)) / (alpha * m)
        self.R_F[past, past] = R_F = np.linalg.inv(np.eye(k + 1) + S)
        self.C_F = C_F = R_F @ C0_F @ R_F.T
        self.test[k], self.train[k] = C0_F[k, k] / 2, C_F[k, k] / 2
        aa, C, R = aa[:, k].transpose(0, 1, 2), C[:, k], R[:, k]
        M = aa * (-self.h.deriv(1)(C) * R_F[k] / m + self.h.deriv(2)(C) * R * C_F[k] / alpha)
        D = aa * self.h.deriv(1)(C) * C_F[k] / alpha
        response = R_F[k].sum()
        phat, gradient = self.Phi(v[:, k])
        drift = a[:, k, None] * gradient * response
        loss = np.einsum("ijl,jl->i", self.h(C) * R_F[k] / m - self.h.deriv(1)(C) * R * C_F[k] / alpha, a)
        return M, D, drift, phat * response - loss

    def _step(self, M, D, drift, rate, k):
        """w(k + 1) = [w(k) + eta (F(k) - lambda w(k))]/z with lambda = <w(k), F(k)>, and z from |w(k + 1)| = 1."""
        eta, m, new = self.eta, self.m, k + 1
        C, R, v = self.C, self.R, self.v

        def along(W, V):
            """<F_i(k), w>, for w with <w_j(l), w> = W[j, l], overlaps V with the directions and responses in D already."""
            return np.einsum("ijl,jl...->i...", M, W) + np.einsum("ir,...r->i...", drift, V)

        noise = np.einsum("ijs,nljs->inl", D, R[:, : k + 1, :, : k + 1])
        force = along(C[:, : k + 1, :, : k + 1], v[:, : k + 1]) + noise
        self.multiplier[:, k] = np.diagonal(force[:, :, k])
        keep = 1 - eta * self.multiplier[:, k]
        row = keep[:, None, None] * C[:, k, :, : k + 1] + eta * force
        response = keep[:, None, None] * R[:, k, :, : k + 1] + eta * np.einsum("ijs,jsnl->inl", M, R[:, : k + 1, :, : k + 1])
        response[range(m), range(m), k] += eta
        overlap = keep[:, None] * v[:, k] + eta * (np.einsum("ijl,jlr->ir", M, v[:, : k + 1]) + drift)
        force_on_new = np.einsum("ijl,njl->in", M, row) + np.einsum("ijl,njl->in", D, response) + drift @ overlap.T
        corner = keep[:, None] * row[:, :, k].T + eta * force_on_new
        z = np.sqrt(np.diagonal(corner))
        C[:, new, :, : k + 1] = row / z[:, None, None]
        C[:, : k + 1, :, new] = np.moveaxis(row / z[:, None, None], 0, 2)
        C[:, new, :, new], v[:, new] = corner / np.outer(z, z), overlap / z[:, None]
        R[:, new, :, : k + 1] = response / z[:, None, None]
        self.a[:, new] = self.a[:, k] + eta * rate * self.train_second_layer
