"""Cost of groups of neurons: CPU time of one group and of two groups over that of the same problem without groups.

Runs alternate in one process, and each ratio is one of smallest times.  Two halves that start alike have the solution, and
nearly the nodes, of the problem without groups; two groups of both signs have a solution of their own.  Minutes on one core.

Run: python runs/benchmarks/groups.py
"""

from collections.abc import Callable
from time import process_time
from typing import Any

from dmft import Problem, Solution, solve

ROUNDS = 5
BASE: dict[str, Any] = {
    "activation": "erf",
    "target": [0.0, 1.0],
    "noise": 0.3,
    "alignment": 0.05,
    "samples_per_parameter": 1.0,
}
CASES: dict[str, dict[str, Any]] = {
    "short": {"width": 10, "t_max": 10.0, "tolerance": 1e-4},
    "long": {"width": 10, "t_max": 1000.0, "tolerance": 1e-5},
    "infinite": {"width": float("inf"), "t_max": 300.0, "tolerance": 1e-6},
    "steps": {"width": 10, "t_max": 20.0, "scheme": "gradient-descent", "learning_rate": 0.1},
}
GROUPS: dict[str, list[dict[str, float]] | None] = {
    "without": None,
    "one group": [{"fraction": 1.0}],
    "two halves": [{"fraction": 0.5}, {"fraction": 0.5}],
    "both signs": [{"fraction": 0.5}, {"fraction": 0.5, "second_layer": -1.0}],
}


def timed(run: Callable[[], Solution]) -> tuple[float, int]:
    """CPU seconds of a run, and its nodes."""
    began = process_time()
    found = run()
    return process_time() - began, len(found.time)


def main() -> None:
    """Print a Markdown table."""
    print("| problem |", " | ".join(f"{name}: nodes, ratio" for name in GROUPS), "|")
    print("| --- " * (len(GROUPS) + 1) + "|")
    for case, keys in CASES.items():
        problems = {
            name: Problem(**BASE, **keys) if groups is None else Problem(**BASE, **keys, neurons=groups)
            for name, groups in GROUPS.items()
        }
        seconds: dict[str, list[float]] = {name: [] for name in GROUPS}
        nodes: dict[str, int] = {}
        for one in range(ROUNDS + 1):
            for name, problem in problems.items():
                spent, nodes[name] = timed(lambda problem=problem: solve(problem))
                if one > 0:  # The first round may compile.
                    seconds[name].append(spent)
        reference = min(seconds["without"])
        cells = (f"{nodes[name]}, {min(spent) / reference:.2f}" for name, spent in seconds.items())
        print(f"| {case} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
