"""A worker process of a simulation on this machine; see `dmft.jobs.child`."""

from __future__ import annotations

import sys
from pathlib import Path

from dmft.jobs.child import dismissed, serve
from dmft.simulation.folder import Seeds
from dmft.simulation.worker import SeedWorker


def main() -> None:
    """Simulate seeds of the simulation at a path, with checkpoints every so many seconds."""
    output, seconds = sys.argv[1:]
    serve(SeedWorker(Seeds.load(Path(output)), dismissed, float(seconds)))


if __name__ == "__main__":
    main()
