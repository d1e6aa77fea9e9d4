"""Hinge loss of fresh examples: of a linear f in closed form, of a network by what is left.

As relu(u) = (u + |u|)/2, a network is f(x) = D.x + e(x) with an even part e,

    D = (1/2M) sum_i a_i w_i,     e(x) = (1/2M) sum_i a_i |w_i.x|.

Its loss is that of D.x, in closed form, and the mean over fresh pairs x, -x of what e changes; terms of first order in e cancel
there.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, owens_t

Array = NDArray[np.float64]

# Pairs whose fields are made at once: few enough for the cache of a processor.
ROWS = 50


def parts(D: Array) -> tuple[Array, Array]:
    """Component along x_1 and norm of the others, (n,) each, of vectors (n, N)."""
    return D[:, 0], np.linalg.norm(D[:, 1:], axis=1)


def fresh_loss(laziness: float, threshold: float, along: Array, across: Array) -> Array:
    """(1/alpha^2) E max(0, h - alpha y D.x) for D of these parts along x_1 and across it, (n,) each.

    kappa = y D.x/|D| has the density 2 phi(kappa) Phi(a kappa), a = along/across; its distribution function is
    Phi(c) - 2 T(c, a), with T of Owen.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        size = np.hypot(along, across)
        c, a = threshold / (laziness * size), along / across
        below = ndtr(c) - 2 * owens_t(c, a)
        mean = np.sqrt(2 / np.pi) * (along / size * ndtr(c * size / across) - np.exp(-(c**2) / 2) * ndtr(a * c))
        loss = threshold * below - laziness * size * mean
    return np.where(size > 0, loss, threshold) / laziness**2


class EvenPart(NamedTuple):
    """Change of the loss and of the fraction misclassified by the even part of a network."""

    loss: float
    misclassified: float


def even_part(laziness: float, threshold: float, a: Array, w: Array, x: Array) -> EvenPart:
    """Mean over pairs x, -x, of which x (n, N) is given."""
    D, y = a @ w / (2 * len(a)), np.sign(x[:, 0])
    odd = y * (x @ D)
    even = y * np.concatenate([np.abs(rows @ w.T) @ a for rows in np.split(x, range(ROWS, len(x), ROWS))]) / (2 * len(a))
    pair = np.array([odd + even, odd - even])
    lost = np.maximum(threshold - laziness * pair, 0.0).mean(axis=0) - np.maximum(threshold - laziness * odd, 0.0)
    wrong = (pair < 0).mean(axis=0) - (odd < 0)
    return EvenPart(float(lost.mean()) / laziness**2, float(wrong.mean()))
