"""The textbook alternative, written well: trapezoidal predictor-corrector on a uniform grid t_k = k dt, in blocks of rows.

The equations are those of `dmft.models.two_layer_flow.parameters`.  With R_F = delta + r, and the delta of M written as l,

    r(t,t')   = -S(t,t') - int_t'^t S(t,s) r(s,t') ds
    W(t,t')   = C0_F(t,t') + int_0^t r(t,s) C0_F(s,t') ds
    C_F(t,t') = W(t,t') + int_0^t' W(t,s) r(t',s) ds
    (d/dt + nu - l) R(t,t') = int_t'^t M(t,s) R(s,t') ds,                                              R(t,t) = 1
    (d/dt + nu - l) C(t,t') = int_0^t M(t,s) C(s,t') ds + int_0^t' D(t,s) R(t',s) ds + b(t) v(t')
    d/dt C_o(t,t) = 2 d/dt C_o(t,t') at t' = t,    C_d(t,t) = 1,    nu from d/dt C_d(t,t) = 0.

Integrals and steps by the trapezoidal rule: order 2.  One node is one row of the kernels, and at n earlier nodes its integrals
are products with n x n matrices, 12 n^2 flops: row by row as slow as memory.  Therefore rows come in blocks, predicted by
extrapolation and then corrected in sweeps, until a sweep changes nothing that counts.  In a sweep the integrals over earlier
blocks are matrix products, and the rest is solved row by row inside the block.  `block = 1` is the scheme row by row.

Weights are inside the arrays, so that integrals are products: R and r hold half of their diagonal, r also dt and half of its
column 0.  R[0, 0] = 1 and r[0, 0], a quarter, are right for the only product that each of them takes part in.
"""

from __future__ import annotations

from math import comb
from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular
from threadpoolctl import threadpool_limits

from dmft import Outcome, Problem, Solution
from dmft.engines.cell import empty_history
from dmft.mathematics.hermite import power_series
from dmft.mathematics.triangular import times_causal, times_transposed
from dmft.models.two_layer_flow.equations import TwoLayerFlow
from dmft.results.solution import State

Array = NDArray[np.float64]

# A block is predicted by the polynomial through so many rows before it, one block apart.
PREDICTOR = 4
# What the last sweep of a block may change, relative to dt^2: a few per cent of the error of the scheme.
SETTLED = 1e-3
# A block that takes more sweeps than MOST starts again with half the rows; the next one is as long as FEW to MANY sweeps allow.
FEW, MANY, MOST = 2, 3, 12
# Flops of a sweep per row and n^2: M C and M R, D R^T in two channels, S r, r C0_F, W r^T; half of them for triangular factors.
FLOPS = 12


class Forces(NamedTuple):
    """What acts on the rows of a block: M, D (2, rows, total) with weights, l (2, rows), drift b and da/dt (rows,)."""

    M: Array
    D: Array
    local: Array
    drift: Array
    rate: Array


class Next(NamedTuple):
    """What the next row starts from: y + (dt/2) dy/dt at the last one, and C_o(t,t) + dt d/dt C_o(t,t') at t' = t."""

    C: Array
    R: Array
    C_o: Array
    v: Array
    a: Array


class Baseline:
    """Nodes 0 ... steps, the first n of which are known; `march` fills them all.

    C, R: (2, N, N), channels of the model; r, C0_F: (N, N); a, v, nu, train, a_phat = a phat(v): (N,).
    blocks: (rows, sweeps) of each; flops: of the products with earlier blocks.
    """

    def __init__(self, problem: Problem, steps: int, block: int = 128) -> None:
        self.problem, self.block = problem, block
        self.model: TwoLayerFlow = problem.parameters.build()
        self.dt = problem.solver.t_max / steps
        N = steps + 1
        self.C, self.R = np.zeros((2, N, N)), np.zeros((2, N, N))
        self.r, self.C0_F = np.zeros((N, N)), np.zeros((N, N))
        self.a, self.v, self.nu, self.train, self.a_phat = (np.zeros(N) for _ in range(5))
        self.next = Next(np.zeros((2, N)), np.zeros((2, N)), np.zeros(1), np.zeros(1), np.zeros(1))
        self.n = 0
        self.blocks: list[tuple[int, int]] = []
        self.flops = 0.0

    @property
    def memory(self) -> int:
        """Bytes of the two-time arrays."""
        return sum(array.nbytes for array in (self.C, self.R, self.r, self.C0_F))

    @threadpool_limits.wrap(limits=1, user_api="blas")
    def march(self) -> Baseline:
        """All nodes, block after block.  Raises ArithmeticError where the sweeps of a single row diverge."""
        self._start()
        rows = 1
        while self.n < self.a.size:
            rows = min(rows, max(self.n // 2, 1), self.a.size - self.n)
            self._predict(rows)
            sweeps = self._correct(rows)
            if sweeps > MOST:
                if rows == 1:
                    raise ArithmeticError(
                        f"dt = {self.dt:g}: no sweep converges at t = {self.n * self.dt:g}; wanted more steps"
                    )
                rows //= 2
                continue
            self.blocks.append((rows, sweeps))
            if sweeps <= FEW:
                rows = min(rows + rows // 4 + 1, self.block)
            elif sweeps > MANY:
                rows = max(3 * rows // 4, 1)
        return self

    def _start(self) -> None:
        """Node 0, where every integral is zero."""
        model, dt, e = self.model, self.dt, self.model.inverse_width
        start = model.start()
        # A single neuron has one channel; the other one, here that of an independent neuron, then acts on nothing.
        C, v, a = np.append(start.C[0][:, 0, 0], 1.0)[:2], start.overlap[0, 0], start.scalars[0]
        h, h1, _ = model.covariance.evaluate(np.array([C[0] + (1 - e) * C[1], C[0] - e * C[1]]))
        (phat,), (slope,) = power_series(model.signal, np.array([v]))
        drift, output = a * slope, a * (e * h[0] + (1 - e) * h[1])
        local = -(a**2) * np.array([e * h1[0] + (1 - e) * h1[1], e * (h1[0] - h1[1])])
        force = local * C + np.array([drift * v, 0.0])
        nu = force[0] + (1 - e) * force[1]
        rate = force - nu * C
        self.C[:, 0, 0], self.R[:, 0, 0] = C, 1.0
        self.v[0], self.a[0], self.a_phat[0], self.nu[0] = v, a, a * phat, nu
        self.r[0, 0] = -0.25 * dt * model.inverse_alpha * a**2 * h1[0]
        self.C0_F[0, 0] = a * output - 2 * a * phat + model.label_variance
        self.train[0] = self.C0_F[0, 0] / 2
        self.next.C[:, 0] = C + 0.5 * dt * rate
        self.next.R[:, 0] = 1 + 0.5 * dt * (local - nu)
        self.next.C_o[:] = C[0] - e * C[1] + dt * (rate[0] - e * rate[1])
        self.next.v[:] = v + 0.5 * dt * ((local[0] - nu) * v + drift)
        self.next.a[:] = a + 0.5 * dt * (phat - output) * model.train_second_layer
        self.n = 1

    def _predict(self, rows: int) -> None:
        """Rows of the block, from those 1, 2, ... blocks before.

        C at fixed t'; the block's own square, and R(t, t') for t' > t/2, at fixed t - t'.
        """
        n, total = self.n, self.n + rows
        points = max(min(PREDICTOR, n // (2 * rows)), 1)
        early = max(n // 2, points * rows)
        C, R, square, one_time = (np.zeros(shape) for shape in ((2, rows, n), (2, rows, total), (2, rows, rows), (3, rows)))
        for q in range(1, points + 1):
            weight = (-1) ** (q + 1) * comb(points, q)
            shift = q * rows
            back = slice(n - shift, total - shift)
            C += weight * self.C[:, back, :n]
            square += weight * self.C[:, back, back]
            R[:, :, :early] += weight * self.R[:, back, :early]
            R[:, :, early:] += weight * self.R[:, back, early - shift : total - shift]
            one_time += weight * np.array([self.a[back], self.v[back], self.nu[back]])
        new = slice(n, total)
        self.C[:, new, :n], self.C[:, new, new], self.R[:, new, :total] = C, square, R
        self.R[:, range(n, total), range(n, total)] = 0.5
        self.a[new], self.v[new], self.nu[new] = one_time

    def _correct(self, rows: int) -> int:
        """Sweep over the block until a sweep changes nothing that counts; returns how many it took, MOST + 1 for too many."""
        n, total = self.n, self.n + rows
        C, R, e = self.C[:, :n, :n], self.R[:, :n, :n], self.model.inverse_width
        for sweep in range(1, MOST + 1):
            forces = self._forces(rows)
            M, D = forces.M[:, :, :n], forces.D[:, :, :n]
            MC = M @ C
            MR = times_causal(M, R)
            DR = times_transposed(D, R)
            DR[:, :, 0] = 0.0
            self.flops += FLOPS * rows * n**2
            following = Next(*(values.copy() for values in self.next))
            change = solve_rows(n, self.dt, e, forces, MC, MR, DR, self.C, self.R, self.v, self.a, self.nu, following)
            if change < SETTLED * self.dt**2:
                self.next = following
                self.C[:, :n, n:total] = self.C[:, n:total, :n].transpose(0, 2, 1)
                self.C0_F[:n, n:total] = self.C0_F[n:total, :n].T
                self.n = total
                return sweep
            if not change < 1e3:
                break
        return MOST + 1

    def _forces(self, rows: int) -> Forces:
        """Residual sector and forces for the present rows of the block."""
        model, n, total = self.model, self.n, self.n + rows
        new = slice(n, total)
        a, v = self.a[:total], self.v[new]
        phat, slope = power_series(model.signal, v)
        self.a_phat[new] = a[n:] * phat
        K, C_minus = self.C[:, new, :total]
        R = np.ascontiguousarray(self.R[:, new, :total])
        e, inverse_alpha = model.inverse_width, model.inverse_alpha
        h, h1, h2 = model.covariance.evaluate(np.stack([K + (1 - e) * C_minus, K - e * C_minus]))

        S, C0_F = np.empty((2, rows, total))
        sample_rows(R, h, h1, a, self.a_phat, e, inverse_alpha * self.dt, model.label_variance, S, C0_F)
        r, C_F = self._residual(S, C0_F)
        self.r[new, :total], self.C0_F[new, :total] = r, C0_F
        self.train[new] = np.diagonal(C_F[:, n:]) / 2

        M, D = np.empty((2, 2, rows, total))
        # `force_rows` leaves 1 + int r in drift, and the part of -da/dt without the signal in rate.
        local, drift, rate = np.empty((2, rows)), np.empty(rows), np.empty(rows)
        force_rows(R, r, C_F, h, h1, h2, a, e, inverse_alpha * self.dt, M, D, local, drift, rate)
        rate = (phat * drift - rate) * model.train_second_layer
        drift *= a[n:] * slope
        return Forces(M, D, local, drift, rate)

    def _residual(self, S: Array, C0_F: Array) -> tuple[Array, Array]:
        """r = -S - S r and C_F = (1 + r) C0_F (1 + r)^T on the rows of the block."""
        n, rows = self.n, len(S)
        r_old, C0_old = self.r[:n, :n], self.C0_F[:n, :n]
        source = -S
        source[:, 0] *= 0.5
        source[:, :n] -= times_causal(S[:, :n], r_old)
        own = np.diagonal(S[:, n:])
        source[range(rows), range(n, n + rows)] -= own**2
        r = solve_triangular(np.eye(rows) + S[:, n:], source, lower=True, check_finite=False)

        W, C_F = C0_F.copy(), np.empty_like(C0_F)
        W[:, :n] += r[:, :n] @ C0_old + r[:, n:] @ C0_F[:, :n]
        W[:, n:] += r @ C0_F.T
        C_F[:, :n] = W[:, :n] + times_transposed(W[:, :n], r_old)
        C_F[:, 0] = W[:, 0]
        C_F[:, n:] = W[:, n:] + W @ r.T
        return r, C_F

    def solution(self) -> Solution:
        """Observables on the nodes, as a Solution without kernels."""
        model, e = self.model, self.model.inverse_width
        K, C_minus = self.C
        observables = {
            "train_error": self.train,
            "test_error": np.diagonal(self.C0_F) / 2,
            "second_layer": self.a,
            "alignment": self.v,
            "multiplier": self.nu,
            "neuron_overlap": np.diagonal(K) - e * np.diagonal(C_minus),
            "memory_of_start": K[:, 0] + (1 - e) * C_minus[:, 0],
            "complexity": np.abs(self.a) * np.sqrt(model.covariance.slope_at_one * model.inverse_alpha),
        }
        time = np.arange(self.a.size, dtype=np.float64) * self.dt
        time[-1] = self.problem.solver.t_max
        weights = np.full(time.size, self.dt)
        return Solution(self.problem, time, weights, observables, {}, Outcome.DONE, State(empty_history(model, 1), 0.0))


@numba.njit(cache=True, fastmath=True)
def sample_rows(R, h, h1, a, a_phat, e, dt_alpha, label_variance, S, C0_F):
    """S with dt and half of its diagonal, and C0_F; (m - 1) R_o = (1 - e)(R_+ - R_-)."""
    rows, total = S.shape
    for i in range(rows):
        a_i, a_phat_i = a[total - rows + i], a_phat[total - rows + i]
        for j in range(total):
            R_d = e * R[0, i, j] + (1.0 - e) * R[1, i, j]
            R_others = (1.0 - e) * (R[0, i, j] - R[1, i, j])
            S[i, j] = dt_alpha * a_i * a[j] * (h1[0, i, j] * R_d + h1[1, i, j] * R_others)
            C0_F[i, j] = a_i * a[j] * (e * h[0, i, j] + (1.0 - e) * h[1, i, j]) - a_phat_i - a_phat[j] + label_variance


@numba.njit(cache=True, fastmath=True)
def force_rows(R, r, C_F, h, h1, h2, a, e, dt_alpha, M, D, local, total_response, loss_rate):
    """M, D with weights and l in both channels; 1 + int r; -da/dt without the part of the signal."""
    rows, total = r.shape
    n = total - rows
    for i in range(rows):
        a_i = a[n + i]
        h1_d, h1_o = h1[0, i, n + i], h1[1, i, n + i]
        local[0, i] = -a_i * a_i * (e * h1_d + (1.0 - e) * h1_o)
        local[1, i] = -a_i * a_i * e * (h1_d - h1_o)
        response = 1.0
        loss = a_i * (e * h[0, i, n + i] + (1.0 - e) * h[1, i, n + i])
        for j in range(total):
            aa = a_i * a[j]
            noise = dt_alpha * C_F[i, j] * (0.5 if j == 0 else 1.0)
            R_d = e * R[0, i, j] + (1.0 - e) * R[1, i, j]
            difference = R[0, i, j] - R[1, i, j]
            own = aa * (noise * h2[0, i, j] * R_d - e * h1[0, i, j] * r[i, j])
            other = aa * (noise * h2[1, i, j] * difference - h1[1, i, j] * r[i, j])
            M[0, i, j] = own + (1.0 - e) * other
            M[1, i, j] = own - e * other
            D[0, i, j] = aa * noise * (e * h1[0, i, j] + (1.0 - e) * h1[1, i, j])
            D[1, i, j] = aa * noise * (h1[0, i, j] - h1[1, i, j])
            response += r[i, j]
            loss += a[j] * r[i, j] * (e * h[0, i, j] + (1.0 - e) * h[1, i, j])
            loss -= a[j] * noise * (h1[0, i, j] * R_d + (1.0 - e) * h1[1, i, j] * difference)
        total_response[i] = response
        loss_rate[i] = loss


@numba.njit(cache=True, fastmath=True)
def solve_rows(n, dt, e, forces, MC, MR, DR, C, R, v, a, nu, following):
    """Rows n, n + 1, ... of C, R, v, a, nu for given forces, in place; returns the largest relative change.

    Implicit in the row itself; the integrals over rows of this block use the new ones.
    """
    M, D, local, drift, rate = forces
    next_C, next_R, next_C_o, next_v, next_a = following
    force, pull = np.empty(2), np.empty(2)
    change = 0.0
    for i in range(M.shape[1]):
        g = n + i
        old_a, old_v, old_nu = a[g], v[g], nu[g]
        a[g] = next_a[0] + 0.5 * dt * rate[i]
        next_a[0] = a[g] + 0.5 * dt * rate[i]
        force_v = drift[i] + np.dot(M[0, i, :g], v[:g])
        decay = nu[g] - local[0, i] - M[0, i, g]
        v[g] = (next_v[0] + 0.5 * dt * force_v) / (1.0 + 0.5 * dt * decay)
        next_v[0] = v[g] + 0.5 * dt * (force_v - decay * v[g])
        for c in range(2):
            decay = nu[g] - local[c, i] - M[c, i, g]
            change = max(change, solve_response(n, g, dt, decay, M[c, i], MR[c, i], R[c], next_R[c]))
            next_R[c, g] = 1.0 - 0.5 * dt * (nu[g] - local[c, i])
            b = drift[i] if c == 0 else 0.0
            moved, force[c] = solve_correlation(
                n, g, dt, decay, M[c, i], D[c, i], MC[c, i], DR[c, i], b, v, C[c], R[c], next_C[c]
            )
            change = max(change, moved)
        # C_d(t, t) = 1, and C_o(t, t) by its own equation.
        pull[0], pull[1] = local[0, i] + M[0, i, g], local[1, i] + M[1, i, g]
        C_o = C[0, g, g] - e * C[1, g, g]
        for _ in range(3):
            f_K, f_minus, nu[g] = balance(force, pull, C_o, e)
            C_o = (next_C_o[0] + dt * (f_K - e * f_minus)) / (1.0 + dt * nu[g])
        f_K, f_minus, nu[g] = balance(force, pull, C_o, e)
        K, C_minus = e + (1.0 - e) * C_o, 1.0 - C_o
        change = max(change, abs(K - C[0, g, g]) / K, abs(C_minus - C[1, g, g]))
        C[0, g, g], C[1, g, g] = K, C_minus
        next_C_o[0] = C_o + dt * (f_K - e * f_minus - nu[g] * C_o)
        next_C[0, g] = K + 0.5 * dt * (f_K - nu[g] * K)
        next_C[1, g] = C_minus + 0.5 * dt * (f_minus - nu[g] * C_minus)
        change = max(change, abs(a[g] - old_a) / abs(a[g]), abs(v[g] - old_v), dt * abs(nu[g] - old_nu))
    return change


@numba.njit(cache=True, fastmath=True)
def balance(force, pull, C_o, e):
    """d/dt K and d/dt C_- at t' = t without nu, and the nu that keeps C_d(t, t) = 1, at given C_o(t, t)."""
    f_K = force[0] + pull[0] * (e + (1.0 - e) * C_o)
    f_minus = force[1] + pull[1] * (1.0 - C_o)
    return f_K, f_minus, f_K + (1.0 - e) * f_minus


@numba.njit(cache=True, fastmath=True)
def solve_response(n, g, dt, decay, M, MR, R, next_R):
    """Row g of one channel of R; M, MR: its rows.  Returns the largest change."""
    force = np.zeros(g)
    force[:n] = MR
    for k in range(n, g):
        for j in range(k + 1):
            force[j] += M[k] * R[k, j]
    scale = 1.0 / (1.0 + 0.5 * dt * decay)
    change = 0.0
    for j in range(g):
        value = (next_R[j] + 0.5 * dt * force[j]) * scale
        change = max(change, abs(value - R[g, j]))
        R[g, j] = value
        next_R[j] = value + 0.5 * dt * (force[j] - decay * value)
    R[g, g] = 0.5
    return change


@numba.njit(cache=True, fastmath=True)
def solve_correlation(n, g, dt, decay, M, D, MC, DR, b, v, C, R, next_C):
    """Row g of one channel of C up to its diagonal.  Returns the largest relative change, and the force on the diagonal."""
    force = b * v[: g + 1]
    force[:n] += MC + DR
    for k in range(n, g):
        for j in range(n):
            force[j] += M[k] * C[k, j]
    scale = 1.0 / (1.0 + 0.5 * dt * decay)
    change = 0.0
    for j in range(g + 1):
        if j >= n:
            force[j] += np.dot(M[:n], C[j, :n]) + np.dot(D[: j + 1], R[j, : j + 1])
            for s in range(n, g):
                force[j] += M[s] * C[s, j]
        if j < g:
            value = (next_C[j] + 0.5 * dt * force[j]) * scale
            change = max(change, abs(value - C[g, j]))
            C[g, j] = value
            next_C[j] = value + 0.5 * dt * (force[j] - decay * value)
            if j >= n:
                C[j, g] = value
    return change / C[g, g], force[g]
