"""dmft: dynamical mean-field theory of two-layer networks.

import dmft
problem = dmft.Problem.load("problem.toml")
solution = dmft.solve(problem)
solution.save("run.h5")
"""

from dmft.version import __version__

# Nothing else is imported, so that the program `dmft` handles signals as soon as it can: `typing` alone takes milliseconds.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from dmft.api import load, plot, save
    from dmft.engines.outcome import Outcome
    from dmft.problem.problem import Problem
    from dmft.problem.sweep import Sweep
    from dmft.problem.table import ProblemError
    from dmft.results.simulation import Simulation
    from dmft.results.solution import Solution
    from dmft.results.table import Table
    from dmft.running.solve import solve
    from dmft.simulation.run import simulate
    from dmft.sweeps.run import sweep

__all__ = [
    "Outcome",
    "Problem",
    "ProblemError",
    "Simulation",
    "Solution",
    "Sweep",
    "Table",
    "__version__",
    "load",
    "plot",
    "save",
    "simulate",
    "solve",
    "sweep",
]

# Imported on first use: SciPy and h5py take half a second, which neither `dmft --help` nor a signal should wait for.
_HOMES = {
    "Outcome": "dmft.engines.outcome",
    "Problem": "dmft.problem.problem",
    "ProblemError": "dmft.problem.table",
    "Simulation": "dmft.results.simulation",
    "Solution": "dmft.results.solution",
    "Sweep": "dmft.problem.sweep",
    "Table": "dmft.results.table",
    "load": "dmft.api",
    "plot": "dmft.api",
    "save": "dmft.api",
    "simulate": "dmft.simulation.run",
    "solve": "dmft.running.solve",
    "sweep": "dmft.sweeps.run",
}


def __getattr__(name: str) -> "Any":
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
