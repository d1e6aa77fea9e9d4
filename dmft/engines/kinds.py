"""The engine of a problem, chosen by the kind of its equations and the scheme, here and nowhere else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from dmft.engines.base import Engine
from dmft.engines.closed_form import ClosedForm
from dmft.engines.descent import Descent
from dmft.engines.doubling import Doubling
from dmft.engines.march import March
from dmft.engines.method import Method
from dmft.engines.sampled import Sampled
from dmft.engines.sampled_flow import SampledFlow
from dmft.engines.trajectory import Trajectory
from dmft.history.history import History
from dmft.problem.description import Citation
from dmft.problem.problem import Problem
from dmft.problem.settings import SolverSettings
from dmft.problem.table import ProblemError

RADAU = Citation(
    "Radau IIA, the scheme in time",
    """@book{hairer1996solving,
  author    = {Hairer, Ernst and Wanner, Gerhard},
  title     = {Solving Ordinary Differential Equations {II}: Stiff and Differential-Algebraic Problems},
  edition   = {2},
  publisher = {Springer},
  year      = {1996},
  doi       = {10.1007/978-3-642-05221-7},
}""",
)
ANDERSON = Citation(
    "Anderson acceleration, which solves the equations of a time step",
    """@article{walker2011anderson,
  author  = {Walker, Homer F. and Ni, Peng},
  title   = {Anderson Acceleration for Fixed-Point Iterations},
  journal = {SIAM Journal on Numerical Analysis},
  volume  = {49},
  number  = {4},
  pages   = {1715--1735},
  year    = {2011},
  doi     = {10.1137/10078356X},
}""",
)
SAMPLED = Citation(
    "dynamical mean-field theory of a sample as a process, and of stochastic gradient descent",
    """@inproceedings{mignacco2020dynamical,
  author    = {Mignacco, Francesca and Krzakala, Florent and Urbani, Pierfrancesco and Zdeborov{\\'a}, Lenka},
  title     = {Dynamical Mean-Field Theory for Stochastic Gradient Descent in {Gaussian} Mixture Classification},
  booktitle = {Advances in Neural Information Processing Systems},
  volume    = {33},
  pages     = {9540--9550},
  year      = {2020},
}""",
)


@dataclass(frozen=True)
class Kind:
    """An engine, and what its numerical scheme rests on; `adds_up` if errors of its cells do, see `escape.py`.

    Ordinary equations follow what grows to a hundredth of the tolerance: their errors do not add up to more than it.
    """

    engine: type[Engine]
    citations: tuple[Citation, ...] = ()
    adds_up: bool = False


KINDS: dict[str, Kind] = {
    "radau": Kind(March, (RADAU, ANDERSON), adds_up=True),
    "gradient-descent": Kind(Descent),
    "ordinary": Kind(Trajectory, (RADAU,)),
    "closed-form": Kind(ClosedForm),
    "stepped": Kind(Doubling),
    "sampled": Kind(Sampled, (SAMPLED,)),
    "sampled-flow": Kind(SampledFlow, (RADAU, ANDERSON, SAMPLED)),
}


# Keys of [solver] without an effect.
UNUSED: dict[str, tuple[str, ...]] = {
    "gradient-descent": ("stages", "max_iterations", "smallest_step"),
    "sampled": ("stages", "max_iterations", "smallest_step"),
    "closed-form": ("max_iterations",),
    "stepped": ("max_iterations",),
}


def engine_name(problem: Problem) -> str:
    """The scheme, of those that two-time equations have, or else the kind of equations."""
    if problem.solver.theory == "exact":
        return "sampled-flow" if problem.solver.scheme == "radau" else "sampled"
    kind = problem.parameters.kind
    return problem.solver.scheme if kind == "two-time" else kind


def engine_type(problem: Problem) -> type[Engine]:
    """The engine of a problem."""
    return KINDS[engine_name(problem)].engine


def citations(problem: Problem) -> tuple[Citation, ...]:
    """The literature behind the numerical scheme of a problem."""
    return KINDS[engine_name(problem)].citations


def adds_up(problem: Problem) -> bool:
    """True if errors of cells can add up to more than the tolerance that each is held to."""
    return KINDS[engine_name(problem)].adds_up


def equations(problem: Problem) -> Any:
    """The equations of the theory that a problem asks for."""
    parameters = problem.parameters
    return parameters.build_exact(problem.solver) if problem.solver.theory == "exact" else parameters.build()


def engine(problem: Problem, history: History | None = None, next_step: float = 0.0, method: Method | None = None) -> Engine:
    """The engine at t = 0, or where a stored history ends, which it takes over; `method` is one with options of its own.

    Raises ProblemError if the method is for other equations, or a key of [solver] has no effect.
    """
    refuse_unused(problem, method)
    model, settings = equations(problem), problem.solver
    if method is None:
        return engine_type(problem)(model, settings, history, next_step)
    return method.begin(model, settings, history, next_step)


def refuse_unused(problem: Problem, method: Method | None) -> None:
    """ProblemError if a method is for another engine, or a key of [solver] that has no effect is not at its default."""
    name = engine_name(problem)
    if method is not None and method.name != name:
        raise ProblemError(f'engine = {type(method).__name__}: wanted an engine for "{name}", which this problem needs')
    for key in UNUSED.get(name, ()) if method is None else method.replaces:
        value = getattr(problem.solver, key)
        if value != SolverSettings.model_fields[key].default:
            where = f'"{name}"' if method is None else f"engine = {type(method).__name__}"
            raise ProblemError(f"{key} = {value}: has no effect with {where}, wanted it left out")


def carried_over(history: History, known: Problem, problem: Problem) -> History:
    """The history of a run for its continuation, to which further samples may belong."""
    if problem.solver.theory == "exact":
        engine: Any = engine_type(problem)
        return engine.carried_over(history, equations(known), equations(problem))
    return history


def empty_history(problem: Problem, capacity: int = 128) -> History:
    """A history with every array that this problem needs, without a node."""
    return engine_type(problem).empty_history(equations(problem), capacity)


@np.errstate(all="ignore")
def expected_nodes(problem: Problem) -> float:
    """Nodes that a run will take, roughly."""
    return engine_type(problem).expected_nodes(equations(problem), problem.solver)


def step_values(problem: Problem, nodes: float) -> float:
    """Numbers that a run of a given number of nodes needs beside its history."""
    if problem.solver.theory == "exact":
        return equations(problem).numbers(nodes)
    return problem.parameters.step_values


def step_keys(problem: Problem) -> tuple[str, ...]:
    """Keys that make `step_values` large."""
    return ("samples", "replicates") if problem.solver.theory == "exact" else problem.parameters.step_keys
