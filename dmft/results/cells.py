"""Values of a run between its nodes, by the polynomials of its cells."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dmft.mathematics.tableau import cell_weights, lagrange
from dmft.problem.description import Minimum

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Cells:
    """The nodes of a run and its cells, whose polynomials go through their nodes and the node before.

    time: (n,), the nodes; size: number of nodes in a cell.
    """

    time: Array
    size: int

    def around(self, node: int) -> NDArray[np.intp]:
        """Indices of the nodes of the cell that ends at or contains this node, with the node before the cell."""
        first = (max(node, 1) - 1) // self.size * self.size
        return np.arange(first, min(first + self.size + 1, len(self.time)))

    def weights(self, times: Array) -> Array:
        """Weights (times, n) of the nodes in the values at some times."""
        return cell_weights(self.time, self.size, times.ravel())

    def at(self, arrays: Mapping[str, Array], time: ArrayLike) -> dict[str, Any]:
        """Arrays (n, ...) at a time or at times, whose axes come first.  ValueError outside of what was reached."""
        times = np.asarray(time, dtype=float)
        self.refuse_outside(times)
        if times.ndim == 0:
            nodes = self.around(int(np.searchsorted(self.time, times)))
            basis = lagrange(self.time[nodes], times[None])[:, 0]
            return {name: np.tensordot(basis, values[nodes], 1) for name, values in arrays.items()}
        rows = self.weights(times)
        found = {name: np.tensordot(rows, values, 1) for name, values in arrays.items()}
        return {name: values.reshape((*times.shape, *values.shape[1:])) for name, values in found.items()}

    def pairs(self, t: ArrayLike, s: ArrayLike) -> tuple[Array, Array]:
        """Pairs of times, which broadcast.  ValueError outside of what was reached."""
        both = np.broadcast_arrays(np.asarray(t, dtype=float), np.asarray(s, dtype=float))
        for times in both:
            self.refuse_outside(times)
        return both[0], both[1]

    def refuse_outside(self, times: Array) -> None:
        """ValueError for times outside of what was reached."""
        outside = times[~((times >= 0.0) & (times <= self.time[-1]))]
        if outside.size:
            raise ValueError(f"t = {outside.flat[0]:g}: wanted a time in [0, {self.time[-1]:g}]")

    def minimum(self, values: Array, accuracy: float, possible: Callable[[float], float]) -> Minimum:
        """Smallest value of a function: the minimum of the polynomials of the cells on either side of its smallest node.

        Of several minima that differ by no more than the relative `accuracy`, the first; `possible` is applied to a value
        between nodes.
        """
        least = values.min()
        as_small = values <= least + accuracy * abs(least)
        smallest = int(np.argmax(as_small & (values <= np.append(values[1:], np.inf))))
        best = Minimum(float(self.time[smallest]), float(values[smallest]))
        for node in {smallest, min(smallest + 1, len(values) - 1)}:
            nodes = self.around(node)
            fit = np.polynomial.Polynomial.fit(self.time[nodes], values[nodes], nodes.size - 1)
            inside = [t.real for t in fit.deriv().roots() if abs(t.imag) < 1e-12 * abs(t) + 1e-300]
            for t in inside:
                if self.time[nodes[0]] <= t <= self.time[nodes[-1]] and fit(t) < best.value:
                    best = Minimum(float(t), float(possible(fit(t))))
        return best
