"""A filter finds what was meant and marks what it found."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from widgets.row_filter import RowFilter


@pytest.mark.parametrize(
    ("asked", "text", "found"),
    [
        ("", "anything", True),
        ("main fail", "✗ failed\nmain", True),
        ("main fail", "✗ failed\nother", False),
        ("Main", "main", False),
        ("main", "MAIN", True),
        ("a.c", "abc", False),
        ("[", "a[1]", True),
        ("straße", "STRASSE", False),
    ],
)
def test_all_words_have_to_be_there_with_smart_case(asked, text, found):
    assert RowFilter(asked).matches(text) is found


def test_overlapping_words_are_marked_once():
    assert RowFilter("abc bcd x").spans("abcd xx") == [(0, 4), (5, 7)]


@given(st.text(max_size=10), st.text(max_size=30))
def test_spans_are_in_order_apart_and_within_the_text(asked, text):
    at = -1
    for start, end in RowFilter(asked).spans(text):
        assert at < start < end <= len(text)
        at = end


@given(st.text(min_size=1, max_size=10), st.text(max_size=10), st.text(max_size=10))
def test_a_word_taken_from_the_text_is_found(word, before, after):
    assert RowFilter(word).matches(before + word + after)
