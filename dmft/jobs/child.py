"""A worker process on this machine; `processes.py` starts it and says what it is told and answers."""

from __future__ import annotations

import json
import os
import select
import signal
import sys
from dataclasses import asdict
from pathlib import Path

from dmft.sweeps.folder import Folder
from dmft.sweeps.worker import Solver, Worker


def dismissed() -> bool:
    """True once the input has ended: while a point is being solved, nothing else can be waiting there."""
    return bool(select.select([sys.stdin], [], [], 0.0)[0])


def serve(worker: Solver) -> None:
    """Solve points until there are no more."""
    # A signal to all processes of a job is for the master to act on.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1):
        signal.signal(number, signal.SIG_IGN)
    # Whatever is printed goes to standard error: standard output is for the master.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    while line := sys.stdin.readline():
        try:
            answer = asdict(worker.solve(int(line)))
        except OSError as error:
            answer = {"errno": error.errno, "strerror": error.strerror}
        try:
            print(json.dumps(answer), file=answers, flush=True)
        except BrokenPipeError:
            return


def main() -> None:
    """Solve points of the sweep in a folder, with checkpoints every so many seconds."""
    folder, seconds = sys.argv[1:]
    serve(Worker(Folder.load(Path(folder)), dismissed, float(seconds)))


if __name__ == "__main__":
    main()
