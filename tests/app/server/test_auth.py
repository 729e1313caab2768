"""The laws of access: a token over TCP, none on the home's socket, and nothing for foreign web pages."""

import re
import socket
from pathlib import Path
from typing import Any

import pytest

from app.server.routes import ROUTES
from engine.core.errors import DiskFull
from tests.app.server.site import Site
from tests.app.server.site import site as serve

OPEN_TO_ALL = {"/hooks/{repo:.+}", "/healthz", "/readyz"}
NUMBER = re.compile(r"\{\w+:\[0-9\]\{1,15\}\}")


def test_everything_else_than_deliveries_and_health_needs_a_token(site: Site) -> None:
    for route in ROUTES:
        path = NUMBER.sub("1", route.path).replace("{workflow}", "ci")
        path = path.replace("{repo:.+}", "acme/app").replace("{path:.+}", "x").replace("{name}", "x")
        answer = site.ask(route.method, path, scope=None)
        if route.path in OPEN_TO_ALL:
            assert answer.status != 401, route.path
        else:
            assert (answer.status, answer.headers["WWW-Authenticate"][:6]) == (401, "Bearer"), route.path
            assert answer.error


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic eDp5", "Bearer tdl_wrong", "tdl_wrong"])
def test_a_wrong_token_is_refused(site: Site, header: str) -> None:
    site.token("admin")
    assert site.get("/api/v1/runs", scope=None, headers={"Authorization": header}).status == 401


def test_a_token_reads_only_as_far_as_its_scope(site: Site) -> None:
    assert site.get("/api/v1/runs", scope="read").status == 200
    answer = site.ask("POST", "/api/v1/runs", {}, scope="read")
    assert (answer.status, "write" in answer.error) == (403, True)
    assert site.ask("POST", "/api/v1/runs", {}, scope="write").status == 400


def test_a_revoked_token_is_worth_nothing(site: Site) -> None:
    assert site.get("/api/v1/runs", scope="read").status == 200
    (token,) = site.lab.store.tokens.list()
    site.lab.store.tokens.revoke(token.id)
    assert site.get("/api/v1/runs", scope="read").status == 401


def test_the_last_use_of_a_token_is_noted(site: Site) -> None:
    site.get("/api/v1/runs", scope="read")
    (token,) = site.lab.store.tokens.list()
    assert token.used_at == site.lab.clock.now()


def test_a_token_whose_use_cannot_be_noted_lets_its_owner_in_all_the_same(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise DiskFull("There is no room on the disk.")

    monkeypatch.setattr(site.lab.store.tokens, "used", full)
    assert site.get("/api/v1/runs", scope="read").status == 200


def test_the_homes_socket_needs_no_token_and_is_its_owners_alone(site: Site) -> None:
    assert site.client.get("/runs")["runs"] == []
    path = site.home / "treadle.sock"
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8484", 200),
        ("localhost", 200),
        ("[::1]:80", 200),
        ("10.1.2.3", 200),
        ("rebound.example", 421),
        ("localhost.evil.example:8484", 421),
        ("127.0.0.1.evil.example", 421),
        ("a b", 400),
        ("", 400),
    ],
)
def test_on_a_loopback_address_only_its_names_count(site: Site, host: str, status: int) -> None:
    assert site.get("/api/v1/runs", headers={"Host": host}).status == status


def test_a_request_names_one_host(site: Site) -> None:
    with socket.create_connection(("127.0.0.1", site.port), timeout=10) as line:
        line.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: other\r\n\r\n")
        assert line.recv(100).split()[1] == b"400"


def test_a_delivery_may_come_by_any_name(site: Site) -> None:
    assert site.deliver({"zen": "x"}, X_GitHub_Event="ping", Host="ci.example").status == 200


@pytest.mark.parametrize(
    ("origin", "status"),
    [("http://127.0.0.1:1", 403), ("https://evil.example", 403), ("null", 403), ("own", 200)],
)
def test_a_page_of_another_origin_is_refused(site: Site, origin: str, status: int) -> None:
    headers = {"Origin": f"http://127.0.0.1:{site.port}" if origin == "own" else origin}
    assert site.get("/api/v1/runs", headers=headers).status == status


@pytest.mark.parametrize(("public", "status"), [(False, 401), (True, 200)])
def test_badges_are_public_only_if_the_settings_say_so(tmp_path: Path, public: bool, status: int) -> None:
    with serve(tmp_path / "home", public_badges=public) as site:
        assert site.get("/badge/acme/app/ci.svg", scope=None).status == status


def test_answers_let_no_browser_guess(site: Site) -> None:
    headers: Any = site.get("/api/v1/runs").headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in headers["Content-Security-Policy"]
