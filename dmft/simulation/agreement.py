"""Verdicts on theory against simulation: what differs, what agrees and within how much, what could not have been seen.

At each time an observable has the theory's value T, a measured deviation c with its standard error s and degrees of freedom,
and an allowance A for the errors of integration.  |c| counts as far as it exceeds A.  All times of all observables are one
family of N comparisons:

* a deviation is *significant* by Holm's procedure at the family-wise level p;
* the smallest significant deviation is A + s t(p/N), with t(q) the two-sided quantile of Student's law;
* with probability 1 - p all true deviations together are within |c| + A + s t(p/N).

Relative deviations are pointwise, over |T| at the same time.  Where T changes sign they are over the largest of |T| there and
at the two neighbouring times, and never over less than FLOOR of the largest |T|, as for the tolerance.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from dmft.engines.step_control import FLOOR
from dmft.mathematics.significance import critical, holm, normal_deviation, tail_probability

Array = NDArray[np.float64]

# Family-wise probability that anything is called significant by chance.
LEVEL = 0.01
# An observable agrees where a relative deviation larger than this is excluded at every time.
WITHIN = 0.1


@dataclass(frozen=True)
class Agreement:
    """One observable of the theory beside that of simulations, as arrays over common times.

    theory, deviation, error, degrees, allowed: T, c, s, degrees of freedom of s, A.
    """

    time: Array
    theory: Array
    deviation: Array
    error: Array
    degrees: Array
    allowed: Array

    @property
    def excess(self) -> Array:
        """The part of the deviation that the errors of integration do not explain, signed."""
        return np.sign(self.deviation) * np.maximum(np.abs(self.deviation) - self.allowed, 0.0)

    @property
    def z(self) -> Array:
        """Excess in standard errors of a normal law, signed."""
        return normal_deviation(self.excess, self.error, self.degrees)

    @property
    def probability(self) -> Array:
        """Probability of a larger excess by chance in a single comparison."""
        return tail_probability(self.excess, self.error, self.degrees)

    @property
    def worst(self) -> int:
        """Index of the time with the largest |z|."""
        return int(np.argmax(np.abs(self.z)))

    @property
    def rms(self) -> float:
        """Root mean square of z over the times at which there is anything to compare."""
        compared = self.error > 0
        return float(np.sqrt(np.mean(self.z[compared] ** 2))) if compared.any() else 0.0

    @property
    def size(self) -> Array:
        """The value that relative deviations are relative to; zero where the theory is zero at all times."""
        value = np.abs(self.theory)
        padded = np.pad(self.theory, 1, mode="edge")
        around = np.array([padded[:-2], self.theory, padded[2:]])
        crossing = around.min(axis=0) * around.max(axis=0) < 0
        local = np.where(crossing, np.abs(around).max(axis=0), value)
        return np.maximum(local, FLOOR * value.max())

    def relative(self, deviation: Array) -> Array:
        """A deviation over the size of the theory at each time; infinite where something is compared with zero."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(deviation == 0, 0.0, deviation / self.size)

    def detectable(self, level: float) -> Array:
        """Smallest deviation that is significant at this level of a single comparison."""
        with np.errstate(invalid="ignore"):
            return self.allowed + np.where(self.error > 0, critical(level, self.degrees) * self.error, 0.0)

    def bound(self, level: float) -> Array:
        """The true deviation is smaller than this, up to this probability."""
        return np.abs(self.deviation) + self.detectable(level)


class Finding(Enum):
    """The verdict on one observable."""

    DIFFERS = "differs"
    AGREES = "agrees"
    OPEN = "not distinguishable"


@dataclass(frozen=True)
class Verdict:
    """The verdict on one observable and the numbers behind it.

    bound: the largest relative deviation that is not excluded at some time, and `at`, the index of that time.
    seen: number of times at which a deviation of `Comparison.within` would be significant.
    """

    finding: Finding
    bound: float
    at: int
    seen: int


@dataclass(frozen=True)
class Comparison:
    """Every observable that both have, by name, in simulations of these dimensions and numbers of seeds.

    level: family-wise probability that chance alone makes anything significant.
    within: relative deviation that is to be excluded where an observable is said to agree.
    """

    observables: dict[str, Agreement]
    dims: tuple[int, ...]
    seeds: tuple[int, ...]
    level: float = LEVEL
    within: float = WITHIN

    @property
    def extrapolated(self) -> bool:
        """True if the limit 1/d -> 0 is judged."""
        return len(set(self.dims)) > 1

    @property
    def comparisons(self) -> int:
        """Number of comparisons of the family: observables and times with a standard error."""
        return max(sum(int(np.count_nonzero(found.error > 0)) for found in self.observables.values()), 1)

    @property
    def significant(self) -> dict[str, NDArray[np.bool_]]:
        """For each observable, the times at which its deviation is significant."""
        # Without a standard error a deviation is certain or absent, and no test.
        tested = {name: found.error > 0 for name, found in self.observables.items()}
        result = {name: ~tested[name] & (found.excess != 0) for name, found in self.observables.items()}
        family = holm(np.concatenate([found.probability[tested[name]] for name, found in self.observables.items()]), self.level)
        begin = 0
        for name, chosen in tested.items():
            end = begin + int(np.count_nonzero(chosen))
            result[name][chosen] = family[begin:end]
            begin = end
        return result

    @property
    def verdicts(self) -> dict[str, Verdict]:
        """The verdict on every observable."""
        significant = self.significant
        return {name: self._verdict(found, significant[name]) for name, found in self.observables.items()}

    def agrees(self, threshold: float | None = None) -> bool:
        """True if no deviation is significant or, given a threshold, no |z| is above it, uncorrected.

        Whether deviations could have been seen is another question, which `verdicts` answer.
        """
        if threshold is None:
            return not any(times.any() for times in self.significant.values())
        return all(abs(found.z[found.worst]) <= threshold for found in self.observables.values())

    def _verdict(self, found: Agreement, significant: NDArray[np.bool_]) -> Verdict:
        each = self.level / self.comparisons
        seen = int(np.count_nonzero(found.relative(found.detectable(each)) <= self.within))
        bound = found.relative(found.bound(each))
        worst = int(np.argmax(bound))
        agrees = Finding.AGREES if bound[worst] <= self.within else Finding.OPEN
        return Verdict(Finding.DIFFERS if significant.any() else agrees, float(bound[worst]), worst, seen)
