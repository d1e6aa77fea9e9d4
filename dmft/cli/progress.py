"""One progress line a person can act on, on standard error: live on a terminal, one a minute in a job log."""

from __future__ import annotations

import math
import sys
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic, process_time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dmft.engines.base import AcceptedCell, Engine

Show = Callable[[str], None]

LIVE_SECONDS = 0.1
LOG_SECONDS = 60.0
# Cells over which speed and step size are averaged.
RECENT = 20


@dataclass(frozen=True)
class Mark:
    """Progress of a run at some moment."""

    clock: float
    time: float
    nodes: int


def seconds_left(then: Mark, now: Mark, t_max: float, engine: type[Engine] | Engine) -> float:
    """Estimate from the steps between two marks: the nodes per unit of the engine's clock stay, the cost grows as it says.

    Not a number while there is nothing to go by.
    """
    if now.nodes == then.nodes:
        return math.nan
    clock, power = engine.clock, engine.power
    nodes_left = (now.nodes - then.nodes) * (clock(t_max) - clock(now.time)) / (clock(now.time) - clock(then.time))
    growth = 1.0 + nodes_left / now.nodes
    seconds_per_node = (now.clock - then.clock) / (now.nodes - then.nodes)
    return seconds_per_node * now.nodes * (growth**power - 1.0) / power


def duration(seconds: float) -> str:
    """Seconds in words: 0.31 s, 42 s, 3 min 20 s, 5 h 03 min; a question mark for what is not known."""
    if math.isnan(seconds):
        return "?"
    if seconds < 60:
        return f"{seconds:.2g} s" if seconds < 9.5 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


class Meter:
    """Observer of `dmft.running.solve.solve`: counts cells and seconds, and shows a line every `interval` seconds."""

    def __init__(self, t_max: float, show: Show, interval: float) -> None:
        self.t_max, self.show, self.interval = t_max, show, interval
        self.cells = 0
        self.began, self.cpu_began = monotonic(), process_time()
        self.shown = self.began
        self.recent: deque[Mark] = deque(maxlen=RECENT + 1)

    def __call__(self, march: Engine, cell: AcceptedCell) -> None:
        """Take note of a cell."""
        self.cells += 1
        now = Mark(monotonic(), cell.time, cell.nodes)
        self.recent.append(now)
        if now.clock - self.shown >= self.interval:
            self.shown = now.clock
            self.show(self.line(cell, march))

    def line(self, cell: AcceptedCell, march: Engine) -> str:
        """Where the run is and how it fares."""
        left = seconds_left(self.recent[0], self.recent[-1], self.t_max, march)
        checks = "  ".join(f"{name} {value:.1e}" for name, value in cell.checks.items())
        return (
            f"cell {cell.cell}  t = {cell.time:.4g} of {self.t_max:g}  {cell.nodes} nodes  {cell.iterations} iterations  "
            f"{checks}  left {duration(left)}"
        )

    @property
    def seconds(self) -> float:
        """Wall time since the start."""
        return monotonic() - self.began

    @property
    def cells_per_cpu_second(self) -> float:
        """Throughput since the start."""
        return self.cells / max(process_time() - self.cpu_began, 1e-9)


@contextmanager
def meter(t_max: float, quiet: bool) -> Iterator[Meter]:
    """The meter of a run that suits the place where standard error goes."""
    with shown_line(quiet) as (show, interval):
        yield Meter(t_max, show, interval)


@contextmanager
def shown_line(quiet: bool) -> Iterator[tuple[Show, float]]:
    """A display of progress lines that suits standard error, and the seconds between two of them."""
    if quiet:
        yield lambda line: None, math.inf
    elif sys.stderr.isatty():
        from rich.console import Console
        from rich.live import Live
        from rich.text import Text

        with Live("dmft: starting", console=Console(stderr=True), auto_refresh=False, transient=True) as live:
            yield lambda line: live.update(Text(line, no_wrap=True, overflow="ellipsis"), refresh=True), LIVE_SECONDS
    else:
        yield lambda line: print(line, file=sys.stderr, flush=True), LOG_SECONDS
