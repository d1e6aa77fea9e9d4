"""Interface of a theory whose averages are sampled: independent sets of samples, each a process in time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from dmft.history.history import History
from dmft.problem.settings import FEWEST

Array = NDArray[np.float64]
Dims = tuple[str, ...]

# The first set of samples, and the smallest of further ones, which double the number of samples.
FIRST = 1024
# Name of the training errors of samples that follow a set of gradient flow, among its arrays of one time.
FOLLOWED = "followed_error"


@dataclass(frozen=True)
class SampleSet:
    """Samples that are solved together: their number and seed, and the width of what is smoothed, zero if nothing is."""

    size: int
    seed: tuple[int, ...]
    width: float = 0.0


def parts(samples: int) -> list[int]:
    """Sizes of sets that add up to `samples`: each doubles their number, so that more samples leave what is there as it is.

    1024, 1024, 2048, 4096, ...; the last one has what is missing.
    """
    sizes = [min(samples, FIRST)]
    while (left := samples - sum(sizes)) > 0:
        if left < FEWEST:
            sizes[-1] += left
        else:
            sizes.append(min(left, sum(sizes)))
    return sizes


@dataclass(frozen=True)
class Stretch:
    """Result of a set: its number of nodes n and arrays in the shapes of a history, from node `first` on.

    one_time (..., n - first), two_time (..., n - first, n), all_time (..., n), latest (...).
    """

    first: int
    n: int
    one_time: Mapping[str, Array] = field(default_factory=dict)
    two_time: Mapping[str, Array] = field(default_factory=dict)
    all_time: Mapping[str, Array] = field(default_factory=dict)
    latest: Mapping[str, Array] = field(default_factory=dict)


class SampledProcess(Protocol):
    """A set on its way."""

    def reach(self, goal: int) -> None:
        """Go on to a number of nodes, or as far as the set goes."""
        ...

    def found(self, first: int) -> Stretch:
        """The result from a node on."""
        ...


class SampledModel(Protocol):
    """Equations of a sampled theory; `one_time` and the like are arrays of one set, by name and dimensions beside time."""

    @property
    def axes(self) -> Mapping[str, int]:
        """Lengths of these dimensions."""
        ...

    @property
    def one_time(self) -> Mapping[str, Dims]:
        """Functions of one time."""
        ...

    @property
    def two_time(self) -> Mapping[str, Dims]:
        """Functions of two times, of which rows are added."""
        ...

    @property
    def all_time(self) -> Mapping[str, Dims]:
        """Functions of one time that change at all times with each step."""
        ...

    @property
    def latest(self) -> Mapping[str, Dims]:
        """Arrays of the last node alone."""
        ...

    @property
    def sets(self) -> tuple[SampleSet, ...]:
        """The sets; those of all widths of the same samples follow each other, the largest width first."""
        ...

    @property
    def groups(self) -> Sequence[NDArray[np.int64]] | None:
        """Neurons of each group whose distributions are apart; None where all are alike."""
        ...

    def looks(self, one: SampleSet, known: Stretch, instants: NDArray[Any]) -> list[Mapping[str, Array]]:
        """The samples of a set at some instants, which are numbers of steps of descent, or times of a flow.

        Numbers of each sample (P,), or of its neurons (m, P), by name.
        """
        ...

    def numbers(self, nodes: float) -> float:
        """Numbers that the samples of all sets need beside the history."""
        ...

    def process(self, one: SampleSet, nodes: int, known: Stretch | None) -> SampledProcess:
        """A set at its first node, or where it was left, with room for a number of nodes."""
        ...

    def observables(self, known: Stretch) -> dict[str, Array]:
        """Every observable of a set, (n, ...) each."""
        ...

    def kernels(self, known: Stretch) -> dict[str, Array]:
        """Every two-time kernel of a set, (n, n) each, responses as densities."""
        ...


class SampledFlowModel(Protocol):
    """Equations of gradient flow whose forces are sampled; `gaussian` are others that are as fast or slow, if there are any."""

    @property
    def stages(self) -> int:
        """Nodes of a cell."""
        ...

    @property
    def gaussian(self) -> Any:
        """A `Model` that is not sampled, or None."""
        ...

    @property
    def sets(self) -> tuple[SampleSet, ...]:
        """See SampledModel."""
        ...

    @property
    def groups(self) -> Sequence[NDArray[np.int64]] | None:
        """See SampledModel."""
        ...

    def numbers(self, nodes: float) -> float:
        """See SampledModel."""
        ...

    def of_set(self, one: SampleSet) -> Any:
        """The equations with the averages over the samples of a set, a `Model`.

        Its method `seen` says how the samples are on the nodes that it followed last: (s, P) or (s, m, P), by name; `followed`
        the training errors of more samples on the nodes of a history, (n,), not-a-number where it does not know.
        """
        ...

    def coupled(self, known: Mapping[SampleSet, History], times: Array) -> SampledFlowModel:
        """The equations of some sets with random numbers that make the fields of their samples on nodes `times` those of a run.

        known: the history of each set in this run; its cells are halved in `times`.
        """
        ...

    def observables(self, one_time: Mapping[str, Array], two_time: Mapping[str, Array]) -> dict[str, Array]:
        """Every observable of a set, (n, ...) each, from its history, with the axes of time last."""
        ...

    def energy(self, one_time: Mapping[str, Array], two_time: Mapping[str, Array]) -> tuple[Array, Array, Array]:
        """E (n,), C (n, n) and scalars a (p, n) of a set, such that dE/dt = -d_t d_t' C(t, t') - (da/dt)^2 at t' = t.

        Of C the lower triangle counts, cell by cell.
        """
        ...

    def kernels(
        self, one_time: Mapping[str, Array], two_time: Mapping[str, Array]
    ) -> tuple[dict[str, Array], dict[str, tuple[Array, Array, Array]]]:
        """Correlations (n, n); and discrete responses (n, n), with R(t, 0) and R(t, t), (n,)."""
        ...
