"""What is old enough to go, what never goes, and that going breaks nothing."""

from dataclasses import replace
from pathlib import Path

import pytest

from engine.settings.model import DAY_S
from engine.settings.model import Retention as Rules
from engine.store.contents.artifacts import Artifacts
from engine.store.retention import _OLD, _TOO_MANY, GONE_UPTO, LEAST, Going, Retention
from engine.store.tables.runs import JobRow, RunRow
from tests.engine.fakes import FAILURE, Lab, jobs
from tests.engine.store.tars import tar_of

RULES = Rules(runs_s=30 * DAY_S, artifacts_s=10 * DAY_S)
OLD_S, YOUNG_S = 31 * DAY_S, 20 * DAY_S


@pytest.fixture
def artifacts(lab: Lab) -> Artifacts:
    return Artifacts(lab.store.home / "artifacts", lab.clock)


@pytest.fixture
def retention(lab: Lab, artifacts: Artifacts) -> Retention:
    return Retention(lab.store.database, lab.store.home, artifacts, lab.store.definitions)


def done(lab: Lab, *, green: bool = True, **new: object) -> int:
    """Record a run of two jobs and have it end now."""
    run_id = lab.run(jobs(a="", b="needs: a"), **new)
    lab.work({} if green else {"a": FAILURE})
    for job in lab.store.queries.jobs(run_id):
        path = lab.store.log_path(run_id, job.id, 1)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"said\n" * 100)
    return run_id


def several(lab: Lab, count: int, **new: object) -> list[int]:
    return [done(lab, **new) for _ in range(count)]


def told(retention: Retention, lab: Lab, rules: Rules = RULES) -> list[tuple[str, int]]:
    return [(str(one.kind), one.run_id) for one in retention.going(rules, lab.clock.now())]


def swept(retention: Retention, lab: Lab, rules: Rules = RULES) -> list[Going]:
    going = list(retention.going(rules, lab.clock.now()))
    for one in going:
        list(retention.take(one))
    return going


def count(lab: Lab, table: str) -> int:
    return lab.store.database.rows(f'SELECT count(*) FROM "{table}"')[0][0]


def kept(lab: Lab) -> list[int]:
    return [run.id for run in lab.store.queries.runs(limit=1000)]


def test_an_old_run_goes_with_all_it_left(lab: Lab, retention: Retention) -> None:
    first = done(lab)
    lab.clock.advance(OLD_S)
    second = done(lab)
    assert told(retention, lab) == [("run", first)]
    swept(retention, lab)
    assert kept(lab) == [second]
    one_run = {"run": 1, "job": 2, "attempt": 2, "edge": 1, "removal": 0}
    assert {table: count(lab, table) for table in one_run} == one_run
    assert lab.store.queries.transitions(run_ids=[first]) == []
    assert not (lab.store.home / "logs" / str(first)).exists()
    assert (lab.store.home / "logs" / str(second)).exists()
    assert told(retention, lab) == []


def test_what_has_not_ended_never_goes(lab: Lab, retention: Retention) -> None:
    waiting, blocked = lab.run(jobs(a="")), lab.run(jobs(a=""), blocked=True)
    done_late = lab.run(jobs(a=""))
    lab.clock.advance(100 * OLD_S)
    lab.run(jobs(a=""), tick=False)
    assert told(retention, lab) == []
    assert {waiting, blocked, done_late} <= set(kept(lab))


def test_a_pinned_run_stays_with_its_artifacts_until_it_is_unpinned(
    lab: Lab, retention: Retention, artifacts: Artifacts
) -> None:
    first = done(lab)
    artifacts.save_tar(first, 1, 1, "a", tar_of({"f": b"1"}), 100)
    assert lab.store.pins.pin(first, "ada", lab.clock.now())
    assert not lab.store.pins.pin(first, "ada", lab.clock.now())
    lab.clock.advance(OLD_S)
    done(lab)
    assert told(retention, lab) == []
    run = lab.store.queries.run(first)
    assert run is not None and run.pinned
    assert lab.store.pins.unpin(first)
    assert told(retention, lab) == [("run", first)]


def test_a_run_that_is_pinned_or_begins_again_meanwhile_is_left_alone(lab: Lab, retention: Retention) -> None:
    pinned, again = several(lab, 2)
    lab.clock.advance(OLD_S)
    done(lab)
    going = list(retention.going(RULES, lab.clock.now()))
    assert [one.run_id for one in going] == [pinned, again]
    lab.store.pins.pin(pinned, "ada", lab.clock.now())
    lab.retry(again, "a")
    for one in going:
        assert list(retention.take(one)) == []
    assert len(kept(lab)) == 3
    assert lab.work() == ["a", "b"]


def test_the_newest_run_of_a_workflow_stays_so_that_no_number_is_given_twice(lab: Lab, retention: Retention) -> None:
    other = done(lab, workflow_path=".github/workflows/other.yml")
    runs = several(lab, 3)
    lab.clock.advance(OLD_S)
    done(lab, ref="refs/heads/side")
    swept(retention, lab)
    assert other in kept(lab)
    lab.clock.advance(OLD_S)
    swept(retention, lab)
    numbers = [run.number for run in lab.store.queries.runs(limit=10)]
    last = done(lab)
    run = lab.store.queries.run(last)
    assert run is not None and run.number == 5 and run.number not in numbers
    assert last > max(runs)


def test_of_a_branch_that_is_there_the_last_run_and_the_last_green_one_stay(lab: Lab, retention: Retention) -> None:
    green = several(lab, 2)
    red = [done(lab, green=False) for _ in range(2)]
    done(lab, ref="refs/heads/side")  # the newest of the workflow
    lab.clock.advance(OLD_S)
    done(lab, ref="refs/heads/side")
    assert [one for _, one in told(retention, lab)] == [green[0], red[0], red[1] + 1]


def test_a_branch_that_is_gone_keeps_nothing(lab: Lab, retention: Retention) -> None:
    side = done(lab, ref="refs/heads/side")
    lab.clock.advance(OLD_S)
    done(lab)
    assert told(retention, lab) == []
    repo_id = lab.store.runs.repo("team/site", "/srv/site")
    lab.store.refs.found(repo_id, {"refs/heads/main": "1" * 40})
    assert told(retention, lab) == [("run", side)]


def test_only_so_many_runs_of_a_workflow_are_kept_but_none_that_the_promises_look_back_on(
    lab: Lab, retention: Retention
) -> None:
    rules = replace(RULES, per_workflow=2)
    runs = several(lab, 4, ref="refs/tags/v1")
    assert told(retention, lab, rules) == []
    lab.clock.advance(LEAST.total_seconds() + 1)
    last = done(lab, ref="refs/tags/v1")
    assert [one for _, one in told(retention, lab, rules)] == runs[:3]
    swept(retention, lab, rules)
    assert kept(lab) == [last, runs[3]]


def test_a_run_kept_for_less_than_the_promises_look_back_loses_its_files_first(lab: Lab, retention: Retention) -> None:
    rules = replace(RULES, runs_s=DAY_S)
    first = done(lab)
    lab.clock.advance(2 * DAY_S)
    done(lab)
    assert told(retention, lab, rules) == [("files", first)]
    swept(retention, lab, rules)
    assert not (lab.store.home / "logs" / str(first)).exists()
    assert len(kept(lab)) == 2
    assert told(retention, lab, rules) == []


def test_an_artifact_goes_by_the_general_age_or_by_its_own(
    lab: Lab, retention: Retention, artifacts: Artifacts
) -> None:
    run = done(lab)
    for name, days in (("short", 1), ("usual", None), ("long", 90)):
        artifacts.save_tar(run, 1, 1, name, tar_of({"f": name.encode()}), 100, retention_days=days)
    gone = []
    for days in (0.5, 1, 10, 90):
        lab.clock.advance(days * DAY_S)
        gone += [one.artifact for one in swept(retention, lab, replace(RULES, runs_s=1000 * DAY_S))]
    assert gone == ["short", "usual", "long"]
    assert artifacts.list(run) == []


def test_an_artifact_of_a_run_that_has_not_ended_stays(lab: Lab, retention: Retention, artifacts: Artifacts) -> None:
    run = lab.run(jobs(a=""))
    artifacts.save_tar(run, 1, 1, "a", tar_of({"f": b"1"}), 100, retention_days=1)
    lab.clock.advance(OLD_S)
    assert told(retention, lab) == []


def test_the_oldest_files_go_while_all_take_more_than_they_may(lab: Lab, retention: Retention) -> None:
    runs = several(lab, 4)  # 1000 bytes of log each
    lab.store.pins.pin(runs[0], "ada", lab.clock.now())
    lab.clock.advance(1)
    rules = replace(RULES, size_bytes=2500)
    assert told(retention, lab, rules) == [("files", runs[1]), ("files", runs[2])]
    swept(retention, lab, rules)
    assert told(retention, lab, rules) == []
    assert len(kept(lab)) == 4


def test_ids_and_places_in_the_stream_are_never_given_twice(lab: Lab, retention: Retention) -> None:
    rules = replace(RULES, per_workflow=1)
    first, _ = several(lab, 2)
    lab.retry(first, "b")
    lab.work()  # the first has now the last attempt and the last transition
    lab.clock.advance(OLD_S)
    top = lab.store.queries.last_sequence()
    swept(retention, lab, rules)
    assert first in kept(lab)
    assert lab.store.queries.last_sequence() == top
    third = done(lab)
    lab.clock.advance(OLD_S)
    swept(retention, lab, rules)
    assert first not in kept(lab) and third in kept(lab)
    assert int(lab.store.cursors.get(GONE_UPTO)) == top


def test_a_workflow_text_goes_when_neither_a_run_nor_a_commit_speaks_of_it(lab: Lab, retention: Retention) -> None:
    old, _ = lab.store.definitions.keep("w.yml", "on: push\n" + jobs(old=""), "")
    done(lab)
    list(retention.texts())
    assert count(lab, "definition") == 2, "it was asked for since the last time"
    list(retention.texts())
    assert count(lab, "definition") == 1
    digest, workflow = lab.store.definitions.keep("w.yml", "on: push\n" + jobs(old=""), "")
    assert digest == old and "old" in workflow.jobs and count(lab, "definition") == 2


def test_every_write_is_short_however_large_the_run(lab: Lab, retention: Retention) -> None:
    first = lab.run(jobs(**{f"j{number}": "" for number in range(210)}))
    lab.work()
    lab.clock.advance(OLD_S)
    done(lab)
    [one] = retention.going(RULES, lab.clock.now())
    assert one.run_id == first
    assert len(list(retention.take(one))) >= 5


@pytest.mark.parametrize("steps", [1, 2, 3, 4])
def test_a_kill_at_any_step_leaves_a_removal_that_is_finished_later(lab: Lab, retention: Retention, steps: int) -> None:
    first = lab.run(jobs(**{f"j{number}": "" for number in range(101)}))
    lab.work()
    lab.clock.advance(OLD_S)
    done(lab)
    [one] = retention.going(RULES, lab.clock.now())
    taking = retention.take(one)
    for _ in range(steps):
        next(taking)
    taking.close()
    assert lab.store.queries.run(first) is None
    list(retention.go_on())
    left = {table: count(lab, table) for table in ("run", "job", "attempt", "edge", "removal")}
    assert left == {"run": 1, "job": 2, "attempt": 2, "edge": 1, "removal": 0}
    assert lab.store.queries.transitions(run_ids=[first]) == []


def test_finding_what_goes_reads_each_old_run_once(lab: Lab) -> None:
    """Pages of old runs come from an index by their end, whatever SQLite thinks of the statuses."""
    for query in (_OLD, _TOO_MANY):
        marks = (0.0,) * query.count("?")
        [first, *_] = [row[3] for row in lab.store.database.rows(f"EXPLAIN QUERY PLAN {query}", marks)]
        assert first.startswith("SEARCH run USING INDEX") and "status" not in first


def test_the_last_green_run_that_stays_is_an_ordinary_one(lab: Lab, retention: Retention) -> None:
    good, patched, trial = several(lab, 3)
    red = done(lab, green=False)
    last_trial = done(lab)
    JobRow.update(patched=True).where(JobRow.run_id == patched).execute()
    RunRow.update(bisect_id=1).where(RunRow.id.in_([trial, last_trial])).execute()
    lab.clock.advance(OLD_S)
    done(lab, ref="refs/heads/side")
    swept(retention, lab)
    assert set(kept(lab)) >= {good, red}
    assert not {patched, trial, last_trial} & set(kept(lab))


def test_a_log_that_is_compressed_while_its_run_is_measured_breaks_nothing(
    lab: Lab, retention: Retention, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = done(lab)
    glob = Path.glob

    def glob_of_then(path: Path, pattern: str) -> list[Path]:
        found = list(glob(path, pattern))
        for log in found[:1]:
            log.unlink(missing_ok=True)
        return found

    monkeypatch.setattr(Path, "glob", glob_of_then)
    lab.clock.advance(OLD_S)
    done(lab)
    assert told(retention, lab) == [("run", run_id)]
