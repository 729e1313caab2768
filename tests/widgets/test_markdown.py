"""Markdown of anybody's: laid out, harmless, quick; and the two screens that show it and lists."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.widgets.dialogs import shown
from widgets.columns import Column
from widgets.list_screen import ListScreen
from widgets.markdown import LIMIT, harmless, rows
from widgets.markdown_screen import MarkdownScreen
from widgets.row_list import Cell, Row


def laid_out(text, width=60):
    return "\n".join("".join(piece for piece, _ in row) for row in rows(text, width, lambda style: "")).splitlines()


def test_headings_lists_tables_and_code_are_laid_out():
    text = "\n".join(laid_out("# Tests\n\n- one\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n```\nx = 1\n```"))
    for words in ("Tests", "• one", "x = 1"):
        assert words in text
    assert "|" not in text


def test_a_link_shows_where_it_leads_and_is_none():
    text = "".join(laid_out("[free money](https://evil.example/x)"))
    assert text.strip() == "free money (https://evil.example/x)"


def test_html_is_shown_by_its_text_alone_but_code_as_it_is():
    html = '<details open><summary>More</summary>\n\n<b>2</b> of <img src="x" alt="three"> <!-- hidden -->\n</details>'
    text = "\n".join(laid_out(f"{html}\n\n`<b>` and\n\n```\n<i>x</i>\n```"))
    assert "More" in text and "2 of three" in text and "<b>" in text and "<i>x</i>" in text
    assert "summary" not in text and "hidden" not in text and "src" not in text


@given(st.text())
def test_no_control_character_is_left(text):
    assert not any(
        ord(char) < 0x20 and char != "\n" and char != "\t" for char in harmless(f"\x1b]0;t\x07{text}\x1b[2J")
    )


@pytest.mark.parametrize("piece", ["[", "`a", "<a ", "|a|\n|-|\n"])
def test_a_text_made_to_be_slow_is_not(piece):
    began_s = time.monotonic()
    rows(piece * (LIMIT // len(piece) + 100), 80, lambda style: "")
    assert time.monotonic() - began_s < 15


def test_a_text_that_is_too_long_says_so():
    assert "left out" in "".join(laid_out("word " * LIMIT))


def test_the_screen_lays_each_text_out_under_its_heading():
    screen, answers = shown(MarkdownScreen("Summaries", (("build, Test", "**12** passed"), ("lint", "- ok"))), "q")
    assert answers == [None]
    screen, _ = shown(MarkdownScreen("Summaries", (("build, Test", "**12** passed"), ("lint", "- ok"))))
    text = "\n".join(screen)
    for words in ("build, Test", "12 passed", "lint", "• ok"):
        assert words in text
    assert "**" not in text


def test_a_row_of_a_list_may_be_chosen():
    columns, listed = [Column("a", "WHAT")], [Row(number, (Cell(f"row {number}"),), None) for number in (0, 1)]
    assert shown(ListScreen("List", columns, listed), "down", "enter")[1] == [1]
    assert shown(ListScreen("List", columns, listed), "escape")[1] == [None]
