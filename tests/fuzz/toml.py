"""Odd problem files, given to every command that reads them.

    python -m tests.fuzz.toml --seconds 600

Files of `runs/` and small ones of every theory, with lines, values, keys and bytes changed.  Every command must end, with a
known status, and refuse in one short line.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from pathlib import Path

from tests.fuzz.commands import Report, call, call_here, main, until

RUNS = Path(__file__).parents[2] / "runs"
VALUES = [
    '0', '-1', '1', '0.0', '-0.0', '1e-300', '5e-324', '1e300', '1.7e308', '1e309', '1e-20', '1e20', 'inf', '-inf',
    'nan', 'true', '""', '"inf"', '"erf"', '"\\u0000"', '"\\u001b[31m"', '"\\u202e"', '[]', '[[]]', '[1, 2, 3]',
    '[nan]', '[inf, 1]', '[1e300, 1e300]', '[[1.0]]', '["a"]', '{}', '{ a = 1 }', '07:32:00', '1979-05-27',
    '1979-05-27T07:32:00Z', '0x7fffffffffffffff', '0xffffffffffffffffff', '9223372036854775807', "1" * 400, "1" * 5000,
    "[" * 40 + "]" * 40, "[" * 4000, "'''\nx\n'''", '"' + "x" * 5000 + '"', '{ linspace = [1, 2, 3] }',
    '{ linspace = [1, 2, 1e12] }', '{ linspace = [1, 2, nan] }', '{ linspace = [1, inf, 2] }',
    '{ geomspace = [1, 0, 2] }', '{ geomspace = [1e-200, 1e-200, 2] }', '{ linspace = [1, 2, [3]] }',
    '{ linspace = 3 }', '{ linspace = [1, 1, 5] }', '{ geomspace = [1, 2, 2.5] }', '{ linspace = [-1e308, 1e308, 3] }',
    '{ linspace = [1, 2, true] }', '{ linspace = [1, 2, 07:32:00] }', '{ linspace = [1, 2, 3], geomspace = [1, 2, 3] }',
]  # fmt: skip
SMALL = [
    """[problem]
width = 2
samples_per_parameter = 1.0
activation = [0.0, 0.8, 0.6]
alignment = 0.1
noise = 0.1
init = "lazy"
init_scale = 1.0
train_second_layer = true
""",
    """[problem]
model = "spherical-pspin"
couplings = { "3" = 0.5 }
""",
    """[problem]
model = "online-sgd"
activation = "erf"
learning_rate = 0.1
student_units = 2
teacher_units = 1
dimension = 100
seed = 1
""",
    """[problem]
model = "random-features"
hidden_ratio = 1.0
activation = "relu"
teacher_output = [0.0, 1.0]
noise = 0.1
""",
    """[problem]
model = "hinge"
laziness = 1.0
threshold = 1.0
output_variance = 1.0
weight_variance = 1.0
""",
]
SOLVER = "[solver]\nt_max = 0.5\ntolerance = 1e-2\nmax_nodes = 60\nmax_iterations = 30\n"
AXES = """[sweep]
keep = "observables"
[sweep.axes]
"solver.tolerance" = [0.01, 0.02]
"solver.t_max" = { linspace = [0.1, 0.2, 2] }
"""


def value(text: str, draw: random.Random) -> str:
    """The value of a key."""
    return _one_of(r"(?m)(?<= = ).+$", text, draw, lambda _: draw.choice(VALUES))


def number(text: str, draw: random.Random) -> str:
    """A number somewhere."""
    return _one_of(r"\d[\d.e-]*", text, draw, lambda _: draw.choice(VALUES))


def key(text: str, draw: random.Random) -> str:
    """The name of a key."""
    odd = [
        "",
        '""',
        "'a'",
        "a.b",
        "a" * 3000,
        "é",
        '"\\u0000"',
        "problem",
        "theory",
        "stages",
        "learning_rate",
        "scheme",
        "batch",
    ]
    return _one_of(r"(?m)^[^\[\n]+(?= = )", text, draw, lambda _: draw.choice(odd))


def added(text: str, draw: random.Random) -> str:
    """A key more."""
    known = [
        'scheme = "gradient-descent"\nlearning_rate = 0.25',
        "stages = 1",
        "max_nodes = 2",
        "smallest_step = 0.5",
        'theory = "exact"',
    ]
    odd = [
        f"x = {draw.choice(VALUES)}",
        f"{'.'.join('a' * draw.choice((2, 50, 2000)))} = 1",
        "[a]\n" * 2,
        "[[solver]]",
        "\x00",
        "\x7f",
    ]
    lines = text.splitlines()
    lines.insert(draw.randrange(len(lines) + 1), draw.choice(known + odd))
    return "\n".join(lines)


def line(text: str, draw: random.Random) -> str:
    """A line removed, doubled or moved."""
    lines = text.splitlines()
    moved = lines.pop(draw.randrange(len(lines)))
    for _ in range(draw.randrange(3)):
        lines.insert(draw.randrange(len(lines) + 1), moved)
    return "\n".join(lines)


def letter(text: str, draw: random.Random) -> str:
    """A letter changed, inserted or removed."""
    place = draw.randrange(len(text))
    return (
        text[:place]
        + draw.choice(['"', "[", "]", "=", "\n", "\\", "\ufeff", "\u2028", "9", "-", ".", "e", ""])
        + text[place + draw.randrange(2) :]
    )


def _one_of(pattern: str, text: str, draw: random.Random, new: Callable[[str], str]) -> str:
    found = list(re.finditer(pattern, text))
    if not found:
        return text
    chosen = draw.choice(found)
    return text[: chosen.start()] + new(chosen[0]) + text[chosen.end() :]


CHANGES: dict[str, Callable[[str, random.Random], str]] = {
    change.__name__: change for change in (value, number, key, added, line, letter)
}


def commands(file: Path, folder: Path, name: str, swept: bool) -> list[list[str | Path]]:
    """Commands that read a problem file; those of a sweep if it is one."""
    out = folder / f"{name}.out"
    found: list[list[str | Path]] = [["plan", file]]
    if swept:
        return [*found, ["sweep", file, "-o", out, "-q"]]
    simulate: list[str | Path] = ["simulate", file, "-o", out, "--dim", "4", "--seeds", "1", "--times", "3", "-q"]
    return [*found, ["solve", file, "-o", out, "-q"], simulate]


def warm_up(problems: list[str], folder: Path) -> None:
    """Load and compile in this process what its copies would load and compile each time."""
    for place, text in enumerate(problems):
        file = folder / "warm.toml"
        for swept in (False, True):
            file.write_text(text + AXES * swept)
            for command in commands(file, folder, f"warm{place}{swept}", swept):
                call_here(*command)


def fuzz(draw: random.Random, seconds: float, folder: Path) -> Report:
    """Change files, one after the other, and give each to one command."""
    small = [text + SOLVER for text in SMALL]
    sources = small + [text + AXES for text in small]
    plans = [path.read_text() for path in sorted(RUNS.rglob("*.toml"))]
    warm_up(small, folder)
    report = Report()
    for turn, kind in enumerate(until(seconds, list(CHANGES))):
        # Those of runs/ take long: they are refused or planned only.
        planned = draw.random() < 0.2
        text = draw.choice(plans if planned else sources)
        for _ in range(draw.choice((1, 1, 1, 2, 3))):
            text = CHANGES[kind](text, draw)
        content = text.encode(errors="replace")
        if draw.random() < 0.02:
            content = content[: draw.randrange(len(content))] + bytes([draw.randrange(256)]) + content[5:]
        file = folder / f"{turn}.toml"
        file.write_bytes(content)
        command = ["plan", file] if planned else draw.choice(commands(file, folder, str(turn), "[sweep" in text))
        ended = call(*command)
        shown = f"{command[0]} of {text!r}" if len(text) < 2000 else f"{command[0]} of {text[:300]!r}..."
        report.note(kind, ended, shown)
        file.unlink()
    return report


if __name__ == "__main__":
    main(fuzz, __doc__ or "")
