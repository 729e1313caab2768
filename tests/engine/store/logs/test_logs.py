import os
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.errors import EngineError
from engine.store.logs import frames as log_frames
from engine.store.logs import writer as log_writer
from engine.store.logs.index import Entry, Mark, unpacked
from engine.store.logs.paths import index_path, packed_path
from engine.store.logs.reader import LogReader
from engine.store.logs.writer import LogWriter, Progress, compress

NOW = datetime(2025, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
LIMIT = 1 << 30


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "logs" / "7" / "12-1.log"


def test_an_index_record_comes_back_as_it_was() -> None:
    entry = Entry(Mark.CHUNK, 3, 1 << 40, (1 << 40) + 5, NOW, 1 << 41, 1 << 42, 9, 7, True, True)
    assert list(unpacked(entry.packed() + entry.packed()[:-1])) == [entry]


def test_a_log_is_never_seen_without_its_index(path: Path) -> None:
    index_path(path).mkdir(parents=True)
    with pytest.raises(OSError):
        LogWriter(path, LIMIT)
    assert not path.exists()


def test_a_log_knows_its_steps_and_when_its_bytes_came(path: Path) -> None:
    writer = LogWriter(path, LIMIT)
    writer.say(b"Preparing", NOW)
    for step, text in enumerate((b"one\n", b"two\n")):
        writer.begin_step(step, NOW)
        writer.begin_step(step, NOW)
        writer.append(step, text, Progress(len(text)), NOW + timedelta(seconds=step), [(Mark.ERROR, 0, 4)])
        if step == 0:
            writer.end_step(step, NOW)
    with LogReader(path) as reader:
        assert reader.steps() == [0, 1]
        assert reader.read(*reader.step_range(0)) == b"one\n"
        assert reader.read(*reader.step_range(1)) == b"two\n"
        assert [entry.at for entry in reader.entries() if entry.mark is Mark.CHUNK] == [NOW, NOW + timedelta(seconds=1)]
        assert [entry.start for entry in reader.entries() if entry.mark is Mark.ERROR] == [10, 14]
        writer.append(1, b"more\n", Progress(9), NOW)
        assert reader.read(*reader.step_range(1)) == b"two\nmore\n"
        with pytest.raises(EngineError, match="no step 5"):
            reader.step_range(5)


def test_a_full_disk_leaves_the_log_as_it_was(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = LogWriter(path, LIMIT)
    writer.append(0, b"one\n", Progress(4), NOW)

    def full(fd: int, data: bytes, at: int) -> int:
        if len(data) == 9:
            real(fd, data[:3], at)
            raise OSError(28, "No space left on device")
        return real(fd, data, at)

    real = os.pwrite
    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(OSError, match="No space"):
        writer.append(0, b"two two \n", Progress(13), NOW)
    monkeypatch.undo()
    assert writer.resume_offset(0) == 4
    writer.append(0, b"two\n", Progress(8), NOW)
    writer.close()
    assert path.read_bytes() == b"one\ntwo\n"
    assert LogWriter(path, LIMIT).resume_offset(0) == 8


def test_a_flood_of_marks_is_not_kept(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_writer, "_MARKS_LIMIT", 3)
    for _ in range(4):
        writer = LogWriter(path, LIMIT)
        writer.append(0, b"x\ny\n", Progress(), NOW, [(Mark.NOTICE, 0, 2), (Mark.NOTICE, 2, 4)])
        writer.close()
    assert [entry.start for entry in LogReader(path).entries() if entry.mark is Mark.NOTICE] == [0, 2, 4]


def test_a_half_written_chunk_is_taken_back_with_its_marks(path: Path) -> None:
    writer = LogWriter(path, LIMIT)
    writer.append(0, b"one\n", Progress(4, True, 2), NOW)
    writer.append(0, b"##[group]g\n", Progress(15), NOW, [(Mark.GROUP_BEGIN, 0, 11)])
    writer.close()
    os.truncate(path, 9)
    writer = LogWriter(path, LIMIT)
    assert writer.progress(0) == Progress(4, True, 2)
    assert path.read_bytes() == b"one\n"
    assert [entry.mark for entry in unpacked(index_path(path).read_bytes())] == [Mark.CHUNK]


@given(st.lists(st.binary(max_size=3000), max_size=8), st.lists(st.tuples(st.integers(0, 9000), st.integers(0, 9000))))
def test_any_range_reads_the_same_plain_and_compressed(
    tmp_path_factory: pytest.TempPathFactory, chunks: list[bytes], ranges: list[tuple[int, int]]
) -> None:
    path = tmp_path_factory.mktemp("logs") / "1-1.log"
    writer = LogWriter(path, LIMIT)
    for chunk in chunks:
        writer.append(0, chunk, Progress(), NOW)
    writer.close()
    whole = b"".join(chunks)
    held = LogReader(path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(log_frames, "FRAME_BYTES", 1000)
        compress(path)
    compress(path)
    packed = LogReader(path)
    assert not path.exists()
    for start, end in [(0, 1 << 20), *ranges]:
        assert held.read(start, end) == packed.read(start, end) == whole[start:end]
    held.close()
    packed.close()


def test_the_zstd_tool_reads_a_compressed_log(path: Path) -> None:
    writer = LogWriter(path, LIMIT)
    writer.append(0, b"line\n" * 500_000, Progress(), NOW)
    writer.close()
    compress(path)
    try:
        shown = subprocess.run(["zstd", "-dc", packed_path(path)], capture_output=True)
    except FileNotFoundError:
        pytest.skip("no zstd here")
    assert shown.stdout == b"line\n" * 500_000


def test_a_compression_that_was_killed_is_done_again(path: Path) -> None:
    writer = LogWriter(path, LIMIT)
    writer.append(0, b"line\n", Progress(), NOW)
    writer.close()
    packed_path(path).with_suffix(".tmp").write_bytes(b"half")
    compress(path)
    assert sorted(file.name for file in path.parent.iterdir()) == ["12-1.idx", "12-1.log.zst"]
    assert LogReader(path).read(0, 99) == b"line\n"


def test_a_damaged_log_is_told_by_its_name(path: Path) -> None:
    path.parent.mkdir(parents=True)
    packed_path(path).write_bytes(b"junk")
    with pytest.raises(EngineError, match=r"12-1\.log\.zst is damaged"):
        LogReader(path)


def test_a_log_that_never_was_is_not_found(path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        LogReader(path)
