"""The ledger of failures: what each looked like, and whether the same job passed at the same commit afterwards.

"The same commit" are the same files, those of a working tree included, and the same inputs.

It outlives the runs that it tells of. Bisections and boxes that a person had hands on say nothing of a commit, so they
leave nothing here.
"""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from engine.core.flaky import Seen, Symptom
from engine.core.retry import Outcome
from engine.store.database import Database
from engine.store.tables.columns import DATABASE
from engine.store.tables.mending import FailureRow
from engine.store.tables.runs import AttemptRow, JobRow, RunRow
from engine.store.verdicts import verdict_on
from pipelines.records import dataclass

_OPEN = """SELECT attempt_id, content FROM failure WHERE NOT passed_later AND repo_id = ? AND job = ?
 AND workflow_path = ?"""
_PASSED = "UPDATE failure SET passed_later = 1 WHERE attempt_id = ?"
_RUN = """SELECT repo_id, workflow_path, sha, ref, coalesce(json_extract(source, '$.sha'), sha),
 json_extract(contexts, '$.inputs') FROM run WHERE id = ? AND bisect_id IS NULL"""
_SEEN = """SELECT count(*), coalesce(sum(passed_later), 0) FROM failure WHERE repo_id = ? AND workflow_path = ?
 AND job = ? AND fingerprint = ?"""
_OF_JOB = """SELECT mine.attempt_id, mine.step, mine.line, mine.fingerprint, count(*), sum(one.passed_later)
 FROM attempt JOIN failure AS mine ON mine.attempt_id = attempt.id
 JOIN failure AS one USING (repo_id, fingerprint, workflow_path, job)
 WHERE attempt.job_id = ? GROUP BY mine.attempt_id"""
_LEDGER = """
WITH seen AS (
 SELECT repo_id, workflow_path, job, fingerprint, count(*) AS times, sum(passed_later) AS passed,
  min(attempt_id) AS first, max(attempt_id) AS last
 FROM failure {where} GROUP BY repo_id, workflow_path, job, fingerprint {having}
 ORDER BY sum(passed_later) DESC, count(*) DESC, max(attempt_id) DESC LIMIT ?)
SELECT repo.name, seen.workflow_path, seen.job, last.step, last.line, last.exit_code, seen.fingerprint, seen.times,
 seen.passed, first.sha, first.at, last.sha, last.at, job.run_id, job.id, attempt.number
FROM seen JOIN failure AS first ON first.attempt_id = seen.first JOIN failure AS last ON last.attempt_id = seen.last
 JOIN repo ON repo.id = seen.repo_id LEFT JOIN attempt ON attempt.id = seen.last
 LEFT JOIN job ON job.id = attempt.job_id
ORDER BY seen.passed DESC, seen.times DESC, seen.last DESC"""


@dataclass(frozen=True, slots=True)
class Entry:
    """All failures of one job that look alike. `first_…` and `last_…` are the commit and the time of the first and the
    last of them; run, job and attempt are those of the last, None once they are gone."""

    repo: str
    workflow_path: str
    job: str
    step: str
    line: str
    exit_code: int | None
    fingerprint: str
    seen: Seen
    first_sha: str
    first_at: datetime
    last_sha: str
    last_at: datetime
    run_id: int | None
    job_id: int | None
    attempt: int | None


class Failures:
    def __init__(self, database: Database) -> None:
        self._db = database

    def seen(self, job_id: int, fingerprint: str) -> Seen:
        """Return how often a job's failure was seen before, in whichever run."""
        job = JobRow.get_by_id(job_id)
        path = RunRow.select(RunRow.workflow_path).where(RunRow.id == job.run_id).scalar()
        [(times, passed)] = self._db.rows(_SEEN, (job.repo_id, path, job.name, fingerprint))
        return Seen(times, passed)

    def is_tried_again(self, job_id: int, outcome: Outcome, now: datetime) -> bool:
        """Would a job be tried again whose attempt ends like this now?"""
        return verdict_on(JobRow.get_by_id(job_id), outcome, now).cause == "will_retry"

    def of_job(self, job_id: int) -> dict[int, Symptom]:
        """Return what each failed attempt of a job looked like, by the attempt's id; seen with itself and since."""
        rows = self._db.rows(_OF_JOB, (job_id,))
        return {
            ident: Symptom(step, line, fingerprint, Seen(times, passed))
            for ident, step, line, fingerprint, times, passed in rows
        }

    def ledger(self, repo: str | None = None, *, all: bool = False, limit: int = 100) -> list[Entry]:
        """Return what is known flaky, or `all` failures: first what passed most often afterwards, then what is most
        often seen, then what is newest."""
        where = "" if repo is None else "WHERE repo_id = (SELECT id FROM repo WHERE name = ?)"
        query = _LEDGER.format(where=where, having="" if all else "HAVING sum(passed_later) > 0")
        rows = self._db.rows(query, [*([] if repo is None else [repo]), limit])
        return [_entry(row) for row in rows]


def note_end(job: JobRow, attempt: AttemptRow, outcome: Outcome, now: datetime) -> None:
    """Inside a write: keep what an attempt that ends looked like; or, if it passed, note that for what failed before
    it with the same files and inputs."""
    if attempt.patched or not (outcome.cause == "succeeded" or outcome.symptom):
        return
    if outcome.symptom is not None:
        if (run := _run(job.run_id)) is not None:
            _keep(run, job, attempt, outcome, outcome.symptom, now)
        return
    path = RunRow.select(RunRow.workflow_path).where(RunRow.id == job.run_id).scalar()
    failed = DATABASE.execute_sql(_OPEN, (job.repo_id, job.name, path)).fetchall()
    if failed and (run := _run(job.run_id)) is not None:
        for ident in (ident for ident, content in failed if content == run.content):
            DATABASE.execute_sql(_PASSED, (ident,))


@dataclass(frozen=True, slots=True)
class _Run:
    """What of a run makes a failure the same as another, or one that passed later."""

    repo_id: int
    workflow_path: str
    sha: str
    ref: str
    content: str


def _run(run_id: int) -> _Run | None:
    """Return a run, None where it is a bisection's. What it ran on need not be its commit: a working tree is not."""
    found = DATABASE.execute_sql(_RUN, (run_id,)).fetchone()
    if found is None:
        return None
    repo_id, path, sha, ref, source, inputs = found
    return _Run(repo_id, path, sha, ref, hashlib.sha256(f"{source} {inputs}".encode()).hexdigest())


def _keep(run: _Run, job: JobRow, attempt: AttemptRow, outcome: Outcome, symptom: Symptom, now: datetime) -> None:
    FailureRow.replace(
        attempt_id=attempt.id, repo_id=run.repo_id, workflow_path=run.workflow_path, job=job.name, step=symptom.step,
        fingerprint=symptom.fingerprint, line=symptom.line, exit_code=outcome.exit_code, sha=run.sha, ref=run.ref,
        content=run.content, at=now,
    ).execute()  # fmt: skip


def _entry(row: Sequence[Any]) -> Entry:
    (repo, path, job, step, line, exit_code, fingerprint, times, passed, first_sha, first_s, last_sha, last_s,
     run_id, job_id, number) = row  # fmt: skip
    return Entry(
        repo, path, job, step, line, exit_code, fingerprint, Seen(times, passed), first_sha, _at(first_s), last_sha,
        _at(last_s), run_id, job_id, number,
    )  # fmt: skip


def _at(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
