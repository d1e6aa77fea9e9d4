"""The estimate of the time left, durations and sizes in words."""

import math
import sys
from time import sleep

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dmft.cli.plan import amount
from dmft.cli.progress import Mark, Meter, duration, fitting, meter, seconds_left
from dmft.cli.sweep_progress import SweepMeter
from dmft.compiled import compilation
from dmft.engines.base import AcceptedCell
from dmft.engines.march import March


def power_law(exponent, times):
    """Marks of a run whose seconds are t^exponent, with the cost of each node in proportion to its number squared."""
    return [Mark(t**exponent, t, (3 * t**exponent) ** (1 / 3)) for t in times]  # type: ignore[arg-type]


@given(exponent=st.floats(0.2, 3.0), now=st.floats(0.1, 0.9), decades=st.floats(1, 4))
def test_seconds_left_of_a_power_law(exponent, now, decades):
    end = 10.0**decades
    marks = power_law(exponent, np.geomspace(1e-2, 1.0, 60) * end * now)
    assert seconds_left(marks, end, 3) == pytest.approx(end**exponent * (1 - now**exponent), rel=0.05)


def test_seconds_left_of_even_steps():
    """Nodes = t, seconds = nodes^3/3."""
    marks = [Mark(n**3 / 3, float(n), n) for n in range(10, 1001, 10)]
    assert seconds_left(marks, 3000.0, 3) == pytest.approx((3000**3 - 1000**3) / 3, rel=0.02)


def test_seconds_left_of_a_run_that_is_continued():
    """Of the seconds before, only the cost of the first cells after tells."""
    marks = [Mark(n**3 / 3, float(n), n) for n in range(500, 1001, 10)]
    assert seconds_left(marks, 3000.0, 3) == pytest.approx((3000**3 - 1000**3) / 3, rel=0.1)


def test_seconds_left_of_cells_that_grow_with_time():
    """Nine cells a decade at one cost each, after a transition at which a hundred cells were small."""
    small = [Mark(0.1 * n, 1.0 + 0.01 * n, n) for n in range(100)]
    marks = small + [Mark(10 + 0.1 * n, 2.0 * 10 ** (n / 9), 100 + n) for n in range(150)]
    assert seconds_left(marks, marks[-1].time * 1e4, 1) == pytest.approx(0.1 * 9 * 4, rel=1e-9)


def test_nothing_is_left_at_the_end():
    assert seconds_left(power_law(1.0, [1.0, 2.0, 3.0, 4.0]), 4.0, 3) == 0


def test_two_cells_tell_nothing():
    assert math.isnan(seconds_left(power_law(1.0, [1.0, 2.0]), 4.0, 3))
    assert math.isnan(seconds_left([], 4.0, 3))


@pytest.fixture
def terminal(monkeypatch):
    """A terminal of any number of columns."""

    def of(columns):
        monkeypatch.setenv("COLUMNS", str(columns))
        monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)

    return of


@given(words=st.lists(st.text("abc ", min_size=1, max_size=30), min_size=1, max_size=8))
def test_line_fits_and_loses_the_least_important_first(words):
    assert fitting(words, math.inf) == "  ".join(words)
    line = fitting(words, 80)
    kept = next(n for n in range(len(words), 0, -1) if line == "  ".join(words[:n]))
    assert len(line) < 80
    assert kept == len(words) or len("  ".join(words[: kept + 1])) >= 80


def test_line_of_a_run_names_the_time_left_first(terminal):
    terminal(80)
    shown = []
    meter = Meter(300.0, shown.append, 0.0)
    for k in range(1, 6):
        cell = AcceptedCell(k, 10.0**k, 1.0, 6 * k + 1, 1234, 0.1, {"residual": 1e-7, "constraint": 1e-15, "energy": 1e-3})
        meter(March, cell)
    assert shown[-1].startswith("t = 1e+05 of 300  left ")
    assert "31 nodes" in shown[-1]
    assert max(map(len, shown)) < 80


def test_compiling_is_said_once_and_not_counted(capsys):
    with meter(1.0, quiet=False) as progress:
        for _ in range(2):
            compilation.begin()
            compilation.begin()
            sleep(0.05)
            compilation.end()
            compilation.end()
        assert progress.seconds < 0.05
    assert capsys.readouterr().err == "dmft: compiling, once\n"


def test_points_of_earlier_runs_count():
    meter = SweepMeter(3, print, 0.0, before=17)
    assert meter.line().startswith("17 of 20 points  left ?")


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
