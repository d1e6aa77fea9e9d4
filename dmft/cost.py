"""What a run needs: nodes expected from the tolerance, memory of the two-time arrays, and the refusal of what cannot fit.

A cell of s nodes errs by O(dt^(s+1)), and dt grows as t, so a decade of time takes about DENSITY tolerance^(-1/(s+1)) cells.
"""

from __future__ import annotations

from math import isfinite, log10

from dmft.memory import available_memory
from dmft.problem import Problem, ProblemError
from dmft.solver.cell import empty_history, initial_node

# Cells per decade of time at tolerance 1; measured over stages 3 ... 7 and tolerances 1e-3 ... 1e-8.
DENSITY = 0.7
# The first step is a small fraction of the fastest time scale: this many decades below it.
STARTING_DECADES = 1.5
BYTES = 8
# Temporary arrays (n, n) while kernels and run file are made.
TEMPORARY_ARRAYS = 5


def expected_nodes(problem: Problem) -> float:
    """Nodes that a run without phases of slow convergence takes, good to about a third."""
    settings = problem.solver
    model = problem.parameters.build()
    rate = initial_node(model, empty_history(model))
    decades = max(log10(settings.t_max * rate) if rate > 0 and isfinite(rate) else 0.0, 0.0) + STARTING_DECADES
    per_decade = DENSITY * settings.tolerance ** (-1 / (settings.stages + 1))
    return min(settings.stages * per_decade * decades, settings.max_nodes)


def two_time_arrays(problem: Problem) -> int:
    """Number of (n, n) arrays in the history of a problem."""
    history = empty_history(problem.parameters.build(), capacity=1)
    return sum(array.size for array in history.two_time.values())


def working_memory(problem: Problem, nodes: float) -> float:
    """Bytes of the two-time arrays at the peak: history and kernels, both once more in the file, which is made in memory."""
    stored = two_time_arrays(problem) + len(problem.parameters.description.kernels)
    return BYTES * nodes**2 * (2 * stored + TEMPORARY_ARRAYS)


def refuse_too_large(problem: Problem) -> None:
    """ProblemError if the expected nodes need more memory than is available."""
    nodes = expected_nodes(problem)
    needed, available = working_memory(problem, nodes), available_memory()
    if needed > available:
        settings = problem.solver
        raise ProblemError(
            f"tolerance = {settings.tolerance:g} with stages = {settings.stages}: about {nodes:.0f} nodes need "
            f"{needed / 1e9:.0f} GB, {available / 1e9:.0f} GB are available; wanted a larger tolerance or more stages"
        )
