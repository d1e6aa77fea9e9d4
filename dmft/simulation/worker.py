"""Simulate seeds, one after the other, in this process.

A seed leaves its state beside its result every `checkpoint_every` seconds, and goes on from there with the same result to the
last bit.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable
from pathlib import Path
from time import monotonic

import numpy as np
from threadpoolctl import threadpool_limits

from dmft.engines.outcome import Outcome
from dmft.jobs.pool import Recipe
from dmft.jobs.tasks import RAISED, Ending, Result, Stop
from dmft.models.experiment import State, experiment
from dmft.results.simulation import Simulation
from dmft.running.solve import StopRun
from dmft.simulation.folder import Seeds

Tell = Callable[[str], None]


class SeedWorker:
    """Simulates the seeds of a folder.

    stop: asked after every step; once it says yes, the seed at hand ends with a checkpoint, as interrupted.
    tell: told where the seed at hand is, in words.
    """

    def __init__(self, seeds: Seeds, stop: Stop, checkpoint_every: float = 30.0, tell: Tell = lambda line: None) -> None:
        self.seeds, self.stop, self.checkpoint_every, self.tell = seeds, stop, checkpoint_every, tell

    def run(self, index: int) -> Result:
        """Simulate one seed and write its file.  Raises OSError if the file cannot be written."""
        try:
            # One BLAS thread: products are thin, and results independent of the number of cores.
            with threadpool_limits(limits=1, user_api="blas"), np.errstate(all="ignore"):
                found = self._simulate(index)
        except StopRun:
            return Result(index, Ending.INTERRUPTED, Outcome.INTERRUPTED.value)
        except OSError:
            raise
        except Exception as error:
            result = Result(index, Ending.FAILED, RAISED, f"{type(error).__name__}: {error}")
            self.seeds.record_failure(result, traceback.format_exc())
            return result
        self.seeds.save_result(index, found)
        outcome = found.outcome
        return Result(index, Ending.FAILED if outcome.failed else Ending.DONE, outcome.value, outcome.advice)

    def _simulate(self, seed: int) -> Simulation:
        problem, setup = self.seeds.problem, self.seeds.setup
        watch = _Watch(self, seed)
        found = experiment(problem, setup).run(seed, watch)
        return Simulation.of_seed(problem, setup, seed, found, watch.seconds)


class _Watch:
    """The `Watch` of one seed."""

    def __init__(self, worker: SeedWorker, seed: int) -> None:
        self.worker, self.seed = worker, seed
        self.began = self.written = monotonic()
        self.before = 0.0
        self.begun = worker.seeds.load_state(seed)
        if self.begun is not None:
            self.before = float(self.begun["seconds"])
            self.begun = {name: value for name, value in self.begun.items() if name != "seconds"}

    @property
    def seconds(self) -> float:
        """Of computing, earlier processes included."""
        return self.before + monotonic() - self.began

    def __call__(self, time: float, state: Callable[[], State]) -> None:
        """Keep the state now and then, and before a stop."""
        self.worker.tell(f"seed {self.seed} at t = {time:.4g}")
        stop = self.worker.stop()
        if stop or monotonic() - self.written > self.worker.checkpoint_every:
            self.worker.seeds.save_state(self.seed, {**state(), "seconds": np.array(self.seconds)})
            self.written = monotonic()
        if stop:
            raise StopRun


def recipe(seeds: Seeds, checkpoint_every: float) -> Recipe:
    """The worker of a simulation, for another process."""
    arguments = {"output": str(seeds.output.resolve()), "checkpoint_every": checkpoint_every}
    return Recipe(f"{__name__}:seed_worker", arguments)


def seed_worker(stop: Stop, output: str, checkpoint_every: float) -> SeedWorker:
    """The worker of a simulation, built from its `recipe`."""
    return SeedWorker(Seeds.load(Path(output)), stop, checkpoint_every)
