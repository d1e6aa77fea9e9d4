"""Tables in a pipe: aligned, and within 80 columns where that can be."""

import pytest

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
