"""dmft: dynamical mean-field theory of two-layer networks.

import dmft
problem = dmft.Problem.load("problem.toml")
solution = dmft.solve(problem)
solution.save("run.h5")
"""

from importlib.metadata import PackageNotFoundError, version

from dmft import models as models
from dmft.problem import Problem, ProblemError
from dmft.run import solve
from dmft.solution import Solution
from dmft.solver.outcome import Outcome

try:
    __version__ = version("dmft")
except PackageNotFoundError:  # a source tree that was never installed
    __version__ = "0+unknown"

__all__ = ["Outcome", "Problem", "ProblemError", "Solution", "__version__", "solve"]
