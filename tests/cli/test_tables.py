"""Tables in a pipe: aligned, and within 80 columns where that can be."""

import pytest

from dmft.cli import tables
from dmft.cli.tables import ROOM, plain

NUMBERS = ("name", "1.0", "-12.5")


@pytest.mark.parametrize(("width", "gap"), [(30, 2), (66, 2), (67, 1), (68, 1)])
def test_columns_move_together_before_words_move_to_the_next_line(width, gap):
    first, second = plain([("x" * width, *NUMBERS[1:]), NUMBERS])
    assert len(first) <= ROOM
    assert first.index("1.0") == second.index("1.0") == 2 + width + gap


def test_words_of_the_last_column_go_on_below():
    words = " ".join(f"word{number}" for number in range(30))
    lines = plain([("C_d", "1", words), ("R_d", "1/time", "short")])
    assert max(map(len, lines)) <= ROOM
    assert " ".join(" ".join(lines[:-1]).split()) == f"C_d 1 {words}"
    assert {len(line) - len(line.lstrip()) for line in lines[1:-1]} == {lines[0].index("word0")}


def test_no_word_is_cut():
    path = "folder/" * 20
    assert plain([("command", path)]) == [f"  command  {path}"]
    assert path in plain([("command", f"dmft solve {path}")])[-1]


@pytest.mark.parametrize("columns", [3, 8, 30])
def test_a_terminal_shows_every_digit_of_a_wide_table(columns, monkeypatch, capsys):
    """Columns without room stand in further tables, each with the names; a title is not wrapped to the width of its table."""
    monkeypatch.setenv("COLUMNS", "80")
    names = [f"samples_per_parameter=0.1,init_scale={row}" for row in range(4)]
    rows = [(name, *(f"-{place}.2345{row}e-17" for place in range(columns))) for row, name in enumerate(names)]
    tables._ruled("a title that is wider than its table", rows)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "a title that is wider than its table"
    assert max(map(len, lines)) <= 80
    for name, *values in rows:
        shown = [line.split() for line in lines if name in line]
        assert [word for first, *words in shown for word in words] == values
        assert {first for first, *_ in shown} == {name}


def test_words_are_wrapped_before_columns_stand_in_another_table():
    rows = [("neuron_overlap", "not distinguishable", "3.3e+05% (t = 0.0356)", "a few words that take more than one line")] * 2
    assert tables.parts(rows, 80) == [rows]


def test_a_name_longer_than_the_terminal_loses_nothing(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "40")
    tables._ruled("title", [("x" * 50, *(["1.2345678"] * 4))])
    lines = capsys.readouterr().out.splitlines()
    assert "".join(lines).count("x") % 50 == 0
    assert "".join(lines).count("1.2345678") == 4


@pytest.mark.parametrize(("given", "plain_text"), [({"NO_COLOR": "1"}, True), ({"NO_COLOR": ""}, False), ({}, False)])
def test_no_color_means_plain_text(given, plain_text, monkeypatch, capsys):
    monkeypatch.delenv("NO_COLOR", raising=False)
    for name, value in {"FORCE_COLOR": "1", "TERM": "xterm-256color", **given}.items():
        monkeypatch.setenv(name, value)
    tables._ruled("title", [("name", "1.0")])
    assert ("\x1b[" not in capsys.readouterr().out) is plain_text
