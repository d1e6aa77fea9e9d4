"""Online stochastic gradient descent of a two-layer student on the output of a two-layer teacher.

Student sum_k v_k g(w_k.x/sqrt N), k = 1 ... K; teacher sum_n A_n g(B_n.x/sqrt N), n = 1 ... M, same g; every step sees a fresh
x ~ N(0, 1_N) and a label with noise of standard deviation sigma.  With Delta = teacher + noise - student,

    w_k += (lr/sqrt N) v_k g'(x_k) Delta x - (wd/N) w_k,      v_k += (lr2/N) g(x_k) Delta - (wd/N) v_k,

time t = steps/N.  As N -> infinity everything follows from Q = w w^T/N, R = w B^T/N, T = B B^T/N, v and A: the fields
x_a = (w_a or B_a).x/sqrt N are Gaussian with covariance C = [[Q, R], [R^T, T]].  With e = (-v, A), a and b over all K + M,
and the averages of `dmft.gaussian_integrals`,

    S_in   = sum_a e_a E[g'(x_i) x_n g(x_a)] = sum_a e_a [C_in curvature(i, a) + C_na slopes(i, a)]
    dR_in  = lr v_i S_in - wd R_in
    dQ_ik  = lr (v_i S_ik + v_k S_ki) - 2 wd Q_ik
             + lr^2 v_i v_k [sum_ab e_a e_b four_point(i, k, a, b) + sigma^2 slopes(i, k)]
    dv_i   = lr2 sum_a e_a two_point(i, a) - wd v_i                       if the second layer is trained
    eps_g  = (1/2) sum_ab e_a e_b two_point(a, b)                         against the teacher without noise

Saad & Solla 1995; Goldt, Advani, Saxe, Krzakala & Zdeborova 2019.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dmft import differences
from dmft.gaussian_integrals.activations import RELU
from dmft.models.online_sgd_rates import generalization_error, rate

Array = NDArray[np.float64]

# Part by which overlaps are shortened where derivatives of ReLU are taken.
INSIDE = 1e-7


@dataclass(frozen=True)
class OnlineSGD:
    """The equations in the module docstring; the state y is Q (upper triangle), R, and v if it is trained."""

    activation: int
    Q: Array
    R: Array
    T: Array
    v: Array
    A: Array
    learning_rate: float
    second_layer_learning_rate: float
    noise: float
    weight_decay: float
    train_second_layer: bool

    observables = ("generalization_error", "student_norm")

    def start(self) -> Array:
        """The state at t = 0."""
        return self.packed(self.Q, self.R, self.v)

    def packed(self, Q: Array, R: Array, v: Array) -> Array:
        """A state, or sizes of its entries, from arrays."""
        overlaps = [Q[np.triu_indices(len(Q))], R.ravel()]
        return np.concatenate([*overlaps, v] if self.train_second_layer else overlaps)

    def rate(self, time: float, y: Array) -> Array:
        """dy/dt, which does not depend on the time."""
        learning = np.array([self.learning_rate, self.second_layer_learning_rate, self.noise, self.weight_decay])
        return rate(self.activation, np.ascontiguousarray(y), self.v, self.A, self.T, learning)

    def jacobian(self, time: float, y: Array) -> Array:
        """d rate/dy by differences, in steps relative to the sizes of the fields.

        For ReLU a little inside of the cone of covariances, on the boundary of which rates have kinks.
        """
        K, M = self.R.shape
        found = {name: values[0] for name, values in self.order_parameters(y[:, None]).items()}
        # A smooth g has a scale of its own, to which small fields are small.
        smooth = 0.0 if self.activation == RELU else 1.0
        students, teachers = (np.sqrt(np.diag(C) + smooth) for C in (found["Q"], self.T))
        size = self.packed(np.outer(students, students), np.outer(students, teachers), np.maximum(np.abs(found["v"]), 1.0))
        if self.activation == RELU:
            keep = 1.0 - INSIDE
            y = y * self.packed(keep + INSIDE * np.eye(K), np.full((K, M), keep), np.ones(K))
        return differences.jacobian(lambda y: self.rate(time, y), y, size)

    def observe(self, y: Array) -> dict[str, Array]:
        """eps_g and tr Q/K."""
        errors = [generalization_error(self.activation, state, self.v, self.A, self.T) for state in np.ascontiguousarray(y.T)]
        norms = np.einsum("nkk->n", self.order_parameters(y)["Q"]) / len(self.v)
        return {"generalization_error": np.array(errors), "student_norm": norms}

    def order_parameters(self, y: Array) -> dict[str, Array]:
        """Q (n, K, K), R (n, K, M) and v (n, K)."""
        states = np.ascontiguousarray(y.T)
        K, M = self.R.shape
        Q = np.empty((len(states), K, K))
        upper = np.triu_indices(K)
        for rows, columns in (upper, upper[::-1]):
            Q[:, rows, columns] = states[:, : len(upper[0])]
        R = states[:, len(upper[0]) :][:, : K * M].reshape(-1, K, M)
        v = states[:, -K:] if self.train_second_layer else np.repeat(self.v[None], len(states), axis=0)
        return {"Q": Q, "R": R.copy(), "v": v.copy()}
