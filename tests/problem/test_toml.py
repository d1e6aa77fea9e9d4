"""TOML as it is written reads back as the same values, in the same order."""

import tomllib

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dmft.problem.toml import toml_text, toml_value

# A lone surrogate is no text that a file can hold.
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
SCALARS = st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | TEXTS
# On a busy machine everything is slow.
patient = settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow])
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4))


@patient
@given(VALUES)
def test_value_in_one_line(value):
    written = toml_value(value)
    assert "\n" not in written
    assert tomllib.loads(f"x = {written}") == {"x": value}


@patient
@given(st.dictionaries(TEXTS, VALUES, max_size=5))
def test_keys_keep_their_order(table):
    read = tomllib.loads(toml_text({"one": table, "two": table}))
    assert read == {"one": table, "two": table}
    assert list(read["one"]) == list(table)


def test_list_of_tables():
    points = [{"a.b": 1}, {"a.b": 2}]
    assert tomllib.loads(toml_text({"sweep.points": points})) == {"sweep": {"points": points}}
