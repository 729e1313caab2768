"""Nothing that people or the engine ask walks through a table that grows with every run: SQLite's own plans say so."""

import re
import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from peewee import SqliteDatabase

from app.server.routes import ROUTES
from app.views.forecast import Foreteller
from engine.control.housekeeping.retention import pruning_of
from engine.core.retry import Outcome
from engine.settings.model import Retention
from engine.store.sweep import Sweep
from pipelines.plan import JobPlan, RunPlan
from tests.app.server.site import Site
from tests.app.server.site import site as serve
from tests.engine.fakes import FAILURE

GROWING = {
    "run", "job", "edge", "attempt", "step", "transition", "annotation", "event", "failure", "outbox", "commit", "ref",
    "definition",
}  # fmt: skip
PAGE = re.compile(r'ORDER BY ("?\w+"?\.)?"?(id|sequence)"? DESC LIMIT \d+( OFFSET \d+)?$')
FEW = ("job_patched", "job_begins_later", "run_bisect")  # partial indexes: hardly any row is in them
ONCE_AN_HOUR = (
    "SELECT id FROM event WHERE received_at >=",  # from the oldest, until the first that is young enough
    "SELECT repo_id, sha FROM \"commit\" WHERE at <",
    "SELECT attempt_id FROM failure ORDER BY at",
    "SELECT repo_id, workflow_path, max(number) FROM run",
    "SELECT run_id FROM pin UNION SELECT id FROM run",
)  # fmt: skip
LEDGER = "WITH seen AS"  # the flaky tests of a home, of at most 50,000 failures
LAST_RUNS = "SELECT repo_id, max(id) FROM run GROUP BY repo_id"  # an index's rows: 100,000 runs are 10 ms
IN_PATH = re.compile(r"\{(\w+)(?::[^{}]*(?:\{[^{}]*\}[^{}]*)*)?\}")
WORKFLOW = """on: push
jobs:
  a: {runs-on: x, steps: [{run: a}]}
  b: {needs: a, runs-on: x, steps: [{run: a}]}
"""


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Every statement that any connection carries out, one for each form of it."""
    found: dict[str, str] = {}
    database: Any = SqliteDatabase  # its hook is not in the types
    hooks = database._add_conn_hooks

    def heard(sql: str) -> None:
        found.setdefault(re.sub(r"'[^']*'|\b\d+(\.\d+)?\b", "?", sql), " ".join(sql.split()))

    def add(self: Any, connection: sqlite3.Connection) -> None:
        hooks(self, connection)
        connection.set_trace_callback(heard)

    monkeypatch.setattr(database, "_add_conn_hooks", add)
    return found


def test_no_question_walks_through_a_table_that_grows(tmp_path: Path, said: dict[str, str]) -> None:
    with serve(tmp_path / "home") as site:
        work(site)
        ask_everything(site)
        assert len(said) > 100
        with sqlite3.connect(site.home / "treadle.db") as connection:
            walks = [found for sql in said.values() for found in walked(connection, sql)]
    assert walks == []


def work(site: Site) -> None:
    """Have the engine do what it does all the time, and what it does at its start and once an hour."""
    lab, store = site.lab, site.lab.store
    planned(site, JobPlan("a", "a"), JobPlan("b", "b", needs=("a",)))
    for outcome in (Outcome("succeeded", exit_code=0), FAILURE):
        lease, now = lab.start(), lab.clock.now()
        store.queue.heartbeat([lease.token], now)
        store.queue.cancel_asked(), store.queue.watched()
        lab.finish(lease, outcome)
    planned(site, JobPlan("a", "a"))
    now, later = lab.clock.now(), lab.clock.now() + timedelta(days=100)
    store.checkpoints.recover()
    store.queue.load(), store.decisions.next_retry_at(), store.holds.all(), store.inbox.due(now)
    store.inbox.next_try_at(after=now), store.inbox.backlog(), store.refs.heads("default-branch:")
    Foreteller(store, lab.clock, lambda: 2, lambda: True).look()
    sweep = Sweep(store.database)
    for kind in (sweep.events, sweep.letters, sweep.commits, sweep.durations, sweep.failures):
        list(kind(later))
    list(pruning_of(store, site.desk.artifacts).going(Retention(60.0, per_workflow=1, size_bytes=1), later))


def planned(site: Site, *jobs: JobPlan) -> None:
    digest, _ = site.lab.store.definitions.keep("w.yml", WORKFLOW, "")
    site.lab.record(RunPlan("", None, False, False, 1, 0, jobs), "team/site", tick=True, definition=digest)


def ask_everything(site: Site) -> None:
    """Ask every route that reads, plainly and with each of its parameters. Logs are files."""
    given = {"id": "1", "run": "1", "repo": "acme/app", "name": "x", "path": "a", "workflow": "w"}
    for route in ROUTES:
        if route.method != "GET" or route.gives == "text/event-stream" or "log" in route.path:
            continue
        path = IN_PATH.sub(lambda found: given[found[1]], route.path)
        assert site.get(path).status < 500
        for param in route.query:
            value = {"integer": "1", "flag": "true"}.get(param.kind, next(iter(param.words), "x"))
            assert site.get(f"{path}?{param.name}={value}").status < 500


def walked(connection: sqlite3.Connection, sql: str) -> Iterator[tuple[str, str]]:
    """Yield the plan's lines that look at all rows of a growing table, with the statement."""
    if not re.match("SELECT|UPDATE|DELETE|INSERT|REPLACE|WITH", sql) or "(0 = 1)" in sql or PAGE.search(sql):
        return
    if sql.startswith((*ONCE_AN_HOUR, LEDGER, LAST_RUNS)):
        return
    names = {alias: table for table, alias in re.findall(r'"(\w+)" AS "(t\d+)"', sql)}
    for *_, line in connection.execute(f"EXPLAIN QUERY PLAN {sql}"):
        kind, _, rest = line.partition(" ")
        table, *how = rest.split() or [""]
        if kind == "SCAN" and names.get(table, table) in GROWING and not (how and how[-1] in FEW):
            if "DESC LIMIT 1)" in sql and not how:  # the newest row of all
                continue
            yield line, sql
