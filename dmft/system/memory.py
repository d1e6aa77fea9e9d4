"""Memory that this process may still use: of the machine, of its control group, of its Slurm job, of its address space."""

from __future__ import annotations

import os
import re
import resource
from contextlib import suppress
from math import ceil
from pathlib import Path
from typing import NamedTuple

MEMINFO = "MemAvailable", "MemTotal"
CGROUPS = Path("/sys/fs/cgroup")
MIB = 2.0**20
# What to ask for is rounded up to a multiple of so many MiB, and this much larger than the estimate.
STEP, MARGIN = 100, 1.1


class Limit(NamedTuple):
    """Bytes that a limit leaves to this process, bytes that it allows in all, and its name."""

    available: float
    total: float
    name: str

    def refusal(self, needed: float, alternative: str) -> str:
        """One line on the bytes that are needed, those available, and what to ask for."""
        if self.name == MACHINE:
            return f"{needed / 1e9:.3g} GB, {self.available / 1e9:.3g} GB are available; wanted {alternative}"
        asked = ceil(MARGIN * (needed + self.total - self.available) / MIB / STEP) * STEP
        place = f"of the {_mib(self.total)} of this {self.name}"
        return f"{_mib(needed)}, {_mib(self.available)} {place} are available; wanted {_request(asked)}, or {alternative}"


MACHINE, GROUP, JOB, ADDRESSES = "machine", "control group", "Slurm job", "address space (ulimit -v)"


def available_memory() -> float:
    """Bytes: the smallest of what the machine has left and what the limits above this process leave."""
    return memory_limit().available


def memory_limit() -> Limit:
    """The limit that leaves least to this process."""
    found = [_machine(), *_cgroup_limits(), *_slurm_limits(), *_address_limits()]
    return min(found, key=lambda limit: limit.available)


def _machine() -> Limit:
    """Memory that the machine has left.  Linux tells it in a file; psutil, for other systems, takes a while to load."""
    with suppress(OSError, IndexError):
        known = Path("/proc/meminfo").read_text()
        available, total = (1024.0 * float(re.findall(rf"^{name}: +(\d+) kB$", known, re.MULTILINE)[0]) for name in MEMINFO)
        return Limit(available, total, MACHINE)
    import psutil

    machine = psutil.virtual_memory()
    return Limit(machine.available, machine.total, MACHINE)


def _request(mebibytes: int) -> str:
    """The way to get so much memory: the option of sbatch that this job was given, as Slurm takes only one of the two."""
    if "SLURM_JOB_ID" not in os.environ:
        return f"a limit of {mebibytes} MiB"
    processors = os.environ.get("SLURM_CPUS_ON_NODE", "1")
    if "SLURM_MEM_PER_CPU" in os.environ and processors.isdigit():
        return f"--mem-per-cpu={ceil(mebibytes / int(processors))}M"
    return f"--mem={mebibytes}M"


def _mib(size: float) -> str:
    return f"{size / MIB:.0f} MiB"


def _cgroup_limits() -> list[Limit]:
    """Limits of the control groups, of version 2 or 1, that this process is in."""
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        _, controllers, own = line.split(":", 2)
        if not controllers:
            found += _group_limits(CGROUPS, own, "memory.max", "memory.current", "inactive_file")
        elif "memory" in controllers.split(","):
            names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
            found += _group_limits(CGROUPS / "memory", own, *names)
    return found


def _group_limits(root: Path, own: str, limit: str, usage: str, reclaimable: str) -> list[Limit]:
    """Limits of a control group and of those above it."""
    group, found = root / own.lstrip("/"), []
    for folder in (group, *group.parents):
        with suppress(OSError, ValueError):
            total = float((folder / limit).read_text())
            used = float((folder / usage).read_text()) - _statistic(folder / "memory.stat", reclaimable)
            found.append(Limit(max(total - used, 0.0), total, GROUP))
        if folder == root:
            break
    return found


def _statistic(path: Path, name: str) -> float:
    """A number of memory.stat: pages of files that the kernel gives up for a process that wants memory; 0 without the file."""
    with suppress(OSError, ValueError, IndexError):
        return float(re.findall(rf"^{name} (\d+)$", path.read_text(), re.MULTILINE)[0])
    return 0.0


def _slurm_limits() -> list[Limit]:
    """Memory that the job was given on this node, less what this process has."""
    given = []
    with suppress(KeyError, ValueError):
        given.append(float(os.environ["SLURM_MEM_PER_NODE"]))
    with suppress(KeyError, ValueError):
        given.append(float(os.environ["SLURM_MEM_PER_CPU"]) * float(os.environ.get("SLURM_CPUS_ON_NODE", "1")))
    if not given:
        return []
    import psutil

    own = psutil.Process().memory_info().rss
    # Slurm writes 0 for all memory of the node.
    return [Limit(max(size * MIB - own, 0.0), size * MIB, JOB) for size in given if size > 0]


def _address_limits() -> list[Limit]:
    """The limit on the address space of this process."""
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit == resource.RLIM_INFINITY:
        return []
    import psutil

    return [Limit(max(limit - psutil.Process().memory_info().vms, 0.0), limit, ADDRESSES)]
