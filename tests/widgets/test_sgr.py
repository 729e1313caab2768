"""The laws of colours in a log: those asked for are shown, and nothing else ever is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.style import Style

from widgets.log_text import Shown, shown
from widgets.sgr import spans


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("plain", [("plain", "")]),
        ("\x1b[31mred\x1b[0m plain", [("red", "color(1)"), (" plain", "")]),
        (
            "\x1b[1;4;32mx\x1b[22my\x1b[24;39mz",
            [("x", "bold underline color(2)"), ("y", "underline color(2)"), ("z", "")],
        ),
        ("\x1b[91;100mx\x1b[49my", [("x", "color(9) on color(8)"), ("y", "color(9)")]),
        ("\x1b[38;5;200mx", [("x", "color(200)")]),
        ("\x1b[48;2;1;2;3mx\x1b[mx", [("x", "on #010203"), ("x", "")]),
        ("\x1b[38:5:9mx\x1b[38:2::1:2:3my\x1b[38:2:1:2:3mz", [("x", "color(9)"), ("y", "#010203"), ("z", "#010203")]),
        ("\x1b[4:3mx\x1b[4:0my", [("x", "underline"), ("y", "")]),
        ("\x1b[38;5mx\x1b[38;2;1mx\x1b[38;5;999mx\x1b[38mx\x1b[;mx", [("x", "")] * 5),
        ("\x1b[7;3;9;2mx\x1b[27;23;29;22my", [("x", "reverse italic strike dim"), ("y", "")]),
        ("\x1b[5;8mseen", [("seen", "")]),
        ("\x1b[31ma\tb\x1b[0m\tc", [("a       b", "color(1)"), ("       c", "")]),
        ("", []),
    ],
)
def test_codes_become_styles(text, pieces):
    assert spans(text) == [(piece, Style.parse(style)) for piece, style in pieces]


@given(st.text(st.sampled_from("0123456789;:"), max_size=20))
def test_no_sequence_is_too_odd(codes):
    assert "".join(text for text, _ in spans(f"a\x1b[{codes}mb")) == "ab"


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (b"##[group]Run it", Shown("group", "Run it")),
        (b"##[endgroup]", Shown("endgroup", "")),
        (b"##[error]no", Shown("error", "Error: no")),
        (b"##[warning]no", Shown("warning", "Warning: no")),
        (b"##[command]ls", Shown("command", "$ ls")),
        (b"##[debug]x", Shown("debug", "x")),
        (b"\x1b[31m##[error]x", Shown("error", "Error: x")),
        (b" ##[error]x", Shown("", " ##[error]x")),
        (b"##[unknown]x", Shown("", "##[unknown]x")),
        (b"1%\r2%\r##[notice]x", Shown("notice", "Notice: x")),
        (b"\x1b]0;title\x07\x1b[2Jx\x9b", Shown("", "x\ufffd")),
        (b"\xff", Shown("", "\ufffd")),
    ],
)
def test_a_line_is_shown_as_people_read_it(data, line):
    assert shown(data) == line


@pytest.mark.parametrize("end", [b"\x1b", b"\x1b[", b"\x1b[31", b"\xe2\x9c", b"\x1b]0;ti"])
def test_what_is_cut_off_leaves_no_half_code(end):
    assert shown(b"text" + end, cut=True).text == "text"
