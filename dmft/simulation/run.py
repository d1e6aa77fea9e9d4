"""Run a simulation: refuse what cannot fit into memory, then simulate the seeds that are missing, here or in processes."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Any

from dmft.jobs.pool import WorkerPool
from dmft.jobs.tasks import Result, Stop, Watch, run_in_turn, stop_after
from dmft.models.experiment import Setup, experiment
from dmft.problem.problem import Problem
from dmft.problem.table import ProblemError
from dmft.results.simulation import Simulation
from dmft.running.cost import refuse_memory
from dmft.simulation.folder import Seeds, open_seeds
from dmft.simulation.worker import SeedWorker, Tell, recipe
from dmft.storage import simulation_file


def simulate(
    problem: Problem | str | Path,
    *,
    dim: int,
    seeds: int | Iterable[int] = 8,
    output: str | Path | None = None,
    jobs: int = 1,
    checkpoint_every: float = 30.0,
    **setup: Any,
) -> Simulation:
    """Follow finite systems of dimension `dim` on exactly this problem.

    problem: a Problem, or the path of a problem file.
    seeds: their number, for 0, 1, ..., or the seeds themselves.
    output: simulation file to write, or to add the missing seeds to.
    jobs: number of processes; 1 is this one.
    checkpoint_every: seconds between checkpoints of a seed on its way, if there is an output.
    setup: `fields`, `times`, `tolerance` and `two_time` of `dmft.models.experiment.Setup`.

    Raises ProblemError for what cannot be simulated, and if the output holds something else or is in use.
    """
    problem = Problem.of(problem)
    wanted, chosen = Setup.of(dim=dim, **setup), numbered(seeds)
    if output is None:
        with TemporaryDirectory() as folder:
            return simulate(problem, dim=dim, seeds=chosen, output=Path(folder) / "sim.h5", jobs=jobs, **setup)
    refuse_too_large(problem, wanted, jobs)
    with open_seeds(Path(output), problem, wanted) as (place, _):
        run_here(place, place.missing(chosen), jobs, lambda: False, lambda ended: None, checkpoint_every)
    return simulation_file.read(output)


def numbered(seeds: int | Iterable[int], first: int = 0) -> list[int]:
    """Seeds by their number or themselves, ascending.  Raises ProblemError for what is none."""
    chosen = list(range(first, first + seeds)) if isinstance(seeds, int) else sorted(set(seeds))
    if not chosen or chosen[0] < 0:
        raise ProblemError(f"seeds = {seeds}: wanted at least one, all >= 0")
    return chosen


def refuse_too_large(problem: Problem, setup: Setup, processes: int) -> None:
    """TooLargeError if so many seeds at once need more memory than is available."""
    made = experiment(problem, setup)
    at_once = f"{processes} seeds at once need" if processes > 1 else "a seed needs"
    fewer = f"fewer processes, {made.lighter}" if processes > 1 else made.lighter
    asked = f"dim = {setup.dim} with fields = {setup.fields}"
    refuse_memory(f"{asked}: {at_once}", processes * made.memory, fewer)


def run_here(
    seeds: Seeds,
    todo: list[int],
    jobs: int,
    stop: Stop,
    watch: Watch,
    checkpoint_every: float,
    tell: Tell = lambda line: None,
) -> None:
    """Simulate seeds in this process, or in several of this machine.

    Raises OSError if a file cannot be written, StartError if processes cannot be started.
    """
    watch = Collecting(seeds, watch, checkpoint_every)
    if jobs > 1 and len(todo) > 1:
        WorkerPool(recipe(seeds, checkpoint_every), todo, stop, watch, seeds.record_failure).run(jobs)
    else:
        run_in_turn(SeedWorker(seeds, partial(stop_after, watch, stop), checkpoint_every, tell), todo, stop, watch)


class Collecting:
    """A watch that also puts seeds that are done into the file, every `every` seconds."""

    def __init__(self, seeds: Seeds, watch: Watch, every: float) -> None:
        self.seeds, self.watch, self.every = seeds, watch, every
        self.collected = monotonic()

    def __call__(self, result: Result | None) -> None:
        """Pass a result on."""
        self.watch(result)
        if result is not None and monotonic() - self.collected > self.every:
            self.seeds.collect()
            self.collected = monotonic()
