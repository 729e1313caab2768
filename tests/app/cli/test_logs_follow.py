"""A remote log that is followed: over real HTTP, with lines that are cut and an engine that is stopped and started."""

import json
import random
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace

import pytest

from app.cli.main import main
from app.cli.remote import patient
from app.server.desk import Askers
from app.server.sockets import tcp_socket
from app.server.web_thread import WebThread
from engine.settings.model import Listen
from engine.store.logs.writer import LogWriter, Progress
from engine.store.queue import Lease
from tests.app.server.site import Site
from tests.engine.fakes import jobs

PATIENCE_S = 20


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patient, "BACK_S", 0.01)


class Door:
    """A second door to the site, which can be shut and opened again at the same address."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self.port = 0
        self.open()

    def open(self) -> None:
        self._undo = ExitStack()
        listening = self._undo.enter_context(tcp_socket(Listen("127.0.0.1", self.port)))
        self.port = listening.getsockname()[1]
        self._desk = replace(self._site.desk, askers=Askers(self._site.lab.store))
        self._web = WebThread(self._desk, [listening])
        self._web.start()

    def shut(self) -> None:
        self._desk.draining = True
        self._web.stop()
        self._undo.close()


@pytest.fixture
def door(site: Site) -> Iterator[Door]:
    door = Door(site)
    yield door
    door.shut()


class Job:
    """A job whose log a test writes."""

    def __init__(self, site: Site, retry: str = "") -> None:
        self._site = site
        site.lab.run(jobs(a=retry))
        self.claim()

    def claim(self) -> None:
        self.lease: Lease = self._site.lab.start()
        lease = self.lease
        self._log = LogWriter(self._site.lab.store.log_path(lease.run_id, lease.job_id, lease.number), 1 << 24)
        self._total = 0
        self._log.begin_step(0, self._site.lab.clock.now())

    def say(self, data: bytes) -> None:
        self._total += len(data)
        self._log.append(0, data, Progress(self._total), self._site.lab.clock.now())
        self._site.lab.bus.wake("log")

    def end(self, finish: Callable[[Lease], None]) -> None:
        self._log.end_step(0, self._site.lab.clock.now())
        self._log.close()
        finish(self.lease)
        self._site.lab.bus.wake("news")


class Reader:
    """`treadle logs JOB --follow --connect`, on a thread; what it printed so far can be waited for."""

    def __init__(self, site: Site, port: int, monkeypatch: pytest.MonkeyPatch, *line: str) -> None:
        self.out = b""
        self._came = threading.Condition()
        self.buffer = self
        monkeypatch.setattr("sys.stdout", self)
        self.code: int | None = None
        where = ["--connect", f"http://127.0.0.1:{port}", "--token", site.token("read")]
        self._thread = threading.Thread(target=self._run, args=(["logs", "1", "--follow", *line, *where],))
        self._thread.start()

    def _run(self, line: list[str]) -> None:
        self.code = main(line)

    def write(self, data: bytes | str) -> int:
        with self._came:
            self.out += data if isinstance(data, bytes) else data.encode()
            self._came.notify()
        return len(data)

    def flush(self) -> None:
        pass

    def isatty(self) -> bool:
        return False

    def until(self, text: bytes) -> None:
        with self._came:
            assert self._came.wait_for(lambda: text in self.out, PATIENCE_S), self.out

    def end(self) -> int | None:
        self._thread.join(PATIENCE_S)
        return self.code


def test_what_is_said_while_the_engine_is_away_comes_once_it_is_back(
    site: Site, door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = Job(site)
    job.say(b"one\n")
    reader = Reader(site, door.port, monkeypatch)
    reader.until(b"one\n")
    door.shut()
    job.say(b"two\n")
    door.open()
    reader.until(b"two\n")
    door.shut()
    job.say(b"three\n")
    job.end(site.lab.finish)
    door.open()
    assert reader.end() == 0
    assert reader.out == b"one\ntwo\nthree\n"


def test_a_retry_is_followed_also_if_it_begins_while_the_engine_is_away(
    site: Site, door: Door, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    job = Job(site, "retry: {max: 1, backoff: 5s, jitter: 0}")
    job.say(b"one\n")
    reader = Reader(site, door.port, monkeypatch)
    reader.until(b"one\n")
    door.shut()
    job.say(b"half a li")
    job.end(site.lab.fail)
    site.lab.clock.advance(5)
    site.lab.tick()
    job.claim()
    job.say(b"two\n")
    door.open()
    reader.until(b"two\n")
    job.end(site.lab.fail)
    assert reader.end() == 1
    assert reader.out == b"one\nhalf a litwo\n"
    assert "Attempt 2 of a:" in capfd.readouterr().err


class Cutter:
    """A proxy that cuts each stream of a log after some bytes, wherever that is."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._random = random.Random(1)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self.cuts = 0
        self.asked: list[bytes] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, socket.create_connection(("127.0.0.1", self._to)) as server, suppress(OSError):
            asked = client.recv(65536)
            self.asked.append(asked.split(b" ")[1])
            server.sendall(asked)
            left = self._random.randint(0, 3000) if b"follow=1" in asked else 1 << 30
            while left and (data := server.recv(min(left, 65536))):
                client.sendall(data)
                left -= len(data)
            self.cuts += not left

    def close(self) -> None:
        self._listening.close()


@pytest.mark.parametrize("line", [[], ["--json"], ["--step", "0"]])
def test_a_line_that_is_cut_anywhere_loses_and_doubles_nothing(
    site: Site, monkeypatch: pytest.MonkeyPatch, line: list[str]
) -> None:
    cutter, job = Cutter(site.port), Job(site)
    said = b"".join(b"line %d\n" % number for number in range(3000))
    for at in range(0, len(said) // 2, 97):
        job.say(said[at : min(at + 97, len(said) // 2)])
    reader = Reader(site, cutter.port, monkeypatch, *line)
    reader.until(b"line 500")
    for at in range(len(said) // 2, len(said), 997):
        job.say(said[at : at + 997])
    job.end(site.lab.finish)
    assert reader.end() == 0
    cutter.close()
    told = reader.out
    if "--json" in line:
        told = "".join(json.loads(one)["text"] for one in told.splitlines()).encode()
    assert told == said
    assert cutter.cuts > 3


def test_nothing_is_asked_for_while_nothing_comes(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    counter, job = Cutter(site.port), Job(site)
    counter._random.randint = lambda *_: 1 << 30  # type: ignore[method-assign]
    job.say(b"one\n")
    reader = Reader(site, counter.port, monkeypatch)
    reader.until(b"one\n")
    asked = len(counter.asked)
    site.lab.bus.wake("log", "news")
    job.say(b"two\n")
    reader.until(b"two\n")
    assert len(counter.asked) == asked + 1, "the index, for the block that came"
    job.end(site.lab.finish)
    assert reader.end() == 0
    counter.close()


def test_a_job_that_ends_before_it_begins_is_no_log_and_no_wait(
    site: Site, door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = site.lab.run(jobs(a=""))
    reader = Reader(site, door.port, monkeypatch)
    site.ask("POST", f"/api/v1/runs/{run}/cancel")
    site.lab.tick()
    site.lab.bus.wake("news")
    assert (reader.end(), reader.out) == (1, b"")


def test_an_engine_that_stays_away_is_exit_3(site: Site, monkeypatch: pytest.MonkeyPatch, door: Door) -> None:
    monkeypatch.setattr(patient, "PATIENCE", 3)
    job = Job(site)
    job.say(b"one\n")
    reader = Reader(site, door.port, monkeypatch)
    reader.until(b"one\n")
    door.shut()
    assert reader.end() == 3
    door.open()
