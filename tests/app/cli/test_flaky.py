"""`treadle flaky`: the ledger as a table, the same from a home and over the network."""

import json
from datetime import timedelta

from app.cli.flaky import lines
from tests.app.server.site import Site
from tests.app.server.test_flaky import comes_and_goes
from tests.engine.fakes import START


def test_the_table_tells_how_often_since_when_and_what(site: Site):
    job = comes_and_goes(site)
    told = site.get("/api/v1/flaky").json
    head, row = lines(told, START + timedelta(days=3), None, False)
    assert head.split() == ["PASSED", "JOB", "STEP", "SINCE", "LAST", "FIRST", "ERROR"]
    assert row == f"1 of 1  a (j{job})  test  11111111 3 d ago  3 d ago  Error: lost localhost:4711"


def test_json_is_what_the_api_tells(site: Site, treadle):
    comes_and_goes(site)
    told = site.get("/api/v1/flaky?repo=team/site").json
    code, out, _ = treadle("flaky", "team/site", "--json")
    assert (code, json.loads(out)) == (0, told)


def test_where_there_is_nothing_that_is_said(site: Site, treadle):
    assert treadle("flaky") == (0, "", "No failure is known to come and go.\n")
    assert treadle("flaky", "--all") == (0, "", "No failure is remembered.\n")


def test_what_a_job_printed_cannot_draw(site: Site):
    told = site.get("/api/v1/flaky").json
    one = {
        "passed": 1, "times": 2, "job": "a\x1b[2J", "step": "b", "line": "\x1b]0;x\x07c\nd",
        "first": {"sha": "1" * 40, "at": "2030-01-02T03:04:05.000Z"},
        "last": {"at": "2030-01-02T03:04:05.000Z", "job": None},
    }  # fmt: skip
    [_, row] = lines({**told, "failures": [one]}, START, None, False)
    assert "\x1b" not in row and "\n" not in row
