"""What there is to decide, read for the scheduler, and what it decided, written.

The rules are in `engine/core/scheduling`.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from datetime import datetime
from typing import Any, Protocol

from engine.core.moves import AskCancel, CloseCall, Expand, JobMove, Move, RunMove, Told, Wait
from engine.core.records import JobFacts
from engine.core.scheduling import status_functions
from engine.core.snapshot import (
    Candidate,
    Condition,
    EndedCall,
    FailedMatrix,
    Gate,
    Group,
    GroupKey,
    Member,
    Need,
    Snapshot,
)
from engine.core.states import JOB_ACTIVE, JOB_BROKEN, JOB_FINAL, JobStatus, RunStatus
from engine.store import groups, transitions, wishes
from engine.store.database import Database
from engine.store.queries import facts_record
from engine.store.tables.columns import instant
from engine.store.tables.events import RepoRow
from engine.store.tables.runs import JobRow, RunRow
from engine.store.transitions import Change
from pipelines.plan import JobPlan, own_key
from pipelines.records import dataclass

RUNS_AT_ONCE = 500  # in one query
# What is asked at every turn, and mostly in vain, is plain SQL: see engine/store/tables/columns.py.
_LAST = "SELECT max(sequence) FROM transition"
_DUE = "SELECT id FROM job WHERE status = 'retrying' AND next_attempt_at <= ?"
_NEXT_RETRY = "SELECT min(next_attempt_at) FROM job WHERE status = 'retrying'"
_READY = (
    "status = 'pending' AND unmet = 0 AND waits_for = ''"
    " AND EXISTS (SELECT 1 FROM run WHERE run.id = job.run_id AND run.status IN ('queued', 'running'))"
    " ORDER BY id LIMIT ?"
)
_OVER_CALLS = "status = 'running' AND unmet = 0 AND is_call = 1"
# `> 0` is "set" in a form for which SQLite uses an index.
_CANCELLED = "status IN ('pending', 'blocked', 'queued', 'retrying') AND cancel_asked_at > 0"
_ENDING = "status IN ('queued', 'running') AND cancel_asked_at > 0"
NEED = ("key", "status", "tolerated", "outputs")
JOB_MEMBER = ("id", "status")
RUN_MEMBER = ("id", "status", "repo_id", "concurrency_group")


@dataclass(frozen=True, slots=True)
class Decidable:
    """What the scheduler knows of a pending job beyond its row: filled in by the caller from the workflow."""

    condition: Condition | None
    contexts: Mapping[str, Any]
    gate: Gate | None = None


class Knows(Protocol):
    """What the scheduler knows of workflows; reads the store only."""

    def describe(self, facts: JobFacts) -> Decidable:
        """Return a pending job's `if:`, contexts and gate."""

    def outputs(self, facts: JobFacts, called: Sequence[Need]) -> Mapping[str, str]:
        """Return what a job puts out whose called workflow is over. Raises ValueError with a sentence."""


@dataclass(frozen=True, slots=True)
class Applied:
    """What came of a list of moves: jobs that are queued now, dynamic jobs to expand, how many moves still held."""

    queued: tuple[int, ...]
    expand: tuple[int, ...]
    changed: int


class Decisions:
    def __init__(self, database: Database) -> None:
        self._db = database

    def needs_of(self, job_id: int) -> list[Need]:
        """Return the jobs that `job_id` waited for, in the order of their ids."""
        needs = "id IN (SELECT need_id FROM edge WHERE job_id = ?) ORDER BY id"
        return list(map(_need, JobRow.read(needs, (job_id,), NEED)))

    def snapshot(self, knows: Knows, now: datetime, limit: int = 500) -> Snapshot:
        """Read what there is to decide now.

        At most `limit` candidates at a time; whoever decides asks again until there is nothing to decide.
        """
        sequence = int(self._db.rows(_LAST)[0][0] or 0)
        runs = _Runs()
        candidates = tuple(self._candidates(runs, knows, limit))
        due = self._db.rows(_DUE, (now.timestamp(),))
        waiting_runs = tuple(self._waiting_runs())
        asked = {c.group for c in candidates if c.group} | {group for _, group in waiting_runs}
        return Snapshot(
            candidates,
            tuple(ident for (ident,) in due),
            tuple(self._failed_matrices()),
            tuple(self._cancelled(runs, knows)),
            waiting_runs,
            {key: tuple(self._members(key)) for key in {group.key for group in asked}},
            sequence,
            tuple(self._ended_calls(runs, knows)),
        )

    def next_retry_at(self) -> datetime | None:
        """Return when the next backoff ends."""
        return instant(self._db.rows(_NEXT_RETRY)[0][0])

    def apply(self, moves: Collection[Move], actor: str, now: datetime, since: int = 0) -> Applied:
        """Write the moves, each a compare-and-set; say which of them still held. `since` is the snapshot's sequence.

        Waits come last and only if nothing has ended since: else nobody might be left to set the job free.
        """
        queued: list[int] = []
        expand: list[int] = []
        changed = 0
        with self._db.write():
            for move in moves:
                done = False
                match move:
                    case JobMove(job_id, expected, cause, reason):
                        done = transitions.change_job(job_id, expected, Change(cause, now, actor, reason))
                        if done and cause in ("needs_met", "due"):
                            queued.append(job_id)
                    case RunMove(run_id, expected, cause, reason):
                        done = transitions.change_run(run_id, expected, Change(cause, now, actor, reason))
                    case Expand(job_id):
                        expand.append(job_id)
                        done = True
                    case CloseCall(job_id, cause, reason, outputs):
                        over = JobRow.select(JobRow.id).where((JobRow.id == job_id) & (JobRow.unmet == 0)).exists()
                        change = Change(cause, now, actor, reason)
                        done = over and transitions.change_job(job_id, JobStatus.RUNNING, change, outputs=dict(outputs))
                    case AskCancel(ident, is_run, reason):
                        done = wishes.ask_cancel(ident, is_run, reason, now, actor)
                    case Told(job_id):
                        done = bool(JobRow.update(fails_matrix=False).where(JobRow.id == job_id).execute())
                changed += done
            waits = [move for move in moves if isinstance(move, Wait)]
            if waits and transitions.ended_since(since):
                changed += len(waits)  # what they wait for may be free: look again
            else:
                changed += sum(map(_wait, waits))
        return Applied(tuple(queued), tuple(expand), changed)

    def fail_pending(self, job_id: int, reason: str, actor: str, now: datetime) -> None:
        """End a job that could not even be worked out."""
        with self._db.write():
            transitions.change_job(job_id, JobStatus.PENDING, Change("condition_broken", now, actor, reason))

    def _candidates(self, runs: "_Runs", knows: Knows, limit: int) -> Iterable[Candidate]:
        ready = JobRow.read(_READY, (limit,))
        runs.read({job.run_id for job in ready})
        for job in ready:
            facts = runs.facts(job)
            known, plan = knows.describe(facts), facts.plan
            yield Candidate(
                job_id=job.id,
                run_id=job.run_id,
                run_cancelled=facts.run.cancel_asked_at is not None,
                ancestry_ok=job.ancestry_ok,
                ancestry_failed=job.ancestry_failed,
                condition=known.condition,
                contexts=known.contexts,
                open=plan.dynamic or plan.concurrency_late,
                matrix=job.key,
                active_siblings=self._active(job) if plan.max_parallel else 0,
                max_parallel=plan.max_parallel,
                group=_job_group(plan, job.repo_id),
                is_call=job.is_call,
                callers=tuple(_callers(facts)),
                gate=known.gate,
            )

    def _ended_calls(self, runs: "_Runs", knows: Knows) -> Iterable[EndedCall]:
        for job in JobRow.read(_OVER_CALLS):
            below = JobRow.read("parent_id = ? ORDER BY id", (job.id,), (*NEED, "name"))
            outputs: Mapping[str, str] | None = None
            problem = ""
            try:
                outputs = knows.outputs(runs.facts(job), list(map(_need, below)))
            except ValueError as error:
                problem = str(error)
            yield EndedCall(
                job.id,
                tuple(JobStatus.SUCCESS if one.tolerated else JobStatus(one.status) for one in below),
                tuple(one.name for one in below if one.status in JOB_BROKEN and not one.tolerated),
                job.cancel_asked_at is not None or runs.facts(job).run.cancel_asked_at is not None,
                job.reason,
                outputs,
                problem,
            )

    def _active(self, job: JobRow) -> int:
        query = JobRow.select().where(
            (JobRow.run_id == job.run_id) & (JobRow.key == job.key) & JobRow.status.in_(list(JOB_ACTIVE))
        )
        return int(query.count())

    def _waiting_runs(self) -> Iterable[tuple[Member, Group]]:
        """The runs that wait for their group, oldest first; of those that queue up in order only who may be next."""
        fields = (*RUN_MEMBER, "cancel_in_progress", "queue_all", "group_limit")
        first: dict[GroupKey, int] = {}
        for run in RunRow.read("status = 'pending' ORDER BY id", (), fields):
            name = str(run.concurrency_group)
            group = Group(name, run.cancel_in_progress, run.queue_all, run.group_limit, run.repo_id)
            first[group.key] = first.get(group.key, 0) + 1
            if first[group.key] <= group.limit or not group.queue_all:
                yield _run_member(run), group

    def _failed_matrices(self) -> Iterable[FailedMatrix]:
        """Matrices that fail fast and lost a member for good, their unfinished jobs not yet told."""
        failed: dict[tuple[int, str], list[int]] = {}
        for job in JobRow.read("fails_matrix = 1", (), ("id", "run_id", "key")):
            failed.setdefault((job.run_id, job.key), []).append(job.id)
        for (run_id, key), job_ids in failed.items():
            siblings = JobRow.select(JobRow.id, JobRow.status).where(
                (JobRow.run_id == run_id)
                & (JobRow.key == key)
                & JobRow.status.not_in(list(JOB_FINAL))
                & JobRow.cancel_asked_at.is_null()
            )
            yield FailedMatrix(tuple(job_ids), tuple(_job_member(row) for row in siblings))

    def _cancelled(self, runs: "_Runs", knows: Knows) -> Iterable[Member]:
        """What a person's wish ends now: all of a cancelled run but the jobs whose `if:` wants to see it through."""
        yield from (_job_member(job, job.reason) for job in JobRow.read(_CANCELLED, (), (*JOB_MEMBER, "reason")))
        for run_id in [run.id for run in RunRow.read(_ENDING, (), ("id",))]:
            jobs = JobRow.select().where(
                (JobRow.run_id == run_id)
                & JobRow.cancel_asked_at.is_null()
                & ~((JobRow.status == JobStatus.RUNNING) & (JobRow.is_call == 1))  # it ends as its jobs do
                & (
                    JobRow.status.in_([*JOB_ACTIVE, JobStatus.BLOCKED])
                    | ((JobRow.status == JobStatus.PENDING) & (JobRow.waits_for != ""))
                )
            )
            for job in jobs:
                known = knows.describe(runs.facts(job))
                blocked = job.status == JobStatus.BLOCKED  # nobody would let it go any more
                if blocked or known.condition is None or not _survives(known):
                    yield _job_member(job)

    def _members(self, key: GroupKey) -> Iterable[Member]:
        yield from map(_job_member, groups.jobs_in(*key, JOB_MEMBER))
        yield from map(_run_member, groups.runs_in(*key, RUN_MEMBER))


class _Runs:
    """The runs of one snapshot, each read once."""

    def __init__(self) -> None:
        self._runs: dict[int, RunRow] = {}
        self._repos: dict[int, RepoRow] = {}
        self._callers: dict[int, JobFacts] = {}

    def read(self, run_ids: Set[int]) -> None:
        """Read all of these at once."""
        wanted = sorted(run_ids - self._runs.keys())
        for start in range(0, len(wanted), RUNS_AT_ONCE):
            some = wanted[start : start + RUNS_AT_ONCE]
            found = RunRow.read(f"id IN ({', '.join('?' * len(some))})", some)
            self._runs.update((run.id, run) for run in found)
            for repo_id in {run.repo_id for run in found} - self._repos.keys():
                self._repos[repo_id] = RepoRow.get_by_id(repo_id)

    def facts(self, job: JobRow) -> JobFacts:
        self.read({job.run_id})
        run = self._runs[job.run_id]
        return facts_record(job, run, self._repos[run.repo_id], self._caller(job.parent_id))

    def _caller(self, job_id: int | None) -> JobFacts | None:
        if job_id is None:
            return None
        if job_id not in self._callers:
            self._callers[job_id] = self.facts(JobRow.get_by_id(job_id))
        return self._callers[job_id]


def _need(row: JobRow) -> Need:
    """Return a finished job as one that needs it sees it, or the workflow that it is of."""
    return Need(own_key(row.key), JobStatus(row.status), row.tolerated, row.outputs)


def _callers(facts: JobFacts) -> Iterable[int]:
    while facts.caller is not None:
        facts = facts.caller
        yield facts.job.id


def _wait(move: Wait) -> bool:
    pending = (JobRow.id == move.job_id) & (JobRow.status == JobStatus.PENDING)
    return bool(JobRow.update(waits_for=move.waits_for).where(pending).execute())


def _job_group(plan: JobPlan, repo_id: int) -> Group | None:
    if plan.concurrency_group is None:
        return None
    return Group(plan.concurrency_group, plan.cancel_in_progress, plan.queue_all, plan.limit, repo_id)


def _survives(known: Decidable) -> bool:
    assert known.condition is not None
    try:
        return known.condition(known.contexts, status_functions(ok=False, failed=False, cancelled=True))
    except ValueError:
        return False


def _job_member(row: JobRow, reason: str = "") -> Member:
    return Member(row.id, JobStatus(row.status), reason=reason)


def _run_member(row: RunRow) -> Member:
    return Member(row.id, RunStatus(row.status), is_run=True)
