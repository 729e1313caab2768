"""The search index: what is found, where it says that stands, how it is bounded, and that it may be lost."""

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from engine.core.errors import SettingsError
from engine.store.logs import search
from engine.store.logs.search import LogFacts, SearchIndex, Where
from engine.store.logs.words import Words, line_of, words_of
from engine.store.logs.writer import LogWriter, Progress, compress
from tests.engine.fakes import START


def facts(
    run: int = 1, status: str = "failed", repo: str = "team/site", path: str = ".github/workflows/ci.yml"
) -> LogFacts:
    return LogFacts(run, run, 1, repo, "CI", path, "build", status)


def log(home: Path, run: int, *steps: str) -> Path:
    """Write a log, a part for each step."""
    path = home / "logs" / str(run) / f"{run}-1.log"
    writer = LogWriter(path, 1 << 30)
    for number, text in enumerate(steps):
        writer.begin_step(number, START)
        writer.append(number, text.encode(), Progress(), START)
        writer.end_step(number, START)
    writer.close()
    return path


@pytest.fixture
def index(tmp_path: Path) -> SearchIndex:
    (tmp_path / "logs").mkdir()
    return SearchIndex(tmp_path)


def lines(index: SearchIndex, *texts: str, limit: int = 50, **where: str) -> list[tuple[int, int, str]]:
    found = index.search(Words(texts), Where(**where), limit)
    return [(hit.log.run_id, hit.line, hit.text) for hit in found.hits]


def test_a_line_is_found_with_its_step_its_number_and_its_place(index: SearchIndex, tmp_path: Path) -> None:
    log(tmp_path, 1, "one\ntwo\n", "three\nthe \x1b[31mneedle\x1b[0m is here\n")
    index.take([facts()], 7)
    [hit] = index.search(Words(["needle"]), Where(), 10).hits
    assert (hit.step, hit.line, hit.offset, hit.text) == (1, 4, 14, "the needle is here")
    assert index.place() == 7


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        (["ERROR"], True), (["error:", "cannot"], True), (["cannot open file"], True), (["open cannot"], False),
        (["err"], False), (["err*"], True), (["cannot*"], True), (["main.c:3"], True), (["main.c:33"], False),
        (["cannot", "nowhere"], False), (["über"], True), (["_x_"], True),
    ],
)  # fmt: skip
def test_all_words_stand_in_the_line(index: SearchIndex, tmp_path: Path, asked: list[str], found: bool) -> None:
    log(tmp_path, 1, "src/main.c:3: Error: cannot open file Über _x_\nnowhere\n")
    index.take([facts()], 1)
    assert bool(lines(index, *asked)) is found


def test_nothing_to_look_for_is_refused() -> None:
    with pytest.raises(SettingsError, match="holds no word to look for"):
        Words(["->", '"'])


def test_words_travel_in_a_line() -> None:
    assert words_of('error "not found" x*') == ["error", "not found", "x*"]
    assert words_of(line_of(["error", "not found", "x*"])) == ["error", "not found", "x*"]


def test_the_newest_log_comes_first_and_none_takes_all_the_room(index: SearchIndex, tmp_path: Path) -> None:
    for run in (1, 2):
        log(tmp_path, run, "needle\n" * 100)
    index.take([facts(1), facts(2)], 1)
    assert [(run, line) for run, line, _ in lines(index, "needle")] == [
        (run, line) for run in (2, 1) for line in range(1, search.PER_LOG + 1)
    ]
    found = index.search(Words(["needle"]), Where(), 5)
    assert len(found.hits) == 5 and found.more
    assert not index.search(Words(["nothing"]), Where(), 5).more


def test_it_can_be_asked_of_one_repository_workflow_or_end(index: SearchIndex, tmp_path: Path) -> None:
    for run in (1, 2, 3):
        log(tmp_path, run, "needle\n")
    index.take([facts(1), facts(2, "success", "team/tools"), facts(3, path=".github/workflows/docs.yml")], 1)
    assert [run for run, _, _ in lines(index, "needle", repo="team/tools")] == [2]
    assert [run for run, _, _ in lines(index, "needle", status="failed")] == [3, 1]
    for name in ("docs", "docs.yml", ".github/workflows/docs.yml"):
        assert [run for run, _, _ in lines(index, "needle", workflow=name)] == [3]
    assert lines(index, "needle", workflow="none") == []


def test_what_is_learnt_twice_is_known_once(index: SearchIndex, tmp_path: Path) -> None:
    log(tmp_path, 1, "needle\n")
    index.take([facts()], 1)
    index.take([facts()], 1)
    assert len(lines(index, "needle")) == 1 and index.counts()[0] == 1


def test_a_log_that_is_compressed_meanwhile_is_read_on(index: SearchIndex, tmp_path: Path) -> None:
    path = log(tmp_path, 1, "".join(f"line {number}\n" for number in range(9000)) + "needle\n")
    index.take([facts()], 1)
    compress(path)
    assert lines(index, "needle") == [(1, 9001, "needle")]


def test_of_a_log_that_is_too_long_beginning_and_end_are_known(
    index: SearchIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "LOG_BYTES", 20_000)
    monkeypatch.setattr(search, "BLOCK_BYTES", 1_000)
    log(tmp_path, 1, "first\n" + "".join(f"line {n:05}\n" for n in range(5000)) + "middle\n"
        + "".join(f"line {n:05}\n" for n in range(5000)) + "last\n")  # fmt: skip
    index.take([facts()], 1)
    assert lines(index, "first") == [(1, 1, "first")]
    assert lines(index, "middle") == []
    assert lines(index, "last") == [(1, 10_003, "last")]


def test_what_a_progress_bar_overwrote_ends_no_line(index: SearchIndex, tmp_path: Path) -> None:
    log(tmp_path, 1, "10 %\r50 %\r100 %\nneedle\r\n")
    index.take([facts()], 1)
    [hit] = index.search(Words(["needle"]), Where(), 10).hits
    assert (hit.line, hit.offset, hit.text) == (2, 16, "needle")


def test_a_line_longer_than_a_block_is_cut_around_the_word(index: SearchIndex, tmp_path: Path) -> None:
    log(tmp_path, 1, "x " * 50_000 + "needle " + "y " * 50_000 + "\nafter\n")
    index.take([facts()], 1)
    [(_, _, text)] = lines(index, "needle")
    assert "needle" in text and len(text) <= search.SHOWN + 2 and text.startswith("…") and text.endswith("…")
    assert lines(index, "after") == [(1, 2, "after")]


def test_what_is_removed_is_found_no_more_and_forgotten(
    index: SearchIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "SHARD_BYTES", 1)  # a shard for each log
    for run in (1, 2):
        log(tmp_path, run, "needle\n")
    index.take([facts(1), facts(2)], 1)
    for path in (tmp_path / "logs" / "1").iterdir():
        path.unlink()
    assert [run for run, _, _ in lines(index, "needle")] == [2], "before it is forgotten, too"
    (tmp_path / "logs" / "1").rmdir()
    assert list(index.forget_gone()) == [1]
    assert index.counts()[0] == 1
    with sqlite3.connect(index.path) as db:
        assert db.execute("SELECT id FROM shard").fetchall() == [(2,)]


def test_it_keeps_to_its_size_by_forgetting_the_oldest(
    index: SearchIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "SHARD_BYTES", 1)
    for run in range(1, 9):
        log(tmp_path, run, "needle\n" + "".join(f"w{run}x{n} " for n in range(20_000)) + "\n")
        index.take([facts(run)], run)
    limit = index.size_bytes() // 2
    index.shrink(limit)
    assert index.size_bytes() <= limit
    found = [run for run, _, _ in lines(index, "needle")]
    assert found == list(range(8, 8 - len(found), -1)) and 2 <= len(found) <= 5


def test_a_home_without_an_index_has_nothing_to_find(index: SearchIndex) -> None:
    assert lines(index, "needle") == []
    assert not index.path.exists()


KILLED = """
import sys
from pathlib import Path
from engine.store.logs.search import LogFacts, SearchIndex
index = SearchIndex(Path(sys.argv[1]))
for run in range(1, 1000):
    print(run, flush=True)
    index.take([LogFacts(run % 5 + 1, run, 1, "r", "CI", "ci.yml", "build", "failed")], run)
"""


def test_a_kill_at_any_moment_leaves_an_index_that_goes_on(index: SearchIndex, tmp_path: Path) -> None:
    for job in range(1, 1000):
        path = tmp_path / "logs" / str(job % 5 + 1) / f"{job}-1.log"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"a needle in this\n" * 200)
        path.with_suffix(".idx").touch()
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[4])}
    for until in (b"7", b"30"):
        command = [sys.executable, "-c", KILLED, str(tmp_path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as child:
            assert child.stdout is not None
            while child.stdout.readline().strip() != until:
                pass
            child.send_signal(signal.SIGKILL)
        logs, _ = index.counts()
        assert logs >= index.place() > 0
        with sqlite3.connect(index.path) as db:
            assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert lines(index, "needle")
