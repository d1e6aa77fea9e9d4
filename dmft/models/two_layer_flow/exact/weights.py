"""Gradient descent of the weights: correlations, responses and overlaps of the next step from those of the steps before.

With the force F_k = sum_j M_kj w_j + b_k u + zeta_k, <zeta zeta> = D, a step of learning rate eta with momentum beta is

    G = F_k - lambda w_k,     p_{k+1} = beta p_k + G,     w_{k+1} = (w_k + eta q)/z
    q = p_{k+1}, or G + beta p_{k+1} with Nesterov's momentum

On the sphere lambda = <w_k, F_k> and z = |w_k + eta q|; free weights have z = 1, and lambda is the weight decay.  Every vector
X on the right has <X, w_j>, dX/dzeta_j and <X, u>, which are linear in X, and the force has with each of them the product

    <F_k, X> = sum_j M_kj <w_j, X> + sum_j D_kj dX/dzeta_j + b_k <u, X>

so that all of w_{k+1} and p_{k+1} follow.  Two-time functions are matrices over (step, neuron), in this order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dmft.models.two_layer_flow.exact.kinds import Kinds

Array = NDArray[np.float64]


class Force(NamedTuple):
    """Forces at step k: M, D (m, (k+1) m); b (m, r); da/dt (m,)."""

    M: Array
    D: Array
    drift: Array
    rates: Array


@dataclass(frozen=True)
class Rule:
    """The step that a force makes; see the module docstring."""

    learning_rate: float
    momentum: float = 0.0
    nesterov: bool = False
    sphere: bool = True
    weight_decay: float = 0.0

    @property
    def gains(self) -> tuple[float, float]:
        """Motion of w by G and by p_k, over eta."""
        beta = self.momentum
        return (1 + beta, beta**2) if self.nesterov else (1.0, beta)


class Vectors(NamedTuple):
    """m vectors X: <X, w_j> and dX/dzeta_j (m, n m), <X, u> (m, r)."""

    C: Array
    R: Array
    v: Array


class Weights:
    """All steps so far: C, R (n m, n m); v (n m, r); a (n, m); and the momentum of the last step."""

    def __init__(self, C: Array, v: Array, a: Array, kinds: Kinds, capacity: int) -> None:
        m, r = v.shape
        self.m, self.n, self.kinds = m, 1, kinds
        self._C, self._R = np.zeros((2, capacity * m, capacity * m))
        self._v, self._a = np.zeros((capacity * m, r)), np.zeros((capacity, m))
        self._C[:m, :m], self._v[:m], self._a[0] = C, v, a
        self.momentum = Vectors(np.zeros((m, m)), np.zeros((m, m)), np.zeros((m, r)))
        self.momentum_products = np.zeros((m, m))
        self.momentum_of_a = np.zeros(m)

    @property
    def C(self) -> Array:
        """Correlations, (n m, n m)."""
        return self._C[: self.n * self.m, : self.n * self.m]

    @property
    def R(self) -> Array:
        """Responses dw_k/dzeta_j, (n m, n m)."""
        return self._R[: self.n * self.m, : self.n * self.m]

    @property
    def v(self) -> Array:
        """Overlaps with the target directions, (n m, r)."""
        return self._v[: self.n * self.m]

    @property
    def a(self) -> Array:
        """Second layer, (n, m)."""
        return self._a[: self.n]

    def last(self, k: int | None = None) -> slice:
        """Rows of a step, by default the last one."""
        k = self.n - 1 if k is None else k
        return slice(k * self.m, (k + 1) * self.m)

    def advance(self, force: Force, rule: Rule) -> None:
        """Make one step."""
        w, p, F = Vectors(self.C[self.last()], self.R[self.last()], self.v[self.last()]), self.momentum, self._forced(force)
        products = self._products(force, w, p, F)
        decay = np.diagonal(F.C[:, self.last()]) if rule.sphere else np.full(self.m, rule.weight_decay)
        eta, (by_force, by_momentum), one = rule.learning_rate, rule.gains, np.ones(self.m)
        of_w = np.array([1 - eta * by_force * decay, eta * by_momentum * one, eta * by_force * one])
        of_p = np.array([-decay, rule.momentum * one, one])
        square = _bilinear(of_w, products, of_w)
        if rule.sphere:
            length = np.sqrt(np.diagonal(square))
            of_w, square = of_w / length, square / np.multiply.outer(length, length)
        self.momentum_products, across = self._alike(_bilinear(of_p, products, of_p)), _bilinear(of_p, products, of_w)
        new, moved = _combined(of_w, (w, p, F)), _combined(of_p, (w, p, F))
        C, R = np.hstack([moved.C, across]), np.pad(moved.R, ((0, 0), (0, self.m)))
        self.momentum = Vectors(self._alike(C), self._alike(R), moved.v[self.kinds.first][self.kinds.of])
        self._append(new, square, self._moved_second_layer(force, rule))

    def _alike(self, rows: Array) -> Array:
        """Rows without what rounding makes different for neurons that are alike."""
        return self.kinds.rows_of(self.kinds.entries_of(rows))

    def _forced(self, force: Force) -> Vectors:
        """The force as vectors."""
        R = force.M @ self.R
        R[:, self.last()] += np.eye(self.m)
        C = force.M @ self.C + force.D @ self.R.T + force.drift @ self.v.T
        return Vectors(C, R, force.M @ self.v + force.drift)

    def _products(self, force: Force, w: Vectors, p: Vectors, F: Vectors) -> Array:
        """<X_i, Y_j> of X, Y = w, p, F, (3, 3, m, m)."""
        found = np.empty((3, 3, self.m, self.m))
        found[0, 0], found[1, 0] = w.C[:, self.last()], p.C[:, self.last()]
        found[1, 1] = self.momentum_products
        for k, X in enumerate((w, p, F)):
            found[2, k] = force.M @ X.C.T + force.D @ X.R.T + force.drift @ X.v.T
        for i, j in ((0, 1), (0, 2), (1, 2)):
            found[i, j] = found[j, i].T
        return found

    def _moved_second_layer(self, force: Force, rule: Rule) -> Array:
        by_force, by_momentum = rule.gains
        change = by_force * force.rates + by_momentum * self.momentum_of_a
        self.momentum_of_a = rule.momentum * self.momentum_of_a + force.rates
        return self.a[-1] + rule.learning_rate * change

    def _append(self, new: Vectors, square: Array, a: Array) -> None:
        known = slice(0, self.n * self.m)
        self.n += 1
        last = self.last()
        C, first, of = self._alike(new.C), self.kinds.first, self.kinds.of
        self._C[last, known], self._C[known, last] = C, C.T
        self._C[last, last] = self._alike((square + square.T) / 2)
        self._R[last, known], self._v[last], self._a[self.n - 1] = self._alike(new.R), new.v[first][of], a[first][of]


def _bilinear(left: Array, products: Array, right: Array) -> Array:
    """<sum_X left_X,i X_i, sum_Y right_Y,j Y_j>, (m, m)."""
    return np.einsum("xi,xyij,yj->ij", left, products, right)


def _combined(factors: Array, vectors: tuple[Vectors, ...]) -> Vectors:
    """sum_X factors_X,i X_i."""

    def total(parts: tuple[Array, ...]) -> Array:
        return np.sum([factor[:, None] * part for factor, part in zip(factors, parts, strict=True)], axis=0)

    C, R, v = zip(*vectors, strict=True)
    return Vectors(total(C), total(R), total(v))
