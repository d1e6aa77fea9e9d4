"""The error of time of a run whose forces are sampled: the same samples once more, on cells of half the length.

Random numbers of the second run are combinations of those of the first one that give its samples the same fields, so that the
difference of the two contains little of the statistical errors of either.  What is left of them is known from its scatter over
sets; a few sets do.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from dmft.engines.ends import nodes_of
from dmft.engines.outcome import Outcome
from dmft.engines.sampled_flow import SampledFlow
from dmft.engines.sets import history_of, of_set, widths
from dmft.engines.stretches import Sets, restored
from dmft.history.history import History
from dmft.mathematics.tableau import cell_weights, radau
from dmft.models.sampled import FIRST, SampledFlowModel
from dmft.problem.settings import SolverSettings

Array = NDArray[np.float64]

# Independent sets that are solved again, at most.
FEW = 4


class Halved(SampledFlow):
    """Solver of a few sets of a run on cells of half the length, with the same random numbers."""

    adaptive: ClassVar[bool] = False

    def __init__(
        self, model: SampledFlowModel, settings: SolverSettings, history: History | None = None, next_step: float = 0.0
    ) -> None:
        assert history is not None, "the run that is solved again"
        sets = Sets(model)
        number = widths(sets)
        small = [k for k in range(0, len(model.sets), number) if model.sets[k].size <= FIRST][:FEW]
        chosen = [k + width for k in small for width in range(number)]
        found = [of_set(sets, history, k) for k in chosen]
        known = {model.sets[k]: restored(model, one) for k, one in zip(chosen, found, strict=True)}
        time, ends = history["time"], history["time"][:: model.stages]
        halves = np.sort(np.concatenate([ends, (ends[1:] + ends[:-1]) / 2]))
        coupled = model.coupled(known, nodes_of(halves, radau(model.stages)))
        self._coarse = SampledFlow(coupled, settings, history_of(Sets(coupled), found, time, history["weights"]))
        super().__init__(coupled, settings)
        self._ends = halves

    def refined(self) -> bool:
        """Half cells are short enough, or there is no error to be known."""
        return False

    def _failure(self, first: int) -> Outcome | None:
        """None: the run that is solved again had none."""
        return None

    @property
    def outcome_at_end(self) -> Outcome:
        """That of a run that ends where the other one does."""
        return Outcome.DONE

    def differences(self) -> dict[str, Array]:
        """Every observable of each set on the nodes of the first run, less that of the first run, (sets, n, ...)."""
        time = self._coarse.history["time"]
        to_coarse = cell_weights(self.times(self.nodes), self.unit, time)
        pairs = list(zip(self.observables_of_sets(), self._coarse.observables_of_sets(), strict=True))
        return {
            name: np.array([np.tensordot(to_coarse, fine[name], 1) - coarse[name] for fine, coarse in pairs])
            for name in pairs[0][0]
        }

    def errors(self) -> dict[str, Array]:
        """Estimated errors of the first run: the mean difference, and its standard error in squares, (n, ...)."""
        found = {}
        for name, values in self.differences().items():
            squares = values.var(axis=0, ddof=1) / len(values) if len(values) > 1 else 0.0
            found[name] = np.sqrt(values.mean(axis=0) ** 2 + squares)
        return found
