"""The laws of the pages behind a status: what a person sees, who may see it, and that nothing in it runs."""

import base64
import hashlib
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from engine.store.logs.writer import LogWriter, Progress
from engine.store.queue import Lease, StepNews
from tests.app.server.site import Answer, Site
from tests.app.server.site import site as serve
from tests.engine.fakes import FAILURE, jobs

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
EVIL = '<script src="//evil.example/x.js"></script><b onmouseover=x>&\x1b]0;x\x07\u202e'


class Parts(HTMLParser):
    """What a page is made of."""

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(answer.body.decode())

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())

    def all(self, tag: str, attribute: str) -> list[str]:
        return [value for name, attrs in self.tags if name == tag and (value := attrs.get(attribute))]


def write(site: Site, lease: Lease, data: bytes) -> None:
    job, now = site.lab.job(lease.job_id), site.lab.clock.now()
    log = LogWriter(site.lab.store.log_path(job.run_id, job.id, lease.number), 1 << 20)
    log.begin_step(0, now)
    log.append(0, data, Progress(len(data)), now)
    log.end_step(0, now)
    log.close()


def test_a_run_is_shown_with_its_jobs_and_their_logs(site: Site) -> None:
    run = site.lab.run(jobs(build="", test="needs: [build]"), title="Fix the door")
    lease = site.lab.start()
    site.lab.clock.advance(75)
    site.lab.finish(lease, FAILURE)
    answer = site.get(f"/runs/{run}", headers=BROWSER)
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    parts = Parts(answer)
    assert re.search(r"team/site : CI #1 Fix the door ✗ failed · 1 m 15 s · main", parts.text), parts.text
    assert re.search(r"✗ failed \S.* build 1 m 15 s log – skipped .*test after build", parts.text), parts.text
    assert parts.all("a", "href") == [f"{run}/jobs/{lease.job_id}/log?attempt=1"]
    assert not parts.all("meta", "http-equiv")


def test_a_page_of_a_run_that_goes_on_loads_itself_again(site: Site) -> None:
    run = site.lab.run(jobs(a=""))
    assert "queued" in Parts(site.get(f"/runs/{run}", headers=BROWSER)).text
    assert Parts(site.get(f"/runs/{run}", headers=BROWSER)).all("meta", "http-equiv") == ["refresh"]


def test_every_attempt_has_its_log(site: Site) -> None:
    run = site.lab.run(jobs(a="retry: {max: 1, backoff: 1s}"))
    for data in (b"first\n", b"second\n"):
        lease = site.lab.start()
        write(site, lease, data)
        site.lab.finish(lease, FAILURE)
        site.lab.clock.advance(2)
        site.lab.tick()
    links = Parts(site.get(f"/runs/{run}", headers=BROWSER)).all("a", "href")
    bodies = [site.get(f"/runs/{link}").body for link in links]
    assert bodies == [b"first\n", b"second\n"]
    assert site.get(f"/runs/{run}/jobs/{lease.job_id}/log").body == b"second\n"
    assert site.get(f"/runs/{run + 1}/jobs/{lease.job_id}/log").status == 404
    assert site.get(f"/runs/{run}/jobs/{lease.job_id}/log?attempt=3").status == 404


def test_whatever_a_run_is_called_is_text_on_its_page(site: Site) -> None:
    run = site.lab.run(jobs(a=""), title=EVIL, ref=f"refs/heads/{EVIL}")
    parts = Parts(site.get(f"/runs/{run}", headers=BROWSER))
    assert {tag for tag, _ in parts.tags} <= {
        *("html", "head", "meta", "title", "style", "body", "h1", "p", "bdi", "code", "span", "small", "br"),
        *("table", "tr", "th", "td", "a"),
    }
    assert not [name for _, attrs in parts.tags for name in attrs if name.startswith("on")]
    assert '<script src="//evil.example/x.js"></script>' in parts.text
    assert "\x1b" not in parts.text


def test_a_page_may_do_nothing_but_look(site: Site) -> None:
    answer = site.get(f"/runs/{site.lab.run(jobs(a=''))}", headers=BROWSER)
    policy = answer.headers["Content-Security-Policy"]
    style = re.search(r"<style>(.*?)</style>", answer.body.decode(), re.S)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert "default-src 'none'" in policy and f"style-src 'sha256-{digest}'" in policy and "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert not re.search(r"style=|<link|<img|<script", answer.body.decode())


def test_a_log_is_harmless_text_with_the_marks_drawn(site: Site) -> None:
    run = site.lab.run(jobs(a=""))
    lease = site.lab.start()
    write(
        site, lease, b"##[group]Run make\nmake\n##[endgroup]\n\x1b[31mred\x1b[0m <b>\x1b]0;title\x07\n" + b"x" * 600_000
    )
    answer = site.get(f"/runs/{run}/jobs/{lease.job_id}/log")
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.body == "▸ Run make\nred <b>\n".encode() + b"x" * 600_000


@pytest.fixture
def run(site: Site) -> str:
    return f"/runs/{site.lab.run(jobs(a=''))}"


def test_without_a_token_a_person_is_asked_for_one_and_a_program_refused(site: Site, run: str) -> None:
    asked = site.get(run, scope=None, headers=BROWSER)
    assert (asked.status, asked.headers["Content-Type"]) == (401, "text/html; charset=utf-8")
    assert Parts(asked).all("input", "name") == ["token"]
    assert "Bearer" in asked.headers["WWW-Authenticate"]
    assert "needs a token" in site.get(run, scope=None).error


def test_a_token_becomes_a_cookie_that_opens_pages_alone(site: Site, run: str) -> None:
    token = site.token("read")
    entered = site.get(f"{run}?token={token}", scope=None, headers=BROWSER)
    assert (entered.status, entered.headers["Location"]) == (303, run.rpartition("/")[2])
    cookie = entered.headers["Set-Cookie"]
    assert {"HttpOnly", "Path=/runs", "SameSite=Lax"} <= set(cookie.split("; ")) and "Secure" not in cookie
    held = {"Cookie": cookie.partition(";")[0]}
    assert site.get(run, scope=None, headers=BROWSER | held).status == 200
    assert site.get("/api/v1/runs", scope=None, headers=held).status == 401
    site.lab.store.tokens.revoke(site.lab.store.tokens.list()[0].id)
    assert site.get(run, scope=None, headers=BROWSER | held).status == 401


def test_the_way_to_a_log_is_kept_through_the_door(site: Site, run: str) -> None:
    log = f"{run}/jobs/1/log?attempt=2"
    assert '<input type="hidden" name="attempt" value="2">' in site.get(log, scope=None, headers=BROWSER).body.decode()
    entered = site.get(f"{log}&token={site.token('read')}", scope=None, headers=BROWSER)
    assert entered.headers["Location"] == "log?attempt=2"


def test_a_wrong_token_is_told_so_and_sets_no_cookie(site: Site, run: str) -> None:
    refused = site.get(f"{run}?token=tdl_wrong", scope=None, headers=BROWSER)
    assert refused.status == 401 and "There is no such token" in Parts(refused).text
    assert "Set-Cookie" not in refused.headers


@pytest.mark.parametrize(("host", "status"), [("ci.example", 200), ("CI.example", 200), ("evil.example", 421)])
def test_behind_a_proxy_the_public_name_is_ours(proxied: Site, host: str, status: int) -> None:
    run = proxied.lab.run(jobs(a=""))
    assert proxied.get(f"/runs/{run}", headers={"Host": host}).status == status


def test_behind_a_proxy_the_cookie_is_for_the_public_url(proxied: Site) -> None:
    run = proxied.lab.run(jobs(a=""))
    entered = proxied.get(f"/runs/{run}?token={proxied.token('read')}", scope=None, headers=BROWSER)
    assert {"Secure", "Path=/treadle/runs"} <= set(entered.headers["Set-Cookie"].split("; "))


@pytest.fixture
def proxied(tmp_path: Path) -> Iterator[Site]:
    with serve(tmp_path / "proxied", public_url="https://ci.example/treadle") as site:
        yield site


def test_a_runs_page_lists_annotations_and_shows_summaries_as_text(site: Site) -> None:
    run = site.lab.run(jobs(build=""))
    lease, now = site.lab.start(), site.lab.clock.now()
    site.lab.store.queue.begin(lease, ["Lint"], None)
    news = [StepNews(0, "started", now), StepNews(0, "failed", now, 1, summary=f"# Head\n\n{EVIL}")]
    site.lab.store.queue.steps(lease, news)
    place = {"title": EVIL, "file": "a.py", "line": 3, "code": "E1"}
    site.lab.store.queue.annotate(lease, [{"step": 0, "level": "error", "message": EVIL, "properties": place}])
    site.lab.finish(lease, FAILURE)
    answer = site.get(f"/runs/{run}", headers=BROWSER)
    page = Parts(answer)
    assert "Annotations" in page.text and "a.py:3" in page.text and "E1" in page.text
    assert "build, Lint" in page.text and "# Head" in page.text
    assert not {"script", "b onmouseover"} & {tag for tag, _ in page.tags}
    assert b"\x1b" not in answer.body and b"onmouseover=x>" not in answer.body
    told = site.get(f"/api/v1/runs/{run}/annotations").json["annotations"]
    assert [(one["file"], one["line"], one["code"], one["step_name"]) for one in told] == [("a.py", 3, "E1", "Lint")]
    [summary] = site.get(f"/api/v1/runs/{run}/summaries").json["summaries"]
    assert summary["text"].startswith("# Head") and summary["name"] == "build"
    assert site.get("/api/v1/runs/999/annotations").status == 404
