"""One process against two MPI ranks on the same sweep, taking turns.

Run: python runs/benchmarks/sweep_speedup.py        (about four minutes on two cores; needs dmft[dev] or an MPI and mpi4py)
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import re
import subprocess
import sys
import tempfile
from pathlib import Path

SWEEP = """
[problem]
width = 10
activation = "erf"
target = [0.0, 1.0]
noise = 0.3
alignment = 0.05
[solver]
t_max = 1e3
tolerance = 1e-6
[sweep.axes]
"problem.samples_per_parameter" = { geomspace = [0.2, 1.5, 60] }
"problem.init_scale" = [0.5, 1.0, 1.5, 2.0]
"""
MPIEXEC = Path(sys.executable).with_name("mpiexec")
POINTS, ROUNDS = 240, 2


def seconds(launcher: list[str], folder: Path) -> float:
    """What the sweep says that it took, without the start of the processes."""
    command = [*launcher, sys.executable, "-m", "dmft", "sweep", str(folder.parent / "sweep.toml"), "-o", str(folder)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = re.search(r"([\d.]+) points a (second|minute)", said)
    assert found, said
    return POINTS / float(found[1]) * (1 if found[2] == "second" else 60)


def main() -> None:
    launcher = [str(MPIEXEC if MPIEXEC.exists() else "mpiexec"), "-n", "2"]
    with tempfile.TemporaryDirectory() as path:
        (Path(path) / "sweep.toml").write_text(SWEEP)
        seconds([], Path(path) / "first")
        print(f"{'one process, s':>16} {'two ranks, s':>14} {'speed-up':>10}")
        for number in range(ROUNDS):
            one, two = seconds([], Path(path) / f"one{number}"), seconds(launcher, Path(path) / f"two{number}")
            print(f"{one:16.2f} {two:14.2f} {one / two:10.2f}")


if __name__ == "__main__":
    main()
