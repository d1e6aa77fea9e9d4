"""A problem with every term, and a watch that only looks on."""

import pytest

from dmft import Problem
from dmft.models.experiment import Setup, experiment


@pytest.fixture
def problem() -> Problem:
    """Three quadratic neurons, a target beyond what they can express, label noise."""
    return Problem(
        width=3,
        samples_per_dimension=2.0,
        activation=[0.1, 0.7**0.5, 0.3**0.5],
        target=[0.2, 0.9, 0.4, 0.3],
        noise=0.3,
        alignment=0.2,
        t_max=5.0,
        tolerance=1e-5,
    )


class Onlooker:
    """A `Watch` that keeps every state it is told of, and ends the seed after so many steps."""

    def __init__(self, begun=None, last=None):
        self.begun, self.last, self.states = begun, last, []

    def __call__(self, time, state):
        self.states.append({name: value.copy() for name, value in state().items()})
        if len(self.states) == self.last:
            raise KeyboardInterrupt


def made(problem, dim, **setup):
    """The experiment of a problem."""
    return experiment(problem, Setup.of(dim=dim, **setup))


def trajectory(problem, dim, seed=0, **setup):
    """Observables of one seed by name."""
    return made(problem, dim, **setup).run(seed, Onlooker()).observables
