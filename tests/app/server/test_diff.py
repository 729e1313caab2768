"""The laws of comparing over HTTP: against what, which step, and what is left out."""

import pytest

from app.views import diff as views
from engine.store.logs.writer import compress
from engine.store.tables.runs import JobRow, RunRow
from tests.app.server.site import Site
from tests.app.server.tries import played
from tests.engine.fakes import jobs

SETUP = ("set up", "success", "hello\n")
GOOD = ("test", "success", "begin\na took 12 ms\nb passed\nend\n")
BAD = ("test", "failed", "begin\na took 99 ms\nb failed: 1 is not 2\nend\n")
RETRIED = "retry: {max: 2, backoff: 0s}"


def told(site: Site, job: int, query: str = ""):
    answer = site.get(f"/api/v1/jobs/{job}/diff{query}")
    assert answer.status == 200, answer.body
    return answer.json


def rows(found) -> list[str]:
    marks = {"same": " ", "new": "+", "gone": "-", "moved": "~"}
    return [f"... {row[1]}" if row[0] == "fold" else f"{marks[row[0]]}{row[4]}" for row in found["rows"]]


def test_the_failed_step_is_held_against_the_last_green_run(site: Site):
    green = played(site.lab, SETUP, GOOD)
    red = played(site.lab, SETUP, BAD)
    found = told(site, red.job_id)
    assert rows(found) == [" begin", " a took 99 ms", "-b passed", "+b failed: 1 is not 2", " end"]
    assert (found["step"], found["first"], found["new"], found["gone"]) == (1, 3, 1, 1)
    assert found["against"]["job"] == green.job_id
    assert found["why"] == "the last green run on the same branch"
    assert found["steps"][1] == {"index": 1, "name": "test", "status": "failed", "against": 1}


def test_a_row_says_where_its_line_is_in_the_log(site: Site):
    played(site.lab, SETUP, GOOD)
    red = played(site.lab, SETUP, BAD)
    found = told(site, red.job_id)
    log = site.get(f"/api/v1/jobs/{red.job_id}/logs").body.decode()
    _, _, number, offset, text = found["rows"][found["first"]]
    assert log[offset:].split("\n")[0] == text == "b failed: 1 is not 2"
    assert number == 3


def test_the_same_branch_comes_first_then_the_default_one_then_any(site: Site):
    played(site.lab, GOOD, ref="refs/heads/main")
    other = played(site.lab, GOOD, ref="refs/heads/other")
    red = played(site.lab, BAD, ref="refs/heads/topic")
    assert told(site, red.job_id)["against"]["job"] == other.job_id
    repo = RunRow.get_by_id(red.run_id).repo_id
    site.lab.store.cursors.set(f"default-branch:{repo}", "main")
    found = told(site, red.job_id)
    assert (found["against"]["ref"], found["why"]) == ("refs/heads/main", "the last green run on the default branch")
    mine = played(site.lab, GOOD, ref="refs/heads/topic")
    assert told(site, red.job_id)["against"]["job"] == mine.job_id


def test_what_was_patched_by_hand_is_no_green_run(site: Site):
    green = played(site.lab, GOOD)
    patched = played(site.lab, GOOD)
    JobRow.update(patched=True).where(JobRow.id == patched.job_id).execute()
    assert told(site, played(site.lab, BAD).job_id)["against"]["job"] == green.job_id


def test_the_attempt_before_stands_in_where_nothing_was_ever_green(site: Site):
    first = played(site.lab, BAD, workflow=jobs(a=RETRIED))
    site.lab.clock.advance(1)
    site.lab.tick()
    played(site.lab, ("test", "failed", "begin\nanother\nend\n"), run=first.run_id)
    found = told(site, first.job_id)
    assert (found["job"]["attempt"], found["against"]["attempt"], found["why"]) == (2, 1, "the attempt before")
    assert told(site, first.job_id, "?against=previous")["against"]["attempt"] == 1
    assert site.get(f"/api/v1/jobs/{first.job_id}/diff?attempt=1").status == 409


def test_a_job_or_a_run_may_be_named(site: Site):
    one, two = played(site.lab, BAD), played(site.lab, BAD)
    red = played(site.lab, BAD)
    assert told(site, red.job_id, f"?against=j{one.job_id}")["against"]["job"] == one.job_id
    assert told(site, red.job_id, f"?against=r{two.run_id}")["against"]["run"] == two.run_id
    for wrong in ("x", "j", "r999", "j999", "jj1", "j1e3", "j" + "9" * 30):
        assert site.get(f"/api/v1/jobs/{red.job_id}/diff?against={wrong}").status == 409, wrong


def test_a_green_run_is_held_against_the_one_before_it_in_whole(site: Site):
    first = played(site.lab, SETUP, GOOD)
    second = played(site.lab, SETUP, GOOD)
    found = told(site, second.job_id)
    assert (found["against"]["job"], found["step"], rows(found)) == (first.job_id, None, ["... 5"])


def test_steps_answer_to_each_other_by_name_then_by_order(site: Site):
    played(site.lab, ("one", "success", "1\n"), ("Run make a", "success", "a\n"), ("last", "success", "3\n"))
    red = played(site.lab, ("new", "success", ""), ("one", "success", "1\n"), ("Run make b", "failed", "b\n"))
    found = told(site, red.job_id)
    assert [one["against"] for one in found["steps"]] == [None, 0, 1]
    assert rows(found) == ["-a", "+b"]
    assert told(site, red.job_id, "?step=1")["step"] == 1
    assert site.get(f"/api/v1/jobs/{red.job_id}/diff?step=9").status == 409


def test_a_step_that_the_other_has_not_run_is_new_as_a_whole(site: Site):
    played(site.lab, ("one", "success", "1\n"), ("two", "skipped", ""))
    red = played(site.lab, ("one", "success", "1\n"), ("two", "failed", "b\n"))
    found = told(site, red.job_id)
    assert (rows(found), found["notes"]) == (["+b"], ["the other attempt has not run this step"])


def test_of_a_large_step_the_end_is_compared_and_that_is_said(site: Site, monkeypatch):
    monkeypatch.setattr(views, "WINDOW_BYTES", 1 << 20)
    text = "".join(f"line {n}\n" for n in range(200_000))
    played(site.lab, SETUP, ("test", "success", text))
    red = played(site.lab, SETUP, ("test", "failed", f"{text}boom\n"))
    found = told(site, red.job_id)
    assert rows(found)[-1] == "+boom"
    assert (found["new"], found["gone"], found["notes"]) == (
        1,
        0,
        ["only the last 200,000 lines, or 1 MiB, were compared"],
    )
    offset = found["rows"][-1][3]
    assert site.get(f"/api/v1/jobs/{red.job_id}/logs", headers={"Range": f"bytes={offset}-"}).body == b"boom\n"


def test_of_a_step_with_many_lines_the_last_ones_are_compared(site: Site, monkeypatch):
    monkeypatch.setattr(views, "WINDOW_LINES", 10)
    text = "".join(f"line {n}\n" for n in range(100))
    played(site.lab, SETUP, ("test", "success", text))
    red = played(site.lab, SETUP, ("test", "failed", f"{text}boom\n"))
    found = told(site, red.job_id)
    assert (rows(found)[-1], found["new"], found["gone"]) == ("+boom", 1, 0)
    assert sum(row[1] if row[0] == "fold" else 1 for row in found["rows"]) == 10


def test_a_compressed_log_is_compared_and_one_that_is_gone_is_said(site: Site):
    green, red = played(site.lab, GOOD), played(site.lab, BAD)
    path = site.lab.store.log_path(green.run_id, green.job_id, 1)
    compress(path)
    assert told(site, red.job_id)["new"] == 1
    path.with_suffix(".log.zst").unlink()
    answer = site.get(f"/api/v1/jobs/{red.job_id}/diff")
    assert (answer.status, answer.error) == (
        409, f"The log of job {green.job_id}, attempt 1, is not there any more.",
    )  # fmt: skip


@pytest.mark.parametrize("context", [0, 1, 50])
def test_as_much_that_is_alike_is_shown_as_is_asked_for(site: Site, context: int):
    same = "".join(f"line {chr(97 + n)}\n" for n in range(20))
    played(site.lab, ("test", "success", f"{same}x\n"))
    red = played(site.lab, ("test", "failed", f"{same}y\n"))
    found = rows(told(site, red.job_id, f"?context={context}"))
    assert sum(row.startswith(" ") for row in found) == min(context, 20)


def test_a_job_that_has_not_started_has_nothing_to_compare(site: Site):
    run = site.lab.run(jobs(a=""))
    [job] = site.lab.store.queries.jobs(run)
    assert site.get(f"/api/v1/jobs/{job.id}/diff").status == 409
    assert site.get("/api/v1/jobs/999/diff").status == 404
