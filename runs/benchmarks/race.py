"""Race of dmft against the textbook alternative of `baseline.py`: error against CPU time, both on one core.

Run: python runs/benchmarks/race.py           prints the tables; about two minutes
     python runs/benchmarks/race.py --long    with runs of the baseline of up to 8 GB; half an hour of CPU time
     ... --write                              also into docs/speed.md, with the figure beside it

The problem is `runs/quickstart.toml`, up to t = 10, 100 and 1000.  Errors are those of `Solution.errors`, the largest at any
node: once of the four curves that are looked at first, once of every observable, which is what `tolerance` bounds.
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import process_time

import matplotlib.pyplot as plt
import numpy as np
from baseline import Baseline
from point import RUNS, cpu_seconds

from dmft import Problem, Solution, solve
from dmft.engines.base import AcceptedCell, Engine
from dmft.plots import style
from dmft.running.cost import two_time_arrays

DOCS = RUNS.parent / "docs"
BEGIN, END = "<!-- race: begin -->\n", "<!-- race: end -->\n"

CURVES = ("train_error", "test_error", "second_layer", "alignment")
HORIZONS = (10.0, 100.0, 1000.0)
TOLERANCES = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8)
STEPS = {10.0: (100, 200, 400, 800, 1600), 100.0: (1000, 2000, 4000), 1000.0: ()}
LONG = {10.0: (3200,), 100.0: (8000, 12500), 1000.0: (10000,)}
ROW_BY_ROW = (100.0, 2000)
TARGETS = (1e-3, 1e-4, 1e-5)
# Flops of one evaluation of a cell, per node of the cell and square of the nodes before it.
CELL_FLOPS = 18


@dataclass(frozen=True)
class Run:
    """One run: nodes, errors by kind, CPU seconds, flops in products, bytes of two-time arrays; sweeps or tolerance."""

    nodes: int
    errors: dict[str, float]
    seconds: float
    flops: float
    memory: float
    setting: float


@dataclass(frozen=True)
class Needed:
    """What an error takes; `measured` is false where the numbers are extrapolated, as lower bounds."""

    nodes: float
    seconds: float
    memory: float
    measured: bool


def kinds(errors: dict[str, float]) -> dict[str, float]:
    """Largest error of the curves, and of everything."""
    return {"curves": max(errors[name] for name in CURVES), "every": max(errors.values())}


def run_dmft(problem: Problem, exact: Solution) -> Run:
    seconds, solution = cpu_seconds(problem)
    flops = 0.0

    def count(march: Engine, cell: AcceptedCell) -> None:
        nonlocal flops
        stages = problem.solver.stages
        flops += CELL_FLOPS * stages * cell.iterations * (cell.nodes - stages) ** 2

    solve(problem, observers=[count])
    nodes = len(solution.time)
    memory = 8.0 * two_time_arrays(problem) * nodes**2
    return Run(nodes, kinds(solution.errors(exact)), seconds, flops, memory, problem.solver.tolerance)


def run_baseline(problem: Problem, steps: int, exact: Solution, block: int = 128) -> tuple[Run, Solution]:
    began = process_time()
    found = Baseline(problem, steps, block).march()
    seconds = process_time() - began
    sweeps = sum(rows * sweeps for rows, sweeps in found.blocks) / steps
    solution = found.solution()
    return Run(steps + 1, kinds(solution.errors(exact)), seconds, found.flops, found.memory, sweeps), solution


def dgemm_rate(n: int = 2000) -> float:
    """Flops a second of a product of two n x n matrices."""
    A, B, C = np.random.default_rng(0).random((3, n, n))
    seconds = []
    for _ in range(5):
        began = process_time()
        np.matmul(A, B, out=C)
        seconds.append(process_time() - began)
    return 2 * n**3 / float(np.median(seconds))


def extrapolated(coarse: Solution, fine: Solution, exact: Solution) -> dict[str, float]:
    """Errors of (4 y(dt/2) - y(dt))/3, in which the leading error is gone."""
    values = {name: (4 * fine.observables[name][::2] - y) / 3 for name, y in coarse.observables.items()}
    return kinds(Solution(**{**coarse.__dict__, "observables": values}).errors(exact))


def slope(x: Iterable[float], y: Iterable[float]) -> float:
    """Exponent p of y = c x^p by least squares."""
    return float(np.polyfit(np.log(list(x)), np.log(list(y)), 1)[0])


def rounded(value: float) -> str:
    """Two digits, without an exponent up to a million."""
    digits = max(1 - int(np.floor(np.log10(value))), 0)
    value = round(value, 1 - int(np.floor(np.log10(value))))
    return f"{value:,.{digits}f}" if value < 1e6 else f"{value:.1e}"


def power(value: float) -> str:
    return f"{value:.0e}".replace("e-0", "e-")


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


class Race:
    """All runs of both programs, and what is said about them."""

    def __init__(self, long: bool) -> None:
        problem = Problem.load(RUNS / "quickstart.toml")
        Baseline(problem.replace(t_max=1.0), 20).march()  # compiles
        self.rate = dgemm_rate()
        self.dmft: dict[float, list[Run]] = {}
        self.baseline: dict[float, list[Run]] = {}
        self.agreement: dict[float, dict[str, float]] = {}
        for t_max in HORIZONS:
            here = problem.replace(t_max=t_max)
            exact = solve(here.replace(tolerance=1e-10, stages=8))
            self.dmft[t_max] = [run_dmft(here.replace(tolerance=tolerance), exact) for tolerance in TOLERANCES]
            self.baseline[t_max] = []
            before: Solution | None = None
            for steps in STEPS[t_max] + (LONG[t_max] if long else ()):
                run, solution = run_baseline(here, steps, exact)
                print(f"t_max = {t_max:g}: {steps} steps in {run.seconds:.1f} s", file=sys.stderr, flush=True)
                self.baseline[t_max].append(run)
                if before is not None and steps == 2 * len(before.time) - 2:
                    self.agreement[t_max] = extrapolated(before, solution, exact)
                before = solution
            if t_max == ROW_BY_ROW[0]:
                self.row_by_row, _ = run_baseline(here, ROW_BY_ROW[1], exact, block=1)

    def baseline_needs(self, t_max: float, kind: str, target: float) -> Needed:
        """By interpolation between runs.  Beyond the finest one its error falls as dt^2 and its flops grow as N^3; these at the
        rate of dgemm are a lower bound.  So is the error on a shorter horizon with the same dt.
        """
        measured = [horizon for horizon in HORIZONS if horizon <= t_max and self.baseline[horizon]][-1]
        runs, longer = self.baseline[measured], t_max / measured
        finest = runs[-1]
        if longer > 1 or finest.errors[kind] > target:
            factor = longer * np.sqrt(finest.errors[kind] / target)
            return Needed(factor * finest.nodes, factor**3 * finest.flops / self.rate, factor**2 * finest.memory, False)
        errors = np.log([run.errors[kind] for run in reversed(runs)])

        def at_target(costs: Sequence[float]) -> float:
            return float(np.exp(np.interp(np.log(target), errors, np.log(costs[::-1]))))

        nodes, seconds, memory = zip(*((float(run.nodes), run.seconds, run.memory) for run in runs), strict=True)
        return Needed(at_target(nodes), at_target(seconds), at_target(memory), True)

    def dmft_needs(self, t_max: float, kind: str, target: float) -> Run:
        """The cheapest run with at most this error."""
        return min((run for run in self.dmft[t_max] if run.errors[kind] <= target), key=lambda run: run.seconds)

    def ratio_table(self, kind: str) -> str:
        rows = []
        for t_max in HORIZONS:
            for target in TARGETS:
                slow, fast = self.baseline_needs(t_max, kind, target), self.dmft_needs(t_max, kind, target)
                bound = "" if slow.measured else "≥ "
                rows.append(
                    (
                        f"{t_max:g}", power(target),
                        bound + rounded(slow.nodes), bound + rounded(slow.seconds), bound + rounded(slow.memory / 1e6),
                        str(fast.nodes), rounded(fast.seconds), rounded(fast.memory / 1e6),
                        bound + rounded(slow.seconds / fast.seconds),
                    )
                )  # fmt: skip
        head = ("t_max", "error", "baseline: nodes", "CPU s", "MB", "dmft: nodes", "CPU s", "MB", "CPU ratio")
        return table(head, rows)

    def run_table(self) -> str:
        rows = []
        for t_max in HORIZONS:
            for name, runs in (("baseline", self.baseline[t_max]), ("dmft", self.dmft[t_max])):
                for run in runs:
                    setting = f"{run.setting:.1f} sweeps" if name == "baseline" else f"tolerance {power(run.setting)}"
                    rows.append(
                        (
                            f"{t_max:g}", name, setting, str(run.nodes), f"{run.errors['curves']:.1e}",
                            f"{run.errors['every']:.1e}", rounded(run.seconds),
                            f"{rounded(100 * run.flops / run.seconds / self.rate)} %", rounded(run.memory / 1e6),
                        )
                    )  # fmt: skip
        head = ("t_max", "program", "with", "nodes", "error, curves", "error, all", "CPU s", "of dgemm", "MB")
        return table(head, rows)

    def exponents(self) -> str:
        """Fitted powers at t_max = 100, and against t_max at error 1e-4 of the curves."""
        slow, fast = self.baseline[100.0], self.dmft[100.0]
        fast_error, slow_error = ([run.errors["curves"] for run in runs] for runs in (fast, slow))
        fast_nodes, slow_nodes = ([run.nodes for run in runs] for runs in (fast, slow))
        fast_cost, slow_cost = ([run.seconds for run in runs] for runs in (fast, slow))
        order, growth = slope(slow_nodes, slow_error), slope(slow_nodes, slow_cost)
        needs = [self.baseline_needs(t_max, "curves", 1e-4) for t_max in HORIZONS]
        took = [self.dmft_needs(t_max, "curves", 1e-4) for t_max in HORIZONS]
        decades = len(HORIZONS) - 1
        rows = (
            ("error ∝ nodes^p", f"{order:.2f}", f"{slope(fast_nodes, fast_error):.1f}"),
            ("CPU ∝ nodes^p", f"{growth:.2f}", f"{slope(fast_nodes, fast_cost):.2f}"),
            ("CPU ∝ error^p", f"{slope(slow_error, slow_cost):.2f}", f"{slope(fast_error, fast_cost):.2f}"),
            (
                "nodes at error 1e-4",
                f"∝ t_max^{slope(HORIZONS, [run.nodes for run in needs]):.2f}",
                f"{(took[-1].nodes - took[0].nodes) / decades:.0f} more a decade of t_max",
            ),
            (
                "CPU at error 1e-4 ∝ t_max^p",
                f"{slope(HORIZONS, [run.seconds for run in needs]):.2f}",
                f"{slope(HORIZONS, [run.seconds for run in took]):.2f}",
            ),
            (
                "CPU at error 1e-4 ∝ (ln t_max)^p",
                "",
                f"{slope(np.log(HORIZONS), [run.seconds for run in took]):.2f}",
            ),
        )
        return table(("at t_max = 100", "baseline", "dmft"), rows)

    def notes(self) -> str:
        one = self.row_by_row
        blocks = next(run for run in self.baseline[ROW_BY_ROW[0]] if run.nodes == one.nodes)
        agreement = "; ".join(
            f"to t = {t_max:g} by {found['curves']:.0e} in the curves and {found['every']:.0e} in all observables"
            for t_max, found in self.agreement.items()
        )
        return (
            f"dgemm does {self.rate / 1e9:.0f} Gflop/s on this core. Row by row the baseline takes {rounded(one.seconds)} s\n"
            f"for {one.nodes - 1} steps to t = {ROW_BY_ROW[0]:g}, in blocks {rounded(blocks.seconds)} s, with errors of\n"
            f"{one.errors['curves']:.1e} and {blocks.errors['curves']:.1e}; blocks are what is raced.\n\n"
            "The reference, dmft at tolerance 1e-10 with 8 stages, differs from the Richardson extrapolation of the two\n"
            f"finest grids of the baseline {agreement}.\n"
        )

    def report(self) -> str:
        """Markdown: ratios, exponents, runs."""
        return "\n".join(
            (
                "### Error of the four curves\n", self.ratio_table("curves"),
                "### Error of every observable\n", self.ratio_table("every"),
                "### Exponents\n", self.exponents(),
                self.notes(),
                "### All runs\n", self.run_table(),
            )
        )  # fmt: skip

    def draw(self, path: Path) -> None:
        """Error against CPU time, one panel a horizon; dashed where the baseline is extrapolated."""
        style.apply()
        figure, panels = plt.subplots(1, len(HORIZONS), figsize=(10, 3.6), sharex=True, sharey=True, layout="constrained")
        for axes, t_max in zip(panels, HORIZONS, strict=True):
            for kind, fill, label in (("curves", "full", "four curves"), ("every", "none", "all observables")):
                for name, runs, color in (("baseline", self.baseline, style.COLOURS[0]), ("dmft", self.dmft, style.COLOURS[1])):
                    x, y = [run.seconds for run in runs[t_max]], [run.errors[kind] for run in runs[t_max]]
                    axes.loglog(x, y, "o-", color=color, fillstyle=fill, markersize=4, label=f"{name}, {label}")
                targets = np.geomspace(0.1, 1e-6, 101)
                bound = [(self.baseline_needs(t_max, kind, target), target) for target in targets]
                dashed = [(need.seconds, target) for need, target in bound if not need.measured]
                axes.loglog(
                    *np.transpose(dashed),
                    "--",
                    color=style.COLOURS[0],
                    linewidth=1,
                    label="baseline, lower bound" if fill == "none" else None,
                )
            axes.set_title(f"$t_\\mathrm{{max}} = {t_max:g}$", fontsize="medium")
            style.frame(axes, xlabel="CPU time (s)")
        panels[0].set(ylabel="largest relative error", xlim=(5e-3, 1e9), ylim=(1e-10, 1))
        panels[0].legend(fontsize="small", loc="lower right")
        figure.savefig(path, dpi=style.DOTS_PER_INCH)


def write(report: str, page: Path) -> None:
    """Put the report between the marks of the page."""
    head, _, rest = page.read_text().partition(BEGIN)
    _, _, tail = rest.partition(END)
    page.write_text(f"{head}{BEGIN}\n{report}\n{END}{tail}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--long", action="store_true", help="finer grids of the baseline, up to 8 GB and half an hour of CPU time"
    )
    parser.add_argument("--write", action="store_true", help="write docs/speed.md and docs/figures/race.png")
    given = parser.parse_args()
    race = Race(given.long)
    report = race.report()
    print(report)
    if given.write:
        write(report, DOCS / "speed.md")
        race.draw(DOCS / "figures" / "race.png")


if __name__ == "__main__":
    main()
