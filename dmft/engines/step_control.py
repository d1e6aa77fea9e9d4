"""Choose the step from the tolerance.

Error estimate.  In a cell with s nodes the collocation polynomial u of degree s errs by y - u = K Phi(x) + ...,
Phi(x) = int_0^x prod_j (z - c_j) dz, x = (t - t_last)/dt.  Run backwards over the previous cell, where y is known, u misses
the old nodes by K Phi(x_old): a least-squares fit gives K, and the error on the new nodes is K Phi(c_i).  Its largest value
over all observables and nodes, each relative to what the tolerance is relative to, is the error of the cell: of order dt^(s+1).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dmft.history.history import History
from dmft.mathematics.tableau import Tableau, lagrange

Array = NDArray[np.float64]

# An observable that is small counts relative to this fraction of its largest value so far.
FLOOR = 1e-3
# Errors of whole runs over those estimated for cells, in the problems of the tests, for schemes of so many stages or more:
# errors at the nodes add up in stiff problems, more where the order is low.
CALIBRATION = {1: 3.0, 5: 1.2, 6: 1.0}
# What a difference adds to its error, in units of that of its polynomial; measured in glasses and networks.  At the inner nodes
# of stiff cells fast modes are known to lower order than at the end: to within the tolerance of large numbers, not of what is
# left of them.
DIFFERENCE = 1.0
# What passes through zero within so much of log t has to be in time by then.
AHEAD = 1.0
# Early steps that multiply t by more than this say nothing about slowing down.
LATEST = 1.7


def _rows(values: Iterable[Array]) -> Array:
    """Observables (n,), and arrays of them (p, n), one below the other."""
    return np.vstack(list(values))


def _largest(history: History, sizes: Mapping[str, float]) -> Array:
    """Largest magnitude of each observable so far, or the size that counts at least, (observables,)."""
    least = np.repeat(list(sizes.values()), [history.fields[name].entries for name in sizes])
    return np.maximum(np.abs(history.stacked(tuple(sizes))).max(axis=1), least)


def scales(history: History, sizes: Mapping[str, float]) -> Array:
    """Scale of the tolerance of each observable at the last node, (observables,)."""
    return np.maximum(np.abs(history.stacked(tuple(sizes))[:, -1]), FLOOR * _largest(history, sizes))


@dataclass(frozen=True)
class StepControl:
    """Step sizes for one tableau and tolerance; `sizes` names the observables, see `Model.observable_sizes`."""

    tableau: Tableau
    tolerance: float
    sizes: Mapping[str, float]
    safety: float = 0.9
    largest_growth: float = 4.0
    smallest_growth: float = 0.2

    def error(self, history: History, dt: float, observed: Mapping[str, Array]) -> float:
        """Estimated error of the new nodes, relative to the tolerance."""
        new = self._values(history, observed)
        missed = self._missed(history, dt, new, tuple(self.sizes))
        fields = [history.fields[name] for name in self.sizes]
        missed *= np.repeat([1.0 + DIFFERENCE * field.difference for field in fields], [field.entries for field in fields])
        return self._calibration * float((missed / self.scale(history, new)).max()) / self.tolerance

    def missed(self, history: History, dt: float, observed: Mapping[str, Array], name: str) -> float:
        """Estimated error of the new nodes of one observable."""
        new = _rows([history.fields[name].series(observed[name])])
        return self._calibration * float(self._missed(history, dt, new, (name,)).max())

    @property
    def _calibration(self) -> float:
        return [factor for stages, factor in CALIBRATION.items() if stages <= self.tableau.stages][-1]

    def _missed(self, history: History, dt: float, new: Array, names: tuple[str, ...]) -> Array:
        """Errors of the new nodes as far as the cell before tells, (observables,)."""
        old = self._old_nodes(history, dt)
        known = history.stacked(names)[:, old]
        if old.size < 2:
            missed = self._highest_coefficient(np.column_stack([known[:, -1], new]))
            # Of one stage that is half of the change: nothing is learned about what begins at zero.
            return np.where((known[:, -1] == 0.0) & (self.tableau.stages == 1), 0.0, missed)
        x = (history["time"][old] - history["time"][-1]) / dt
        return self._backward_error(x, known, new)

    def moved(self, history: History, observed: Mapping[str, Array]) -> float:
        """Largest change of an observable over a cell, relative to what its tolerance is relative to."""
        new = self._values(history, observed)
        before = history.stacked(tuple(self.sizes))[:, -1]
        return float((np.abs(new[:, -1] - before) / self.scale(history, new)).max())

    def crossing(self, history: History, dt: float, observed: Mapping[str, Array]) -> float:
        """Largest rate in log t at which an observable passes through zero, in a cell or within AHEAD of log t after it.

        Relative to what its tolerance is relative to there; by the parabola in log t through first, middle and last node.
        """
        middle = (self.tableau.stages - 1) // 2
        if middle == self.tableau.stages - 1:
            return 0.0
        new = self._values(history, observed)
        last = float(history["time"][-1])
        first, second = np.log((last + dt * np.array([0.0, self.tableau.c[middle]])) / (last + dt))
        c = new[:, -1]
        with np.errstate(invalid="ignore", divide="ignore"):
            # a u^2 + b u + c with u = log t from the last node on.
            of_first = (history.stacked(tuple(self.sizes))[:, -1] - c) / first
            of_second = (new[:, middle] - c) / second
            a = (of_first - of_second) / (first - second)
            b = of_first - a * first
            # Its roots without cancellation; the slope there is the root of the discriminant.
            slope = np.sqrt(b**2 - 4 * a * c)
            q = -(b + np.copysign(slope, b)) / 2
            roots = np.stack([q / a, c / q])
            near = ((roots >= first) & (roots <= AHEAD)).any(axis=0)
        size = FLOOR * self._sizes(history, new)
        return float((slope[near] / size[near]).max(initial=0.0))

    def _values(self, history: History, observed: Mapping[str, Array]) -> Array:
        """Observables on the nodes of a cell, (observables, s)."""
        return _rows(history.fields[name].series(observed[name]) for name in self.sizes)

    def _sizes(self, history: History, new: Array) -> Array:
        """Largest magnitude of each observable so far, the cell with the values `new` included, (observables,)."""
        return np.maximum(_largest(history, self.sizes), np.abs(new).max(axis=1))

    def scale(self, history: History, new: Array) -> Array:
        """Scale of the tolerance in a cell with the values `new` (observables, s) on its nodes, (observables,)."""
        largest = self._sizes(history, new)
        scale = np.maximum(np.abs(new).min(axis=1), FLOOR * largest)
        scale[largest == 0.0] = 1.0
        return scale

    def _old_nodes(self, history: History, dt: float) -> NDArray[np.intp]:
        """Indices of the last node and of those of the cell before it, no further back than one new step."""
        old = np.arange(max(0, history.n - 1 - self.tableau.stages), history.n)
        near = history["time"][old] >= history["time"][-1] - dt
        near[-2:] = True
        return old[near]

    def _backward_error(self, x: Array, known: Array, new: Array) -> Array:
        """K Phi(c_i), largest over i, from what the new polynomial misses at the old nodes x <= 0 (the last at 0)."""
        extrapolated = np.column_stack([known[:, -1], new]) @ lagrange(self.tableau.with_start, x[:-1])
        phi = self.tableau.stage_error(x[:-1])
        K = (known[:, :-1] - extrapolated) @ phi / (phi @ phi)
        return np.abs(K) * self.tableau.largest_stage_error

    def _highest_coefficient(self, values: Array) -> Array:
        """For the first cell, which has no old nodes: size of the highest Legendre coefficient, an overestimate."""
        nodes = self.tableau.with_start
        return np.abs(values @ np.linalg.inv(np.polynomial.legendre.legvander(2 * nodes - 1, nodes.size - 1))[-1])

    def factor(self, error: float, later: float = 1.0) -> float:
        """By how much to change a step whose error was this, relative to the tolerance, for one `later` times as late.

        The dynamics slows down: between equal errors for equal steps and for steps in proportion to t, half way.
        """
        with np.errstate(divide="ignore"):
            ideal = self.safety * np.float64(error) ** (-1.0 / (self.tableau.stages + 1))
        return float(np.clip(ideal * np.sqrt(min(later, LATEST)), self.smallest_growth, self.largest_growth))
