"""Where the statistical error of the train error comes from: chance in the samples averaged, and in what moves the weights.

Prints, at a few times, relative standard deviations of the train error over sets of P samples: of the sets' own samples; of P
samples that follow the weights of one set, so that chance in the weights has no part; what that would be for independent
samples, from the kurtosis of their residuals; and of the train errors that runs hold, of more samples that follow each set.
With 1024 samples and 24 sets about a minute.

Run: python runs/benchmarks/chance.py [SAMPLES] [SETS] [SAMPLES_PER_DIMENSION]
"""

import sys

import numpy as np
from equal_cost import PROBLEM
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from dmft.engines.kinds import equations
from dmft.engines.sampled_flow import FlowProcess, SampledFlow
from dmft.engines.stretches import followed, restored
from dmft.models.sampled import FOLLOWED, SampleSet, Stretch

Array = NDArray[np.float64]

TIMES = (1.0, 3.0, 10.0, 30.0)
# What makes the random numbers of samples that follow others than those of sets.
OTHERS = 1_000_000


def solved(flow: SampledFlow, model, settings, one: SampleSet) -> Stretch:
    """A set at all nodes."""
    process = FlowProcess(model, one, settings, flow.ends, flow.paced.lead, None)
    process.reach(flow.last)
    return process.found(0)


def alone(model, one: SampleSet, first: Stretch) -> tuple[Array, Array]:
    """Train errors at the ends of cells of samples that follow the weights of a set, and kurtoses of their residuals."""
    residuals = [of.samples.kept.f[-1] - of.samples.y for _, of in followed(model, one, restored(model, first))]
    squares = np.array([r**2 for r in residuals])
    return squares.mean(axis=1) / 2, (squares**2).mean(axis=1) / squares.mean(axis=1) ** 2


def scatter(values: Array) -> Array:
    """Relative standard deviation over the first axis."""
    return values.std(axis=0, ddof=1) / values.mean(axis=0)


def main(samples: int = 1024, sets: int = 24, samples_per_dimension: float = 3.0) -> None:
    """Print the table."""
    problem = PROBLEM.replace(t_max=TIMES[-1], samples_per_dimension=samples_per_dimension)
    model, settings = equations(problem), problem.solver
    flow = SampledFlow(model, settings)
    with threadpool_limits(limits=1, user_api="blas"):
        found = [solved(flow, model, settings, SampleSet(samples, (seed,))) for seed in range(1, sets + 1)]
        pairs = [alone(model, SampleSet(samples, (OTHERS + seed,)), found[0]) for seed in range(sets)]
    errors, kurtoses = (np.array(values) for values in zip(*pairs, strict=True))
    ends = slice(None, None, settings.stages)
    own, held = (np.array([one.one_time[name][ends] for one in found]) for name in ("train_error", FOLLOWED))
    independent = np.sqrt((kurtoses.mean(axis=0) - 1) / samples)
    print("| t | own samples | samples alone | independent samples | as held | own variance/held |")
    print("| --- | --- | --- | --- | --- | --- |")
    columns = scatter(own), scatter(errors), independent, scatter(held), own.var(axis=0) / held.var(axis=0)
    for time in TIMES:
        end = int(np.abs(flow.ends - time).argmin())
        print(
            f"| {flow.ends[end]:.3g} |",
            " | ".join(f"{column[end]:.3f}" for column in columns[:-1]),
            f"| {columns[-1][end]:.1f} |",
        )
    print(f"\nEach standard deviation is known to {100 / np.sqrt(2 * (sets - 1)):.0f} %.")


if __name__ == "__main__":
    given = sys.argv[1:]
    main(*map(int, given[:2]), *map(float, given[2:]))
