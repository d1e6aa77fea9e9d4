"""Online stochastic gradient descent of a two-layer student on the output of a two-layer teacher.

Student sum_k v_k g(w_k.x/sqrt N), k = 1 ... K; teacher sum_n A_n g(B_n.x/sqrt N), n = 1 ... M, same g; every step sees a fresh
x ~ N(0, 1_N) and a label with noise of standard deviation sigma.  With Delta = teacher + noise - student,

    w_k += (lr/sqrt N) v_k g'(x_k) Delta x - (wd/N) w_k,      v_k += (lr2/N) g(x_k) Delta - (wd/N) v_k,

time t = steps/N.  As N -> infinity everything follows from Q = w w^T/N, R = w B^T/N, T = B B^T/N, v and A: the fields
x_a = (w_a or B_a).x/sqrt N are Gaussian with covariance C = [[Q, R], [R^T, T]].  With e = (-v, A), a and b over all K + M,
and the averages of `dmft.mathematics.gaussian_integrals`,

    S_in   = sum_a e_a E[g'(x_i) x_n g(x_a)] = sum_a e_a [C_in curvature(i, a) + C_na slopes(i, a)]
    dR_in  = lr v_i S_in - wd R_in
    dQ_ik  = lr (v_i S_ik + v_k S_ki) - 2 wd Q_ik
             + lr^2 v_i v_k [sum_ab e_a e_b four_point(i, k, a, b) + sigma^2 slopes(i, k)]
    dv_i   = lr2 sum_a e_a two_point(i, a) - wd v_i                       if the second layer is trained
    eps_g  = (1/2) sum_ab e_a e_b two_point(a, b)                         against the teacher without noise

Saad & Solla 1995; Goldt, Advani, Saxe, Krzakala & Zdeborova 2019.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from dmft.mathematics import differences
from dmft.mathematics.gaussian_integrals import Averages, averages
from dmft.models.online_sgd.description import DESCRIPTION
from dmft.models.online_sgd.rates import rate, unpacked
from dmft.models.online_sgd.steady_state import SteadyState, steady_state

Array = NDArray[np.float64]
# Part by which overlaps are shortened where derivatives of ReLU are taken.
INSIDE = 1e-7
# Natural logarithms of one over the errors of Jacobians: of those for Newton's method, and of those for eigenvalues.
ROUGH, FINE = 14.0, 24.0
# Rates that take as long as one of the former.
FORMULAS = 6.0
# Errors and lengths count as if they had been this part of natural ones at least.
SMALL = 1e-2


@dataclass(frozen=True)
class OnlineSGD:
    """The equations in the module docstring; the state y is Q (upper triangle), R, and v if it is trained."""

    activation: str
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

    observables = tuple(DESCRIPTION.observables)

    def start(self) -> Array:
        """The state at t = 0."""
        return self.packed(self.Q, self.R, self.v)

    def packed(self, Q: Array, R: Array, v: Array) -> Array:
        """A state, or sizes of its entries, from arrays."""
        overlaps = [Q[np.triu_indices(len(Q))], R.ravel()]
        return np.concatenate([*overlaps, v] if self.train_second_layer else overlaps)

    def rate(self, time: float, y: Array) -> Array:
        """dy/dt, which does not depend on the time."""
        return self._rate(y, self._back_reaction(y))

    def _rate(self, y: Array, back_reaction: Array) -> Array:
        """dy/dt with this sum of four-point functions."""
        C, e = self._fields(y)
        return rate(y, C, e, self._averages.pairs(C, len(self.v)), back_reaction, self._learning)

    def _back_reaction(self, y: Array) -> Array:
        """sum_ab e_a e_b four_point(i, k, a, b) of one state, (K, K)."""
        found = np.empty((len(self.v), len(self.v)))
        self._averages.back_reaction(*self._fields(y), found)
        return found

    @cached_property
    def observable_sizes(self) -> Mapping[str, float]:
        """Parts of the error without a student and of the length of all units: a perfect student has rounding errors only."""
        null = 0.5 * self.A @ self._averages.pairs(self.T, len(self.A))[0] @ self.A
        length = max(float(np.diag(self.Q).mean()), float(np.diag(self.T).mean()))
        return {"generalization_error": SMALL * null, "student_norm": SMALL * length, "norm_along_teachers": SMALL * length}

    @cached_property
    def _averages(self) -> Averages:
        return averages(self.activation)

    @cached_property
    def _learning(self) -> Array:
        return np.array([self.learning_rate, self.second_layer_learning_rate, self.noise, self.weight_decay])

    @cached_property
    def _pseudoinverse(self) -> Array:
        """T^+."""
        return np.asarray(np.linalg.pinv(self.T, hermitian=True), dtype=float)

    def _fields(self, y: Array) -> tuple[Array, Array]:
        """Covariance C of all fields, and e, of one state."""
        return unpacked(np.ascontiguousarray(y), self.v, self.A, self.T)

    def _error(self, y: Array) -> float:
        """eps_g of one state."""
        C, e = self._fields(y)
        return 0.5 * float(e @ self._averages.pairs(C, len(C))[0] @ e)

    def jacobian(self, time: float, y: Array) -> Array:
        """d rate/dy, to the few digits that Newton's method needs where more cost more."""
        return self._jacobian(y, ROUGH)

    def _jacobian(self, y: Array, digits: float) -> Array:
        """d rate/dy by differences, in steps relative to the sizes of the fields; of four-point functions by formulas if
        there are ones, with errors of exp(-digits).

        For ReLU a little inside of the cone of covariances, on the boundary of which rates have kinks.
        """
        K, M = self.R.shape
        found = {name: values[0] for name, values in self.order_parameters(y[:, None]).items()}
        # A smooth g has a scale of its own, to which small fields are small.
        smooth = 0.0 if self.activation == "relu" else 1.0
        students, teachers = (np.sqrt(np.diag(C) + smooth) for C in (found["Q"], self.T))
        size = self.packed(np.outer(students, students), np.outer(students, teachers), np.maximum(np.abs(found["v"]), 1.0))
        if self.activation == "relu":
            keep = 1.0 - INSIDE
            y = y * self.packed(keep + INSIDE * np.eye(K), np.full((K, M), keep), np.ones(K))
        if self._averages.sensitivity is None:
            return differences.jacobian(lambda y: self.rate(0.0, y), y, size)
        held = self._back_reaction(y)
        J = differences.jacobian(lambda y: self._rate(y, held), y, size)
        J[: K * (K + 1) // 2] += self._diffusion_jacobian(*self._fields(y), digits)
        return J

    def _diffusion_jacobian(self, C: Array, e: Array, digits: float) -> Array:
        """Part of d(dQ/dt)/dy from the sum of four-point functions, (K (K + 1)/2, p)."""
        assert self._averages.sensitivity is not None
        K = len(self.v)
        by_covariance, by_weight = self._averages.sensitivity(C, e, K, digits)
        upper = np.triu_indices(K)
        at = by_covariance[upper]
        parts = [at[:, *upper], at[:, :K, K:].reshape(len(at), -1), -by_weight[upper][:, :K]]
        size = (self.learning_rate**2 * np.outer(e, e))[upper]
        return size[:, None] * np.hstack(parts if self.train_second_layer else parts[:2])

    @property
    def jacobian_cost(self) -> float:
        """In evaluations of `rate`."""
        return len(self.start()) if self._averages.sensitivity is None else FORMULAS

    def steady_state(self, y: Array) -> SteadyState | None:
        """A state at rest near y (p,), if there is one."""
        return steady_state(lambda y: self.rate(0.0, y), lambda y: self._jacobian(y, FINE), y)

    def observe(self, y: Array) -> dict[str, Array]:
        """eps_g, tr Q/K and tr R T^+ R^T/K."""
        found, K = self.order_parameters(y), len(self.v)
        return {
            # A mean square: what is below zero is rounding.
            "generalization_error": np.maximum([self._error(state) for state in y.T], 0.0),
            "student_norm": np.einsum("nkk->n", found["Q"]) / K,
            "norm_along_teachers": np.einsum("nkm,ml,nkl->n", found["R"], self._pseudoinverse, found["R"]) / K,
        }

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
