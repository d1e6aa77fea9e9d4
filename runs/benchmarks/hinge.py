"""Cost and accuracy of the hinge loss.

Run: python runs/benchmarks/hinge.py          a minute; CPU time, one core, of a second run of each problem
"""

import time
from typing import Any

import numpy as np

from dmft import Problem, Solution, solve
from dmft.models.hinge.loss import even_part
from dmft.models.hinge.parameters import HingeParameters

FINITE = ((200, 50), (1000, 10), (1000, 100), (2000, 50))
# Examples, dimension, nodes, tolerance.
POPULATIONS = ((40, 10, 400, 1e-3), (200, 20, 800, 1e-2), (200, 20, 800, 1e-3), (1000, 50, 1000, 1e-2))
TOLERANCES, FINEST = (1e-2, 1e-3, 1e-4), 1e-5
CHECKED = ("generalization_error", "train_error", "rotation", "slope", "slope_across")


def hinge(**keys: Any) -> Problem:
    """A problem with alpha = h = 1."""
    return Problem(model="hinge", laziness=1.0, **keys)


def one_sided(samples: int, dimension: int, population: int, tolerance: float, t_max: float = 1e4) -> Problem:
    """The same without mirror images."""
    keys = {"samples": samples, "dimension": dimension, "population": population, "mirrored": False}
    return hinge(**keys, tolerance=tolerance, t_max=t_max)


def timed(problem: Problem) -> tuple[Solution, float]:
    """A solution and its CPU time."""
    began = time.process_time()
    return solve(problem), time.process_time() - began


def costs() -> None:
    """Seconds and nodes."""
    for keys in ({"t_max": 1e8}, *({"samples": P, "dimension": N, "t_max": 1e4} for P, N in FINITE)):
        problem = hinge(**keys)
        solve(problem.replace(t_max=0.1))
        solution, seconds = timed(problem)
        changes = (len(solution.time) - 1) / problem.solver.stages / keys.get("samples", np.inf)
        print(f"{keys}: {seconds:.2f} s, {len(solution.time)} nodes, {changes:.2f} cells an example, {solution.outcome.value}")
    for point in POPULATIONS:
        solve(one_sided(*point, t_max=0.1))
        solution, seconds = timed(one_sided(*point))
        print(f"without mirror images, P, N, M, tolerance = {point}: {seconds:.1f} s, {len(solution.time)} nodes")


def tolerances() -> None:
    """Largest errors of a population against a finer solution, over the tolerance."""
    exact = solve(one_sided(40, 10, 400, FINEST, 30.0))
    for tolerance in TOLERANCES:
        errors = solve(one_sided(40, 10, 400, tolerance, 30.0)).errors(exact)
        print(f"tolerance {tolerance:g}: errors", " ".join(f"{name} {errors[name]:.1e}" for name in CHECKED))


def fresh_examples() -> None:
    """Errors that a finite number of fresh examples makes, over their means."""
    for samples, dimension in ((40, 10), (200, 20), (200, 50)):
        solution = solve(one_sided(samples, dimension, 400, 1e-2, 10.0))
        p, y = solution.problem.parameters, solution.state.history["y"]
        assert isinstance(p, HingeParameters)
        a, w = y[:400], y[400 : 400 * (dimension + 1)].reshape(400, dimension)
        random = np.random.default_rng(1)
        draws = [even_part(p.laziness, p.threshold, a, w, random.standard_normal((2000, dimension))) for _ in range(20)]
        loss, wrong = np.std(draws, axis=0, ddof=1) / [solution.generalization_error[-1], solution.misclassified[-1]]
        print(
            f"P = {samples}, N = {dimension}: fresh pairs make errors of {loss:.2%} of the loss, {wrong:.1%} of misclassified"
        )


if __name__ == "__main__":
    costs()
    tolerances()
    fresh_examples()
