"""Averages of products of activations and their derivatives over jointly Gaussian fields x_1, x_2, ... with covariance C:

    two_point(i, k)            E g(x_i) g(x_k)
    slopes(i, k)               E g'(x_i) g'(x_k)
    curvature(i, k)            E g''(x_i) g(x_k)
    four_point(i, k, a, b)     E g'(x_i) g'(x_k) g(x_a) g(x_b)

Indices may repeat and C may be singular.  By Stein's lemma the first two derivatives give what has a bare field in it too,

    E g'(x_i) x_n g(x_a) = C_in curvature(i, a) + C_na slopes(i, a).

`back_reaction` sums four-point functions, once for each set of fields; `sensitivity` has its derivatives.  One file for each
activation with closed forms, some for all others; all of it is compiled.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dmft.mathematics.gaussian_integrals import erf, linear, quadrature, relu, sensitivity
from dmft.mathematics.gaussian_integrals.activations import NUMBERS

Array = NDArray[np.float64]

CLOSED_FORMS = {"erf": erf, "relu": relu, "linear": linear}
ACTIVATIONS = tuple(NUMBERS)


class Averages(NamedTuple):
    """Averages of one activation.

    pairs: of C and the number K of students, (3, K, n): two_point, slopes and curvature of each with all n fields.
    back_reaction: of C, e and an array (K, K), which becomes sum_ab e_a e_b four_point(i, k, a, b).
    sensitivity: of C, e, K and the natural logarithm of one over the error that may be left, derivatives of that array by
    C_jm = C_mj, (K, K, n, n), and by e, (K, K, n); where they cost less than differences.
    """

    pairs: Callable[[Array, int], Array]
    back_reaction: Callable[[Array, Array, Array], None]
    sensitivity: Callable[[Array, Array, int, float], tuple[Array, Array]] | None = None


def averages(activation: str) -> Averages:
    """Those of one of ACTIVATIONS; each is compiled when it is first used."""
    if activation in CLOSED_FORMS:
        module = CLOSED_FORMS[activation]
        return Averages(module.pairs, module.back_reaction, getattr(module, "sensitivity", None))
    number = NUMBERS[activation]
    return Averages(
        partial(quadrature.pairs, number),
        partial(quadrature.back_reaction, number),
        partial(sensitivity.sensitivity, number),
    )
