"""The laws of deliveries: what is acknowledged is on disk, once; what is not right is refused and leaves nothing."""

import hashlib
import hmac
import http.client
import json
import socket
from pathlib import Path
from typing import Any

import pytest

from app.server.webhooks import from_this_machine
from engine.forges.delivery import kept_event
from engine.settings.model import Limits
from tests.app.server.site import SECRET, Site
from tests.app.server.site import site as serve
from tests.engine.forges.deliveries import push


def kept(site: Site) -> list[str]:
    return [event.delivery for event in site.lab.store.inbox.list()]


def test_a_delivery_is_acknowledged_when_it_is_on_disk(site: Site) -> None:
    answer = site.deliver(push())
    assert answer.status == 202
    event = site.lab.store.inbox.get(answer.json["event"])
    assert event is not None
    assert (event.repo, event.delivery, event.kind, event.source, event.status) == (
        "acme/app", "d1", "push", "github", "received",
    )  # fmt: skip
    assert event.fields["signature"] == "valid"
    assert kept_event(event.fields["event"]).branch == "main"


def test_a_redelivery_is_the_same_event_and_nothing_new(site: Site) -> None:
    first, again = site.deliver(push()), site.deliver(push())
    assert (first.status, again.status) == (202, 200)
    assert first.json == again.json
    assert kept(site) == ["d1"]


def test_a_ping_is_answered_and_not_kept(site: Site) -> None:
    assert site.deliver({"zen": "x"}, X_GitHub_Event="ping").status == 200
    assert kept(site) == []


def test_a_delivery_wakes_the_planner(site: Site) -> None:
    listener = site.lab.bus.listen("inbox")
    site.deliver(push())
    assert listener.wait(10)


OLD = "sha1=" + hmac.new(SECRET.encode(), json.dumps(push()).encode(), hashlib.sha1).hexdigest()


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (401, {"X_Hub_Signature_256": None}),
        (401, {"X_Hub_Signature_256": "sha256=" + "0" * 64}),
        (401, {"X_Hub_Signature_256": None, "X_Hub_Signature": OLD}),
        (400, {"X_GitHub_Event": None}),
        (400, {"X_GitHub_Delivery": "\tx y"}),
        (431, {"X_GitHub_Delivery": "x" * 2000}),
        (415, {"Content_Type": "text/plain"}),
        (415, {"Content_Type": None}),
        (415, {"Content_Encoding": "gzip"}),
        (403, {"Origin": "http://127.0.0.1"}),
    ],
)
def test_what_is_not_right_is_refused_and_leaves_nothing(site: Site, status: int, headers: dict[str, Any]) -> None:
    answer = site.deliver(push(), **headers)
    assert answer.status == status
    assert answer.error
    assert kept(site) == []


def test_the_signature_is_judged_before_the_body_is_read(site: Site) -> None:
    assert site.deliver(b"{broken", X_Hub_Signature_256="sha256=" + "0" * 64).status == 401
    assert site.deliver(b"{broken").status == 400
    assert site.deliver(b"[" * 90_000).status == 400


def test_the_old_signature_is_named_in_the_refusal(site: Site) -> None:
    assert "SHA-1" in site.deliver(push(), X_Hub_Signature_256=None, X_Hub_Signature=OLD).error


def test_a_repository_without_a_secret_takes_unsigned_deliveries(site: Site) -> None:
    answer = site.deliver(push(), repo="acme/open", X_Hub_Signature_256=None)
    assert answer.status == 202
    event = site.lab.store.inbox.get(answer.json["event"])
    assert event is not None and event.fields["signature"] == "unchecked"


@pytest.mark.parametrize("name", ["acme/none", "acme", "acme/app/", "acme%2Fnone", "..", "acme/closed", "acme/app%00"])
def test_a_repository_that_is_not_configured_is_not_found(site: Site, name: str) -> None:
    assert site.deliver(push(), repo=name).status == 404


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS", "HEAD"])
def test_only_post_delivers(site: Site, method: str) -> None:
    answer = site.ask(method, "/hooks/acme/app", scope=None)
    assert (answer.status, answer.headers["Allow"]) == (405, "POST")


def test_a_body_over_the_limit_is_refused_whether_or_not_it_says_so(site: Site) -> None:
    big = push(pad="x" * 100_000)
    assert site.deliver(big).status == 413
    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=10)
    headers = {"Content-Type": "application/json", "X-GitHub-Event": "push", "X-GitHub-Delivery": "d"}
    chunks = (b"x" * 10_000 for _ in range(20))
    connection.request("POST", "/hooks/acme/app", chunks, headers, encode_chunked=True)
    assert connection.getresponse().status == 413
    connection.close()
    assert kept(site) == []


def test_a_large_body_within_the_limit_is_taken(tmp_path: Path) -> None:
    with serve(tmp_path / "home", limits=Limits()) as site:
        assert site.deliver(push(pad="x" * 3_000_000)).status == 202


def test_a_full_backlog_says_when_to_come_again(tmp_path: Path) -> None:
    with serve(tmp_path / "home", limits=Limits(backlog=3)) as site:
        answers = [site.deliver(push(), ident=f"d{n}") for n in range(4)]
        assert [answer.status for answer in answers] == [202, 202, 202, 429]
        assert int(answers[-1].headers["Retry-After"]) > 0
        assert len(kept(site)) == 3


def test_a_server_that_is_stopped_sends_away(site: Site) -> None:
    site.desk.draining = True
    answer = site.deliver(push())
    assert (answer.status, int(answer.headers["Retry-After"]) > 0) == (503, True)
    assert site.get("/readyz", scope=None).status == 503
    assert site.get("/healthz", scope=None).status == 200


def test_what_breaks_the_protocol_harms_nobody(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    heads = [
        "Content-Length: -1\r\n",
        "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
        "Content-Length: 4\r\nContent-Length: 5\r\n",
        "Bad Header: x\r\n",
        "X: " + "y" * 20_000 + "\r\n",
        "".join(f"X-{n}: y\r\n" for n in range(500)),
    ]
    for head in heads:
        with socket.create_connection(("127.0.0.1", site.port), timeout=10) as line:
            line.sendall(f"POST /hooks/acme/app HTTP/1.1\r\nHost: 127.0.0.1\r\n{head}\r\nabcd".encode())
            assert line.recv(100).split()[1] in (b"400", b"415", b"431"), head[:40]
    assert site.deliver(push()).status == 202
    assert not [record for record in caplog.records if record.exc_info]


@pytest.mark.parametrize(
    ("remote", "here"),
    [
        (None, True),
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("192.0.2.7", False),
        ("::ffff:192.0.2.7", False),
        ("2001:db8::1", False),
        ("fe80::1%eth0", False),
    ],
)
def test_without_a_secret_only_this_machine_may_deliver(remote: str | None, here: bool) -> None:
    assert from_this_machine(remote) is here
