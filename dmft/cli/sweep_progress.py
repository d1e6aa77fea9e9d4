"""One progress line of a sweep or simulation: live on a terminal, one a minute in a job log."""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING

from dmft.cli.progress import Show, columns, duration, fitting, shown_line

if TYPE_CHECKING:
    from dmft.jobs.tasks import Result

# Points over which the rate is averaged.
RECENT = 100


class SweepMeter:
    """Counts the points, or seeds, that ended, and shows a line every `interval` seconds.

    todo, before: points that are to be solved now, and that had ended before.
    at_hand: the task that is being run now, in words, if that is known.
    refused: the first task that needs more memory than there is.
    """

    def __init__(self, todo: int, show: Show, interval: float, noun: str = "points", before: int = 0) -> None:
        self.todo, self.show, self.interval, self.noun, self.before = todo, show, interval, noun, before
        self.at_hand = ""
        self.endings: Counter[str] = Counter()
        self.refused: Result | None = None
        self.began = self.shown = monotonic()
        self.recent: deque[float] = deque([self.began], maxlen=RECENT + 1)

    def __call__(self, result: Result | None) -> None:
        """Count a task that ended; None only asks for the line when it is due."""
        now = monotonic()
        if result is not None:
            self.endings[result.ending] += 1
            if result.ending == "refused":
                self.refused = self.refused or result
            self.recent.append(now)
        if now - self.shown >= self.interval:
            self.shown = now
            self.show(self.line())

    def tell(self, at_hand: str) -> None:
        """Take note of what is being done."""
        self.at_hand = at_hand

    @property
    def ended(self) -> int:
        """Number of points that ended."""
        return self.endings.total()

    @property
    def seconds(self) -> float:
        """Wall time since the start."""
        return monotonic() - self.began

    def line(self) -> str:
        """State of the sweep in one line, as much of it as fits on the terminal; points of earlier runs count too."""
        per_second = rate(len(self.recent) - 1, monotonic() - self.recent[0])
        left = (self.todo - self.ended) / per_second if per_second else math.nan
        parts = [f"{self.before + self.ended} of {self.before + self.todo} {self.noun}", f"left {duration(left)}"]
        parts += [f"{self.endings['failed']} failed", speed(per_second, self.noun), duration(self.seconds)]
        return fitting([*parts, *([self.at_hand] if self.at_hand else [])], columns())


def rate(points: int, seconds: float) -> float:
    """Points per second, 0 if none have ended."""
    return points / max(seconds, 1e-9) if points else 0.0


def speed(per_second: float, noun: str = "points") -> str:
    """A rate in words: 12 points a second, 3.1 points an hour."""
    for unit, length in (("a second", 1.0), ("a minute", 60.0)):
        if per_second * length >= 1:
            return f"{per_second * length:.3g} {noun} {unit}"
    return f"{per_second * 3600:.3g} {noun} an hour"


@contextmanager
def sweep_meter(todo: int, quiet: bool, noun: str = "points", before: int = 0) -> Iterator[SweepMeter]:
    """The meter of a sweep or simulation that suits the place where standard error goes."""
    with shown_line(quiet) as (show, interval):
        yield SweepMeter(todo, show, interval, noun, before)


def ignore(result: Result | None) -> None:
    """The watch of ranks that do not report."""
