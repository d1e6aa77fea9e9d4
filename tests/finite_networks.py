"""Simulations that nobody watches, as arrays."""

import numpy as np

from dmft import Problem
from dmft.models.experiment import Setup, experiment


class Unwatched:
    """A `Watch` that keeps nothing."""

    begun = None

    def __call__(self, time, state):
        pass


def trained(problem: Problem, dim: int, seeds: int, times: int, **setup) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Times, and observables (seeds, times) of finite networks."""
    made = experiment(problem, Setup.of(dim=dim, times=times, **setup))
    runs = [made.run(seed, Unwatched()).observables for seed in range(seeds)]
    return made.times(), {name: np.array([run[name] for run in runs]) for name in runs[0]}


def standard_errors_away(values: np.ndarray, theory: np.ndarray, allowed: float) -> np.ndarray:
    """(mean - theory)/standard error over the first axis, an error of `allowed` of the largest value added to it."""
    error = values.std(axis=0, ddof=1) / np.sqrt(len(values))
    return (values.mean(axis=0) - theory) / (error + allowed * np.abs(theory).max())
