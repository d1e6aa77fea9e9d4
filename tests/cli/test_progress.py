"""The estimate of the time left, durations and sizes in words."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dmft.cli.plan import amount
from dmft.cli.progress import Mark, duration, seconds_left
from dmft.engines.descent import Descent
from dmft.engines.march import March


@given(per_log=st.floats(5, 100), speed=st.floats(1e-9, 1e-3), now=st.floats(0.1, 0.9), decades=st.floats(1, 6))
def test_seconds_left_of_an_ideal_run(per_log, speed, now, decades):
    """Nodes = per_log * log(t/t_0), seconds = speed nodes^3/3: what is left is known in closed form."""

    def mark(part):
        nodes = round(per_log * part * decades * math.log(10)) + 10
        return Mark(speed * nodes**3 / 3, math.exp(nodes / per_log), nodes)

    then, present, end = mark(now * 0.98), mark(now), mark(1.0)
    if then.nodes == present.nodes:
        return
    left = seconds_left(then, present, end.time, March)
    # The speed is that of the middle of the last cells: late by the relative width of these.
    width = (present.nodes - then.nodes) / present.nodes
    assert left == pytest.approx(end.clock - present.clock, rel=1.5 * width + 1e-6)


def test_seconds_left_of_even_steps():
    """Nodes = t, seconds = nodes^3/3."""
    then, now = (Mark(n**3 / 3, float(n), n) for n in (990, 1000))
    assert seconds_left(then, now, 3000.0, Descent) == pytest.approx((3000**3 - 1000**3) / 3, rel=0.02)


def test_nothing_is_left_at_the_end():
    assert seconds_left(Mark(0, 1, 10), Mark(1, 20, 30), 20, March) == 0


def test_one_cell_tells_nothing():
    assert math.isnan(seconds_left(Mark(0, 1, 10), Mark(0, 1, 10), 20, March))


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (math.nan, "?"),
        (0.0, "0 s"),
        (0.314, "0.31 s"),
        (9.4, "9.4 s"),
        (42.4, "42 s"),
        (60, "1 min 00 s"),
        (200, "3 min 20 s"),
        (18180, "5 h 03 min"),
    ],
)
def test_duration(seconds, words):
    assert duration(seconds) == words


@pytest.mark.parametrize(("size", "words"), [(12, "12 B"), (1536, "1.5 KiB"), (3.5 * 2**30, "3.5 GiB"), (2**52, "4.1e+03 TiB")])
def test_amount(size, words):
    assert amount(size) == words
