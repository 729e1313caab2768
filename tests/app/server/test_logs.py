"""The laws of logs over HTTP: the bytes as they are, any part of them, and as they grow, to the end."""

import http.client
import threading

import pytest

from app.server.auth import LOOK_S
from engine.store.logs.writer import LogWriter, Progress, compress
from engine.store.queue import Lease
from tests.app.server.site import Site
from tests.engine.fakes import FAILURE, jobs

FIRST, SECOND = b"one \xff\x1b[31m\n", "zwölf\n".encode()


@pytest.fixture
def lease(site: Site) -> Lease:
    site.lab.run(jobs(a="retry: {max: 1, backoff: 1s}"))
    return site.lab.start()


def writer(site: Site, lease: Lease) -> LogWriter:
    job = site.lab.job(lease.job_id)
    return LogWriter(site.lab.store.log_path(job.run_id, job.id, lease.number), 1 << 20)


def write(site: Site, lease: Lease, *steps: bytes) -> None:
    log, now = writer(site, lease), site.lab.clock.now()
    for number, data in enumerate(steps):
        log.begin_step(number, now)
        log.append(number, data, Progress(len(data)), now)
        log.end_step(number, now)
    log.close()
    site.lab.bus.wake("log")


def test_a_log_comes_byte_for_byte(site: Site, lease: Lease) -> None:
    write(site, lease, FIRST, SECOND)
    answer = site.get(f"/api/v1/jobs/{lease.job_id}/logs")
    assert (answer.status, answer.body) == (200, FIRST + SECOND)
    assert (answer.headers["X-Treadle-Attempt"], answer.headers["Accept-Ranges"]) == ("1", "bytes")


def test_a_step_has_its_own_part(site: Site, lease: Lease) -> None:
    write(site, lease, FIRST, SECOND)
    path = f"/api/v1/jobs/{lease.job_id}/logs"
    assert site.get(f"{path}?step=1").body == SECOND
    assert site.get(f"{path}?step=1", headers={"Range": "bytes=1-2"}).body == SECOND[1:3]
    assert site.get(f"{path}?step=7").status == 404
    assert site.get(f"{path}?attempt=2").status == 404


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    ("asked", "status", "part"),
    [
        ("bytes=0-2", 206, slice(0, 3)),
        ("bytes=3-", 206, slice(3, None)),
        ("bytes=-4", 206, slice(-4, None)),
        ("bytes=-400", 206, slice(None)),
        ("bytes=2-4000", 206, slice(2, None)),
        ("bytes=0-1,3-4", 200, slice(None)),
        ("bytes=5-3", 200, slice(None)),
        ("lines=1-2", 200, slice(None)),
        ("bytes=-", 200, slice(None)),
    ],
)
def test_any_range_of_a_log_can_be_asked_for(
    site: Site, lease: Lease, asked: str, status: int, part: slice, packed: bool
) -> None:
    write(site, lease, FIRST, SECOND)
    if packed:
        job = site.lab.job(lease.job_id)
        compress(site.lab.store.log_path(job.run_id, job.id, 1))
    answer = site.get(f"/api/v1/jobs/{lease.job_id}/logs", headers={"Range": asked})
    assert (answer.status, answer.body) == (status, (FIRST + SECOND)[part])


@pytest.mark.parametrize("asked", ["bytes=18-", "bytes=400-500", "bytes=-0"])
def test_a_range_behind_the_end_says_where_the_end_is(site: Site, lease: Lease, asked: str) -> None:
    write(site, lease, FIRST, SECOND)
    answer = site.get(f"/api/v1/jobs/{lease.job_id}/logs", headers={"Range": asked})
    assert (answer.status, answer.headers["Content-Range"]) == (416, f"bytes */{len(FIRST + SECOND)}")


def test_a_job_that_has_not_started_has_no_log(site: Site) -> None:
    run_id = site.lab.run(jobs(a=""))
    assert site.get(f"/api/v1/jobs/{site.lab.named(run_id, 'a').id}/logs").status == 404


class Follower:
    def __init__(self, site: Site, path: str) -> None:
        self._line = http.client.HTTPConnection("127.0.0.1", site.port, timeout=10)
        self._line.request("GET", f"/api/v1{path}", headers={"Authorization": f"Bearer {site.token('read')}"})
        self.response = self._line.getresponse()

    def take(self, data: bytes) -> None:
        """Take exactly this, however it is cut."""
        assert self.response.read(len(data)) == data

    def ends(self) -> bool:
        rest = self.response.read()
        self._line.close()
        return rest == b""


def test_a_log_is_followed_to_its_end(site: Site, lease: Lease) -> None:
    log, now = writer(site, lease), site.lab.clock.now()
    log.begin_step(0, now)
    follower = Follower(site, f"/jobs/{lease.job_id}/logs?follow=1")
    for number in range(3):
        data = b"%d\n" % number
        log.append(0, data, Progress(2 * number + 2), now)
        site.lab.bus.wake("log")
        follower.take(data)
    log.append(0, b"last\n", Progress(11), now)
    log.close()
    site.lab.finish(lease)
    site.lab.bus.wake("news")
    follower.take(b"last\n")
    assert follower.ends()


def test_a_revoked_token_ends_the_following_of_a_log(site: Site, lease: Lease) -> None:
    log, now = writer(site, lease), site.lab.clock.now()
    log.begin_step(0, now)
    follower = Follower(site, f"/jobs/{lease.job_id}/logs?follow=1")
    log.append(0, b"seen\n", Progress(5), now)
    site.lab.bus.wake("log")
    follower.take(b"seen\n")
    (token,) = site.lab.store.tokens.list()
    site.lab.store.tokens.revoke(token.id)
    site.lab.clock.advance(LOOK_S)
    log.append(0, b"never seen\n", Progress(16), now)
    site.lab.bus.wake("log")
    assert follower.ends()
    log.close()


def test_following_a_job_goes_on_with_its_next_attempt(site: Site, lease: Lease) -> None:
    follower = Follower(site, f"/jobs/{lease.job_id}/logs?follow=1")
    only = Follower(site, f"/jobs/{lease.job_id}/logs?follow=1&attempt=1")
    write(site, lease, FIRST)
    site.lab.finish(lease, FAILURE)
    site.lab.bus.wake("news")
    for one in (follower, only):
        one.take(FIRST)
    assert only.ends()
    site.lab.clock.advance(60)
    site.lab.tick()
    again = site.lab.start()
    write(site, again, SECOND)
    site.lab.finish(again)
    site.lab.bus.wake("news")
    follower.take(SECOND)
    assert follower.ends()


def test_following_can_begin_where_a_reader_left_off(site: Site, lease: Lease) -> None:
    write(site, lease, FIRST, SECOND)
    site.lab.finish(lease)
    follower = Follower(site, f"/jobs/{lease.job_id}/logs?follow=1&offset=4")
    follower.take((FIRST + SECOND)[4:])
    assert follower.ends()


def test_following_a_step_ends_with_its_attempt(site: Site, lease: Lease) -> None:
    follower = Follower(site, f"/jobs/{lease.job_id}/logs?follow=1&step=1")
    write(site, lease, FIRST, SECOND)
    follower.take(SECOND)
    site.lab.finish(lease)
    site.lab.bus.wake("news")
    assert follower.ends()


def test_following_a_job_waits_for_its_start_and_ends_if_it_never_comes(site: Site) -> None:
    run_id = site.lab.run(jobs(a=""))
    follower = Follower(site, f"/jobs/{site.lab.named(run_id, 'a').id}/logs?follow=1")
    site.lab.cancel(run_id)
    site.lab.bus.wake("news")
    assert follower.ends()


def test_a_large_log_is_followed_by_many_at_once(site: Site, lease: Lease) -> None:
    data = b"".join(b"line %d\n" % number for number in range(60_000))
    followers = [Follower(site, f"/jobs/{lease.job_id}/logs?follow=1") for _ in range(12)]
    write(site, lease, data)
    site.lab.finish(lease)
    site.lab.bus.wake("news")
    read: list[bool] = []
    threads = [threading.Thread(target=lambda one=one: read.append(one.response.read() == data)) for one in followers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert read == [True] * 12
    assert all(one.ends() for one in followers)
