"""Matrices over neurons that start in groups, by channels whose products are products of numbers or of G x G blocks.

Such a matrix is X_ij = X^-_k delta_ij + X^o_kl for neurons i, j of the groups k, l of m_k, m_l neurons.  With e_k = 1/m_k the
channels carry X^-_k for each group of several neurons, and, regular for m -> infinity at fixed fractions,

    K_kl = e_k C^-_k delta_kl + C^o_kl  (D alike),      R_kl = R^-_k delta_kl + m_l R^o_kl  (M alike),

so that C_d,k = K_kk + (1 - e_k) C^-_k and R_d,k = e_k R_kk + (1 - e_k) R^-_k.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from dmft.history.history import History
from dmft.models.protocol import Channels

Array = NDArray[np.float64]

MINUS = "_minus"


@dataclass(frozen=True, eq=False)
class Blocks:
    """Groups of neurons with f_k = m_k/m as `fractions` and e_k = 1/m_k as `inverse_numbers`, (G,) both."""

    fractions: Array
    inverse_numbers: Array

    @property
    def number(self) -> int:
        """G."""
        return len(self.fractions)

    @cached_property
    def minus(self) -> NDArray[np.int64]:
        """The channel X^- of each group, -1 for a group of one neuron, (G,)."""
        several = self.inverse_numbers < 1.0
        return np.where(several, np.cumsum(several) - 1, -1)

    @cached_property
    def constraints(self) -> tuple[str, ...]:
        """The norm of a neuron of each group."""
        return tuple(f"C_d[{k}](t,t)" for k in range(self.number))

    @cached_property
    def channels(self) -> tuple[Channels, ...]:
        """K, and C^- of each group of several neurons."""
        G, e = self.number, self.inverse_numbers
        several = np.flatnonzero(self.minus >= 0)
        together = Channels(np.ones((1, G)), e[None], np.arange(G)[None], shares=self.fractions[None])
        if several.size == 0:
            return (together,)
        shares = self.fractions[several, None]
        alone = Channels(1.0 - e[several, None], np.ones((several.size, 1)), several[:, None], MINUS, shares)
        return together, alone

    def neurons(self, K: Array, minus: Array) -> tuple[Array, Array]:
        """X_d (..., G) and X^o (..., G, G) from a block (..., G, G) and X^- of each group (G, ...), both of C's scaling."""
        e, axis = self.inverse_numbers, np.arange(self.number)
        apart = np.where(self.minus >= 0, np.moveaxis(minus[self.minus], 0, -1) if len(minus) else 0.0, 0.0)
        same, other = K[..., axis, axis] + (1.0 - e) * apart, K.copy()
        other[..., axis, axis] -= e * apart
        return same, other

    def responses(self, R: Array, minus: Array) -> tuple[Array, Array]:
        """R_d (..., G) and r_kl = m_l R^o_kl (..., G, G), as `neurons`."""
        e, axis = self.inverse_numbers, np.arange(self.number)
        diagonal = R[..., axis, axis]
        apart = np.where(self.minus >= 0, np.moveaxis(minus[self.minus], 0, -1) if len(minus) else 0.0, diagonal)
        other = R.copy()
        other[..., axis, axis] -= apart
        return e * diagonal + (1.0 - e) * apart, other

    def arrays(self, history: History, name: str) -> tuple[Array, Array]:
        """The block of C or R (n, n', G, G), or of kick (n, G, G), and X^- (channels, n, n') or (channels, n)."""
        n, G = history.n, self.number
        if name == "kick":
            block = history[name].reshape(n, G, G)
        else:
            block = history[name].reshape(n, G, n, G).transpose(0, 2, 1, 3)
        return block, history[name + MINUS] if len(self.channels) > 1 else np.empty((0, *block.shape[:-2]))
