"""The searches for commits that broke jobs: their rows, and the ordinary runs that spare them trials."""

from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import datetime
from typing import Any

from peewee import JOIN

from engine.core.bisect_records import Bisect, Culprit, Trial
from engine.core.records import JobFacts
from engine.core.states import JOB_BROKEN, BisectStatus, JobStatus
from engine.store import transitions
from engine.store.database import Database
from engine.store.queries import Queries
from engine.store.tables.events import RepoRow
from engine.store.tables.mending import BisectRow
from engine.store.tables.runs import JobRow, RunRow
from engine.store.transitions import Change
from engine.store.wishes import ask_cancel
from pipelines.records import dataclass

ENDED = [JobStatus.SUCCESS, *JOB_BROKEN]
MOST_KNOWN = 2_000  # ordinary runs of one workflow that are looked through, the newest


@dataclass(frozen=True, slots=True)
class NewBisect:
    """What a search is recorded from. `known` are the ordinary runs that spare trials."""

    job_id: int
    run_id: int
    job_name: str
    good: str
    bad: str
    good_run: int
    bad_run: int
    commits: int
    left: int
    known: tuple[Trial, ...]


@dataclass(frozen=True, slots=True)
class RedJob:
    """The job that a search is about, with what its run was recorded from."""

    facts: JobFacts
    repo_id: int
    event_id: int


@dataclass(frozen=True, slots=True)
class KnownJob:
    """The same job in an ordinary run of a commit."""

    run_id: int
    job_id: int
    sha: str
    status: JobStatus


class Bisects:
    def __init__(self, database: Database) -> None:
        self._db = database

    def start(self, new: NewBisect, actor: str, now: datetime) -> int:
        """Record a search; return its id. The bisector takes it from there."""
        with self._db.write(durable=True):
            row = BisectRow.create(
                job_id=new.job_id, run_id=new.run_id, job_name=new.job_name, good=new.good, bad=new.bad,
                good_run=new.good_run, bad_run=new.bad_run, status=BisectStatus.RUNNING, commits=new.commits,
                left=new.left, tried=[one.to_json() for one in new.known], actor=actor, created_at=now,
            )  # fmt: skip
            change = Change("started", now, actor)
            transitions.record_start("bisect", new.run_id, BisectStatus.RUNNING, change, new.job_name)
        return int(row.id)

    def get(self, bisect_id: int) -> Bisect | None:
        found = _records(_rows().where(BisectRow.id == bisect_id))
        return found[0] if found else None

    def newest(
        self, status: str | None = None, job: int | None = None, before: int | None = None, limit: int = 50
    ) -> list[Bisect]:
        """Return searches, newest first. `before` is the id to page on from."""
        query = _rows()
        if status is not None:
            query = query.where(BisectRow.status == status)
        if job is not None:
            query = query.where(BisectRow.job_id == job)
        if before is not None:
            query = query.where(BisectRow.id < before)
        return _records(query.order_by(BisectRow.id.desc()).limit(limit))

    def running(self) -> list[int]:
        """Return the searches that go on, oldest first."""
        rows = self._db.rows("SELECT id FROM bisect WHERE status = ? ORDER BY id", (BisectStatus.RUNNING,))
        return [ident for (ident,) in rows]

    def begin_trial(
        self, known: Bisect, trial: Trial, left: int, record: Callable[[], int], now: datetime
    ) -> int | None:
        """Record the run of a trial and that it is one, in one write; return the run, or None if `known` is outdated.

        `record` records the run, inside the write.
        """
        with self._db.write(durable=True):
            if (row := _unchanged(known)) is None:
                return None
            run_id = record()
            tried = [*row.tried, Trial.to_json(trial) | {"run": run_id}]
            _note(row, Change("tried", now, "bisector", f"trying {trial.sha[:12]}"), tried=tried, left=left)
            return run_id

    def conclude(self, known: Bisect, trial: Trial, left: int, now: datetime) -> bool:
        """Keep what a trial came to: the open one, or one that nothing ran for; return False if `known` is outdated."""
        assert trial.verdict is not None
        with self._db.write(durable=True):
            if (row := _unchanged(known)) is None:
                return False
            before = row.tried[:-1] if known.open_trial is not None else row.tried
            change = Change("tried", now, "bisector", f"{trial.sha[:12]} is {trial.verdict}: {trial.why}")
            return _note(row, change, tried=[*before, trial.to_json()], left=left)

    def finish(
        self,
        known: Bisect,
        cause: str,
        reason: str,
        now: datetime,
        culprit: Culprit | None = None,
        suspects: Iterable[str] = (),
    ) -> bool:
        """End a search, `found` or `gave_up`; return False if `known` is outdated."""
        with self._db.write(durable=True):
            if (row := _unchanged(known)) is None:
                return False
            told = None if culprit is None else culprit.to_json()
            left = {"left": 1} if culprit is not None else {}
            return transitions.change_bisect(
                row, Change(cause, now, "bisector", reason), culprit=told, suspects=list(suspects), **left
            )

    def cancel(self, bisect_id: int, actor: str, now: datetime) -> bool:
        """End a search and the run of its trial; return whether there was anything left to end."""
        with self._db.write(durable=True):
            row = BisectRow.get_by_id(bisect_id)
            if row.status != BisectStatus.RUNNING:
                return False
            reason = f"cancelled by {actor}"
            transitions.change_bisect(row, Change("cancelled", now, actor, reason))
            tried = row.tried[-1]["run"] if row.tried and row.tried[-1]["verdict"] is None else 0
            if RunRow.get_or_none(RunRow.id == tried) is not None:
                ask_cancel(tried, True, reason, now, actor)
            return True

    def red(self, job_id: int) -> RedJob:
        """Return a job with all that a trial of it is planned from. The job must exist."""
        facts = Queries().facts(job_id)
        run = RunRow.get_by_id(facts.run.id)
        return RedJob(facts, run.repo_id, run.event_id)

    def known_jobs(
        self, red: RedJob, *, green: bool = False, shas: Collection[str] | None = None
    ) -> Iterator[KnownJob]:
        """Yield the same job (its key and matrix values) in ordinary runs like that of `red`, the newest first.

        Ordinary: of a commit and not of a working tree, of no search, and with no hand in the job's box. Like it: of
        the same workflow, event and inputs, and with what a person asked for beyond the file. `green`: those that
        passed, the ones of the same branch first. `shas`: only of these commits.
        """
        run, job = red.facts.run, red.facts.job
        status = [JobStatus.SUCCESS] if green else ENDED
        order = [RunRow.ref != run.ref] if green else []
        rows: Any = (
            RunRow.select(RunRow.id, RunRow.sha, JobRow.id, JobRow.matrix, JobRow.status)
            .join(JobRow, on=(JobRow.run_id == RunRow.id))
            .where((RunRow.repo_id == red.repo_id) & (RunRow.workflow_path == run.workflow_path))
            .where(RunRow.bisect_id.is_null() & (RunRow.event == run.event) & ~JobRow.patched)
            .where((JobRow.key == job.key) & JobRow.status.in_(status))
            .order_by(*order, RunRow.number.desc())
            .limit(MOST_KNOWN)
            .tuples()
        )
        wanted = _way_of(red)
        for run_id, sha, job_id, matrix, ended in list(rows):
            if (shas is None or sha in shas) and matrix == job.matrix and _way(run_id) == wanted:
                yield KnownJob(run_id, job_id, sha, JobStatus(ended))


def top(facts: JobFacts) -> JobFacts:
    """Return who called the workflow of a job, at the first level: it sees what the run itself was given."""
    return facts if facts.caller is None else top(facts.caller)


def is_of_commit(source: Any) -> bool:
    """Return whether a run is of a commit, and not of a working tree with changes that are in none."""
    return not source.get("mirror")


def _way(run_id: int) -> tuple[Any, ...]:
    """Return what a run was given beside its commit; equal ones can be compared."""
    found = RunRow.select(RunRow.source, RunRow.contexts).where(RunRow.id == run_id).get()
    return is_of_commit(found.source), *_given(found.source, found.contexts)


def _way_of(red: RedJob) -> tuple[Any, ...]:
    return True, *_given(red.facts.source, top(red.facts).trigger)


def _given(source: Any, contexts: Any) -> list[Any]:
    return [*(source.get(name) or None for name in ("labels", "executor", "env")), contexts.get("inputs") or None]


def _unchanged(known: Bisect) -> BisectRow | None:
    """Return the row of a search if it is as it was when it was read, and goes on."""
    row = BisectRow.get_or_none(BisectRow.id == known.id)
    if row is None or row.status != BisectStatus.RUNNING or row.steps != known.steps:
        return None
    found: BisectRow = row
    return found


def _note(row: BisectRow, change: Change, **fields: Any) -> bool:
    return transitions.change_bisect(row, change, steps=row.steps + 1, **fields)


def _rows() -> Any:
    return (
        BisectRow.select(BisectRow, RepoRow.name.alias("repo"), RunRow.workflow_name.alias("workflow"))
        .join(RunRow, JOIN.LEFT_OUTER, on=(RunRow.id == BisectRow.run_id))
        .join(RepoRow, JOIN.LEFT_OUTER, on=(RepoRow.id == RunRow.repo_id))
    )


def _records(query: Any) -> list[Bisect]:
    return [
        Bisect(
            row.id, row.job_id, row.run_id, row.job_name, row.repo or "", row.workflow or "", row.good, row.bad,
            row.good_run, row.bad_run, BisectStatus(row.status), row.reason, row.commits, row.left,
            tuple(Trial.from_json(one) for one in row.tried), Culprit(**row.culprit) if row.culprit else None,
            tuple(row.suspects), row.actor, row.created_at, row.finished_at, row.steps,
        )
        for row in query.objects()
    ]  # fmt: skip
