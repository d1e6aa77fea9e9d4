"""Worker processes on this machine: the master hands out points over pipes, one at a time to each.

A worker (`child.py`) reads numbers of points, one a line, and answers each with a line of JSON.  The end of its input tells it
to stop after a checkpoint: that is how the master stops it, and also what it sees once the master is gone.

Points are those of a sweep, or the seeds of a simulation.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter, deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from selectors import EVENT_READ, DefaultSelector
from typing import IO

from dmft.engines.outcome import Outcome
from dmft.sweeps.worker import KILLED, Ended

COMMAND = (sys.executable, "-m", "dmft.jobs.child")
# The master looks up this often, to see whether it is to stop and to show how it fares.
SECONDS = 0.2
# A point at which so many processes were killed is a failed one.
PATIENCE = 2

Watch = Callable[[Ended | None], None]


@dataclass(eq=False)
class Child:
    """A worker process and the point that it is at."""

    process: subprocess.Popen[str]
    questions: IO[str]
    answers: IO[str]
    index: int | None = None

    def give(self, index: int) -> None:
        """Hand out a point."""
        self.index = index
        # One that is gone already is noticed when its answer is missing.
        with suppress(BrokenPipeError):
            self.questions.write(f"{index}\n")
            self.questions.flush()

    def dismiss(self) -> None:
        """No more points: it ends, after a checkpoint of the one at hand."""
        with suppress(BrokenPipeError):
            self.questions.close()

    def bury(self) -> str:
        """Wait for its end; what ended it, in words."""
        self.dismiss()
        code = self.process.wait()
        self.answers.close()
        return f"signal {-code}" if code < 0 else f"status {code}"


class Crew:
    """The master's view of its worker processes.

    command: of a worker process.
    stop: asked now and then; once it says yes, no point is handed out and the workers are dismissed.
    watch: told of each point that ended, and called with None now and then.
    killed: told of a point at which processes were killed, and in words by what.
    """

    def __init__(
        self,
        command: Sequence[str],
        todo: Sequence[int],
        stop: Callable[[], bool],
        watch: Watch,
        killed: Callable[[int, str], None],
    ) -> None:
        self.command, self.stop, self.watch, self.killed = command, stop, watch, killed
        self.waiting = deque(todo)
        self.deaths: Counter[int] = Counter()
        self.children: set[Child] = set()
        self.selector = DefaultSelector()
        self.error: OSError | None = None

    def run(self, jobs: int) -> None:
        """Solve all points in so many processes.  Raises OSError if one of them cannot write."""
        try:
            while len(self.children) < jobs and self._hands_out():
                self._hire()
            while self.children:
                for key, _ in self.selector.select(SECONDS):
                    self._hear(key.data)
                if not self._hands_out():
                    self._dismiss_idle(everyone=self.stop() or self.error is not None)
                self.watch(None)
        finally:
            for child in list(self.children):
                self._part(child)
            self.selector.close()
        if self.error is not None:
            raise self.error

    def _hands_out(self) -> bool:
        return bool(self.waiting) and self.error is None and not self.stop()

    def _hire(self) -> None:
        process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert process.stdin is not None
        assert process.stdout is not None
        child = Child(process, process.stdin, process.stdout)
        self.children.add(child)
        self.selector.register(child.answers, EVENT_READ, child)
        child.give(self.waiting.popleft())

    def _hear(self, child: Child) -> None:
        """Take an answer, or find that the child is gone."""
        line = child.answers.readline()
        if not line:
            self._mourn(child)
            return
        child.index = None
        answer = json.loads(line)
        if "errno" in answer:
            self.error = OSError(answer["errno"], answer["strerror"])
        else:
            ended = Ended(**answer)
            if ended.outcome != Outcome.INTERRUPTED.value:
                self.watch(ended)
        if self._hands_out():
            child.give(self.waiting.popleft())

    def _mourn(self, child: Child) -> None:
        """A process ended: its point is tried once more by another one, in case it was not the point that killed it."""
        index, cause = child.index, self._part(child)
        if index is None or self.stop() or self.error is not None:
            return
        self.deaths[index] += 1
        if self.deaths[index] < PATIENCE:
            self.waiting.appendleft(index)
        else:
            self.killed(index, f"{PATIENCE} processes ended by {cause} at this point; is there enough memory?")
            self.watch(Ended(index, KILLED))
        if self.waiting:
            self._hire()

    def _dismiss_idle(self, everyone: bool) -> None:
        for child in self.children:
            if everyone or child.index is None:
                child.dismiss()

    def _part(self, child: Child) -> str:
        self.selector.unregister(child.answers)
        self.children.remove(child)
        return child.bury()
