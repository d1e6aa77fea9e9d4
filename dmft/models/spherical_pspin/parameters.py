"""`[problem]` of this theory: keys, checks, and the equations built from them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.polynomial import Polynomial
from pydantic import Field, field_validator

from dmft.models.spherical_pspin.description import DESCRIPTION
from dmft.problem.description import Ageing, Curve, Found, Pair, Panel
from dmft.problem.parameters import Parameters

if TYPE_CHECKING:
    from dmft.models.spherical_pspin.equations import SphericalPSpin

MAX_POWER = 100
# Rates beyond its square root leave no room for products of time steps in floating point.
LARGEST = 1e20


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
        from dmft.models.spherical_pspin.equations import SphericalPSpin

        return SphericalPSpin(np.asarray(self.covariance().deriv().coef, dtype=float), self.marginal_multiplier)

    def panels(self) -> tuple[Panel, ...]:
        """Quantities with a known limit, as the distance from it, beside those without; ageing."""
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
