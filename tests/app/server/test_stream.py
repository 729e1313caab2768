"""The laws of the stream: every change once and in order, from wherever a reader left off; nobody slows anybody."""

import http.client
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from app.server import feed, stream
from app.server.auth import LOOK_S
from engine.settings.model import DAY_S
from engine.settings.model import Retention as Rules
from engine.store.retention import Retention
from tests.app.server.site import Site
from tests.app.server.site import site as serve
from tests.engine.fakes import jobs

TEXT = jobs(a="", b="needs: a", c="")


class Reader:
    """Reads one stream, event by event."""

    def __init__(self, site: Site, query: str = "", after: int | None = None) -> None:
        self._line = http.client.HTTPConnection("127.0.0.1", site.port, timeout=10)
        headers = {"Authorization": f"Bearer {site.token('read')}"}
        if after is not None:
            headers["Last-Event-ID"] = str(after)
        self._line.request("GET", f"/api/v1/events{query}", headers=headers)
        self.response = self._line.getresponse()
        self.place: int | None = None
        self.begun = self.status == 200 and self._block()

    @property
    def status(self) -> int:
        return self.response.status

    def _block(self) -> dict[str, str]:
        lines: dict[str, str] = {}
        while line := self.response.readline().decode().rstrip("\n"):
            name, _, value = line.partition(": ")
            lines[name] = value
        return lines

    def next(self) -> tuple[int, dict[str, Any]]:
        block = self._block()
        while "data" not in block:
            block = self._block()
        data = json.loads(block["data"])
        assert block["event"] == data["type"]
        return int(block["id"]), data

    def take(self, count: int) -> list[tuple[int, dict[str, Any]]]:
        return [self.next() for _ in range(count)]

    def close(self) -> None:
        self._line.close()


@contextmanager
def reading(site: Site, query: str = "", after: int | None = None) -> Iterator[Reader]:
    reader = Reader(site, query, after)
    try:
        yield reader
    finally:
        reader.close()


def change(site: Site) -> int:
    """Have a run recorded and worked off; return the newest sequence number."""
    site.lab.run(TEXT)
    site.lab.work()
    site.lab.bus.wake("news")
    return site.lab.store.queries.last_sequence()


def test_a_reader_without_a_place_begins_with_what_is_new(site: Site) -> None:
    last = change(site)
    with reading(site) as reader:
        assert reader.begun == {"retry": "1000", "id": str(last)}
        newest = change(site)
        told = reader.take(newest - last)
    assert [sequence for sequence, _ in told] == list(range(last + 1, newest + 1))
    written = site.lab.store.queries.transitions(last)
    assert [(one["type"], one["status"], one.get("job")) for _, one in told] == [
        (one.noun, one.to_status, one.job_id) for one in written
    ]


def test_a_reader_that_drops_and_comes_back_misses_nothing_and_sees_nothing_twice(site: Site) -> None:
    newest, seen, place = change(site), [], 0
    while place < newest:
        with reading(site, after=place) as reader:
            part = reader.take(min(4, newest - place))
        seen += [sequence for sequence, _ in part]
        place = seen[-1]
    assert seen == list(range(1, newest + 1))


def test_a_place_holds_over_a_restart_of_the_server(tmp_path: Path) -> None:
    with serve(tmp_path / "home") as site:
        newest = change(site)
        with reading(site, "?after=0") as reader:
            place = reader.take(5)[-1][0]
    with serve(tmp_path / "home") as site, reading(site, after=place) as reader:
        last = change(site)
        seen = [sequence for sequence, _ in reader.take(last - place)]
    assert seen == list(range(place + 1, last + 1)) and last > newest


@pytest.mark.parametrize("kept", [10, 50, 2000])
def test_what_is_no_longer_in_memory_is_read_from_the_table(
    site: Site, monkeypatch: pytest.MonkeyPatch, kept: int
) -> None:
    monkeypatch.setattr(feed, "KEPT", kept)
    monkeypatch.setattr(feed, "PAGE", 7)
    with reading(site, "?after=0") as early:
        newest = change(site)
        newest = change(site)
        assert [sequence for sequence, _ in early.take(newest)] == list(range(1, newest + 1))
    with reading(site, "?after=3") as late:
        assert [sequence for sequence, _ in late.take(newest - 3)] == list(range(4, newest + 1))


def test_a_filter_holds(site: Site) -> None:
    change(site)
    run_id = site.lab.run(TEXT)
    job_ids = [site.lab.named(run_id, name).id for name in ("a", "c")]
    last = change(site)
    everything = site.lab.store.queries.transitions(0)
    expected = {
        f"run={run_id}": [one.sequence for one in everything if one.run_id == run_id],
        f"job={job_ids[0]}&job={job_ids[1]}": [one.sequence for one in everything if one.job_id in job_ids],
        f"job={job_ids[0]},{job_ids[1]}": [one.sequence for one in everything if one.job_id in job_ids],
        "types=run,attempt": [one.sequence for one in everything if one.noun in ("run", "attempt")],
        f"run={run_id}&types=run": [one.sequence for one in everything if one.run_id == run_id and one.noun == "run"],
    }
    for query, sequences in expected.items():
        assert 0 < len(sequences) < last
        with reading(site, f"?after=0&{query}") as reader:
            assert [sequence for sequence, _ in reader.take(len(sequences))] == sequences


@pytest.mark.parametrize("query", ["?types=jobs", "?run=x", "?after=-1", "?job=1,,2", "?all=1"])
def test_a_filter_that_cannot_be_is_refused(site: Site, query: str) -> None:
    with reading(site, query) as reader:
        assert reader.status == 400


def test_a_place_that_never_was_is_refused_and_one_ahead_is_now(site: Site) -> None:
    newest = change(site)
    with reading(site, after=10**9) as reader:
        assert reader.begun == {"retry": "1000", "id": str(newest)}
    answer = site.get("/api/v1/events", headers={"Last-Event-ID": "x"})
    assert answer.status == 400


def test_a_quiet_stream_shows_life(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "HEARTBEAT_S", 0.02)
    with reading(site) as reader:
        assert reader.response.readline() == b": still here\n"


def test_a_revoked_token_ends_its_stream(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "HEARTBEAT_S", 0.02)
    with reading(site) as reader:
        (token,) = site.lab.store.tokens.list()
        site.lab.store.tokens.revoke(token.id)
        site.lab.clock.advance(LOOK_S)
        while reader.response.readline():
            pass


def test_a_revoked_token_ends_a_stream_that_is_never_quiet(site: Site) -> None:
    with reading(site) as reader:
        (token,) = site.lab.store.tokens.list()
        site.lab.store.tokens.revoke(token.id)
        site.lab.clock.advance(LOOK_S)
        change(site)
        while reader.response.readline():
            pass


def test_a_reader_that_takes_nothing_is_let_go_and_slows_nobody(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "SLOW_S", 2.0)
    stalled = socket.socket()
    stalled.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    stalled.connect(("127.0.0.1", site.port))
    head = f"GET /api/v1/events?after=0 HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {site.token('read')}"
    stalled.sendall(f"{head}\r\n\r\n".encode())
    dropped = ("treadle_sse_dropped_total", "")
    for _ in range(5):  # more than the system holds for a reader that takes nothing
        run_id = site.lab.run(TEXT)
        site.lab.store.wishes.ask_cancel(run_id, None, "x" * 3_000_000, "ada", site.lab.clock.now())
        site.lab.tick()
    newest = site.lab.store.queries.last_sequence()
    seen: list[int] = []
    with reading(site, after=0) as quick:
        thread = threading.Thread(target=lambda: seen.extend(sequence for sequence, _ in quick.take(newest)))
        thread.start()
        site.lab.bus.wake("news")
        thread.join(20)
    assert seen == list(range(1, newest + 1))
    pause = threading.Event()
    assert any(site.desk.counters[dropped] or pause.wait(0.05) for _ in range(600))
    stalled.close()


def test_there_are_only_so_many_streams(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "STREAMS", 1)
    with reading(site) as first, reading(site) as second:
        assert (first.status, second.status) == (200, 503)


def test_readers_that_left_make_room_at_once(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "STREAMS", 1)
    with reading(site) as first:
        assert first.status == 200
    pause = threading.Event()
    for _ in range(1000):
        with reading(site) as second:
            if second.status == 200:
                return
        pause.wait(0.02)
    pytest.fail("the stream of a reader that left was never given back")


def test_a_stream_says_that_nothing_may_hold_it_back(site: Site) -> None:
    with reading(site) as reader:
        headers = reader.response.headers
        assert headers["Content-Type"] == "text/event-stream; charset=utf-8"
        assert (headers["X-Accel-Buffering"], headers["Cache-Control"]) == ("no", "no-store")


def test_the_server_ends_streams_when_it_is_stopped(tmp_path: Path) -> None:
    with serve(tmp_path / "home") as site:
        reader = Reader(site)
    assert reader.response.read() == b""
    reader.close()


def test_a_reader_from_before_what_is_kept_is_told_of_the_gap(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "KEPT", 3)
    for _ in range(2):
        site.lab.run(jobs(a=""))
        site.lab.work()
    site.lab.clock.advance(8 * DAY_S)
    site.lab.run(jobs(a=""))
    site.lab.work()
    retention = Retention(site.lab.store.database, site.home, site.desk.artifacts, site.lab.store.definitions)
    before = {one.run_id: one.sequence for one in site.lab.store.queries.transitions()}
    for one in list(retention.going(Rules(per_workflow=1), site.lab.clock.now())):
        list(retention.take(one))
    newest = site.lab.store.queries.last_sequence()
    site.desk.bus.wake("news")
    with reading(site, after=newest - 1) as reader:
        assert reader.next()[0] == newest
    with reading(site, after=2) as reader:
        block = reader._block()
        assert block["event"] == "gap" and "id" not in block
        assert json.loads(block["data"])["after"] == 2 and json.loads(block["data"])["upto"] == before[2]
        assert reader.next()[0] > before[2], "what is kept follows"
    with reading(site, after=before[2]) as reader:
        assert reader.next()[0] > before[2], "nothing is missing from here on"
    stop = threading.Event()
    client = site.client.changes(2, stop=stop)
    assert next(client).data["type"], "our own client goes on over a gap"
    stop.set()
