"""The laws of search: it finds the lines that the whole text, searched at once, has; and never waits for a pattern."""

import re
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.widgets.log_case import MemoryLog
from widgets import log_search
from widgets.log_search import BadPattern, Found, Hits, Pattern, Search, TooSlow, whole_lines
from widgets.log_source import BLOCK
from widgets.log_text import readable, shown
from widgets.sgr import spans


def lines_of(data: bytes) -> list[bytes]:
    split = data.split(b"\n")
    return split[:-1] if split[-1] == b"" else split


def plain(line: bytes) -> str:
    return "".join(text for text, _ in spans(shown(line).text))


WORDS = [b"\n", b"\n", b"a", b"B", b"ab", b"foo bar", b"\t", b"\xff", "é✓".encode(), b"x" * 50]
CODES = [b"\x1b[31m", b"\x1b[0m", b"\x1b[2J", b"\x1b", b"\r", b"\x07", b"##[", b"##[error]", b"##[endgroup]"]
PIECES = st.sampled_from([*WORDS, *CODES, "\u202e\u2028".encode()])
LOGS = st.lists(PIECES, max_size=60).map(b"".join)


@given(LOGS)
@settings(max_examples=300)
def test_many_lines_read_like_each_alone(data):
    assert readable(data).split("\n") == [plain(line) for line in data.split(b"\n")]


@given(LOGS, st.integers(0, 200), st.integers(0, 200), st.integers(1, 9), st.integers(1, 9))
@settings(max_examples=400)
def test_two_searches_that_meet_anywhere_see_each_line_once(data, middle, end, slice_bytes, read_bytes):
    end, middle = min(end, len(data)), min(middle, end, len(data))
    before = (log_search.SLICE_BYTES, log_search.READ_BYTES)
    log_search.SLICE_BYTES, log_search.READ_BYTES = slice_bytes, read_bytes
    try:
        read = MemoryLog(data).read
        seen = []
        for legs in (
            whole_lines(read, 0, middle, 0) if middle else [],
            whole_lines(read, middle, len(data), data[:middle].count(b"\n"), skip=middle > 0),
        ):
            for found in legs:
                assert data[found.start : found.start + len(found.data)] == found.data
                seen += [(found.line + n, line) for n, line in enumerate(found.data.split(b"\n"))]
    finally:
        log_search.SLICE_BYTES, log_search.READ_BYTES = before
    assert seen == list(enumerate(lines_of(data)))


@given(LOGS, st.sampled_from(["a", "B", "foo", "^a", "b$", "r.*x", "[^x]b", "o\\sb", "(?<!a)b", "é", "Error: "]))
@settings(max_examples=400)
def test_a_search_finds_what_each_line_alone_would(data, text):
    text_lines = readable(data).split("\n")
    for is_regex in (False, True):
        pattern = Pattern(text, is_regex)
        flags = 0 if text != text.lower() else re.IGNORECASE
        plain_text = text if is_regex else re.escape(text)
        expected = [n for n, line in enumerate(text_lines) if re.search(plain_text, line, flags)]
        assert pattern.lines_in("\n".join(text_lines)) == expected


def searched(log: MemoryLog, pattern: Pattern, start: int = 0) -> tuple[Search, list[Found], threading.Condition]:
    news: list[Found] = []
    changed = threading.Condition()

    def post(message) -> None:
        with changed:
            message.search.hits.add(message.early, message.late)
            news.append(message)
            changed.notify_all()

    search = Search(log, pattern, len(log.data), start, log.data[:start].count(b"\n"), post)
    search.begin()
    with changed:
        assert changed.wait_for(lambda: bool(news) and news[-1].done, 10)
    return search, news, changed


def test_a_search_begins_where_one_is_and_comes_round():
    log = MemoryLog(b"".join(b"line %d%s\n" % (n, b" hit" * (n % 1000 == 0)) for n in range(50_000)))
    search, news, _ = searched(log, Pattern("hit"), start=3 * BLOCK)
    assert list(search.hits.in_order()) == list(range(0, 50_000, 1000))
    assert news[0].late and not news[0].early
    search.stop()


def test_a_search_goes_on_with_what_comes_and_tells_an_unfinished_line_once():
    log = MemoryLog(b"hit\nno\nhit at the end, unfinished")
    search, news, changed = searched(log, Pattern("hit"))
    assert list(search.hits.in_order()) == [0, 2]
    log.data += b" but now\nno\nhit\n"
    with changed:
        seen = len(news)
        search.grow(len(log.data))
        assert changed.wait_for(lambda: len(news) > seen and news[-1].done, 10)
    assert list(search.hits.in_order()) == [0, 2, 4]
    search.stop()


def test_an_endless_line_is_searched_and_counted_as_one():
    log = MemoryLog(b"x" * 3_000_000 + b"needle" + b"x" * 3_000_000 + b"\nneedle")
    search, _, _ = searched(log, Pattern("needle"))
    assert list(search.hits.in_order()) == [0, 1]
    search.stop()


def test_a_pattern_that_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(log_search, "LINE_S", 0.05)
    monkeypatch.setattr(log_search, "SLICE_S", 0.05)
    slow = Pattern("(x|xx)+$", is_regex=True)
    with pytest.raises(TooSlow):
        slow.lines_in("x" * 60 + "!")
    assert slow.ranges("x" * 60 + "!") == []
    search, news, _ = searched(MemoryLog(b"x" * 60 + b"!\n"), slow)
    assert "too long" in news[-1].trouble
    search.stop()


@pytest.mark.parametrize("text", ["(", "[", "a{99999999999}", "(?P<a>x)(?P<a>"])
def test_what_is_no_pattern_is_said(text):
    with pytest.raises(BadPattern):
        Pattern(text, is_regex=True)
    assert Pattern(text).lines_in(f"x{text}x") == [0]


def test_capital_letters_make_a_search_heed_case():
    assert Pattern("abc").lines_in("ABC\nabc") == [0, 1]
    assert Pattern("Abc").lines_in("abc\nAbc") == [1]
    assert Pattern("Ab.", is_regex=True).lines_in("abc\nAbc") == [1]
    assert Pattern("a").ranges("Aba") == [(0, 1), (2, 3)]


def test_the_next_hit_comes_round_the_end():
    hits = Hits()
    hits.add([2, 5], [9])
    assert [hits.after(line, 1) for line in (0, 2, 5, 9)] == [(2, False), (5, False), (9, False), (2, True)]
    assert [hits.after(line, -1) for line in (10, 9, 2)] == [(9, False), (5, False), (9, True)]
    assert (hits.place(5), hits.place(6), len(hits), Hits().after(0, 1)) == (1, 2, 3, None)
