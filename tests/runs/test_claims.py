"""The check of quoted numbers: how they are read, when a claim holds, and that the words of all claims are in the text."""

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def claims():
    sys.path.insert(0, str(ROOT / "runs" / "benchmarks"))
    try:
        import claims
    finally:
        sys.path.pop(0)
    return claims


@pytest.mark.parametrize(
    ("number", "value", "unit"),
    [
        ("9.9", 9.9, 0.1),
        ("24,000", 24000.0, 1.0),
        ("-1.154700", -1.1547, 1e-6),
        ("4.25e-4", 4.25e-4, 1e-6),
        ("\u22120.5", -0.5, 0.1),
    ],
)
def test_numbers_as_written(claims, number, value, unit):
    assert claims.value_and_unit(number) == pytest.approx((value, unit))


@pytest.mark.parametrize(
    ("quoted", "made", "right"), [("9.9", 9.94, True), ("9.9", 9.96, False), ("0.147", 0.1465, True), ("37", 44.0, False)]
)
def test_a_claim_holds_if_it_is_rounded_right(claims, quoted, made, right):
    claim = claims.Claim("README.md", "{}", lambda: [made])
    assert claims.holds(claim, [quoted], [made]) is right


def test_at_most(claims):
    claim = claims.Claim("README.md", "{}", list, at_most=True)
    assert claims.holds(claim, ["3.5"], [3.4])
    assert not claims.holds(claim, ["3.5"], [3.6])


def test_the_words_of_every_claim_are_in_the_text(claims):
    for claim in (*claims.CLAIMS, *claims.UNCHECKED):
        numbers = claims.quoted(claim)
        assert numbers is not None, (claim.file, claim.words)
        assert len(numbers) == claim.words.count("{}")
