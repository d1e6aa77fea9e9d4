"""Damage to files of every kind, given to every command that reads them.

    python -m tests.fuzz.hdf5 --seconds 600

A file with a checksum must be refused whatever byte of it has changed, in one line, and be left as it was.  One without, as
earlier versions wrote them, must be refused or read; no command may raise, crash or hang.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path

from dmft.cli.main import run
from tests.damage import edit
from tests.fuzz.commands import Report, call, call_here, main, until

PROBLEM = """
[problem]
width = 3
samples_per_parameter = 1.0
activation = [0.0, 0.8, 0.6]
target = [0.0, 1.0]
alignment = 0.1
[solver]
t_max = 1.0
tolerance = 1e-2
"""
SWEEP = PROBLEM.replace("width = 3", "") + '[sweep.axes]\n"problem.width" = [2, 3]\n'


def flip(content: bytearray, draw: random.Random) -> None:
    """One bit."""
    content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)


def byte(content: bytearray, draw: random.Random) -> None:
    """One byte."""
    place = draw.randrange(len(content))
    content[place] = (content[place] + draw.randrange(1, 256)) % 256


def zeros(content: bytearray, draw: random.Random) -> None:
    """Sixteen zero bytes where something stood."""
    while True:
        place = draw.randrange(len(content) - 16)
        if any(content[place : place + 16]):
            content[place : place + 16] = bytes(16)
            return


def ones(content: bytearray, draw: random.Random) -> None:
    """Eight bytes of ones: the largest of lengths and addresses."""
    place = draw.randrange(len(content) - 8)
    content[place : place + 8] = b"\xff" * 8


def page(content: bytearray, draw: random.Random) -> None:
    """A page of zeros, as a disk that lost it gives."""
    place = 512 * draw.randrange(max(len(content) // 512, 1))
    content[place : place + 512] = bytes(min(512, len(content)))
    if not any(content):
        content[0] = 1


def cut(content: bytearray, draw: random.Random) -> None:
    """The end is missing."""
    del content[draw.randrange(len(content)) :]


def inserted(content: bytearray, draw: random.Random) -> None:
    """Some bytes more."""
    place = draw.randrange(len(content))
    content[place:place] = bytes(draw.randrange(1, 64))


def removed(content: bytearray, draw: random.Random) -> None:
    """Some bytes less."""
    place = draw.randrange(len(content))
    del content[place : place + draw.randrange(1, 64)]


def exchanged(content: bytearray, draw: random.Random) -> None:
    """Two stretches of 64 bytes in each other's place."""
    one, other = (draw.randrange(len(content) - 64) for _ in range(2))
    content[one : one + 64], content[other : other + 64] = content[other : other + 64], content[one : one + 64]


def metadata(content: bytearray, draw: random.Random) -> None:
    """A byte near a signature of HDF5, where its structures are."""
    signatures = [b"OHDR", b"OCHK", b"GCOL", b"FRHP", b"FHDB", b"BTHD", b"BTLF", b"TREE", b"SNOD", b"HEAP", b"\x89HDF"]
    places = [place for name in signatures if (place := content.find(name, draw.randrange(len(content)))) >= 0] or [0]
    place = min(draw.choice(places) + draw.randrange(96), len(content) - 1)
    content[place] ^= 1 << draw.randrange(8)


DAMAGE: dict[str, Callable[[bytearray, random.Random], None]] = {
    kind.__name__: kind for kind in (flip, byte, zeros, ones, page, cut, inserted, removed, exchanged, metadata)
}


def make_files(folder: Path) -> dict[str, Path]:
    """A file of every kind."""
    (folder / "p.toml").write_text(PROBLEM)
    (folder / "s.toml").write_text(SWEEP)
    commands = (
        ["solve", folder / "p.toml", "-o", folder / "run.h5", "-q"],
        ["simulate", folder / "p.toml", "-o", folder / "sim.h5", "--dim", "6", "--seeds", "2", "--times", "5", "-q"],
        ["sweep", folder / "s.toml", "-o", folder / "sweep", "-q"],
        ["collect", folder / "sweep"],
    )
    for command in commands:
        assert run([str(part) for part in command]) == 0
    return {"run": folder / "run.h5", "simulation": folder / "sim.h5", "table": folder / "sweep" / "sweep.h5"}


def readers(kind: str, file: Path, folder: Path) -> list[list[str | Path]]:
    """Commands that read a file of this kind."""
    found: list[list[str | Path]] = [
        ["show", file],
        ["cite", file],
        ["plot", file, "-o", folder / "figure.png"],
        ["check", file],
    ]
    if kind == "run":
        found += [["show", file, "--at", "0.5"], ["compare", file, folder / "sim.h5"]]
        found += [["solve", folder / "p.toml", "-o", file, "--set", "solver.t_max=1.5", "-q"]]
    if kind == "simulation":
        found += [["compare", folder / "run.h5", file]]
        found += [["simulate", folder / "p.toml", "-o", file, "--dim", "6", "--seeds", "3", "--times", "5", "-q"]]
    return found


def fuzz(draw: random.Random, seconds: float, folder: Path, *, sealed: bool = True) -> Report:
    """Damage files, one after the other, and give each to one command."""
    files = make_files(folder)
    for path in () if sealed else files.values():
        edit(path, lambda file: None, sealed=False)
    for kind, path in files.items() if sealed else ():
        for command in readers(kind, path, folder)[:3]:
            call_here(*command)
    whole = {kind: path.read_bytes() for kind, path in files.items()}
    report = Report()
    for name in until(seconds, list(DAMAGE)):
        kind = draw.choice(list(files))
        content = bytearray(whole[kind])
        DAMAGE[name](content, draw)
        file = folder / "damaged.h5"
        file.write_bytes(content)
        command = draw.choice(readers(kind, file, folder))
        ended = call(*command)
        changed = bytes(content) != whole[kind]
        fault = ""
        if sealed and changed and ended.code != 2:
            fault = "believed"
        if ended.code == 2 and file.read_bytes() != content:
            fault = "changed the file"
        report.note(name, ended, f"{command[0]} of a {kind}", fault)
        shutil.rmtree(folder / "damaged.h5.seeds", ignore_errors=True)
    return report


if __name__ == "__main__":
    main(fuzz, __doc__ or "")
