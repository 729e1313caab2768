"""What the reporter asks of the store: changes of runs, and how a run stands. Nothing here changes a row."""

from datetime import datetime
from typing import Any

from peewee import fn

from engine.core.states import JOB_BROKEN, JobStatus, RunStatus
from engine.store import greens
from engine.store.tables.events import EventRow, RepoRow
from engine.store.tables.runs import JobRow, RunRow, TransitionRow
from pipelines.records import dataclass

NAMES = 20  # of failed jobs that anybody wants to read


@dataclass(frozen=True, slots=True)
class RunChange:
    """A change of a run's status, by its sequence number."""

    sequence: int
    run_id: int
    status: RunStatus
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class RunFacts:
    """A run as the outside knows it: of which repository, workflow and commit, and who asked for it.

    `source` and `delivery` are its event's, `good`, `total` and `failed` count its jobs as they stand: skipped ones
    left out, failures that the workflow allows among the good. `patched` are those of the good whose boxes a person had
    hands on.
    """

    run_id: int
    number: int
    repo_id: int
    repo: str
    workflow: str
    workflow_path: str
    title: str
    event: str
    ref: str
    sha: str
    created_at: datetime
    source: str
    delivery: str
    good: int
    total: int
    failed: tuple[str, ...]
    patched: tuple[str, ...] = ()


def run_changes(after: int, upto: int) -> list[RunChange]:
    """Return the changes of runs with `after` < sequence <= `upto`, oldest first; of bisections nobody is told."""
    query: Any = TransitionRow.select(
        TransitionRow.sequence, TransitionRow.run_id, TransitionRow.to_status, TransitionRow.reason, TransitionRow.at
    ).where((TransitionRow.sequence > after) & (TransitionRow.sequence <= upto) & (TransitionRow.noun == "run"))
    query = query.where(~greens.bisects(TransitionRow.run_id))
    return [
        RunChange(row.sequence, row.run_id, RunStatus(row.to_status), row.reason, row.at)
        for row in query.order_by(TransitionRow.sequence).namedtuples()
    ]


def run_facts(run_id: int) -> RunFacts | None:
    """Return a run's facts, or None when it is there no more."""
    query: Any = (
        RunRow.select(
            RunRow.number, RunRow.repo_id, RepoRow.name.alias("repo"), RunRow.workflow_name.alias("workflow"),
            RunRow.workflow_path, RunRow.title, RunRow.event, RunRow.ref, RunRow.sha, RunRow.created_at,
            EventRow.source, EventRow.delivery,
        )
        .join(RepoRow, on=(RepoRow.id == RunRow.repo_id))
        .switch(RunRow)
        .join(EventRow, on=(EventRow.id == RunRow.event_id))
        .where(RunRow.id == run_id)
        .namedtuples()
    )  # fmt: skip
    found: Any = query.first()
    if found is None:
        return None
    mine = JobRow.run_id == run_id
    ended: Any = JobRow.select(JobRow.status, fn.COUNT(JobRow.id)).where(mine).group_by(JobRow.status)
    counts: dict[str, int] = dict(ended.tuples())
    broken: Any = JobRow.select(JobRow.name, JobRow.tolerated).where(mine & JobRow.status.in_(list(JOB_BROKEN)))
    rows: list[tuple[str, bool]] = list(broken.order_by(JobRow.id).tuples())
    good = counts.get(JobStatus.SUCCESS, 0) + sum(tolerated for _, tolerated in rows)
    total = sum(counts.values()) - counts.get(JobStatus.SKIPPED, 0)
    failed = tuple(name for name, tolerated in rows if not tolerated)[:NAMES]
    by_hand: Any = JobRow.select(JobRow.name).where(mine & JobRow.patched & (JobRow.status == JobStatus.SUCCESS))
    patched = tuple(name for (name,) in by_hand.order_by(JobRow.id).limit(NAMES).tuples())
    return RunFacts(run_id=run_id, **found._asdict(), good=good, total=total, failed=failed, patched=patched)


def began_at(run_id: int, upto: int) -> datetime | None:
    """Return when a run last began to run, up to a sequence number: the first time, or when it was run again."""
    query: Any = TransitionRow.select(TransitionRow.at).where(
        (TransitionRow.run_id == run_id)
        & (TransitionRow.sequence <= upto)
        & (TransitionRow.noun == "run")
        & (TransitionRow.to_status == RunStatus.RUNNING)
    )
    found = query.order_by(TransitionRow.sequence.desc()).limit(1).tuples().first()
    return found[0] if found else None


def failed_before(facts: RunFacts, sequence: int) -> bool:
    """Tell whether what ended last before this end was a failure: this run itself, or the one before it of the same
    workflow on the same ref. What a person had hands on has not succeeded."""
    verdicts = [RunStatus.SUCCESS, RunStatus.FAILED]
    own: Any = TransitionRow.select(TransitionRow.to_status).where(
        (TransitionRow.run_id == facts.run_id)
        & (TransitionRow.sequence < sequence)
        & (TransitionRow.noun == "run")
        & TransitionRow.to_status.in_(verdicts)
    )
    found = own.order_by(TransitionRow.sequence.desc()).limit(1).tuples().first()
    if found is None:
        earlier: Any = RunRow.select(RunRow.status, greens.is_green()).where(
            (RunRow.repo_id == facts.repo_id)
            & (RunRow.workflow_path == facts.workflow_path)
            & (RunRow.number < facts.number)
            & (RunRow.ref == facts.ref)
            & RunRow.status.in_(verdicts)
            & ~greens.bisects(RunRow.id)
        )
        found = earlier.order_by(RunRow.number.desc()).limit(1).tuples().first()
        return found is not None and not found[1]
    return found[0] == RunStatus.FAILED
