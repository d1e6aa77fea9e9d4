"""Dynamical mean-field theory of two-layer networks, and of other systems whose dynamics has a closed theory.

    import dmft

    problem = dmft.Problem.load("problem.toml")     # or dmft.Problem(width=10, noise=0.3, t_max=300.0, ...)
    solution = dmft.solve(problem)                  # or dmft.solve("problem.toml")
    solution.test_error[-1], solution.early_stopping, solution.at([1.0, 10.0])
    solution.save("run.h5")

Make results
    solve       one problem -> Solution
    simulate    finite systems of the same problem, seed by seed -> Simulation
    sweep       every point of a grid of problems, into a folder -> Table

Describe what is asked
    Problem     one parameter point of a theory, and the solver settings; `problem.width` reads, `problem.replace(width=20)`
    Sweep       a problem and axes: Sweep(problem, {"problem.width": [10, 100]})
    ProblemError    what is wrong with an input, in one line

Look at results
    Solution    observables on the nodes as attributes, `kernels`, `at(times)`, `correlation`, `response`, `outcome`
    Simulation  means over seeds as attributes, `standard_errors`, `trajectories`
    Table       arrays over the axes, table["final_test_error"]
    Outcome     how a run ended
    All three have  save  load  plot  export  to_xarray  to_dataframe, and are equal if they hold the same numbers.

Files
    load  save  plot  export      for results of all three kinds; export writes .csv and .json

A failure of the mathematics raises nothing: `solution.outcome` names it, and the solution holds all that was reached.
The program `dmft` does the same from the command line; https://dmft-developers.github.io/dmft has the documentation.
"""

from dmft.version import __version__

# Nothing else is imported, so that the program `dmft` handles signals as soon as it can: `typing` alone takes milliseconds.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from dmft.api import export, load, plot, save
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
    "export",
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
    "export": "dmft.api",
    "load": "dmft.api",
    "plot": "dmft.api",
    "save": "dmft.api",
    "simulate": "dmft.simulation.run",
    "solve": "dmft.running.solve",
    "sweep": "dmft.sweeps.run",
}


# Type checkers see the imports above, and that no other name is here.
if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
