"""Every number that the README, the pages of docs/ and the README files of runs/ quote, beside the one that the program finds.

A claim is a file, its words with {} in place of each number, and a function that makes the numbers anew (`claimed.py`).  It
holds if the words are there and every number, rounded as the text rounds it, is the one quoted; where the text says "at most",
if the number is not above it.  Timings are no claims: they differ between machines.

Run: python runs/benchmarks/claims.py            (a minute)
     python runs/benchmarks/claims.py --all      (with sweeps and simulations: ten minutes)
     python runs/benchmarks/claims.py --unlisted (sentences with decimals that no claim lists)
Exit status 1 where text and program differ.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from pathlib import Path

from claimed import CLAIMS, UNCHECKED, Claim, Unchecked

ROOT = Path(__file__).parents[2]
PAGES = ("README.md", "docs/*.md", "runs/README.md", "runs/*/README.md")
NUMBER = r"([-+\u2212]?\d+(?:,\d{3})*(?:\.\d+)?(?:e[-+]?\d+)?)"
NO_PROSE = r"```.*?```|\$\$.*?\$\$|`[^`]*`|<!-- race: begin.*?race: end -->"
# A number just between two roundings may be rounded either way.
SLACK = 0.01


def text(file: str) -> str:
    """A page on a single line."""
    return " ".join((ROOT / file).read_text().split())


def quoted(claim: Claim | Unchecked) -> list[str] | None:
    """The numbers that the text has in place of {}; None if the words are not there."""
    parts = [re.escape(part) for part in claim.words.split("{}")]
    found = re.search(NUMBER.join(parts), text(claim.file))
    return None if found is None else list(found.groups())


def value_and_unit(number: str) -> tuple[float, float]:
    """A number as it is written, and one unit of its last digit."""
    plain = number.replace(",", "").replace("\u2212", "-")
    mantissa, _, power = plain.partition("e")
    decimals = len(mantissa.partition(".")[2])
    return float(plain), 10.0 ** (int(power or 0) - decimals)


def holds(claim: Claim, numbers: list[str], found: Iterable[float]) -> bool:
    """Whether the program finds what the text says."""
    pairs = list(zip(map(value_and_unit, numbers), found, strict=True))
    if claim.at_most:
        return all(made <= value for (value, _), made in pairs)
    return all(abs(made - value) <= (0.5 + SLACK) * unit for (value, unit), made in pairs)


def check(claim: Claim) -> bool:
    """Print a claim with both numbers; whether it holds."""
    numbers = quoted(claim)
    if numbers is None:
        print(f"ABSENT   {claim.file}: {claim.words!r}: wanted these words", flush=True)
        return False
    found = tuple(claim.made())
    right = holds(claim, numbers, found)
    made = ", ".join(f"{one:.6g}" for one in found)
    print(f"{'holds' if right else 'DIFFERS':8} {claim.file}: {claim.words.format(*numbers)!r}: found {made}", flush=True)
    return right


def unlisted() -> None:
    """Print every line of prose with a decimal number that no claim lists; blocks of code and formulas are left out."""
    for file in sorted({path for pattern in PAGES for path in ROOT.glob(pattern)}):
        name = str(file.relative_to(ROOT))
        prose = re.sub(
            r"```.*?```|\$\$.*?\$\$|`[^`]*`|<!-- race: begin.*?race: end -->", " ", file.read_text(), flags=re.DOTALL
        )
        for claim in (one for one in (*CLAIMS, *UNCHECKED) if one.file == name):
            pattern = NUMBER.join(re.escape(part).replace(r"\ ", r"\s+") for part in claim.words.split("{}"))
            prose = re.sub(pattern, " ", prose)
        for line in prose.splitlines():
            if re.search(r"\d\.\d", line):
                print(f"{name}: {line.strip()[:160]}")


def main(*options: str) -> None:
    """Check the claims; exit 1 where one does not hold."""
    if "--unlisted" in options:
        return unlisted()
    chosen = [claim for claim in CLAIMS if "--all" in options or not claim.costly]
    wrong = sum(not check(claim) for claim in chosen)
    for claim in UNCHECKED:
        wrong += quoted(claim) is None
        print(f"{'by hand' if quoted(claim) else 'ABSENT':8} {claim.file}: {claim.words!r}: {claim.command}")
    print(f"{len(chosen)} claims checked, {wrong} wrong; {len(CLAIMS) - len(chosen)} costly ones left out")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
