"""The laws of a log's lines: counted as they are, from wherever one begins, for plain and for compressed logs."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.store.logs import lines as log_lines
from engine.store.logs.index import Mark
from engine.store.logs.lines import BLOCK, LineMark, arrivals, line_part
from engine.store.logs.reader import LogReader
from engine.store.logs.writer import LogWriter, Progress, compress

NOON = datetime(2025, 1, 1, 12, tzinfo=UTC)


def write(path: Path, chunks: list[bytes]) -> bytes:
    """Write each chunk as a step of its own; return the log."""
    log = LogWriter(path, 1 << 30)
    for number, data in enumerate(chunks):
        now = NOON + timedelta(seconds=number)
        log.begin_step(number, now)
        groups = [(Mark.GROUP_BEGIN, at, at + 1) for at in range(len(data)) if data[at - 1 : at] == b"\n"][:3]
        log.append(number, data, Progress(len(data)), now, groups)
        log.end_step(number, now)
        if number % 3 == 2:
            log.say(b"##[group]Run it\nnow\n##[endgroup]\n##[error]It broke.\n", now)
    log.close()
    with LogReader(path) as reader:
        return reader.read(0, reader.size)


def part(path: Path, after: int = 0) -> log_lines.LinePart:
    with LogReader(path) as reader:
        return line_part(reader, after)


CHUNKS = st.lists(
    st.one_of(
        st.binary(max_size=40),
        st.lists(st.sampled_from([b"\n", b"x", b"a line\n"]), max_size=20).map(b"".join),
        st.integers(BLOCK - 3, BLOCK + 3).map(lambda size: b"y" * size),
        st.integers(1, 3).map(lambda times: (b"z" * 99 + b"\n") * 700 * times),
    ),
    max_size=6,
)


@settings(max_examples=60, deadline=None)
@given(CHUNKS, st.integers(0, 5 * BLOCK), st.booleans())
def test_every_block_has_its_newlines_and_every_mark_its_line_from_wherever_one_begins(chunks, after, packed):
    with TemporaryDirectory() as folder:
        path = Path(folder) / "1-1.log"
        data = write(path, chunks)
        if packed:
            compress(path)
        whole, rest = part(path), part(path, after)
    assert whole.lines == tuple(data[at : at + BLOCK].count(b"\n") for at in range(0, len(data), BLOCK))
    assert (whole.start, whole.size, rest.size) == (0, len(data), len(data))
    assert rest.start == min(after, len(data)) // BLOCK * BLOCK
    assert rest.lines == whole.lines[rest.start // BLOCK :]
    before = sum(whole.lines[: rest.start // BLOCK])
    assert [LineMark(m.kind, m.step, m.line + before, m.offset) for m in rest.marks] == [
        mark for mark in whole.marks if mark.offset >= rest.start
    ]
    for mark in whole.marks:
        begun = data[: mark.offset].count(b"\n")
        mid = mark.offset > 0 and data[mark.offset - 1] != ord("\n") and mark.kind in (Mark.STEP_BEGIN, Mark.STEP_END)
        assert mark.line == begun + mid


def test_what_the_engine_says_has_its_marks_too(tmp_path: Path) -> None:
    path = tmp_path / "1-1.log"
    write(path, [b"a", b"b\n", b"c"])
    kinds = [(mark.kind, mark.line) for mark in part(path).marks if mark.kind > Mark.STEP_END and mark.line > 1]
    assert kinds == [(Mark.GROUP_BEGIN, 2), (Mark.GROUP_END, 4), (Mark.ERROR, 5)]


def test_a_mark_of_bytes_that_are_not_there_yet_comes_with_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "1-1.log"
    write(path, [b"one\n", b"two\n"])
    with LogReader(path) as reader:
        monkeypatch.setattr(LogReader, "size", 4)
        early = line_part(reader, 0)
    assert [(mark.kind, mark.step) for mark in early.marks] == [
        (Mark.STEP_BEGIN, 0), (Mark.STEP_END, 0), (Mark.STEP_BEGIN, 1),
    ]  # fmt: skip
    assert early.lines == (1,)


def test_the_times_of_a_part_are_those_of_the_chunks_in_it(tmp_path: Path) -> None:
    path = tmp_path / "1-1.log"
    write(path, [b"0123456789"] * 2)
    with LogReader(path) as reader:
        second = NOON + timedelta(seconds=1)
        assert arrivals(reader, 5, 15, 10) == [(0, NOON), (10, second)]
        assert arrivals(reader, 10, 15, 10) == [(10, second)]
        assert arrivals(reader, 0, 20, 1) == [(0, NOON)]
        assert arrivals(reader, 20, 30, 10) == []


def test_a_long_index_is_read_from_where_it_matters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_lines, "_RECORDS", 2)
    path = tmp_path / "1-1.log"
    data = write(path, [b"line\n" * 10] * 40)
    with LogReader(path) as reader:
        for offset in range(0, len(data), 7):
            found = arrivals(reader, offset, offset + 1, 10)
            assert len(found) == 1
            assert found[0][0] <= offset
