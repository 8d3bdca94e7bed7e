"""Any text is either read as the standard library reads it, or refused with a ValueError."""

import json
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipbook.strict_json import parse

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda one: st.lists(one, max_size=3) | st.dictionaries(st.text(), one, max_size=3),
)  # fmt: skip


@given(VALUES)
def test_what_json_writes_comes_back(value):
    assert parse(json.dumps(value)) == value


@given(
    st.text() | st.lists(st.sampled_from('{}[]",: \\u1etrufalsn\ud800'), max_size=30).map("".join)
)
def test_any_other_text_is_refused_with_a_value_error(text):
    try:
        found = parse(text)
    except ValueError:
        return
    assert found == json.loads(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"a": 1, "b": 2, "a": 3}', "'a' stands in one object twice"),
        ('[{"x": {"a": 1, "a": 1}}]', "'a' stands in one object twice"),
        ('{"a": NaN}', "NaN is no JSON"),
        ("[-Infinity]", "-Infinity is no JSON"),
        ("[" * 100_000, "nested too deeply"),
        ('{"a":' * 100_000, "nested too deeply"),
        ("9" * (sys.get_int_max_str_digits() + 1), "digits"),
        ("", "Expecting value"),
    ],
)
def test_what_json_lets_pass_or_dies_of_is_refused(text, said):
    with pytest.raises(ValueError, match=said):
        parse(text)
