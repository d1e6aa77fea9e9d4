"""Memory that this process may still use: of the machine, of its control group, of its Slurm job."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import psutil

CGROUPS = Path("/sys/fs/cgroup")
MIB = 2.0**20


def available_memory() -> float:
    """Bytes: the smallest of what the machine has left and what the limits above this process leave."""
    return min([psutil.virtual_memory().available, *_cgroup_limits(), *_slurm_limits()])


def _cgroup_limits() -> list[float]:
    """Memory that each control group (version 2) of this process may still take."""
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return []
    own = next((line.removeprefix("0::/") for line in lines if line.startswith("0::/")), None)
    if own is None:
        return []
    group, found = CGROUPS / own, []
    for folder in (group, *group.parents):
        with suppress(OSError, ValueError):
            found.append(float((folder / "memory.max").read_text()) - float((folder / "memory.current").read_text()))
        if folder == CGROUPS:
            break
    return found


def _slurm_limits() -> list[float]:
    """Memory of the job on this node, less that of this process."""
    given = []
    with suppress(KeyError, ValueError):
        given.append(float(os.environ["SLURM_MEM_PER_NODE"]))
    with suppress(KeyError, ValueError):
        given.append(float(os.environ["SLURM_MEM_PER_CPU"]) * float(os.environ.get("SLURM_CPUS_ON_NODE", "1")))
    own = psutil.Process().memory_info().rss
    # Slurm writes 0 for all memory of the node.
    return [max(mebibytes * MIB - own, 0.0) for mebibytes in given if mebibytes > 0]
