"""Tables fit, durations read well, colours obey."""

import io

import pytest

from app.cli.output import clip, colour_wanted, table, width_of
from app.wording import duration, short_ref


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, ""),
        (0.04, "0.0 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (59.6, "1 m 00 s"),
        (185, "3 m 05 s"),
        (7620, "2 h 07 m"),
    ],
)
def test_a_duration_reads_well(seconds, text):
    assert duration(seconds) == text


def test_a_table_gives_way_in_its_flexible_column_only():
    rows = [("success", "r1", "a very long title that does not fit at all"), ("failed", "r22", "日本語の題名" * 5)]
    lines = table(("STATUS", "ID", "TITLE"), rows, 2, 40, False)
    assert all(width_of(line) <= 40 for line in lines)
    assert lines[1].startswith("✓ success  r1   a very") and lines[1].endswith("…")


def test_a_cell_cannot_break_the_table():
    lines = table(("TITLE",), [("two\nlines\x1b[2J",)], 0, None, False)
    assert lines[1] == "two lines"


def test_nothing_is_cut_without_a_terminal():
    assert table(("TITLE",), [("x" * 500,)], 0, None, False)[1] == "x" * 500


def test_a_clipped_text_is_as_wide_as_allowed():
    assert clip("abcdef", 4) == "abc…"
    assert width_of(clip("日本語", 4)) <= 4


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_no_color_wins_over_a_terminal(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    assert colour_wanted(Terminal()) and not colour_wanted(io.StringIO())
    monkeypatch.setenv("NO_COLOR", "1")
    assert not colour_wanted(Terminal())


def test_a_ref_is_short_for_people():
    assert [short_ref(r) for r in ("refs/heads/a/b", "refs/tags/v1", "refs/pull/3/merge")] == [
        "a/b",
        "v1",
        "pull/3/merge",
    ]


def test_spare_columns_go_in_their_order_before_the_flexible_one_gets_short():
    row = ("r1", "x" * 30, "push", "2 m ago")

    def header(width: int) -> list[str]:
        return table(("ID", "TITLE", "EVENT", "AGE"), [row], 1, width, False, ("EVENT", "AGE"))[0].split()

    assert header(40) == ["ID", "TITLE", "EVENT", "AGE"]
    assert header(37) == ["ID", "TITLE", "AGE"]
    assert header(30) == ["ID", "TITLE"]
    assert header(10) == ["ID", "TITLE"]
