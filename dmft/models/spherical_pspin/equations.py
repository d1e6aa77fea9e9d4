"""Gradient descent in the energy landscape of a spherical mixed p-spin glass.

N spins w with |w|^2 = N; H is a Gaussian function of them with mean zero and covariance N f(q) at overlap q = <w, w'>/N,

    f(q) = sum_p f_p q^p,   so that   H = -sum_p sqrt(f_p/N^(p-1)) sum_{i1...ip} J_{i1...ip} w_i1 ... w_ip

with all J standard normal; p = 1 is a random field.  Zero temperature, random start: dw/dt = -grad H - nu w.  As N -> infinity,

    M = f''(C) R,   D = f'(C),   E(t) = H/N = -int_0^t f'(C) R ds,   nu(t) = int_0^t [f''(C) C + f'(C)] R ds.

One channel, no signal, no residual sector.  With a single p, nu = -p E.  Crisanti, Horner & Sommers 1993; Cugliandolo &
Kurchan 1993.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dmft.history.history import History
from dmft.mathematics.hermite import power_series
from dmft.models.protocol import Channels, Forces, Rows, Start
from dmft.models.spherical_pspin.description import DESCRIPTION

Array = NDArray[np.float64]


@dataclass(frozen=True)
class SphericalPSpin:
    """The equations in the module docstring; `slope` are the coefficients of f'."""

    slope: Array
    marginal_multiplier: float

    channels = (Channels(weights=np.ones((1, 1)), sizes=np.ones((1, 1))),)
    # There is no signal: this overlap stays zero, and is there for run files of earlier versions, which hold it.
    directions = 1
    constraints = ("C(t,t)",)
    scalars = ()
    fields = ()
    observables = DESCRIPTION.observable_fields({})
    response_kernels = ("R",)
    observable_sizes = {}
    kinks = frozenset()
    energy = "energy"

    def start(self) -> Start:
        """A random configuration: no energy yet, no signal, no other one-time functions."""
        return Start(C=(np.ones((1, 1, 1)),), overlap=np.zeros((1, 1)), scalars=np.empty(0))

    def forces(self, history: History, rows: Rows, known: Mapping[str, Array] | None = None) -> Forces:
        """M = f''(C) R and D = f'(C); no own kernels."""
        D, second = power_series(self.slope, rows.C[0])
        no_drift = np.zeros(rows.overlap.shape)
        return Forces((second * rows.R[0],), (D,), no_drift, rates=np.empty((0, no_drift.size)), kernels={}, values={})

    def observe(self, history: History, rows: Rows, forces: Forces, multiplier: Array) -> dict[str, Array]:
        """Observables of the run file; int f'(C) R is a sum, the weights are in R."""
        return {
            "energy": 0.0 - np.einsum("sj,sj->s", forces.D[0][0], rows.R[0][0]),
            "multiplier": multiplier[:, 0],
            "hessian_edge": multiplier[:, 0] - self.marginal_multiplier,
            "memory_of_start": rows.C[0][0, :, 0],
        }

    def kernels(self, history: History) -> dict[str, Array]:
        """C and R."""
        return {"C": history["C"][0], "R": history["R"][0]}

    def responses(self, history: History) -> dict[str, tuple[Array, Array]]:
        """R(t, t) = 1."""
        return {"R": (history["kick"][0], np.ones(history.n))}
