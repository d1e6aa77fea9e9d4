"""Mean responses that agree with the correlations of forces and fields, as far as these know better.

For Gaussian fields of covariance C Stein's identity is E[g xi^T] = E[T] C with T = dg/dxi.  Over P samples the two sides
differ, and with them the rates at which the energy falls by the samples and by the weights: along directions that cost little
energy a set of samples drifts, or runs away while its training error rises.  The mean

    T' = T + (E[g xi^T] - T C)(C + tau)^(-1)

is E[g xi^T] C^(-1) along directions of fields that have far more variance than tau, and T along those that have far less, where
the former has no digits.  tau is the largest variance at one time: fields of many times go along together.  T' is linear in
both means, and is as little biased as they are.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class Past:
    """Forces g and fields xi of one block of coordinates on n nodes, (n G, numbers), and the covariance C of the fields.

    Coordinates of a group that are alike are numbers beside each other.
    """

    def __init__(self, groups: int) -> None:
        self.g, self._xi, self._C, self._groups = *np.empty((2, 0, 0)), np.empty((0, 0)), groups

    def keep(self, g: Array, xi: Array | None) -> None:
        """Add nodes; without their fields if no mean over later ones is going to be asked for."""
        if xi is not None:
            self._C, self._xi = self._whole(xi), np.concatenate([self._xi, xi]) if len(self._xi) else xi
        self.g = np.concatenate([self.g, g]) if len(self.g) else g

    def noise(self, g: Array) -> Array:
        """E[g g^T] of new nodes with all, (s, G, N, G)."""
        return self._means(g, self.g, g)

    def responses(self, T: Array, g: Array, xi: Array) -> Array:
        """T' of the module docstring on new nodes, (s, G, N, G) as T."""
        whole = self._whole(xi)
        variances = np.diagonal(whole).reshape(-1, self._groups).max(axis=0)
        missing = self._means(g, self._xi, xi).reshape(len(g), -1) - T.reshape(len(g), -1) @ whole
        tau = np.tile(variances, len(whole) // self._groups)
        return T + np.linalg.solve(whole + np.diag(tau), missing.T).T.reshape(T.shape)

    def _means(self, g: Array, known: Array, new: Array) -> Array:
        """Means of products of forces with what is known and new."""
        found = g @ new.T
        if len(known):
            found = np.hstack([g @ known.T, found])
        return (found / g.shape[1]).reshape(len(g) // self._groups, self._groups, -1, self._groups)

    def _whole(self, xi: Array) -> Array:
        """The covariance that the fields of all nodes have over the samples, (N G, N G): what is linear in them stays exact."""
        rows = self._means(xi, self._xi, xi).reshape(len(xi), -1)
        n = rows.shape[1] - len(rows)
        own = (rows[:, n:] + rows[:, n:].T) / 2
        return np.block([[self._C, rows[:, :n].T], [rows[:, :n], own]]) if n else own
