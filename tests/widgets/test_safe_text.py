"""Nothing but text and colour gets through."""

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from widgets.safe_text import plain, safe


@pytest.mark.parametrize(
    ("wild", "tame"),
    [
        ("\x1b[31mred\x1b[0m", "\x1b[31mred\x1b[0m"),
        ("\x1b[38;2;1;2;3mrgb", "\x1b[38;2;1;2;3mrgb"),
        ("a\x1b[2Jb", "ab"),
        ("a\x1b[10;10Hb", "ab"),
        ("a\x1b[?1049hb", "ab"),
        ("\x1b]0;title\x07x", "x"),
        ("\x1b]52;c;aGk=\x1b\\x", "x"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1bP1$r\x1b\\x", "x"),
        ("\x1bc\x1b7x\x1b8", "x"),
        ("\x1b(0x", "x"),
        ("10%\r20%\r30%\nok", "30%\nok"),
        ("windows\r\nlines\r\n", "windows\nlines\n"),
        ("bell\x07 back\x08", "bell␇ back␈"),
        ("c1 \x9b2J \x85", "c1 �2J �"),
        ("tab\tstays", "tab\tstays"),
        ("\x1b", "␛"),
        ("\x1b]0;no end\n\x1b[1mnext", "0;no end\n\x1b[1mnext"),
        ("grüße ✓ 日本", "grüße ✓ 日本"),
    ],
)
def test_a_known_sequence_is_dropped_and_a_stray_character_shown(wild, tame):
    assert safe(wild) == tame


@pytest.mark.parametrize(
    ("wild", "tame"),
    [
        ("main\u202egnp.exe", "maingnp.exe"),
        ("\u2066a\u2069\u200e\u200f\u061cb", "ab"),
        ("pa\u200byload\ufeff \u2060x\xad", "payload x"),
        ("\U0001f468\u200d\U0001f469", "\U0001f468\U0001f469"),
        ("\u26a0\ufe0f warned \U0001f44d\U0001f3fd", "\u26a0 warned \U0001f44d"),
        ("tag\U000e0041\U000e0042s", "tags"),
        ("half \ud800 of \udfff one", "half \ufffd of \ufffd one"),
        ("two\u2028lines", "two lines"),
        ("\x1b\u200b[2Jx", "␛[2Jx"),
        ("accents e\u0301 stay", "accents e\u0301 stay"),
    ],
)
def test_what_turns_hides_or_breaks_the_width_of_a_text_is_left_out(wild, tame):
    assert safe(wild) == plain(wild) == tame


@given(st.text(st.characters(), max_size=20))
def test_every_text_is_one_that_any_terminal_takes_and_measures_alike(text):
    for tame in (safe(text), plain(text)):
        tame.encode()
        kinds = {unicodedata.category(char) for char in tame if char not in "\t\n"}
        assert not kinds & {"Cc", "Cs", "Zl", "Zp"}
        assert safe(tame) == tame
        assert cell_len(tame) == sum(map(cell_len, tame))


PIECES = st.sampled_from(
    ["\x1b", "[", "]", "0", ";", "m", "H", "\x07", "\\", "\x9b", "\r", "\n", "a", "P", "?", "\x90", " "]
)


@given(st.lists(PIECES, max_size=30).map("".join))
def test_whatever_goes_in_only_colours_come_out(text):
    out = re.sub(r"\x1b\[[0-9;:]*m", "", safe(text))
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", out)


@given(st.lists(PIECES, max_size=30).map("".join))
def test_a_name_is_one_line_of_plain_text(text):
    assert plain(text).isprintable()


@given(st.text(max_size=40))
def test_no_line_is_lost_or_added(text):
    assert safe(text).count("\n") == text.count("\n")
