"""The laws of the small routes: badges, metrics, health, and a description that says what is there."""

import json
import re
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import pytest

from app.server import answers
from app.server.badge import picture
from app.server.openapi import IN_PATH, document
from app.server.routes import ROUTES
from app.version import VERSION
from engine.store.tables.runs import JobRow, RunRow
from tests.app.server.site import Site
from tests.app.server.site import site as serve
from tests.engine.fakes import jobs

TEXT = jobs(a="")
SAMPLE = re.compile(r'[a-z_]+(\{[a-z_]+="[^"\n]*"(,[a-z_]+="[^"\n]*")*\})? -?[0-9.e+naif]+')


def test_a_badge_shows_the_latest_finished_run(site: Site) -> None:
    def shown(query: str = "") -> str:
        answer = site.get(f"/badge/acme/app/ci.svg{query}")
        assert answer.headers["Content-Type"].startswith("image/svg+xml")
        return ElementTree.fromstring(answer.body).attrib["aria-label"]

    assert shown() == "ci: no runs"
    site.lab.run(TEXT, "acme/app")
    assert shown() == "CI: no runs"
    site.lab.work()
    assert shown() == "CI: success"
    site.lab.run(TEXT, "acme/app", ref="refs/heads/dev")
    site.lab.fail(site.lab.start())
    assert (shown(), shown("?branch=main"), shown("?branch=dev"), shown("?branch=x")) == (
        "CI: failed", "CI: success", "CI: failed", "ci: no runs",
    )  # fmt: skip
    assert site.get("/badge/acme/none/ci.svg").status == 404


def test_a_badge_shows_what_was_patched_as_failed_and_no_bisection(site: Site) -> None:
    def shown() -> str:
        return ElementTree.fromstring(site.get("/badge/acme/app/ci.svg").body).attrib["aria-label"]

    site.lab.run(TEXT, "acme/app")
    trial = site.lab.run(TEXT, "acme/app")
    site.lab.fail(site.lab.start())
    site.lab.fail(site.lab.start())
    RunRow.update(bisect_id=1).where(RunRow.id == trial).execute()
    patched = site.lab.run(TEXT, "acme/app")
    site.lab.work()
    JobRow.update(patched=True).where(JobRow.run_id == patched).execute()
    assert shown() == "CI: failed"
    JobRow.update(patched=False).where(JobRow.run_id == patched).execute()
    assert shown() == "CI: success"


def test_a_badge_is_safe_whatever_the_names_in_it_are() -> None:
    label = "<script>&\"'\x00\x1b]" + "x" * 500
    picked = ElementTree.fromstring(picture(label, "success", "#fff"))
    assert {one.tag.rpartition("}")[2] for one in picked.iter()} == {"svg", "title", "clipPath", "rect", "g", "text"}


def test_metrics_are_prometheus_text(site: Site) -> None:
    site.deliver({"zen": "x"}, X_GitHub_Event="ping")
    site.deliver({"action": "started", "repository": {"full_name": "acme/app"}}, X_GitHub_Event="watch")
    site.lab.run(TEXT)
    answer = site.get("/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    lines = answer.body.decode().splitlines()
    assert all(line.startswith(("# HELP treadle_", "# TYPE treadle_")) or SAMPLE.fullmatch(line) for line in lines)
    assert 'treadle_jobs{status="queued"} 1' in lines
    assert "treadle_inbox_backlog 1" in lines
    assert 'treadle_deliveries_total{answer="new"} 1' in lines
    assert 'treadle_http_requests_total{method="POST",status="202"} 1' in lines
    assert f'treadle_build_info{{version="{VERSION}"}} 1' in lines


def test_health_and_readiness_are_two_things(site: Site) -> None:
    assert site.get("/healthz", scope=None).json == {"status": "ok", "version": VERSION}
    assert site.get("/readyz", scope=None).status == 200
    site.desk.ready = False
    assert site.get("/healthz", scope=None).status == 200
    assert site.get("/readyz", scope=None).status == 503


def test_the_description_says_what_is_there(site: Site) -> None:
    told = site.get("/api/v1/openapi.json").json
    assert told == document(ROUTES)
    assert told["openapi"] == "3.1.0"
    operations = {(method, path): one for path, methods in told["paths"].items() for method, one in methods.items()}
    assert set(operations) == {(route.method.lower(), IN_PATH.sub(r"{\1}", route.path)) for route in ROUTES}
    assert len({one["operationId"] for one in operations.values()}) == len(ROUTES)
    for (_, path), one in operations.items():
        named = [parameter["name"] for parameter in one["parameters"] if parameter["in"] == "path"]
        assert named == re.findall(r"\{(\w+)\}", path) and ":" not in path


def test_what_the_store_tells_becomes_json_off_the_event_loop(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    made_on: list[str] = []

    def noted(*args: Any, **more: Any) -> str:
        made_on.append(threading.current_thread().name)
        return json.dumps(*args, **more)

    monkeypatch.setattr(answers, "json", SimpleNamespace(dumps=noted))  # its own alone: the feed makes JSON of news
    run_id = site.lab.run(TEXT)
    for path in ("/runs", f"/runs/{run_id}", f"/runs/{run_id}/attempts", "/jobs/1", "/jobs/1/timeline", "/queue"):
        made_on.clear()
        assert site.get(f"/api/v1{path}").status == 200
        assert made_on and all(name.startswith("desk") for name in made_on), path


@pytest.mark.parametrize("path", ["/", "/api", "/api/v1", "/api/v2/runs", "/hooks/", "/badge/x.svg", "//", "/%00"])
def test_what_is_not_there_is_said_so_as_json(site: Site, path: str) -> None:
    answer = site.get(path)
    assert (answer.status, answer.headers["Content-Type"]) == (404, "application/json; charset=utf-8")
    assert answer.error


def test_a_fault_of_ours_tells_nothing_of_the_inside(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("s3cret path /etc")

    monkeypatch.setattr(site.lab.store.queries, "runs", fail)
    answer = site.get("/api/v1/runs")
    assert answer.status == 500 and "s3cret" not in answer.error


def test_access_lines_hold_no_query_and_no_token(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG", "app.server")
    with serve(tmp_path / "home") as site:
        site.get("/api/v1/runs?repo=hidden%0Aline")
        site.get("/api/v1/x%0Aforged%1b[31m")
        token = site.token("admin")
    text = "\n".join(record.getMessage() for record in caplog.records)
    assert "GET /api/v1/runs 200" in text
    assert "hidden" not in text and token not in text and "\x1b" not in text and "\nforged" not in text
