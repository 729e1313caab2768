"""The laws of a log's lines over HTTP: told at once, told when there are more, and never in anybody's way."""

import threading
from pathlib import Path

import pytest

from app.tui.job_log import JobLog
from engine.store.logs.lines import BLOCK
from engine.store.logs.writer import LogWriter, Progress, compress
from engine.store.queue import Lease
from tests.app.server.site import Site
from tests.app.server.site import site as serve
from tests.engine.fakes import jobs
from widgets import log_feed
from widgets.log_feed import Grown, LogFeed, Troubled
from widgets.log_lines import LogLines
from widgets.log_source import FAR, LogPart, Unavailable

DATA = b"".join(b"line %d\n" % number for number in range(20_000))


@pytest.fixture
def lease(site: Site) -> Lease:
    site.lab.run(jobs(a=""))
    return site.lab.start()


@pytest.fixture
def log(site: Site, lease: Lease) -> "Log":
    return Log(site, lease)


class Log:
    def __init__(self, site: Site, lease: Lease) -> None:
        job = site.lab.job(lease.job_id)
        self.site, self.lease = site, lease
        self.path = site.lab.store.log_path(job.run_id, job.id, lease.number)
        self.writer = LogWriter(self.path, 1 << 30, lambda: site.lab.bus.wake("log"))
        self.source = JobLog(site.client, lease.job_id, lease.number)
        self._raw = 0

    def write(self, data: bytes) -> None:
        now = self.site.lab.clock.now()
        self.writer.begin_step(0, now)
        self._raw += len(data)
        self.writer.append(0, data, Progress(self._raw), now)

    def end(self) -> None:
        self.writer.end_step(0, self.site.lab.clock.now())
        self.writer.close()
        self.site.lab.finish(self.lease)
        self.site.lab.bus.wake("news")


def test_a_log_that_is_yet_to_come_is_empty_and_not_over(log: Log) -> None:
    log.writer.close()
    assert log.source.part(0, 0) == LogPart(0, 0, (), (), False)


def test_a_finished_log_is_told_at_once_whatever_one_would_wait(log: Log) -> None:
    log.write(DATA)
    log.end()
    part = log.source.part(0, 25)
    assert (part.size, sum(part.lines), part.ended) == (len(DATA), 20_000, True)
    assert [(mark.kind, mark.step, mark.line, mark.offset) for mark in part.marks] == [
        ("step_begin", 0, 0, 0), ("step_end", 0, 20_000, len(DATA)),
    ]  # fmt: skip
    compress(log.path)
    assert log.source.part(0, 25) == part
    assert log.source.read(BLOCK, BLOCK + 10) == DATA[BLOCK : BLOCK + 10]


def test_the_end_of_a_log_is_told_without_its_beginning(log: Log) -> None:
    log.write(DATA)
    part = log.source.part(FAR, 0)
    assert part.start == len(DATA) // BLOCK * BLOCK
    assert part.lines == (DATA[part.start :].count(b"\n"),)


def test_who_waits_hears_of_growth_and_of_the_end(log: Log) -> None:
    log.write(b"one\n")
    seen: list[LogPart] = []

    def wait() -> None:
        known = 4
        while not seen or not seen[-1].ended:
            seen.append(log.source.part(known, 25))
            known = seen[-1].size

    thread = threading.Thread(target=wait)
    thread.start()
    log.write(b"two\nthr")
    log.write(b"ee\n")
    log.end()
    thread.join(20)
    assert not thread.is_alive()
    assert (seen[-1].size, seen[-1].lines, seen[-1].ended) == (14, (3,), True)


def test_those_who_wait_keep_nobody_else_waiting(site: Site, log: Log) -> None:
    log.write(b"one\n")
    threads = [threading.Thread(target=log.source.part, args=(4, 25)) for _ in range(30)]
    for thread in threads:
        thread.start()
    for _ in range(20):
        assert site.get(f"/api/v1/jobs/{log.lease.job_id}").status == 200
    assert all(thread.is_alive() for thread in threads)
    log.end()
    for thread in threads:
        thread.join(20)
    assert not any(thread.is_alive() for thread in threads)


def test_when_bytes_came_is_told(site: Site, log: Log) -> None:
    first = site.lab.clock.now()
    log.write(b"one\n")
    site.lab.clock.advance(5)
    log.write(b"two\n")
    assert log.source.times(0, 8) == ((0, first), (4, site.lab.clock.now()))
    assert log.source.times(0, 4) == ((0, first),)
    log.writer.close()


def test_trouble_says_whether_to_ask_again(site: Site, log: Log) -> None:
    log.writer.close()
    with pytest.raises(Unavailable) as refused:
        JobLog(site.client, 999, 1).part(0, 0)
    assert refused.value.for_good
    nobody = JobLog(type(site.client).of_url("http://127.0.0.1:1", None), 1, 1)
    with pytest.raises(Unavailable) as away:
        nobody.read(0, 10)
    assert not away.value.for_good
    assert nobody.read(10, 10) == b""


def test_bytes_behind_the_end_are_none(log: Log) -> None:
    log.write(b"one\n")
    assert log.source.read(4, 10) == b""
    log.end()


@pytest.mark.parametrize("query", ["after=-1", "wait=x", "attempt=0", "lines=1"])
def test_a_wrong_question_is_refused(site: Site, log: Log, query: str) -> None:
    log.writer.close()
    assert site.get(f"/api/v1/jobs/{log.lease.job_id}/logs/lines?{query}").status == 400


def test_a_pane_that_outlives_an_engine_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_feed, "AGAIN_S", 0.02)
    lines, away, ended = LogLines(), threading.Event(), threading.Event()

    def hear(news: object) -> None:
        if isinstance(news, Troubled) and news.why:
            away.set()
        elif isinstance(news, Grown):
            lines.grow(news.part, news.tail)
            if news.part.ended:
                ended.set()

    with serve(tmp_path / "home") as first:
        first.lab.run(jobs(a=""))
        log = Log(first, first.lab.start())
        log.write(DATA[:9000])
        feed = LogFeed(log.source, hear)
        feed.start()
    assert away.wait(10)
    log.write(DATA[9000:100_000])  # the job runs on while no engine answers
    with serve(tmp_path / "home") as second:
        log.site = second
        log.write(DATA[100_000:])
        log.end()
        assert ended.wait(10)
    feed.stop()
    assert (lines.size, lines.count) == (len(DATA), 20_000)
    last = lines.line(19_999)
    assert last is not None
    assert last.data == b"line 19999"
