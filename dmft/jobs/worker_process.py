"""The program of a worker process; `pool.py` starts it with the number of its end of the channel.

The first message holds the import path of the pool and the function that builds the worker.  The next ones are numbers of
tasks; each is answered before another one comes.  A message without a task, or the end of the channel, asks the process to end:
a task at hand then ends with a checkpoint.

This file is run by its path.  Until the import path is known it may import the standard library only.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from contextlib import suppress
from dataclasses import asdict
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dmft.jobs.channel import Message
    from dmft.jobs.tasks import Worker

PACKAGE = Path(__file__).resolve().parents[1]


class StopRequest:
    """True once the pool asks this process to end or is gone, or this process has used the processor time that it was given."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._out_of_time = False
        # A signal to all processes of a job is for the pool to act on; a limit on processor time is for one process.
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2):
            signal.signal(number, signal.SIG_IGN)
        signal.signal(signal.SIGXCPU, self._remember)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())

    def __call__(self) -> bool:
        """True if the task at hand is to end."""
        # While a task is at hand the pool sends no other one: whatever can be read is the request to end.
        return self._out_of_time or self._connection.poll()

    def _remember(self, *_: object) -> None:
        self._out_of_time = True


def import_this_package() -> None:
    """Import the package that this file belongs to, even where the import path finds another one first."""
    spec = spec_from_file_location(PACKAGE.name, PACKAGE / "__init__.py", submodule_search_locations=[str(PACKAGE)])
    assert spec is not None
    assert spec.loader is not None
    sys.modules[PACKAGE.name] = module = module_from_spec(spec)
    spec.loader.exec_module(module)


def build(request: Message, stop: StopRequest) -> Worker:
    """Take over the import path of the pool, and call the function that builds the worker."""
    sys.path[:] = request["path"]
    import_this_package()
    module, _, name = request["build"].partition(":")
    return getattr(import_module(module), name)(stop, **request["arguments"])


def answer(worker: Worker, index: int) -> dict[str, Any]:
    """Run a task; its result, or the error of the disk, as a message."""
    try:
        return {"result": asdict(worker.run(index))}
    except OSError as error:
        return {"errno": error.errno, "strerror": error.strerror or str(error)}


def main() -> None:
    """Run tasks until there are no more."""
    descriptor = int(sys.argv[1])
    os.set_inheritable(descriptor, False)
    connection = Connection(descriptor)
    stop = StopRequest(connection)
    with suppress(EOFError, OSError):  # the pool is gone
        serve(connection, stop)


def serve(connection: Connection, stop: StopRequest) -> None:
    """Build the worker and run the tasks that it is given."""
    request = json.loads(connection.recv_bytes())
    try:
        worker = build(request, stop)
    except Exception as error:
        connection.send_bytes(json.dumps({"unusable": f"{type(error).__name__}: {error}"}).encode())
        return
    from dmft.jobs.channel import receive, send

    send(connection, {"ready": True})
    if (answer_calls := getattr(worker, "serve", None)) is not None:
        # Parts of one run are no tasks: they come with their data.
        answer_calls(connection)
        return
    while "task" in (message := receive(connection)):
        send(connection, answer(worker, message["task"]))


if __name__ == "__main__":
    main()
