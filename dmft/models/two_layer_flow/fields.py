"""Random fields g_mu(w) on the sphere: the preactivated neurons of a network, and the Gaussian fields of the theory.

Either kind maps weights w_i, rows of W (m, d), to values g_mu(w_i), (m, n), and says how they move with W.

A network has g_mu(w) = sigma(<w, x_mu>) with x_mu standard normal, and labels y_mu = phi(<u, x_mu>) + tau eps_mu.

Gaussian fields have g_mu(w) = s_0 + sum_k s_k <T_mu^k, w^(x k)> with symmetric Gaussian tensors T_mu^k of degree k, such that

    E <T^k, w^(x k)> <T^k, w'^(x k)> = <w, w'>^k,     E g_mu(w) g_mu(w') = h(<w, w'>).

On the basis of the distinct monomials of w, each times the root of the number of its orders, w^(x k) is a vector q_k(w) with
q_k(w) . q_k(w') = <w, w'>^k, and T^k a vector of independent standard normal numbers.  The label is the same series of the
target, with the same tensors: y_mu = p_0 + sum_k p_k <T_mu^k, u^(x k)> + noise, so that E g_mu(w) y_mu = phat(<w, u>).  With
several directions, p_alpha times the component of T^|alpha| for the monomial alpha takes the place of p_k <T^k, u^(x k)>.

The signal directions are the first unit vectors, whose monomials are made of the first variables alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from dmft.compiled import njit

Array = NDArray[np.float64]

Pull = Callable[[Array], Array]
# Values and slopes of a function of one variable.
Activation = Callable[[Array], tuple[Array, Array]]


class Fields(Protocol):
    """Fields of n samples."""

    def __call__(self, W: Array) -> tuple[Array, Pull]:
        """Values g_mu(w_i), (m, n), and the function that takes weights c (m, n) to sum_mu c_i,mu grad g_mu(w_i), (m, d).

        That function may be called once.
        """
        ...


@dataclass(frozen=True)
class NetworkFields:
    """sigma(<w, x_mu>): samples (n, d), and the activation as a function that returns its values and slopes."""

    samples: Array
    activation: Activation

    def __call__(self, W: Array) -> tuple[Array, Pull]:
        """See Fields."""
        values, slopes = self.activation(W @ self.samples.T)

        def pull(weights: Array) -> Array:
            return np.multiply(slopes, weights, out=slopes) @ self.samples

        return values, pull


@dataclass(frozen=True)
class GaussianFields:
    """s_0 + sum_k design_k . monomials of degree k; design_k (n, D_k) holds s_k T^k and the roots, or None for s_k = 0."""

    constant: float
    designs: Sequence[Array | None]

    def __call__(self, W: Array) -> tuple[Array, Pull]:
        """See Fields."""
        monomials = [W]
        for k in range(2, len(self.designs) + 1):
            monomials.append(raised(monomials[-1], W, counts(W.shape[1], k)))
        values = np.array(self.constant)
        for design, powers in zip(self.designs, monomials, strict=True):
            if design is not None:
                values = values + powers @ design.T

        def pull(weights: Array) -> Array:
            """From the highest degree down, each adds to the gradient and to what is pulled on the degree below."""
            gradient, above = np.zeros_like(W), None
            for k in range(len(self.designs), 1, -1):
                design, below = self.designs[k - 1], monomials[k - 2]
                pulled = weights @ design if design is not None else np.zeros_like(monomials[k - 1])
                if above is not None:
                    pulled += above
                above = np.zeros_like(below)
                lowered(pulled, below, W, counts(W.shape[1], k), above, gradient)
            if above is not None:
                gradient += above
            first = self.designs[0]
            return gradient if first is None else gradient + weights @ first

        return values, pull


def monomials(dim: int, degree: int) -> int:
    """Number of distinct monomials."""
    return math.comb(dim + degree - 1, degree)


def gaussian_fields(
    random: np.random.Generator, samples: int, dim: int, activation: Array, indices: NDArray[np.int64], target: Array
) -> tuple[GaussianFields, Array]:
    """Fields with coefficients s_k, and the part of the labels that the same tensors make with coefficients p_alpha, (n,).

    indices, target: the multi-indices alpha (terms, r) and p_alpha (terms,).  Degrees with s_k = 0 have no tensor, and no part
    in the labels.
    """
    degrees = indices.sum(axis=1)
    labels = np.full(samples, target[degrees == 0].sum())
    designs: list[Array | None] = []
    for k in range(1, len(activation)):
        if activation[k] == 0:
            designs.append(None)
            continue
        design = random.standard_normal((samples, monomials(dim, k)))
        for index, coefficient in zip(indices[degrees == k], target[degrees == k], strict=True):
            labels += coefficient * design[:, place(tuple(index))]
        design *= activation[k] * np.sqrt(orders(dim, k))
        designs.append(design)
    return GaussianFields(float(activation[0]), designs), labels


def place(exponents: tuple[int, ...]) -> int:
    """Place of a monomial in the first variables among those of its degree, in the order in which `raised` makes them."""
    degree = sum(exponents)
    if degree == 0:
        return 0
    last = max(j for j, exponent in enumerate(exponents) if exponent)
    lower = tuple(exponent - (j == last) for j, exponent in enumerate(exponents))
    # Before it stand the monomials in the variables before the last one, times each of these.
    return (monomials(last, degree) if last else 0) + place(lower)


@cache
def counts(dim: int, degree: int) -> NDArray[np.int64]:
    """For each variable j: the number of monomials of one degree less in the variables up to j."""
    return np.array([monomials(j + 1, degree - 1) for j in range(dim)])


def orders(dim: int, degree: int) -> Array:
    """In how many orders the factors of each monomial can be written: its multinomial coefficient.

    A further factor w_j, which then stands e times in the product, multiplies it by degree/e.
    """
    number, repeats = np.ones(dim), np.ones(dim)
    for k in range(2, degree + 1):
        blocks, exponents, before = [], [], 0
        for count in counts(dim, k):
            # Monomials are in the order of their last variable: those from `before` on contain this one.
            exponent = np.ones(count)
            exponent[before:] += repeats[before:count]
            blocks.append(number[:count] * k / exponent)
            exponents.append(exponent)
            before = count
        number, repeats = np.concatenate(blocks), np.concatenate(exponents)
    return number


@njit
def raised(lower, W, counts):
    """Monomials of one degree more, (m, D): for each variable j, those in the variables up to j, times w_j."""
    m, d = W.shape
    upper = np.empty((m, counts.sum()))
    for i in range(m):
        first = 0
        for j in range(d):
            for k in range(counts[j]):
                upper[i, first + k] = lower[i, k] * W[i, j]
            first += counts[j]
    return upper


@njit
def lowered(pulled, lower, W, counts, pulled_lower, gradient):
    """Add to `pulled_lower` and `gradient` what `pulled`, on the monomials that `raised` makes, is on its arguments."""
    m, d = W.shape
    for i in range(m):
        first = 0
        for j in range(d):
            slope = 0.0
            for k in range(counts[j]):
                slope += pulled[i, first + k] * lower[i, k]
                pulled_lower[i, k] += pulled[i, first + k] * W[i, j]
            gradient[i, j] += slope
            first += counts[j]
