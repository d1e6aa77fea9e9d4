"""Gradient descent in the energy landscape of a spherical mixed p-spin glass.

N spins w with |w|^2 = N; H is a Gaussian function of them with mean zero and covariance N f(q) at overlap q = <w, w'>/N,

    f(q) = sum_p f_p q^p,   so that   H = -sum_p sqrt(f_p/N^(p-1)) sum_{i1...ip} J_{i1...ip} w_i1 ... w_ip

with all J standard normal; p = 1 is a random field.  Zero temperature, random start: dw/dt = -grad H - nu w.  As N -> infinity,

    M = f''(C) R,   D = f'(C),   E(t) = H/N = -int_0^t f'(C) R ds,   nu(t) = int_0^t [f''(C) C + f'(C)] R ds.

One channel, no signal, no residual sector.  With a single p, nu = -p E.  Crisanti, Horner & Sommers 1993; Cugliandolo &
Kurchan 1993.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.polynomial import Polynomial
from numpy.typing import NDArray
from pydantic import Field, field_validator

from dmft.history.history import History
from dmft.mathematics.hermite import power_series
from dmft.models.protocol import Forces, Rows, Start
from dmft.problem.description import RATE, Ageing, Citation, Curve, Description, Found, Pair, Panel, Picture, Quantity
from dmft.problem.parameters import Parameters, register

Array = NDArray[np.float64]

MAX_POWER = 100
# Rates beyond its square root leave no room for products of time steps in floating point.
LARGEST = 1e20

DESCRIPTION = Description(
    title=("$f(q) = {couplings}$",),
    observables={
        "energy": Quantity(RATE, "E(t) = H/N, energy per spin", "energy  $E$"),
        "multiplier": Quantity(RATE, "nu(t), which keeps |w|^2 = N", r"multiplier  $\nu$"),
        "hessian_edge": Quantity(
            RATE, "nu - 2 sqrt(f''(1)), lowest eigenvalue of the Hessian on the sphere", r"Hessian edge  $\nu-2\sqrt{f''(1)}$"
        ),
        "memory_of_start": Quantity("1", "C(t,0), overlap with the initial configuration", "memory of the start  $C(t,0)$"),
    },
    kernels={
        "C": Quantity("1", "<w(t), w(t')>/N, correlation of a spin with itself", "$C(t,t')$"),
        "R": Quantity(RATE, "response density of a spin at t to a force on itself at t'", "$R(t,t')$"),
    },
    summary=("energy", "multiplier"),
    swept=("energy", "multiplier"),
    pictures=(Picture("C"), Picture("R", decades=True)),
    citations=(
        Citation(
            "the dynamics of the spherical p-spin glass",
            """@article{crisanti1993spherical,
  author  = {Crisanti, Andrea and Horner, Heinz and Sommers, Hans-J{\\"u}rgen},
  title   = {The Spherical p-Spin Interaction Spin-Glass Model: The Dynamics},
  journal = {Zeitschrift f{\\"u}r Physik B},
  volume  = {92},
  pages   = {257--271},
  year    = {1993},
  doi     = {10.1007/BF01312184},
}""",
        ),
        Citation(
            "the ageing solution and the threshold energy",
            """@article{cugliandolo1993analytical,
  author  = {Cugliandolo, Leticia F. and Kurchan, Jorge},
  title   = {Analytical Solution of the Off-Equilibrium Dynamics of a Long-Range Spin-Glass Model},
  journal = {Physical Review Letters},
  volume  = {71},
  pages   = {173--176},
  year    = {1993},
  doi     = {10.1103/PhysRevLett.71.173},
}""",
        ),
    ),
)


@register("spherical-pspin")
class SphericalPSpinParameters(Parameters):
    """The `[problem]` table of `model = "spherical-pspin"`."""

    description = DESCRIPTION

    couplings: dict[str, float] = Field(
        description='f_p > 0 of f(q) = sum_p f_p q^p by the power p >= 1: { "3" = 0.5 } is f(q) = q^3/2'
    )

    @field_validator("couplings", mode="before")
    @classmethod
    def _by_power(cls, given: Any) -> dict[str, float]:
        """In order of p, which a Python caller may also give as whole numbers."""
        if not isinstance(given, Mapping) or not given:
            raise ValueError('wanted a table of coefficients by power, such as { "3" = 0.5 }')
        powers = {}
        for key, coefficient in given.items():
            if str(key) not in map(str, range(1, MAX_POWER + 1)):
                raise ValueError(f"power {key!s}: wanted a whole number from 1 to {MAX_POWER}")
            is_number = isinstance(coefficient, int | float) and not isinstance(coefficient, bool)
            if not is_number or not 0 < coefficient <= LARGEST:
                raise ValueError(f"coefficient of power {key}: wanted a number > 0 and <= {LARGEST:g}")
            powers[int(key)] = float(coefficient)
        return {str(p): powers[p] for p in sorted(powers)}

    def covariance(self) -> Polynomial:
        """The function f."""
        f = np.zeros(1 + max(map(int, self.couplings)))
        for p, coefficient in self.couplings.items():
            f[int(p)] = coefficient
        return Polynomial(f)

    @property
    def marginal_multiplier(self) -> float:
        """2 sqrt(f''(1)), half the width of the spectrum of grad grad H: with this nu the landscape is marginal."""
        return 2 * math.sqrt(self.covariance().deriv(2)(1.0))

    @property
    def threshold_energy(self) -> float | None:
        """-2 sqrt(f''(1))/p, at which stationary points are marginal; None unless it follows from a single p >= 2."""
        (p, *others) = map(int, self.couplings)
        return None if others or p == 1 else -self.marginal_multiplier / p

    def build(self) -> SphericalPSpin:
        """The equations of this parameter point."""
        return SphericalPSpin(np.asarray(self.covariance().deriv().coef, dtype=float), self.marginal_multiplier)

    def panels(self) -> tuple[Panel, ...]:
        """What tends to a known limit as the distance from it, beside what does not; ageing."""
        threshold = self.threshold_energy
        if threshold is not None:
            energy = Curve("energy", r"energy above threshold  $E-E_\mathrm{th}$", distance_from=threshold, decades=True)
            return Pair(energy, Curve("multiplier")), Ageing("C")
        edge = Curve("hessian_edge", r"Hessian edge  $|\nu-2\sqrt{f''(1)}|$", distance_from=0.0, decades=True)
        return Pair(Curve("energy"), edge), Ageing("C")

    def findings(self, found: Found) -> dict[str, list[tuple[str, str]]]:
        """Height above the threshold, where there is one."""
        if self.threshold_energy is None:
            return {}
        above = found.observables["energy"][-1] - self.threshold_energy
        return {"threshold": [("energy", f"{self.threshold_energy:.8g}"), ("above it", f"{above:.8g} at the end")]}


@dataclass(frozen=True)
class SphericalPSpin:
    """The equations in the module docstring; `slope` are the coefficients of f'."""

    slope: Array
    marginal_multiplier: float

    norm = "C(t,t)"
    scalars = ()
    own_kernels = {}
    own_values = ()
    observables = tuple(DESCRIPTION.observables)
    response_kernels = ("R",)
    observable_sizes = {}
    channel_weights = np.ones(1)
    channel_sizes = np.ones(1)

    def start(self) -> Start:
        """A random configuration: no energy yet, no signal, no other one-time functions."""
        return Start(C=np.ones(1), overlap=0.0, scalars=np.empty(0))

    def forces(self, history: History, rows: Rows) -> Forces:
        """M = f''(C) R and D = f'(C)."""
        D, second = power_series(self.slope, rows.C)
        nodes = rows.overlap.size
        return Forces(second * rows.R, D, drift=np.zeros(nodes), rates=np.empty((0, nodes)), kernels={}, values={})

    def observe(self, history: History, rows: Rows, forces: Forces, multiplier: Array) -> dict[str, Array]:
        """Observables of the run file; int f'(C) R is a sum, the weights are in R."""
        return {
            "energy": 0.0 - np.einsum("sj,sj->s", forces.D[0], rows.R[0]),
            "multiplier": multiplier,
            "hessian_edge": multiplier - self.marginal_multiplier,
            "memory_of_start": rows.C[0, :, 0],
        }

    def kernels(self, history: History) -> dict[str, Array]:
        """C and R."""
        return {"C": history["C"][0], "R": history["R"][0]}

    def responses(self, history: History) -> dict[str, tuple[Array, Array]]:
        """R(t, t) = 1."""
        return {"R": (history["kick"][0], np.ones(history.n))}
