"""A pool of worker processes on this machine, each of which has one task at a time.

A process that ends unasked is replaced, and its task is given to another one.  A task at which several processes ended has
failed.  Processes that end before they are ready are a failure of the start, for which no task is to blame.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from dmft.jobs.channel import Message, receive, send
from dmft.jobs.tasks import KILLED, Ending, Result, StartError, Stop, Watch

PROGRAM = Path(__file__).with_name("worker_process.py")
# Seconds between two looks at `stop`.
INTERVAL = 0.2
# Processes that may end at one task, and in a row before they are ready.
ATTEMPTS = 2


@dataclass(frozen=True)
class Recipe:
    """The way to build a worker in another process.

    build: "module:function"; called with `stop` and the arguments, which are JSON.
    """

    build: str
    arguments: Mapping[str, Any]


@dataclass(eq=False)
class WorkerProcess:
    """A running process, this end of its channel, and the task that it has."""

    process: subprocess.Popen[bytes]
    connection: Connection
    ready: bool = False
    task: int | None = None
    dismissed: bool = False

    @property
    def gone(self) -> bool:
        """True once the process has ended and everything that it sent has been read."""
        return self.process.poll() is not None and not self.connection.poll()

    def request(self, recipe: Recipe) -> None:
        """Send the import path of this process and the way to build the worker."""
        self._send({"path": import_path(), "build": recipe.build, "arguments": dict(recipe.arguments)})

    def give(self, task: int) -> None:
        """Send the number of a task."""
        self.task = task
        self._send({"task": task})

    def dismiss(self) -> None:
        """Ask the process to end, after a checkpoint of the task at hand."""
        if not self.dismissed:
            self.dismissed = True
            self._send({})

    def hear(self) -> Message | None:
        """The next message; None if there will be none."""
        try:
            return receive(self.connection)
        except (EOFError, OSError):
            return None

    def join(self) -> str:
        """Wait for the end of the process; the cause in words."""
        self.connection.close()
        code = self.process.wait()
        return f"signal {-code}" if code < 0 else f"status {code}"

    def _send(self, message: Message) -> None:
        # A process that is gone is noticed when it is listened to.
        with suppress(OSError):
            send(self.connection, message)


class WorkerPool:
    """Runs tasks in worker processes.

    recipe: of the worker in each process.
    stop: asked now and then; once it returns true, no task is handed out, and the tasks at hand end with checkpoints.
    watch: called with the result of each task that ended, and with None now and then.
    killed: called with the result of a task that ended its processes, which wrote no file about it.
    """

    def __init__(self, recipe: Recipe, todo: Sequence[int], stop: Stop, watch: Watch, killed: Callable[[Result], None]) -> None:
        self.recipe, self.stop, self.watch, self.killed = recipe, stop, watch, killed
        self.waiting = deque(todo)
        self.workers: set[WorkerProcess] = set()
        self.deaths: Counter[int] = Counter()
        self.failed_starts = 0
        self.interrupted = False
        self.error: Exception | None = None

    def run(self, processes: int) -> None:
        """Run all tasks in this number of processes.

        Raises OSError if a file cannot be written, StartError if processes cannot be started.
        """
        try:
            while len(self.workers) < min(processes, len(self.waiting)) and not self._stopping():
                self._start()
            while self.workers:
                self._listen()
                if self._stopping():
                    self._dismiss_all()
                self.watch(None)
        finally:
            self._dismiss_all()
            for worker in self.workers:
                worker.join()
        if self.error is not None:
            raise self.error

    def _stopping(self) -> bool:
        return self.interrupted or self.error is not None or self.stop()

    def _start(self) -> None:
        try:
            worker = start(self.recipe)
        except OSError as error:
            self.error = StartError(f"a worker process could not be started ({error.strerror})")
            return
        self.workers.add(worker)

    def _listen(self) -> None:
        """Take the messages that have come, and notice the processes that are gone."""
        heard = wait([worker.connection for worker in self.workers], INTERVAL)
        for worker in list(self.workers):
            message = worker.hear() if worker.connection in heard else None
            if message is not None:
                self._take(worker, message)
            # A process of its own making may keep the channel of a worker open that has ended.
            elif worker.connection in heard or worker.gone:
                self._replace(worker)

    def _take(self, worker: WorkerProcess, message: Message) -> None:
        if "unusable" in message:
            self.error = StartError(f"a worker process could not start: {message['unusable']}")
        elif "errno" in message:
            self.error = OSError(message["errno"], message["strerror"])
        elif "ready" in message:
            worker.ready, self.failed_starts = True, 0
            self._give_next(worker)
        else:
            worker.task = None
            self._note(message["result"])
            self._give_next(worker)

    def _note(self, result: dict[str, Any]) -> None:
        ended = Result(**{**result, "ending": Ending(result["ending"])})
        if ended.ending is Ending.INTERRUPTED:
            # The limit that one process has reached is near for the others.
            self.interrupted = True
        else:
            self.watch(ended)

    def _give_next(self, worker: WorkerProcess) -> None:
        """Hand out a task; the worker ends if there is none."""
        if self.waiting and not self._stopping():
            worker.give(self.waiting.popleft())
        else:
            worker.dismiss()

    def _replace(self, worker: WorkerProcess) -> None:
        """Give the task of a process that ended to a new one, in case it was not the task that ended it."""
        self.workers.remove(worker)
        cause = worker.join()
        if self._stopping() or worker.dismissed:
            return
        if not worker.ready:
            self._note_failed_start(cause)
        elif worker.task is not None:
            self._note_death(worker.task, cause)
        if self.waiting and self.error is None:
            self._start()

    def _note_failed_start(self, cause: str) -> None:
        self.failed_starts += 1
        if self.failed_starts >= ATTEMPTS:
            self.error = StartError(f"{ATTEMPTS} worker processes ended by {cause} before they were ready")

    def _note_death(self, task: int, cause: str) -> None:
        self.deaths[task] += 1
        if self.deaths[task] < ATTEMPTS:
            self.waiting.appendleft(task)
            return
        reason = f"{ATTEMPTS} processes ended by {cause} at this point; is there enough memory?"
        result = Result(task, Ending.FAILED, KILLED, reason)
        self.killed(result)
        self.watch(result)

    def _dismiss_all(self) -> None:
        for worker in self.workers:
            worker.dismiss()


def start(recipe: Recipe) -> WorkerProcess:
    """Start a worker process with the import path of this one.  Raises OSError if that is not possible."""
    ours, theirs = Pipe()
    try:
        with signals_blocked():
            process = subprocess.Popen(
                [sys.executable, *interpreter_flags(), "-P", str(PROGRAM), str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                # Standard output belongs to this process: what workers print goes to the log.
                stdout=log_descriptor(),
                pass_fds=(theirs.fileno(),),
            )
    except BaseException:
        ours.close()
        raise
    finally:
        theirs.close()
    worker = WorkerProcess(process, ours)
    worker.request(recipe)
    return worker


@contextmanager
def signals_blocked() -> Iterator[None]:
    """Let a process that is started here begin with all signals blocked: none comes before it can ignore it."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, set(signal.valid_signals()) - {signal.SIGKILL, signal.SIGSTOP})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def import_path() -> list[str]:
    """The import path of this process without relative entries: the empty one is the current folder, whichever that is."""
    return [entry for entry in sys.path if Path(entry).is_absolute()]


def interpreter_flags() -> list[str]:
    """Options of the interpreter that decide on what it imports."""
    flags = {
        "-I": sys.flags.isolated,
        "-E": sys.flags.ignore_environment,
        "-s": sys.flags.no_user_site,
        "-S": sys.flags.no_site,
    }
    return [flag for flag, given in flags.items() if given]


def log_descriptor() -> int:
    """Standard error, or nowhere if that is closed."""
    try:
        os.fstat(2)
    except OSError:
        return subprocess.DEVNULL
    return 2
