"""The laws of a log's lines: the same as if the whole log had been split, whatever of it is at hand."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.widgets.log_case import MemoryLog
from widgets import log_lines
from widgets.log_lines import LINE_BYTES, LogLines
from widgets.log_source import BLOCK

LOGS = st.lists(
    st.one_of(
        st.binary(max_size=30),
        st.lists(st.sampled_from([b"\n", b"x", b"a line\n", b"\r"]), max_size=20).map(b"".join),
        st.integers(BLOCK - 3, BLOCK + 3).map(lambda size: b"y" * size),
        st.integers(1, 3).map(lambda times: (b"z" * 99 + b"\n") * 700 * times),
    ),
    max_size=6,
).map(b"".join)


def lines_of(data: bytes) -> list[bytes]:
    split = data.split(b"\n")
    return split[:-1] if split[-1] == b"" else split


def fed(lines: LogLines, log: MemoryLog, number: int) -> log_lines.Line:
    """Return a line, bringing the blocks it lacks."""
    for _ in range(5):
        line = lines.line(number)
        if line is not None:
            return line
        assert lines.missing
        for block in lines.missing:
            lines.put(block, log.read(block * BLOCK, (block + 1) * BLOCK))
        lines.missing.clear()
    raise AssertionError(f"line {number} never comes")


def check(lines: LogLines, log: MemoryLog) -> None:
    expected = lines_of(log.data)
    assert lines.count == len(expected)
    at = 0
    for number, text in enumerate(expected):
        if number < 50 or number > len(expected) - 50 or len(text) > 200:
            line = fed(lines, log, number)
            assert (line.offset, line.length) == (at, len(text))
            if not line.cut and b"\r" not in text:
                assert line.data == text
            assert line.cut == (len(text) > LINE_BYTES and b"\r" not in text[-LINE_BYTES:].rstrip(b"\r"))
            assert lines.line_at(at) == number
            assert lines.block_of(number) in (at // BLOCK, (at - 1) // BLOCK)
        at += len(text) + 1


@settings(max_examples=80, deadline=None)
@given(LOGS)
def test_the_lines_are_those_of_the_whole_text(data):
    log = MemoryLog(data)
    lines = LogLines(held_bytes=3 * BLOCK)
    lines.grow(log.part(0, 0), log.data[-BLOCK:] if data else b"")
    check(lines, log)


@settings(max_examples=50, deadline=None)
@given(st.lists(LOGS, min_size=1, max_size=4), st.booleans())
def test_a_log_that_grows_has_the_lines_of_the_whole(parts, tail_first):
    log = MemoryLog(parts[0])
    lines = LogLines()
    if tail_first and parts[0]:
        start = max(0, (len(parts[0]) - BLOCK) // BLOCK * BLOCK)
        lines.grow(log.part(start, 0), log.data[start:])
        assert lines.count <= len(lines_of(log.data))
    known = 0
    for more in [*parts[1:], b""]:
        part = log.part(known, 0)
        lines.grow(part, log.data[max(0, (part.size - BLOCK) // BLOCK * BLOCK) :])
        known = part.size
        check(lines, log)
        log.data += more


def test_a_log_that_lost_its_end_has_the_lines_that_it_writes_again():
    log = MemoryLog(b"one\ntwo\nthr")
    lines = LogLines()
    lines.grow(log.part(0, 0), log.data)
    log.data = b"one\n"
    lines.grow(log.part(11, 0), log.data)
    check(lines, log)
    log.data = b"one\ntwo\nthree\n"
    lines.grow(log.part(4, 0), log.data)
    check(lines, log)


def test_marks_are_counted_from_the_beginning_and_told_once():
    log = MemoryLog()
    for step in range(3):
        log.step(step, b"##[error]x\n" + b"line\n" * 10_000)
    lines = LogLines()
    for after in (0, BLOCK, 2 * BLOCK, len(log.data)):
        lines.grow(log.part(after, 0), b"")
    assert [(mark.kind, mark.line) for mark in lines.marks] == [
        (kind, 10_001 * step + (kind == "step_end") * 10_001)
        for step in range(3)
        for kind in ("step_begin", "error", "step_end")
    ]


def test_what_is_held_is_bounded_by_bytes():
    log = MemoryLog(b"x" * 99 + b"\n")
    log.data *= 20_000
    lines = LogLines(held_bytes=4 * BLOCK)
    lines.grow(log.part(0, 0), b"")
    for number in range(0, 20_000, 700):
        fed(lines, log, number)
    assert sum(lines.has(block) for block in range(len(log.data) // BLOCK + 1)) <= 4


@pytest.mark.parametrize(
    ("text", "shown", "cut"),
    [
        (b"x" * LINE_BYTES, b"x" * LINE_BYTES, False),
        (b"x" * LINE_BYTES + b"y", b"x" * LINE_BYTES, True),
        (b"50%\r" * 9000 + b"100%", b"100%", False),
        (b"50%\r" * 9000 + b"100%\r", b"100%", False),
    ],
)
def test_a_long_line_is_its_beginning_or_what_a_progress_bar_said_last(text, shown, cut):
    log = MemoryLog(text + b"\nnext\n")
    lines = LogLines()
    lines.grow(log.part(0, 0), log.data)
    line = fed(lines, log, 0)
    assert (line.data, line.cut, line.length) == (shown, cut, len(text))
