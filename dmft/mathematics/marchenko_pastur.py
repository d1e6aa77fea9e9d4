"""Integrals over the Marchenko-Pastur law of U^T U/N, for U a K x N matrix of standard normal numbers, K = ratio N -> infinity.

With s = 1 + ratio - 2 sqrt(ratio) cos(theta), 0 < theta < pi, the continuous part has the density
(2 ratio/pi) sin^2(theta)/s in theta and the mass min(1, ratio); the rest, 1 - ratio if that is positive, sits at s = 0.
The density is smooth but for poles that approach theta = 0 as ratio -> 1, where s itself reaches zero: Gauss-Legendre panels
that shrink by halves towards theta = 0 resolve every scale of s down to 1e-10 ratio.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

PANELS, NODES = 20, 12


def quadrature(ratio: float) -> tuple[Array, Array]:
    """Nodes s > 0 and weights of the continuous part, (n,) each; n does not depend on the ratio."""
    x, w = np.polynomial.legendre.leggauss(NODES)
    edges = np.append(np.pi * 0.5 ** np.arange(PANELS), 0.0)
    widths = edges[:-1] - edges[1:]
    theta = (edges[1:, None] + widths[:, None] * (x + 1) / 2).ravel()
    root = np.sqrt(ratio)
    s = ((1 - ratio) / (1 + root)) ** 2 + 4 * root * np.sin(theta / 2) ** 2
    weights = (widths[:, None] * w / 2).ravel() * (2 * ratio / np.pi) * np.sin(theta) ** 2 / s
    return s, weights
