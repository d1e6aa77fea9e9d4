"""The sbatch line for a planned run or sweep: memory and time with a margin, and parts of about two hours."""

from __future__ import annotations

import shlex
from math import ceil
from pathlib import Path

MIB = 2.0**20
# Memory is asked for in steps of so many MiB, and both memory and time are larger than the estimate by these factors.
STEP, MORE_MEMORY, MORE_TIME = 100, 1.3, 2.0
SHORTEST, PART = 600.0, 7200.0
# Sites allow arrays of about this many tasks.
MOST_TASKS = 1000


def of_run(file: Path, memory: float, seconds: float) -> str:
    """The line for one run."""
    return _line("point.sh", file, "RUN.h5", memory, seconds)


def of_sweep(file: Path, points: int, memory: float, seconds: float, longest: float) -> str:
    """The line for a sweep in parts; `seconds` of all points on one core, `longest` of one point."""
    tasks = max(1, min(ceil(MORE_TIME * seconds / PART), points, MOST_TASKS))
    return _line("array.sh", file, "DIR", memory, max(seconds / tasks, longest), f"--array=0-{tasks - 1} ")


def _line(script: str, file: Path, output: str, memory: float, seconds: float, array: str = "") -> str:
    asked = ceil(MORE_MEMORY * memory / MIB / STEP) * STEP
    minutes = ceil(max(MORE_TIME * seconds, SHORTEST) / 60)
    time = f"{minutes // 60:02d}:{minutes % 60:02d}:00"
    return f"sbatch {array}--mem={asked}M --time={time} slurm/{script} {shlex.quote(str(file))} {output}"
