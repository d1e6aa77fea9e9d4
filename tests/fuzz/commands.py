"""Commands run in this process, as often as time allows, and a table of how they ended."""

from __future__ import annotations

import argparse
import contextlib
import faulthandler
import io
import os
import pickle
import random
import select
import signal
import time
import traceback
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NoReturn

from dmft.cli.main import run

# Longer than anything that is tried takes, on a busy machine too.
PATIENCE = 120
# Of a fuzzer beside the time that it was given: loops to compile, and a last command that hangs.
LONGEST_SETUP = 1800
KNOWN_CODES = (0, 2, 3, 4)
LONGEST = 200


@dataclass(frozen=True)
class Ended:
    """A command that ended: its exit status, what it printed, and the complaint if it ended as none should."""

    code: int
    out: str
    err: str
    fault: str = ""


def call(*arguments: str | Path) -> Ended:
    """Run a command in a copy of this process, which may crash or hang.

    `fault` names a traceback, a hang, an unknown status, or a refusal that is not one short line.
    """
    answers, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        _answer(theirs, arguments)
    os.close(theirs)
    os.setpgid(child, child)
    with open(answers, "rb", buffering=0) as pipe:
        answer = _read_in_time(pipe, time.monotonic() + PATIENCE)
    if answer is None:
        # All that it started is in its group.
        os.killpg(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if answer is None:
        return Ended(-1, "", "", "hangs")
    if not answer or status:
        return Ended(-1, "", "", f"crashes with {os.waitstatus_to_exitcode(status)}")
    return pickle.loads(answer)


def _answer(descriptor: int, arguments: Sequence[str | Path]) -> NoReturn:
    """Run a command in this process, a copy made for it, and end with it whatever happens."""
    try:
        with open(descriptor, "wb") as pipe:
            pickle.dump(call_here(*arguments), pipe)
    finally:
        os._exit(0)


def _read_in_time(pipe: io.FileIO, deadline: float) -> bytes | None:
    """Everything that is written into a pipe until it is closed; None if it is not closed in time."""
    parts = []
    while select.select([pipe], [], [], max(deadline - time.monotonic(), 0.0))[0]:
        if not (part := pipe.read(1 << 16)):
            return b"".join(parts)
        parts.append(part)
    return None


def call_here(*arguments: str | Path) -> Ended:
    """Run a command in this process."""
    out, err = io.StringIO(), io.StringIO()
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = run([str(argument) for argument in arguments])
    except BaseException as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        return Ended(
            -1, out.getvalue(), err.getvalue(), f"{type(error).__name__} at {Path(place.filename).name}:{place.lineno}"
        )
    return Ended(code, out.getvalue(), err.getvalue(), _fault(code, err.getvalue()))


def _fault(code: int, err: str) -> str:
    lines = [line for line in err.splitlines() if "has no checksum" not in line]
    if code not in KNOWN_CODES:
        return f"exit status {code}"
    if code == 2 and (len(lines) > 1 or any(len(line) > LONGEST for line in lines)):
        return "not one short line"
    if not all(line.isprintable() for line in lines):
        return "control characters"
    return ""


@dataclass
class Count:
    """Tries of one kind: how many were refused, how many changed nothing, and what went wrong with the others."""

    tried: int = 0
    refused: int = 0
    harmless: int = 0
    faults: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))


@dataclass
class Report:
    """Counts by kind; `note` a try, then print the table."""

    counts: dict[str, Count] = field(default_factory=lambda: defaultdict(Count))

    def note(self, kind: str, ended: Ended, example: str, fault: str = "") -> None:
        """Count one try; `fault` of the caller, who knows what was changed."""
        count = self.counts[kind]
        count.tried += 1
        fault = ended.fault or fault
        if fault:
            count.faults[fault].append(example)
        elif ended.code == 2:
            count.refused += 1
        else:
            count.harmless += 1

    @property
    def faults(self) -> int:
        """Number of tries that ended as none should."""
        return sum(len(examples) for count in self.counts.values() for examples in count.faults.values())

    def __str__(self) -> str:
        width = max(map(len, self.counts), default=0)
        lines = [f"{'kind':{width}}  {'tried':>6} {'refused':>8} {'harmless':>8} {'faults':>7}"]
        for kind, count in sorted(self.counts.items()):
            number = sum(map(len, count.faults.values()))
            lines.append(f"{kind:{width}}  {count.tried:6} {count.refused:8} {count.harmless:8} {number:7}")
            lines += [f"    {len(examples)} times {fault}, such as {examples[0]}" for fault, examples in count.faults.items()]
        return "\n".join(lines)


def main(fuzz: Callable[..., Report], purpose: str) -> None:
    """Command line of a fuzzer; exit status 1 if anything went wrong."""
    parser = argparse.ArgumentParser(description=purpose)
    parser.add_argument("--seconds", type=float, default=60.0, help="how long to try")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6), help="of the random numbers")
    parser.add_argument("--unsealed", action="store_true", help="files without a checksum, as earlier versions wrote them")
    asked = parser.parse_args()
    print(f"seed {asked.seed}", flush=True)
    # The copies of this process have a limit each; this one ends too, and says where it was.
    faulthandler.dump_traceback_later(asked.seconds + LONGEST_SETUP, exit=True)
    with TemporaryDirectory() as folder:
        report = fuzz(random.Random(asked.seed), asked.seconds, Path(folder), **({"sealed": False} if asked.unsealed else {}))
    print(report)
    raise SystemExit(bool(report.faults))


def until(seconds: float, kinds: Sequence[str]) -> Iterator[str]:
    """Kinds in turn, until the time is over; each of them at least once."""
    end, turn = time.monotonic() + seconds, 0
    while turn < len(kinds) or time.monotonic() < end:
        yield kinds[turn % len(kinds)]
        turn += 1
