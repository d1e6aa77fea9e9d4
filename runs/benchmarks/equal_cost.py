"""The exact theory beside direct simulation at equal cost: sets of P samples, and networks trained on n = P samples.

Both solve the same gradient flow to the same times, one after the other in one process.  Prints the CPU seconds of a set and
of a network, the scatter of both at the end, and by how much more CPU time networks need for the same standard error:
variance times seconds of networks over that of sets.  A network has finite-size bias beside, which is not counted.
With 1024 samples and 16 sets, to t = 30, about two minutes.

Run: python runs/benchmarks/equal_cost.py [SAMPLES] [SETS] [TIMES...]
"""

import sys
from collections.abc import Callable
from time import process_time

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from dmft import Problem
from dmft.engines.kinds import equations
from dmft.engines.sampled_flow import FlowProcess, SampledFlow
from dmft.engines.stretches import restored
from dmft.models.experiment import Setup, State, experiment
from dmft.models.sampled import SampleSet

Array = NDArray[np.float64]

PROBLEM = Problem(
    width=2, samples_per_dimension=3.0, activation="tanh", target=[0.0, 1.0], noise=0.3, init_scale=1.5, alignment=0.1,
    theory="exact", samples=64, replicates=1, t_max=1.0,
)  # fmt: skip
OBSERVED = ("train_error", "test_error", "alignment")


class Silent:
    """Keeps nothing of a seed on its way."""

    begun: State | None = None

    def __call__(self, time: float, state: Callable[[], State]) -> None:
        """See `Watch`."""


def of_sets(problem: Problem, samples: int) -> Callable[[int], Array]:
    """Observables at the end of a set of a seed."""
    model = equations(problem)
    flow = SampledFlow(model, problem.solver)

    def end(seed: int) -> Array:
        process = FlowProcess(model, SampleSet(samples, (seed,), 0.0), problem.solver, flow.ends, flow.paced.lead, None)
        nodes = 1 + problem.solver.stages * (len(flow.ends) - 1)
        process.reach(nodes)
        found = process.found(0)
        if found.n < nodes:
            raise RuntimeError(f"t = {restored(model, found)['time'][-1]:.3g}: a cell is not solved")
        seen = model.observables(found.one_time, found.two_time)
        return np.array([seen[name][-1] for name in OBSERVED])

    return end


def of_networks(problem: Problem, samples: int) -> Callable[[int], Array]:
    """Observables at the end of a network of a seed."""
    dim = round(samples * equations(problem).inverse_alpha)
    made = experiment(problem, Setup(dim=dim, times=2))

    def end(seed: int) -> Array:
        observables = made.run(seed, Silent()).observables
        return np.array([observables[name][-1] for name in OBSERVED])

    return end


def followed(end: Callable[[int], Array], seeds: range) -> tuple[float, Array, Array]:
    """CPU seconds of a seed, and the means and standard deviations of observables."""
    began = process_time()
    found = np.array([end(seed) for seed in seeds])
    return (process_time() - began) / len(seeds), found.mean(axis=0), found.std(axis=0, ddof=1)


def main(samples: int = 1024, sets: int = 16, *times: float) -> None:
    """Print a table for each time."""
    seeds = range(1, sets + 1)
    with threadpool_limits(limits=1, user_api="blas"):
        # The first ones compile.
        of_sets(PROBLEM, 64)(0)
        of_networks(PROBLEM, 64)(0)
        for time in times or (1.0, 10.0, 30.0):
            problem = PROBLEM.replace(t_max=time)
            print(f"t = {time:g}, {samples} samples")
            results = followed(of_sets(problem, samples), seeds), followed(of_networks(problem, samples), seeds)
            (seconds, means, scatter), (their_seconds, their_means, their_scatter) = results
            print(f"CPU seconds       {seconds:.3f} (theory)    {their_seconds:.3f} (networks)")
            print("observable        theory    scatter   networks  scatter   CPU time for the same error, networks/theory")
            costs = their_seconds / seconds * (their_scatter / scatter) ** 2
            for row in zip(OBSERVED, means, scatter, their_means, their_scatter, costs, strict=True):
                print("{:16}  {:.5f}   {:.5f}   {:.5f}   {:.5f}   {:.2g}".format(*row))
    print(f"Each ratio is known to a factor of {np.exp(np.sqrt(2 * 2 / (sets - 1))):.1f}, from the number of sets.")


if __name__ == "__main__":
    given = sys.argv[1:]
    main(*map(int, given[:2]), *map(float, given[2:]))
