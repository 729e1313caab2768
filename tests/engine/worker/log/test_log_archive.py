"""The archive compresses what is finished, and nothing else."""

from pathlib import Path

from engine.bus import Bus
from engine.store.logs.paths import packed_path
from engine.store.logs.reader import LogReader
from engine.store.store import open_store
from engine.worker.log.archive import LogArchive


def _log(home: Path, name: str, text: bytes) -> Path:
    path = home / "logs" / "1" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text)
    path.with_suffix(".idx").write_bytes(b"")
    return path


def test_a_finished_log_is_compressed_and_reads_the_same(tmp_path: Path) -> None:
    store = open_store(tmp_path / "home", create=True)
    big = _log(store.home, "1-1.log", b"the quick brown fox\n" * 5000)
    small = _log(store.home, "2-1.log", b"ok\n")
    before = big.read_bytes()

    assert LogArchive(store, Bus(), lambda: 0).tick() == 1

    assert not big.exists()
    assert packed_path(big).stat().st_size < len(before) // 10
    assert small.exists()
    with LogReader(big) as reader:
        assert reader.read(0, reader.size) == before
    store.close()


def test_nothing_is_compressed_while_a_job_runs(tmp_path: Path) -> None:
    store = open_store(tmp_path / "home", create=True)
    big = _log(store.home, "1-1.log", b"x" * 100_000)
    assert LogArchive(store, Bus(), lambda: 1).tick() == 0
    assert big.exists()
    store.close()
