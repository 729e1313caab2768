"""The laws that hold for every route, whoever adds one: scope, methods, what is not there, what makes no sense."""

import re
import socket
from collections.abc import Iterator

import pytest

from app.server.limits import JSON_BYTES
from app.server.route import ADMIN, BADGE, PUBLIC, READ, WRITE, Route
from app.server.routes import ROUTES
from engine.store.logs.writer import LogWriter, Progress
from tests.app.server.artifacts import leave
from tests.app.server.site import Answer, Site
from tests.app.server.site import site as serve
from tests.engine.fakes import jobs

SCOPES = (READ, WRITE, ADMIN)
METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS")
IN_PATH = re.compile(r"\{(\w+)(?::[^{}]*(?:\{[^{}]*\}[^{}]*)*)?\}")
NOWHERE = {"id": "987654321", "run": "987654321", "repo": "nobody/here", "name": "nothing", "path": "a.txt",
           "workflow": "ci"}  # fmt: skip
HOSTILE = (
    "", ".", "..", "*", "%00", "..%2F..%2Fsecret.key", "%2e%2e%2fsecret.key", "%ff%fe", "%27%20OR%201%3D1--",
    "%F0%9F%92%A9" * 50, "99999999999999999999999999", "-1", "%E2%80%AE", "x" * 5000,
)  # fmt: skip
WRONG_BODIES = (
    b"{", b"\xff\xfe", b"[]", b'"text"', b"1e999", b'{"no such field": 1}', b"[" * 100_000, b'{"a":' * 50_000,
)  # fmt: skip


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with serve(tmp_path_factory.mktemp("every") / "home") as site:
        yield site


def name_of(route: Route) -> str:
    return f"{route.method} " + IN_PATH.sub(r"{\1}", route.path)


def path_of(route: Route, **given: str) -> str:
    return IN_PATH.sub(lambda found: {**NOWHERE, **given}[found[1]], route.path)


def told(answer: Answer) -> str:
    """Return the sentence of a refusal, which has to be JSON and no more than that."""
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert set(answer.json) == {"error"}
    return answer.error


every_route = pytest.mark.parametrize("route", ROUTES, ids=name_of)
with_body = pytest.mark.parametrize("route", [one for one in ROUTES if one.fields is not None], ids=name_of)
of_something = pytest.mark.parametrize("route", [one for one in ROUTES if IN_PATH.search(one.path)], ids=name_of)


@every_route
def test_a_route_takes_no_token_of_a_smaller_scope(site: Site, route: Route) -> None:
    needed = READ if route.scope == BADGE else route.scope
    smaller = () if needed == PUBLIC else SCOPES[: SCOPES.index(needed)]
    for scope in smaller:
        answer = site.ask(route.method, path_of(route), scope=scope)
        assert (answer.status, route.scope in told(answer)) == (403, True)


@every_route
def test_another_method_is_refused_with_those_there_are(site: Site, route: Route) -> None:
    path = path_of(route)
    here = {one.method for one in ROUTES if re.fullmatch(_pattern(one), path)}
    for method in METHODS:
        if method not in here:
            answer = site.ask(method, path)
            assert answer.status == 405, method
            assert here <= set(answer.headers["Allow"].split(", ")) and told(answer)


@every_route
def test_what_is_read_answers_head_as_it_answers_get_but_without_a_body(site: Site, route: Route) -> None:
    if route.method != "GET":
        return
    head = site.ask("HEAD", path_of(route))
    assert head.body == b""
    if route.gives == "text/event-stream":
        assert head.headers["Content-Type"].startswith(route.gives)  # and at once: a GET would go on
        return
    got = site.get(path_of(route))
    assert (head.status, head.headers["Content-Type"]) == (got.status, got.headers["Content-Type"])


@every_route
def test_a_parameter_that_a_route_does_not_know_is_refused_with_those_that_it_knows(site: Site, route: Route) -> None:
    answer = site.ask(route.method, f"{path_of(route)}?nonsense=1")
    if route.is_hook:
        assert answer.status == 404  # a forge's address may bear anything; there is no such repository
    else:
        assert answer.status == 400
        assert "nonsense" in told(answer) and all(one.name in told(answer) for one in route.query)


@every_route
def test_a_parameter_of_the_wrong_kind_is_refused_by_its_name(site: Site, route: Route) -> None:
    for param in route.query:
        wrong = {"integer": ("x", "-1", "1e3", "9" * 30, ""), "flag": ("yes", "")}.get(param.kind, ())
        for text in (*wrong, *(("no such word",) if param.words else ())):
            answer = site.ask(route.method, f"{path_of(route)}?{param.name}={text.replace(' ', '%20')}")
            assert (answer.status, param.name in told(answer)) == (400, True), text


@of_something
def test_what_is_not_there_is_404_with_a_sentence(site: Site, route: Route) -> None:
    answer = site.ask(route.method, f"{path_of(route)}{_needed(route)}", _body(route))
    assert answer.status == 404, answer.body
    assert told(answer)


@every_route
def test_no_name_in_an_address_leads_out_of_the_home_or_to_a_fault(site: Site, route: Route) -> None:
    for text in HOSTILE:
        for name in set(IN_PATH.findall(route.path)):
            answer = site.ask(route.method, f"{path_of(route, **{name: text})}{_needed(route)}", _body(route))
            assert answer.status in (400, 404, 405), (text, answer.body)
            assert told(answer)
        for param in route.query:
            if param.kind == "string" and not param.words and route.gives == "application/json":
                answer = site.ask(route.method, f"{path_of(route)}?{param.name}={text}", _body(route))
                assert answer.status < 500, (param.name, text, answer.body)


@with_body
def test_a_body_that_makes_no_sense_is_refused_and_never_a_fault(site: Site, route: Route) -> None:
    path, typed = path_of(route), {"Content-Type": "application/json"}
    for body in WRONG_BODIES:
        answer = site.ask(route.method, path, body, typed)
        assert answer.status == 400, body[:20]
        assert told(answer)
    assert site.ask(route.method, path, b"{}", {"Content-Type": "text/plain"}).status == 415
    assert site.ask(route.method, path, b" " * (JSON_BYTES + 1), typed).status == 413
    for field in route.fields or ():
        for value in (1.5, ["x"], "x" if field.kind is not str else 7, {"x": 1} if field.kind is not dict else "x"):
            answer = site.ask(route.method, path, {field.name: value})
            assert (answer.status, field.name in told(answer)) == (400, True), value


@with_body
def test_a_number_that_no_store_holds_and_a_text_that_is_none_are_refused(site: Site, route: Route) -> None:
    whole = _body(route) or {}
    for field in route.fields or ():
        values = {int: (10**15, -(10**15), 10**30), str: ("\ud800",), dict: ({"a": "\ud800"}, {"\udfff": 1})}
        for value in values.get(field.kind, ()):
            answer = site.ask(route.method, path_of(route), {**whole, field.name: value})
            assert (answer.status, bool(told(answer))) == (400, True), (field.name, value, answer.body)


@with_body
def test_a_body_that_breaks_off_or_is_no_http_is_no_fault_of_ours(
    site: Site, route: Route, caplog: pytest.LogCaptureFixture
) -> None:
    head = f"{route.method} {path_of(route)} HTTP/1.1\r\nHost: localhost\r\n"
    head += f"Authorization: Bearer {site.token('admin')}\r\n"
    for rest in ("Transfer-Encoding: chunked\r\n\r\nzz\r\nx\r\n", "Transfer-Encoding: chunked\r\n\r\n5\r\nxx"):
        with socket.create_connection(("127.0.0.1", site.port), timeout=10) as line:
            line.sendall(f"{head}Content-Type: application/json\r\n{rest}".encode())
            line.shutdown(socket.SHUT_WR)
            data = line.recv(1 << 16)
        assert not data or data.split()[1] == b"400", data
    assert not [record for record in caplog.records if record.exc_info]


def test_what_is_there_answers_head_with_what_it_would_send(site: Site) -> None:
    """Also what is sent piece by piece, and what is followed, of which a GET would not end."""
    run_id = site.lab.run(jobs(a=""))
    leave(site, run_id, "dist")
    (lease,) = (site.lab.start(),)
    log = LogWriter(site.lab.store.log_path(run_id, lease.job_id, 1), 1 << 20)
    log.append(0, b"hello\n", Progress(6), site.lab.clock.now())
    log.close()
    (artifact,) = site.get(f"/api/v1/runs/{run_id}/artifacts").json["artifacts"]
    job, made = f"/api/v1/jobs/{lease.job_id}", f"/api/v1/artifacts/{artifact['id']}"
    pages = (f"/runs/{run_id}", f"/runs/{run_id}/jobs/{lease.job_id}/log")
    for path in (f"{job}/logs", made, f"{made}?format=zip", f"{made}/files/a.txt", job, "/metrics", *pages):
        got, head = site.get(path), site.ask("HEAD", path)
        assert (got.status, head.status, head.body) == (200, 200, b""), path
        for name in ("Content-Type", "Accept-Ranges", "ETag", "Content-Security-Policy"):
            assert got.headers.get(name) == head.headers.get(name), (path, name)
        if "Content-Length" in got.headers and path != "/metrics":
            assert head.headers["Content-Length"] == got.headers["Content-Length"], path
    for path in (f"{job}/logs?follow=1", "/api/v1/events"):
        assert (site.ask("HEAD", path).status, site.ask("HEAD", path).body) == (200, b""), path


def _pattern(route: Route) -> str:
    """Return a pattern of the paths that a route may answer."""
    kinds = {"id": "[0-9]{1,15}", "run": "[0-9]{1,15}", "repo": ".+", "path": ".+"}
    parts = re.split(IN_PATH, route.path)
    return "".join(kinds.get(part, "[^/]+") if place % 2 else re.escape(part) for place, part in enumerate(parts))


def _needed(route: Route) -> str:
    """Return a query with what a route cannot do without."""
    given = [f"{one.name}=x" for one in route.query if one.needed]
    return f"?{'&'.join(given)}" if given else ""


def _body(route: Route) -> dict[str, object] | None:
    """Return a body with what a route cannot do without; None for one without a body."""
    if route.fields is None:
        return None
    values = {str: "x", int: 1, bool: True, dict: {"a": "b"}}
    return {one.name: one.words[0] if one.words else values[one.kind] for one in route.fields if one.needed}
