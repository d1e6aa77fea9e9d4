"""One progress line a person can act on, on standard error: live on a terminal, one a minute in a job log."""

from __future__ import annotations

import math
import sys
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from shutil import get_terminal_size
from time import monotonic, process_time
from typing import TYPE_CHECKING

from dmft.compiled import compilation

if TYPE_CHECKING:
    from dmft.engines.base import AcceptedCell, Engine

Show = Callable[[str], None]

LIVE_SECONDS = 0.1
LOG_SECONDS = 60.0
# The estimate of the time left looks back to where this part of the seconds so far had passed.
LATE = 0.5


@dataclass(frozen=True)
class Mark:
    """Progress of a run at some moment."""

    clock: float
    time: float
    nodes: int


def seconds_left(marks: Sequence[Mark], t_max: float, power: float) -> float:
    """Estimate from the marks of a run so far, one a cell: the seconds since t = 0 grow as a power of t.

    The exponent is that of the later half of these seconds, at most `power`.  It holds whether steps grow with t or not, and
    contains the cost of longer histories and of more iterations.  Nodes before the first mark, those of the first cell or of
    a run that is continued, are taken to have cost as the next ones, less the growth with the number of nodes.
    Where a cell costs the same whatever was before, at `power` 1, cells grow with t, after any number of small ones at a
    transition: the seconds grow as log t, by the rate of the later half of the cells.
    Not a number while there is nothing to go by.
    """
    if len(marks) < 3:
        return math.nan
    if power == 1:
        return _seconds_left_of_decades(marks[len(marks) // 2 :], t_max)
    first, second, now = marks[0], marks[1], marks[-1]
    before = (second.clock - first.clock) / (second.nodes - first.nodes) * first.nodes / power
    passed = [mark.clock - first.clock + before for mark in marks]
    late = min(bisect_left(passed, LATE * passed[-1]), len(marks) - 2)
    then = marks[late]
    if not (passed[late] > 0 and now.time > then.time > 0):
        return math.nan
    exponent = math.log(passed[-1] / passed[late]) / math.log(now.time / then.time)
    return passed[-1] * math.expm1(min(exponent, power) * math.log(t_max / now.time))


def _seconds_left_of_decades(marks: Sequence[Mark], t_max: float) -> float:
    """Estimate from some marks, for seconds that grow as log t."""
    then, now = marks[0], marks[-1]
    if not now.time > then.time > 0:
        return math.nan
    return (now.clock - then.clock) * math.log(t_max / now.time) / math.log(now.time / then.time)


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
        self.began, self.cpu_began = self._clock(), process_time()
        self.shown = self.began
        self.marks: list[Mark] = []

    def __call__(self, march: Engine, cell: AcceptedCell) -> None:
        """Take note of a cell."""
        now = Mark(self._clock(), cell.time, cell.nodes)
        self.marks.append(now)
        if now.clock - self.shown >= self.interval:
            self.shown = now.clock
            self.show(self.line(cell, march))

    def line(self, cell: AcceptedCell, march: Engine) -> str:
        """Time reached and left, nodes and iterations, as much of it as fits on the terminal."""
        left = seconds_left(self.marks, self.t_max, march.power)
        parts = [f"t = {cell.time:.4g} of {self.t_max:g}", f"left {duration(left)}", f"{cell.nodes} nodes"]
        parts += [f"cell {cell.cell}", f"{cell.iterations} iterations"]
        parts += [f"{name} {value:.1e}" for name, value in cell.checks.items()]
        return fitting(parts, columns())

    @property
    def seconds(self) -> float:
        """Wall time since the start, without that of compiling."""
        return self._clock() - self.began

    @property
    def cells_per_cpu_second(self) -> float:
        """Throughput since the start, without what was compiled in its course."""
        return len(self.marks) / max(process_time() - self.cpu_began - compilation.cpu_seconds, 1e-9)

    @staticmethod
    def _clock() -> float:
        return monotonic() - compilation.seconds


def columns() -> float:
    """Width of the terminal; a log has no end of a line."""
    return get_terminal_size().columns if sys.stderr.isatty() else math.inf


def fitting(parts: Sequence[str], room: float) -> str:
    """Parts of a line, the most important first, as many as fit."""
    line = parts[0]
    for part in parts[1:]:
        if len(line) + 2 + len(part) >= room:
            break
        line = f"{line}  {part}"
    return line


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

            def show(line: str) -> None:
                live.update(Text(line, no_wrap=True, overflow="ellipsis"), refresh=True)

            with _telling_of_compilation(show):
                yield show, LIVE_SECONDS
    else:

        def log(line: str) -> None:
            print(line, file=sys.stderr, flush=True)

        with _telling_of_compilation(log):
            yield log, LOG_SECONDS


@contextmanager
def _telling_of_compilation(show: Show) -> Iterator[None]:
    """Say once that code is being compiled, which a second run need not wait for."""

    def tell() -> None:
        compilation.tell = before
        show("dmft: compiling, once")

    before, compilation.tell = compilation.tell, tell
    try:
        yield
    finally:
        compilation.tell = before
