"""Speed of the exact theory on MPI ranks: CPU seconds of the sets of samples on each rank, against those of one process.

The time of a run on ranks of their own is that of the rank with the most work, so that the ratio holds on a busy machine too;
waiting for messages, which MPI does at full speed, is no work.  Rank 0 solves the problem alone first.  Half a minute.

Run: mpiexec -n 2 python runs/benchmarks/ranks.py [SAMPLES] [REPLICATES]
"""

import sys
from time import process_time
from typing import Any

import numpy as np
from mpi4py import MPI

from dmft import Problem, solve
from dmft.jobs import crew

PROBLEM = Problem(
    width=2, samples_per_dimension=3.0, activation="tanh", target=[0.0, 1.0], noise=0.3, alignment=0.1,
    theory="exact", scheme="gradient-descent", learning_rate=0.2, t_max=30.0,
)  # fmt: skip


class Timed:
    """The answers of `dmft.jobs.crew`, and the CPU seconds that they took."""

    def __init__(self) -> None:
        self.seconds, self._answers = 0.0, crew.answers

    def __call__(self, part: Any) -> list[Any]:
        """Answer a part."""
        began = process_time()
        found = self._answers(part)
        self.seconds += process_time() - began
        return found


def main(samples: int = 4096, replicates: int = 1) -> None:
    """Print the ratio."""
    comm, timed = MPI.COMM_WORLD, Timed()
    problem = PROBLEM.replace(samples=samples, replicates=replicates)
    # Machine code is there before anything is measured.
    solve(problem.replace(t_max=1.0, samples=64, replicates=1))
    crew.answers = timed
    if comm.rank:
        crew.serve_rank(comm)
        comm.gather(timed.seconds)
        return
    one = solve(problem, crew=crew.Crew([]))
    alone, timed.seconds = timed.seconds, 0.0
    ranks = crew.crew_of_ranks(comm)
    many = solve(problem, crew=ranks)
    ranks.dismiss()
    seconds = comm.gather(timed.seconds) or []
    same = all(np.array_equal(many.observables[name], values) for name, values in one.observables.items())
    print(f"{samples} samples, {replicates} replicates: {alone:.2f} CPU seconds alone,", end=" ")
    print(
        f"{', '.join(f'{time:.2f}' for time in seconds)} on {comm.size} ranks: {alone / max(seconds):.2f} times as fast;",
        end=" ",
    )
    print("the same numbers" if same else "OTHER NUMBERS")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
