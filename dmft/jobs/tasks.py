"""Numbered tasks and the workers that run them: points of a sweep, seeds of a simulation.

A task that fails is a result like any other; only a disk that cannot be written to ends all tasks, as OSError.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

# Outcomes of a task whose code raised an error, of one that ended the processes that ran it, and of one that lacks memory.
RAISED, KILLED, TOO_LARGE = "raised", "killed", "too-large"


class StartError(RuntimeError):
    """Worker processes that end before they are ready."""


class Ending(StrEnum):
    """The ways in which a task can end.

    Interrupted tasks left a checkpoint; refused ones need more memory than there is here.  Both are to be run again.
    """

    DONE = "done"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    REFUSED = "refused"


@dataclass(frozen=True)
class Result:
    """The end of one task: its ending, its outcome in a word, and the reason where there is something to say."""

    index: int
    ending: Ending
    outcome: str
    reason: str = ""


Stop = Callable[[], bool]
Watch = Callable[[Result | None], None]


class Worker(Protocol):
    """An object that runs tasks by their numbers."""

    def run(self, index: int) -> Result:
        """Run one task and write its file.  Raises OSError if the file cannot be written."""
        ...


def run_in_turn(worker: Worker, todo: Sequence[int], stop: Stop, watch: Watch) -> None:
    """Run tasks in this process, one after the other, until `stop` returns true or a task is interrupted.

    watch: called with the result of each task that ended.
    """
    for index in todo:
        if stop():
            return
        result = worker.run(index)
        if result.ending is Ending.INTERRUPTED:
            return
        watch(result)


def stop_after(watch: Watch, stop: Stop) -> bool:
    """Let `watch` show its line, then ask `stop`."""
    watch(None)
    return stop()
