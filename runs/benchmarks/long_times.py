"""Cost of long times: CPU seconds and nodes against log t_max in every phase.

Run: python runs/benchmarks/long_times.py            (about a minute on one core; prints the table of docs/long-times.md)
     python runs/benchmarks/long_times.py FIGURE.png [T_MAX]    draws it too; another horizon instead of that of the files
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import sys
from time import process_time

import matplotlib.pyplot as plt
from point import RUNS

from dmft import Problem, solve
from dmft.engines.base import AcceptedCell, Engine
from dmft.plots import style

FILES = [RUNS / "long_times" / f"{name}.toml" for name in ("interpolating", "threshold", "glassy", "pure_noise")]


def cost(problem: Problem) -> tuple[list[float], list[float], list[int], list[int]]:
    """Time reached, CPU seconds, nodes and iterations after each cell, compiled code loaded before."""
    solve(problem.replace(t_max=1.0))
    times: list[float] = []
    seconds: list[float] = []
    nodes: list[int] = []
    iterations: list[int] = []
    began = process_time()

    def watch(march: Engine, cell: AcceptedCell) -> None:
        times.append(cell.time)
        seconds.append(process_time() - began)
        nodes.append(cell.nodes)
        iterations.append(cell.iterations)

    solve(problem, observers=[watch])
    return times, seconds, nodes, iterations


def main(figure: str | None = None, t_max: str | None = None) -> None:
    """Print the table; draw the figure if a name is given."""
    style.apply()
    panels, (cpu, grid) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    decades = (1e2, 1e3, 1e4, 1e5, 1e6)
    print("| problem | " + " | ".join(f"t = {t:.0e}: nodes, CPU s" for t in decades) + " | iterations a cell, last decade |")
    print("| --- " * (len(decades) + 2) + "|")
    for file, colour in zip(FILES, style.COLOURS, strict=True):
        problem = Problem.load(file)
        if t_max is not None:
            problem = problem.replace(t_max=float(t_max))
        times, seconds, nodes, iterations = cost(problem)
        at = [next((k for k, reached in enumerate(times) if reached >= t), -1) for t in decades]
        late = [count for reached, count in zip(times, iterations, strict=True) if reached > 0.1 * times[-1]]
        row = [f"{nodes[k]}, {seconds[k]:.2f}" for k in at]
        print(f"| {file.stem} | " + " | ".join(row) + f" | {sum(late) / len(late):.0f} |", flush=True)
        late_enough = [k for k, reached in enumerate(times) if reached > 1]
        for axes, values in ((cpu, seconds), (grid, nodes)):
            label = file.stem.replace("_", " ")
            axes.plot([times[k] for k in late_enough], [values[k] for k in late_enough], color=colour, label=label)
    style.frame(cpu, xscale="log", yscale="log", xlabel="time $t$", ylabel="CPU seconds to reach $t$")
    style.frame(grid, xscale="log", xlabel="time $t$", ylabel="nodes to reach $t$")
    cpu.legend()
    if figure is not None:
        panels.savefig(figure, dpi=style.DOTS_PER_INCH)


if __name__ == "__main__":
    main(*sys.argv[1:])
