"""Targets of several orthonormal directions, phi(z) with z = U x in r dimensions, as series of products of Hermite polynomials.

    phi(z) = sum_alpha p_alpha prod_k He_{alpha_k}(z_k)/sqrt(alpha_k!)        over multi-indices alpha, |alpha| = sum_k alpha_k
    Phi(v) = E sigma(<w, x>) phi(z) = sum_alpha s_|alpha| p_alpha sqrt(|alpha|!/prod_k alpha_k!) prod_k v_k^{alpha_k}

at overlaps v_k = <w, u_k>.  A committee is the sum of one function over all directions, phi(z) = sum_k f(z_k).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import factorial, prod, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dmft.mathematics import hermite

Array = NDArray[np.float64]
Index = tuple[int, ...]
# A target of several directions in a problem file: coefficients by multi-index, or a committee.
Table = dict[str, Any]

MAX_DIRECTIONS = 20
WANTED = 'coefficients by multi-index, such as { "1,0" = 0.7, "0,2" = 0.5 }, or { committee = "erf", directions = 2 }'


@dataclass(frozen=True)
class Series:
    """A target as its coefficients p by multi-index, (terms, r) and (terms,), and E[phi^2] of all of it."""

    indices: NDArray[np.int64]
    coefficients: Array
    variance: float

    @property
    def directions(self) -> int:
        """r."""
        return self.indices.shape[1]


def read_target(given: Mapping[Any, Any]) -> Table | tuple[float, ...]:
    """A table of a problem file in its normal form; with a single direction, its list of coefficients.  ValueError if wrong."""
    if "committee" in given or "directions" in given:
        return _committee(given)
    coefficients = {_index(key): _coefficient(key, value) for key, value in given.items()}
    lengths = {len(index) for index in coefficients}
    if len(lengths) != 1 or not 1 <= min(lengths) <= MAX_DIRECTIONS or len(coefficients) < len(given):
        raise ValueError(f"wanted {WANTED}, with one degree for each of 1 to {MAX_DIRECTIONS} directions")
    if lengths == {1}:
        top = max(degree for (degree,) in coefficients)
        return tuple(coefficients.get((degree,), 0.0) for degree in range(top + 1))
    ordered = sorted(coefficients, key=lambda index: (sum(index), tuple(-degree for degree in index)))
    return {",".join(map(str, index)): coefficients[index] for index in ordered}


def _committee(given: Mapping[str, Any]) -> Table:
    if set(given) != {"committee", "directions"}:
        raise ValueError('wanted { committee = "erf", directions = 2 }, a function and the number of directions')
    function, directions = given["committee"], given["directions"]
    if isinstance(directions, bool) or not isinstance(directions, int) or not 1 <= directions <= MAX_DIRECTIONS:
        raise ValueError(f"directions = {directions}: wanted a whole number from 1 to {MAX_DIRECTIONS}")
    if isinstance(function, list | tuple):
        function = tuple(_coefficient("committee", value) for value in function)
    elif not isinstance(function, str):
        raise ValueError("committee: wanted a name, or normalised Hermite coefficients")
    return {"committee": hermite.checked(function), "directions": directions}


def _index(key: Any) -> Index:
    """The degrees in each direction, from "2,0" or from (2, 0)."""
    parts = key.split(",") if isinstance(key, str) else key if isinstance(key, tuple) else (key,)
    try:
        index = tuple(int(part) for part in parts)
    except (TypeError, ValueError):
        raise ValueError(f"index {key!r}: wanted {WANTED}") from None
    if not all(degree >= 0 for degree in index) or sum(index) > hermite.MAX_DEGREE:
        raise ValueError(f"index {key!r}: wanted degrees >= 0, together at most {hermite.MAX_DEGREE}")
    return index


def _coefficient(key: Any, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= hermite.LARGEST:
        raise ValueError(f"coefficient of {key!r}: wanted a finite number, at most {hermite.LARGEST:g}")
    return float(value)


def directions(target: Table) -> int:
    """Number of directions r of a table in normal form."""
    if "committee" in target:
        return int(target["directions"])
    return len(_index(next(iter(target))))


def series(target: Table, degree: int) -> Series:
    """Coefficients up to a total degree of what a table in normal form describes."""
    if "committee" in target:
        return _committee_series(target["committee"], int(target["directions"]), degree)
    known = {_index(key): value for key, value in target.items()}
    kept = {index: value for index, value in known.items() if sum(index) <= degree}
    indices = np.array(list(kept), dtype=np.int64).reshape(-1, directions(target))
    return Series(indices, np.array(list(kept.values())), float(sum(value**2 for value in known.values())))


def _committee_series(function: str | tuple[float, ...], r: int, degree: int) -> Series:
    """f(z_1) + ... + f(z_r) with E = r E[f^2] + r (r-1) E[f]^2."""
    if isinstance(function, str):
        f, power = hermite.series(function, degree), hermite.variance(function)
    else:
        f, power = np.array(function)[: degree + 1], float(np.sum(np.square(function)))
    degrees = np.arange(1, len(f))
    alone = (degrees[:, None, None] * np.eye(r, dtype=np.int64)).reshape(-1, r)
    indices = np.concatenate([np.zeros((1, r), dtype=np.int64), alone])
    return Series(indices, np.append(r * f[0], np.repeat(f[1:], r)), r * power + r * (r - 1) * float(f[0] ** 2))


def evaluate(target: Table, z: Array) -> Array:
    """phi(z) of a table in normal form, z (n, r)."""
    if "committee" in target:
        function = hermite.evaluator(target["committee"])
        return sum((function(z[:, k]) for k in range(z.shape[1])), np.zeros(len(z)))
    found = np.zeros(len(z))
    for key, coefficient in target.items():
        term = np.full(len(z), float(coefficient))
        for k, degree in enumerate(_index(key)):
            term *= hermite.evaluate_series(np.eye(degree + 1)[degree], np.ascontiguousarray(z[:, k]))[0]
        found += term
    return found


def multiplicity(index: Index) -> float:
    """sqrt(|alpha|!/prod_k alpha_k!), the root of the number of orders of the factors of a monomial."""
    return sqrt(factorial(sum(index)) // prod(factorial(degree) for degree in index))


@dataclass(frozen=True)
class Overlap:
    """Phi(v) = sum_t weights_t prod_k v_k^{exponents_tk}: exponents (terms, r), weights (terms,)."""

    exponents: NDArray[np.int64]
    weights: Array

    def __call__(self, v: Array) -> tuple[Array, Array]:
        """Phi (...) and its gradient (..., r) at v (..., r)."""
        powers = v[..., None, :] ** self.exponents
        value = powers.prod(axis=-1) @ self.weights
        gradient = np.empty(v.shape)
        for k in range(v.shape[-1]):
            others = np.delete(powers, k, axis=-1).prod(axis=-1)
            slope = self.exponents[:, k] * v[..., None, k] ** np.maximum(self.exponents[:, k] - 1, 0)
            gradient[..., k] = (others * slope) @ self.weights
        return value, gradient


def overlap(activation: Array, target: Series) -> Overlap:
    """Phi of an activation with coefficients s_k and a target; degrees beyond the activation's do not overlap with it."""
    degrees = target.indices.sum(axis=1)
    counts = np.array([multiplicity(tuple(map(int, index))) for index in target.indices])
    s = np.zeros(max(len(activation), int(degrees.max(initial=0)) + 1))
    s[: len(activation)] = activation
    weights = s[degrees] * target.coefficients * counts
    kept = weights != 0
    return Overlap(target.indices[kept], weights[kept])
